import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costOf } from './bench/worst-calls.ts'
import { WORST_CALLS } from './bench/worst-contents.ts'

/** Over 1.5 times what was measured for the worst of them, in multiples of the documented bound. */
const MOST_OVER_BOUND = 6

// Goal: no content makes one call of `record()` dear out of proportion.
// Method: the CPU time of the call next to that of JSON.stringify of the same content, in turn, so
// that a busy machine slows both. The results page holds the exact ratios.
test('no content costs a call much more than JSON.stringify takes', () => {
  for (const call of WORST_CALLS) {
    const costs = [costOf(call, 5)]
    // Somebody else's burst of work is no reason to fail.
    if ((costs[0]?.overBound ?? 0) > MOST_OVER_BOUND) costs.push(costOf(call, 20))
    const { recordUs, stringifyUs, overBound } = costs.at(-1) ?? assert.fail()
    assert.ok(
      overBound <= MOST_OVER_BOUND,
      `${call.name}: ${recordUs} µs beside ${stringifyUs} µs of JSON.stringify`,
    )
  }
})

// Goal: what grows with the square of the content is found, whatever the machine.
// Method: the same content eight times as large, within the room of an entry.
test('a call takes time in proportion to its content', () => {
  const contents: readonly ((count: number) => unknown)[] = [
    (count) => ({ text: 'password=x&'.repeat(count) }),
    (count) => ({ text: '://a:b@'.repeat(count) }),
    (count) => ({ text: 'eyJ'.repeat(count) }),
    (count) => ({ query: new URLSearchParams('same=1&'.repeat(count)) }),
    (count) => ({ list: Array.from({ length: count }, (_, n) => `-${n}`) }),
  ]
  for (const [at, make] of contents.entries()) {
    const costs = [300, 2_400].map((count) => {
      const made = make(count)
      return costOf({ name: `${at}`, make: () => made }, 10).recordUs
    })
    const [small = 0, large = 0] = costs
    assert.ok(large <= 24 * (small + 5), `content ${at}: ${small} µs, and ${large} µs for 8 times`)
  }
})

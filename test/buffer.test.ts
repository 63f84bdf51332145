import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EntryBuffer } from '../src/flush/buffer.ts'

// Goal: first in, first out, nothing lost and nothing twice, however full it was in between.
// Method: any order of pushing, taking and releasing, compared with a plain array; at times so much
// that the ring has to grow, and then to shrink while it is not at its start.
test('the buffer gives back what it was given, in order, and counts what is out', () => {
  const step = fc.record({
    what: fc.constantFrom('push', 'push', 'take', 'release'),
    count: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 900, max: 3_000 })),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const limits = { maxEntries: 5_000, maxBytes: 40_000 }
      const buffer = new EntryBuffer<{ bytes: number; n: number }>(limits)
      const waiting: { bytes: number; n: number }[] = []
      let taken: { bytes: number; n: number }[] = []
      let made = 0
      for (const { what, count } of steps) {
        if (what === 'push') {
          for (let n = 0; n < count; n += 1) {
            const entry = { bytes: 1 + (made % 17), n: made }
            made += 1
            const held = [...waiting, ...taken].reduce((sum, { bytes }) => sum + bytes, 0)
            const fits =
              waiting.length + taken.length < limits.maxEntries &&
              held + entry.bytes <= limits.maxBytes
            assert.equal(buffer.push(entry), fits)
            if (fits) waiting.push(entry)
            else break
          }
        } else if (what === 'take') {
          const got = buffer.take(count)
          assert.deepEqual(got, waiting.splice(0, count))
          taken = taken.concat(got)
        } else {
          const back = taken.splice(0, count)
          buffer.release(
            back.length,
            back.reduce((sum, { bytes }) => sum + bytes, 0),
          )
        }
        assert.equal(buffer.waiting, waiting.length)
        assert.equal(buffer.size, waiting.length + taken.length)
        assert.equal(
          buffer.bytes,
          [...waiting, ...taken].reduce((sum, { bytes }) => sum + bytes, 0),
        )
      }
    }),
    { numRuns: 60 },
  )
})

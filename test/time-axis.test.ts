import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wordsOf } from '../src/page/language/words.ts'
import { timeAxis } from '../src/page/view/histogram/time-axis.ts'
import { DAY_MS, zoneNamed } from '../src/query/zone.ts'

// A log that is kept for years is what this is made for, and imports bring older entries still.
test('the axis of any span has at most six labels, from a second to five hundred years', () => {
  const toMs = Date.UTC(2026, 10, 27, 22, 32, 44, 397)
  for (const name of ['UTC', 'Europe/Berlin', 'Asia/Kathmandu']) {
    const zone = zoneNamed(name)
    assert.ok(zone)
    const view = { zone, words: wordsOf('en') }
    const spans = [1 / 86_400, 0.3, 1, 40, 400, 1_461, 8_000, 40_000.123, 182_500].map((days) =>
      Math.round(days * DAY_MS),
    )
    // A quarter of it is no whole number of milliseconds.
    for (const spanMs of [...spans, 217_985_364_397, 6_217_985_364_397]) {
      const labels = timeAxis(view, { fromMs: toMs - spanMs, toMs, stepMs: 1, edges: [] })
      const { length } = labels
      assert.ok(length >= 1 && length <= 6, `${name}, ${spanMs} ms: ${length} labels`)
      for (const one of labels) assert.doesNotMatch(String(one), /NaN|Invalid/)
    }
  }
})

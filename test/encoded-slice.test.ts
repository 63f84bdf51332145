import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ROW_COLUMNS } from '../src/encode/row.ts'
import { halvesOf, readRow, rowsIn } from '../src/encode/slice.ts'

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('[', ']', '{', '}', '"', '\\'))
const row = fc
  .record({
    action: text,
    recorder_seq: fc.integer(),
    metadata: fc.dictionary(text, fc.jsonValue()),
  })
  .map((given: Readonly<Record<string, unknown>>) => ROW_COLUMNS.map((name) => given[name] ?? null))

// Goal: what is staged again in parts is what was staged together, to the last character.
// Method: rows of any text, brackets, quotes and backslashes among them, cut out of their array.
test('the rows of a slice are cut out of it as they are, and its halves hold all of them', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 9 }), (rows) => {
      const texts = rows.map((values) => JSON.stringify(values))
      const slice = { json: `[${texts.join(',')}]`, entries: rows.length, lastSeq: 0, isOdd: false }
      assert.deepEqual(rowsIn(slice), texts)
      const halves = halvesOf(slice)
      assert.deepEqual(halves.flatMap(rowsIn), texts)
      const [one, other] = halves
      assert.ok(one.entries + other.entries === rows.length && one.entries - other.entries <= 1)
      for (const [at, values] of rows.entries()) {
        const [action, seq] = [values[ROW_COLUMNS.indexOf('action')], values[2]]
        const read = readRow(texts[at] ?? '')
        assert.deepEqual([read.action, read.recorder_seq], [action, seq])
      }
      if (rows.length > 1) assert.equal(one.lastSeq, rows[one.entries - 1]?.[2])
      if (rows.length > 1) assert.equal(other.lastSeq, rows.at(-1)?.[2])
    }),
  )
})

test('a row as long as an entry may be is cut out too', () => {
  const texts = ['"', '\\', '\n', 'x', '[{'].map((unit) => JSON.stringify([unit.repeat(1_000_000)]))
  const slice = { json: `[${texts.join(',')}]`, entries: texts.length, lastSeq: 0, isOdd: false }
  assert.deepEqual(rowsIn(slice), texts)
})

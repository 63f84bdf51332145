import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordSplitter } from '../src/export/sealed/records.ts'

/** Byte by byte, as RFC 4180 words it. */
function naive(bytes: Buffer, hasQuotes: boolean): [string, boolean][] {
  const found: [string, boolean][] = []
  let record: number[] = []
  let isQuoted = false
  for (const byte of bytes) {
    if (byte === 10 && !isQuoted) {
      found.push([Buffer.from(record.slice(0, 64)).toString('latin1'), true])
      record = []
      continue
    }
    if (byte === 34 && hasQuotes) isQuoted = !isQuoted
    record.push(byte)
  }
  if (record.length > 0) found.push([Buffer.from(record.slice(0, 64)).toString('latin1'), false])
  return found
}

// Goal: wherever a stream is cut into pieces, it has the same records.
test('records are cut at line feeds, and with quotes at those outside of them', () => {
  const byte = fc.constantFrom(10, 34, 34, 97, 98, 200)
  const pieces = fc.array(fc.array(byte, { maxLength: 90 }), { maxLength: 12 })
  fc.assert(
    fc.property(pieces, fc.boolean(), (given, hasQuotes) => {
      const found: [string, boolean][] = []
      const splitter = new RecordSplitter(hasQuotes, (head, isEnded) => found.push([head, isEnded]))
      for (const piece of given) splitter.push(Buffer.from(piece))
      splitter.end()
      assert.deepEqual(found, naive(Buffer.from(given.flat()), hasQuotes))
    }),
    { numRuns: 2_000 },
  )
})

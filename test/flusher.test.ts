import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCapture } from '../src/capture/capture.ts'
import type { CapturedEntry } from '../src/capture/captured-entry.ts'
import { createEncoder } from '../src/encode/encoder.ts'
import { AuditError } from '../src/errors.ts'
import { EntryBuffer } from '../src/flush/buffer.ts'
import { DropCounter } from '../src/flush/drop-counter.ts'
import { Flusher } from '../src/flush/flusher.ts'
import { compileRedactor } from '../src/redact/redactor.ts'
import { memoryLogger } from './support/lanes.ts'

const failed = (code: string) => new AuditError('AUDIT_DATABASE_FAILED', 'failed', { code })

test('an outage that ends with an entry that is refused is said to have ended', async () => {
  const logger = memoryLogger()
  const redactor = compileRedactor(false)
  const buffer = new EntryBuffer<CapturedEntry>({ maxEntries: 10, maxBytes: 100_000 })
  const answers = [failed('57P01'), failed('23514')]
  const flusher = new Flusher({
    buffer,
    encoder: createEncoder({ recorderId: '', maxEntryBytes: 1_024, redactor }),
    stage: () => Promise.reject(answers.shift()),
    drops: new DropCounter(logger),
    logger,
    flushIntervalMs: 1,
    maxBatchEntries: 10,
    onStaged: () => {},
    onRefused: () => {},
    onBusy: () => {},
  })
  const capture = createCapture({ maxEntryBytes: 1_024, redactor })
  const pending = capture.captureEntry({ action: 'a.refused' }, undefined, 0)
  assert.ok(pending && buffer.push(pending))
  assert.equal(await flusher.flush(1), true)
  assert.deepEqual(
    logger.lines.map(({ message }) => message),
    [
      'audit staging is unavailable; entries are buffered',
      'audit staging is available again',
      'audit entry refused by the database',
    ],
  )
  await flusher.stop()
})

// Goal: long entries neither hold up the event loop in one go nor make a statement that a driver or
// the server could not hold; and an entry that is refused takes none of the others along.
// Method: 1,000 entries of 20 kB, of which the database refuses one.
test('a batch of long entries is staged in several statements, and halved down to the bad one', async () => {
  const redactor = compileRedactor(false)
  const maxEntryBytes = 32_768
  const buffer = new EntryBuffer<CapturedEntry>({ maxEntries: 1_000, maxBytes: 100_000_000 })
  const capture = createCapture({ maxEntryBytes, redactor })
  for (let n = 1; n <= 1_000; n += 1) {
    const action = n === 777 ? 'a.refused' : 'a.fine'
    const pending = capture.captureEntry(
      { action, metadata: { t: 'x'.repeat(20_000) } },
      undefined,
      0,
    )
    assert.ok(pending && buffer.push(pending))
  }
  const statements: number[][] = []
  const staged: { readonly lastSeq: number; readonly entries: number }[] = []
  let longest = 0
  const flusher = new Flusher({
    buffer,
    encoder: createEncoder({ recorderId: '', maxEntryBytes, redactor }),
    stage: async (slices) => {
      const rows: unknown[][] = slices.flatMap((slice) => JSON.parse(slice))
      longest = Math.max(longest, slices.join('').length)
      if (rows.some((row) => row.includes('a.refused'))) throw failed('23514')
      statements.push(rows.map((row) => Number(row[2])))
      return '1'
    },
    drops: new DropCounter(memoryLogger()),
    logger: memoryLogger(),
    flushIntervalMs: 1,
    maxBatchEntries: 1_000,
    onStaged: (batch) => staged.push(batch),
    onRefused: () => {},
    onBusy: () => {},
  })
  assert.equal(await flusher.flush(1_000), true)
  await flusher.stop()
  const numbers = statements.flat()
  assert.deepEqual(
    numbers,
    Array.from({ length: 1_000 }, (_, at) => at + 1).filter((n) => n !== 777),
  )
  assert.ok(longest > 4_000_000 && longest < 7_000_000, `${longest} characters`)
  assert.deepEqual(
    staged.map(({ lastSeq, entries }) => [lastSeq, entries]),
    statements.map((some) => [some.at(-1), some.length]),
  )
  assert.equal(buffer.size, 0)
  assert.equal(buffer.bytes, 0)
})

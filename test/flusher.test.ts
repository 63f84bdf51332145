import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EntryBuffer } from '../src/buffer.ts'
import { DropCounter } from '../src/drops.ts'
import { createEncoder } from '../src/encode.ts'
import { AuditError } from '../src/errors.ts'
import { Flusher } from '../src/flusher.ts'
import type { PendingEntry } from '../src/pending.ts'
import { compileRedactor } from '../src/redact.ts'
import { createShaper } from '../src/shape.ts'
import { memoryLogger } from './support/lanes.ts'

const failed = (code: string) => new AuditError('AUDIT_DATABASE_FAILED', 'failed', { code })

test('an outage that ends with an entry that is refused is said to have ended', async () => {
  const logger = memoryLogger()
  const redactor = compileRedactor(false)
  const buffer = new EntryBuffer<PendingEntry>({ maxEntries: 10, maxBytes: 100_000 })
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
  })
  const shaper = createShaper({ maxEntryBytes: 1_024, redactor })
  const pending = shaper.shape({ action: 'a.refused' }, undefined, 0)
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

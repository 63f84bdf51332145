import { randomUUID } from 'node:crypto'
import { EntryBuffer } from '../../src/buffer.ts'
import type { PendingEntry } from '../../src/pending.ts'
import { compileRedactor } from '../../src/redact.ts'
import { createShaper } from '../../src/shape.ts'
import type { Part, Result } from './part.ts'
import { showSpread, spreadOf } from './rounds.ts'

const ENTRIES = 100_000

/** As from a parser: each entry's texts are its own, so that the whole of what it keeps counts. */
function freshEntry(n: number) {
  const own = (text: string) => Buffer.from(text).toString('latin1')
  return {
    action: 'branding.update',
    userId: own(randomUUID()),
    eventId: own(randomUUID()),
    targetId: own(randomUUID()),
    entityType: 'branding',
    requestId: own(randomUUID()),
    metadata: { field: 'primaryColor', before: own(`#ff${n}`), after: own(`#00${n}`) },
  }
}

function heapMib(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 2 ** 20
}

async function run({ isQuick }: { isQuick: boolean }): Promise<Result> {
  const measured: { mib: number; estimatedMib: number }[] = []
  for (let round = 0; round < (isQuick ? 1 : 5); round += 1) {
    const { shape } = createShaper({ maxEntryBytes: 32_768, redactor: compileRedactor(undefined) })
    const buffer = new EntryBuffer<PendingEntry>({ maxEntries: ENTRIES, maxBytes: 2 ** 30 })
    const before = heapMib()
    for (let n = 0; n < ENTRIES; n += 1) {
      const pending = shape(freshEntry(n), undefined, Date.now())
      if (!pending || !buffer.push(pending)) throw new Error('an entry was not buffered')
    }
    const mib = heapMib() - before
    measured.push({ mib, estimatedMib: buffer.bytes / 2 ** 20 })
    if (buffer.waiting !== ENTRIES) throw new Error('the buffer let go of entries')
  }
  const mib = spreadOf(measured.map((one) => one.mib))
  const estimate = spreadOf(measured.map((one) => one.estimatedMib))
  return {
    tables: [
      {
        title: 'A buffer of 100,000 entries, each with texts of its own',
        columns: ['', 'MiB'],
        rows: [
          ['heap', showSpread(mib)],
          ['what the buffer takes it for', showSpread(estimate)],
        ],
      },
    ],
    goals: [{ name: '100,000 buffered entries', value: mib.median, atMost: 64, unit: 'MiB' }],
    charts: [],
    measured: { rounds: measured },
  }
}

export const part: Part = { name: 'memory', summary: 'what a full buffer holds in memory', run }

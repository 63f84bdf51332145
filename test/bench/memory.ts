import { randomUUID } from 'node:crypto'
import { EntryBuffer } from '../../src/flush/buffer.ts'
import type { CapturedEntry } from '../../src/capture/captured-entry.ts'
import { compileRedactor } from '../../src/redact/redactor.ts'
import { createCapture } from '../../src/capture/capture.ts'
import { BenchServer } from './bench-server.ts'
import { Child } from './child.ts'
import type { Part, PartOptions, Result } from './part.ts'
import type { RelayMemorySeen } from './relay-memory.ts'
import { showNumber, showSpread, spreadOf } from './rounds.ts'
import { fillStaging } from './staged.ts'

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

/** What a relay holds after its first entries, and after ten times as many. */
async function relayMemory(isQuick: boolean): Promise<RelayMemorySeen[]> {
  const entries = isQuick ? 2_000 : 100_000
  const bench = await BenchServer.start()
  try {
    const url = await bench.make('memory')
    const lane = bench.connect('memory')
    const relay = await Child.start('relay-memory.ts', [url])
    const seen: RelayMemorySeen[] = []
    for (let staged = 0; staged < 10 * entries; staged += entries) {
      await fillStaging(lane, entries, staged)
      seen.push(await relay.ask<RelayMemorySeen>({ drain: true }))
    }
    await relay.stop()
    await lane.end({ timeout: 1 })
    return seen
  } finally {
    await bench.remove()
  }
}

async function run({ isQuick, say }: PartOptions): Promise<Result> {
  say('the buffer')
  const measured: { mib: number; estimatedMib: number }[] = []
  for (let round = 0; round < (isQuick ? 1 : 5); round += 1) {
    const { captureEntry } = createCapture({
      maxEntryBytes: 32_768,
      redactor: compileRedactor(undefined),
    })
    const buffer = new EntryBuffer<CapturedEntry>({ maxEntries: ENTRIES, maxBytes: 2 ** 30 })
    const before = heapMib()
    for (let n = 0; n < ENTRIES; n += 1) {
      const pending = captureEntry(freshEntry(n), undefined, Date.now())
      if (!pending || !buffer.push(pending)) throw new Error('an entry was not buffered')
    }
    const mib = heapMib() - before
    measured.push({ mib, estimatedMib: buffer.bytes / 2 ** 20 })
    if (buffer.waiting !== ENTRIES) throw new Error('the buffer let go of entries')
  }
  say('a relay, a million entries')
  const relay = await relayMemory(isQuick)
  const [first, last] = [relay[0], relay.at(-1)]
  const growth = (last?.rssMib ?? Number.NaN) / (first?.rssMib ?? Number.NaN)
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
      {
        title: 'A relay’s resident size',
        columns: ['entries moved', 'MiB'],
        rows: relay.map(({ logged, rssMib }) => [
          logged.toLocaleString('en-US'),
          showNumber(rssMib),
        ]),
      },
    ],
    goals: [
      { name: '100,000 buffered entries', value: mib.median, atMost: 64, unit: 'MiB' },
      { name: 'a relay after ten times as many entries', value: growth, atMost: 1.1 },
    ],
    charts: [],
    measured: { rounds: measured, relay },
  }
}

export const part: Part = {
  name: 'memory',
  summary: 'what a full buffer holds in memory, and a relay after a million entries',
  run,
}

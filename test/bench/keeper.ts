import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import fs from 'node:fs'
import { createRecorder } from '../../src/recorder/create-recorder.ts'
import { createEncoder } from '../../src/encode/encoder.ts'
import { EncodedBatch } from '../../src/encode/batch.ts'
import { ResendBuffer } from '../../src/flush/resend-buffer.ts'
import { RECORDER_LIMITS } from '../../src/options.ts'
import { compileRedactor } from '../../src/redact/redactor.ts'
import { createCapture } from '../../src/capture/capture.ts'
import { BenchServer } from './bench-server.ts'
import { quietLogger } from './quiet-logger.ts'
import { describeMachine, showMachine } from './machine.ts'
import { interleave, showNumber, showSpread, spreadOf } from './rounds.ts'
import { fillStaging } from './staged.ts'

/**
 * What it costs to keep what was staged until it is known to be logged: memory, the look at the lane
 * with a backlog in it, and the way of an entry up to staging. Keeps what it found in `results`.
 *
 * `npx tsx --expose-gc test/bench/keeper.ts`
 */
const MAX_KEPT_BYTES = RECORDER_LIMITS.maxKeptBytes.default
const MAX_ENTRY_BYTES = RECORDER_LIMITS.maxEntryBytes.default
const BATCH = RECORDER_LIMITS.maxBatchEntries.default
const MEMORY_ROUNDS = 5
const BACKLOGS = [0, 100_000, 1_000_000]
const LOOKS = 15
const ROUNDS = 9
/** More than are kept, so that most of a round lets old ones go. */
const ENTRIES_A_ROUND = 60_000

const sections = [
  '# What keeping costs',
  `${showMachine(describeMachine())}; \`npx tsx --expose-gc test/bench/keeper.ts\`.`,
]
sections.push(await memory())
const server = await BenchServer.start()
try {
  sections.push(await looks(server), await wayToStaging(server))
} finally {
  await server.remove()
}
const markdown = `${sections.join('\n\n')}\n`
fs.writeFileSync(fileURLToPath(new URL('results/keeper.md', import.meta.url)), markdown)
console.log(markdown)

/** As a handler records it: ids, a request, three keys. */
function entry(n: number, name: string) {
  return {
    action: 'branding.update' as const,
    userId: randomUUID(),
    eventId: randomUUID(),
    targetId: randomUUID(),
    entityType: 'branding',
    requestId: randomUUID(),
    metadata: { field: 'primaryColor', before: `#ff${n}`, after: '#00ff00', name },
    context: { ip: '10.0.3.7', method: 'POST', route: '/events/:event/branding' },
  }
}

/** A keeper that is full, and what the heap holds because of it. */
async function memory(): Promise<string> {
  const rows: string[] = []
  for (const [what, name] of [
    ['texts of one byte a character', 'Jürgen'],
    ['one wider character in each entry', 'Łukasz'],
  ] as const) {
    const seen = Array.from({ length: MEMORY_ROUNDS }, () => fillKeeper(name))
    const kept = spreadOf(seen.map((one) => one.entries)).median
    const bytes = spreadOf(seen.map((one) => one.jsonBytes)).median
    const heap = spreadOf(seen.map((one) => one.heldBytes / one.entries))
    const mib = spreadOf(seen.map((one) => one.heldBytes / 2 ** 20))
    rows.push(
      `| ${what} | ${showNumber(kept)} | ${showNumber(bytes)} | ${showSpread(heap)} | ${showSpread(mib)} |`,
    )
  }
  return [
    `## Memory: a full keeper (\`maxKeptBytes\` ${MAX_KEPT_BYTES / 2 ** 20} MiB, batches of ${BATCH})`,
    '',
    '| | entries kept | bytes of JSON each | bytes of memory each | MiB in all |',
    '|---|---:|---:|---:|---:|',
    ...rows,
    '',
    'The bound counts bytes of UTF-8, which are what is kept, outside of the engine’s heap.',
  ].join('\n')
}

function fillKeeper(name: string): { entries: number; jsonBytes: number; heldBytes: number } {
  const redactor = compileRedactor(undefined)
  const { captureEntry } = createCapture({ maxEntryBytes: MAX_ENTRY_BYTES, redactor })
  const encoder = createEncoder({
    ...{ recorderId: randomUUID(), maxEntryBytes: MAX_ENTRY_BYTES, redactor },
  })
  const keeper = new ResendBuffer({
    maxBytes: MAX_KEPT_BYTES,
    laneState: () => Promise.reject(new Error('the database is away')),
    stage: () => Promise.reject(new Error('the database is away')),
    logger: quietLogger,
  })
  const batchOf = (from: number) => {
    const encoded = new EncodedBatch(encoder)
    for (let n = from; n < from + BATCH; n += 1) {
      const pending = captureEntry(entry(n, name), undefined, Date.now())
      if (pending === undefined) throw new Error('it is no entry')
      encoded.add(pending, n + 1)
      if (n % 100 === 99) encoded.seal()
    }
    // As the flusher hands it over.
    const { lastSeq } = encoded
    return { epoch: 'epoch', lastSeq, entries: BATCH, slices: encoded.slices }
  }
  const before = memoryBytes()
  const sizes: number[] = []
  // Twice what fits: the first ones are let go.
  for (let bytes = 0; bytes < 2 * MAX_KEPT_BYTES; bytes += sizes.at(-1) ?? 0) {
    const batch = batchOf(sizes.length * BATCH)
    keeper.keep(batch)
    sizes.push(Buffer.byteLength(batch.slices.join('')))
  }
  const held = memoryBytes() - before
  let keptBytes = 0
  let entries = 0
  for (const size of sizes.toReversed()) {
    if (keptBytes + size > MAX_KEPT_BYTES) break
    keptBytes += size
    entries += BATCH
  }
  void keeper.close() // it was held until here
  return { entries, jsonBytes: keptBytes / entries, heldBytes: held }
}

function memoryBytes(): number {
  if (globalThis.gc === undefined) throw new Error('Run it with --expose-gc.')
  globalThis.gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** `audit.lane_state`, as a recorder asks it, with a backlog of four recorders in the lane. */
async function looks(bench: BenchServer): Promise<string> {
  const rows: string[] = []
  for (const backlog of BACKLOGS) {
    const database = `looks_${backlog}`
    await bench.make(database, async (sql) => {
      if (backlog > 0) await fillStaging(sql, backlog)
    })
    const sql = bench.connect(database)
    const look = (recorder: string) => async () => {
      const beganMs = performance.now()
      await sql`select * from audit.lane_state(md5(${recorder}::text)::uuid)`
      return { ms: performance.now() - beganMs }
    }
    // The first look at each row also notes that its writer has committed.
    const seen = await interleave(
      { waiting: look('recorder1'), done: look('another') },
      { rounds: LOOKS, warmUpRounds: 2 },
    )
    await sql.end({ timeout: 5 })
    await bench.admin.unsafe(`drop database ${database}`)
    const [waiting, done] = [seen.spread('waiting', 'ms'), seen.spread('done', 'ms')]
    const everyMs = Math.min(30_000, Math.max(1_000, waiting.median * 20))
    rows.push(
      `| ${backlog.toLocaleString('en')} | ${showSpread(waiting)} | ${showSpread(done)} | ${showNumber(everyMs / 1_000)} s |`,
    )
  }
  return [
    `## The look at the lane: \`audit.lane_state\`, ms at the client, median of ${LOOKS}`,
    '',
    '| rows in the lane | a recorder that has a quarter of them | one that has none | so it looks every |',
    '|---:|---:|---:|---:|',
    ...rows,
    '',
    'A look is a scan of the lane, which has no index to keep. A keeper spends at most a twentieth of the',
    'time in looking, and looks every second at most and every 30 s at least; one that keeps nothing',
    'does not look. That is for each recorder: twenty of them at a long backlog keep a core of the',
    'server busy until a relay takes it away.',
  ].join('\n')
}

/** Recorded, encoded and staged: all that is done in the application's process, by turns. */
async function wayToStaging(bench: BenchServer): Promise<string> {
  const url = await bench.make('way')
  const sql = bench.connect('way')
  const variant = (maxKeptBytes: number) => async () => {
    await sql`truncate audit.audit_staging`
    const audit = createRecorder({ databaseUrl: url, logger: quietLogger, maxKeptBytes })
    audit.record(entry(0, 'warm')) // connects
    await audit.flush()
    globalThis.gc?.()
    const before = process.cpuUsage()
    const beganMs = performance.now()
    let callMs = 0
    for (let n = 0; n < ENTRIES_A_ROUND; n += 100) {
      const entries = Array.from({ length: 100 }, (_, at) => entry(n + at, 'Jürgen'))
      const callBeganMs = performance.now()
      for (const one of entries) audit.record(one)
      callMs += performance.now() - callBeganMs
      await new Promise((resolve) => setImmediate(resolve))
    }
    await audit.flush()
    const wallMs = performance.now() - beganMs
    const { user, system } = process.cpuUsage(before)
    if (audit.stats().staged !== ENTRIES_A_ROUND + 1) throw new Error('not all of it was staged')
    await audit.close()
    return {
      callNs: (callMs * 1e6) / ENTRIES_A_ROUND,
      cpuUs: (user + system) / ENTRIES_A_ROUND,
      perSecond: (1_000 * ENTRIES_A_ROUND) / wallMs,
    }
  }
  const seen = await interleave(
    { 'keeping nothing': variant(0), 'keeping 16 MiB, the default': variant(MAX_KEPT_BYTES) },
    { rounds: ROUNDS, warmUpRounds: 1 },
  )
  await sql.end({ timeout: 5 })
  const anchor = 'keeping nothing'
  return [
    `## record() and flush: ${ENTRIES_A_ROUND.toLocaleString('en')} entries a round, nothing logged meanwhile`,
    '',
    '| | call ns | CPU µs an entry, in all | of keeping nothing | entries/s |',
    '|---|---:|---:|---:|---:|',
    ...seen.names.map(
      (name) =>
        `| ${name} | ${showSpread(seen.spread(name, 'callNs'))} | ${showSpread(seen.spread(name, 'cpuUs'))} | ` +
        `${showSpread(seen.ratio(name, anchor, 'cpuUs'))} | ${showSpread(seen.spread(name, 'perSecond'))} |`,
    ),
    '',
    `Median of ${ROUNDS} rounds by turns (smallest–largest). CPU of the application’s process, all threads;`,
    'the server runs on the same cores. No relay takes anything away, so the keeper is full after half a',
    'round, and what it looks at grows.',
  ].join('\n')
}

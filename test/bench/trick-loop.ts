import { createHash } from 'node:crypto'
import type { AuditAction } from '../../src/entry.ts'
import { CHILD_CONTEXT, entryKinds, type MakeEntry } from './trick-entries.ts'
import { recorderOver, unsentStatements } from './unsent-recorder.ts'

// Records and encodes in a process of its own, with whichever code it was compiled with: the flush
// is asked for after every batch. It answers each message with what that has cost.

export interface TrickOrder {
  /** What is measured; `rows`: a digest of the first rows that came out, to compare. */
  readonly what: 'time' | 'heap' | 'kept' | 'rows'
  readonly isQuick: boolean
}

/**
 * By names such as `plain record`, and for each entry: nanoseconds of CPU, or bytes of the heap.
 */
export type TrickCosts = Readonly<Record<string, number>>

/** Less than a batch of the flusher's, so that it begins when it is asked to. */
const BATCH = 400
/** The kinds by turns, so that the engine knows all of them when it compiles. */
const WARM_UP_TURNS = 3
/** In a turn: what takes about as long with each kind. */
const BATCHES: Readonly<Record<string, number>> = { plain: 40, mixed: 20, foreign: 4 }
const HEAP_RUNS = 9
/** How many entries are compared. */
const COMPARED = 2_000
const KEPT_RUNS = 5
const KEPT_ENTRIES = 5_000
const CUT_ENTRIES = 100
const CUT_CHARACTERS = 200_000

let take = (_slices: readonly string[]): void => {}
const statements = unsentStatements()
const recorder = recorderOver(() => ({
  ...statements,
  stage: (slices) => {
    take(slices)
    return statements.stage(slices)
  },
}))
const child = recorder.child(CHILD_CONTEXT)
const kinds = await entryKinds()
// An application's first entries may be of a start or a login, and the engine learns from them.
for (let n = 0; n < 20; n += 1) recorder.record({ action: 'site.start', metadata: { pid: n } })
let made = 0

interface Cost {
  readonly record: number
  readonly all: number
}

/** Records and encodes a batch, and reads the meter before, in between and behind. */
async function batch(make: MakeEntry, meter: () => number): Promise<Cost> {
  const given = Array.from({ length: BATCH }, (_, at) => make(made + at))
  made += BATCH
  const before = meter()
  for (const { entry, isByChild } of given) (isByChild ? child : recorder).record(entry)
  const recorded = meter()
  await recorder.flush()
  return { record: recorded - before, all: meter() - before }
}

function cpuNs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1_000
}

/**
 * The lowest tenth of the batches: other work of the machine only adds to them, by taking what
 * was in the processor's cache, and so do collections, which the heap's bytes tell of.
 */
async function time(isQuick: boolean): Promise<TrickCosts> {
  const costs: Record<string, number> = {}
  for (const [kind, make] of kinds) {
    const batches: Cost[] = []
    while (batches.length < (isQuick ? 2 : (BATCHES[kind] ?? 1))) {
      batches.push(await batch(make, cpuNs))
    }
    costs[`${kind} record`] = quantileOf(
      batches.map(({ record }) => record / BATCH),
      0.25,
    )
    costs[`${kind} all`] = quantileOf(
      batches.map(({ all }) => all / BATCH),
      0.25,
    )
  }
  return costs
}

/**
 * Needs a young generation that holds all of it. The median of some: the engine may collect in one.
 */
async function heap(): Promise<TrickCosts> {
  const heapUsed = () => process.memoryUsage().heapUsed
  const costs: Record<string, number> = {}
  for (const [kind, make] of kinds) {
    const runs: Cost[] = []
    for (let run = 0; run < HEAP_RUNS; run += 1) {
      globalThis.gc?.({ type: 'minor' })
      runs.push(await batch(make, heapUsed))
    }
    costs[`${kind} record`] = quantileOf(
      runs.map(({ record }) => record / BATCH),
      0.5,
    )
    costs[`${kind} all`] = quantileOf(
      runs.map(({ all }) => all / BATCH),
      0.5,
    )
  }
  return costs
}

function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor(share * sorted.length)] ?? Number.NaN
}

/**
 * What stays on the heap: of plain entries that wait, of ones whose long text was cut, and, once
 * they are flushed, of ones whose action is a slice of a long text.
 */
async function kept(): Promise<TrickCosts> {
  const plain = kinds.get('plain')
  if (plain === undefined) throw new Error('there are no plain entries')
  const body = (n: number) => Buffer.alloc(CUT_CHARACTERS, `body ${n} `).toString('latin1')
  const recordPlain = (n: number) => recorder.record(plain(n).entry)
  const recordCut = (n: number) => recorder.record({ action: 'a.b', metadata: { text: body(n) } })
  const recordSliced = (n: number) => {
    const given = `imported.row_number_${n} ${body(n)}`
    recorder.record({ action: given.slice(0, given.indexOf(' ')) as AuditAction })
  }
  return {
    'plain kept': (await keptOf(KEPT_ENTRIES, recordPlain)).waiting,
    'cut kept': (await keptOf(CUT_ENTRIES, recordCut)).waiting,
    'sliced kept': (await keptOf(CUT_ENTRIES, recordSliced)).flushed,
  }
}

/** Bytes an entry: while all of them wait, and once they are flushed. */
async function keptOf(entries: number, run: (n: number) => void) {
  const runs = []
  while (runs.length < KEPT_RUNS) runs.push(await keptOnce(entries, run))
  const waiting = quantileOf(
    runs.map((one) => one.waiting),
    0.5,
  )
  // What is remembered of names stays by the first run.
  return { waiting, flushed: runs[0]?.flushed ?? Number.NaN }
}

async function keptOnce(entries: number, run: (n: number) => void) {
  const before = heapAfterAll()
  for (let n = 0; n < entries; n += 1) run(n)
  const waiting = (heapAfterAll() - before) / entries
  await recorder.flush()
  return { waiting, flushed: (heapAfterAll() - before) / entries }
}

function heapAfterAll(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** A digest of each kind's rows, without what is of the moment: the id and the time. */
async function rows(): Promise<Readonly<Record<string, string>>> {
  const digests: Record<string, string> = {}
  for (const [kind, make] of kinds) {
    const hash = createHash('sha256')
    take = (slices) => {
      for (const row of slices.flatMap((slice) => JSON.parse(slice))) {
        hash.update(JSON.stringify(row.slice(3)))
      }
    }
    made = 0
    while (made < COMPARED) await batch(make, cpuNs)
    digests[kind] = hash.digest('hex')
  }
  take = () => {}
  return digests
}

async function warmUp(isQuick: boolean): Promise<void> {
  for (let turn = 0; turn < (isQuick ? 1 : WARM_UP_TURNS); turn += 1) {
    for (const [kind, make] of kinds) {
      for (let left = (BATCHES[kind] ?? 1) >> 1; left > 0; left -= 1) await batch(make, cpuNs)
    }
  }
}

let isWarm = false
process.on('message', async ({ what, isQuick }: TrickOrder) => {
  if (!isWarm && (what === 'time' || what === 'heap')) await warmUp(isQuick)
  isWarm = true
  const answer = { time: () => time(isQuick), heap, kept, rows }[what]
  process.send?.(await answer())
})
process.on('disconnect', () => process.exit())

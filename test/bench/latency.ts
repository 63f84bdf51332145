import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { type BenchScene, benchScene } from '../chaos/bench-scene.ts'
import type { LoadOrder } from '../chaos/load.ts'
import type { Goal, Part, PartOptions, Result } from './part.ts'
import { showNumber } from './rounds.ts'

/** From `record()` to the commit that makes an entry visible, by two clocks of one machine. */
interface Latency {
  readonly entriesPerSecond: number
  readonly logged: number
  readonly refused: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly recordP50Us: number
  readonly recordP999Us: number
}

const RATES = [1_000, 10_000] as const
const SECONDS = 60
const QUICK_SECONDS = 3
const WARM_UP_MS = 2_000
const DRAIN_TIMEOUT_MS = 30_000
const POLL_MS = 100
/** Two waits of up to 50 ms, each as long as chance has it: half of their sums, and 99 % of them. */
const FLOOR_MS = { p50: 50, p99: 100 - Math.sqrt(2 * 0.01) * 50 }

async function run({ isQuick, say }: PartOptions): Promise<Result> {
  const measured: Latency[] = []
  for (const entriesPerSecond of RATES) {
    // When a transaction was committed, by the server's own clock: no observer that polls.
    const scene = await benchScene('latency', { track_commit_timestamp: 'on' })
    try {
      say(`${entriesPerSecond} entries/s`)
      measured.push(await measure(scene, entriesPerSecond, isQuick ? QUICK_SECONDS : SECONDS))
    } finally {
      await scene.strike()
    }
  }
  return { tables: [tableOf(measured)], goals: measured.flatMap(goalsOf), charts: [], measured }
}

async function measure(
  scene: BenchScene,
  entriesPerSecond: number,
  seconds: number,
): Promise<Latency> {
  const load = scene.load('app', { entriesPerSecond, closeTimeoutMs: 10_000 })
  await until(() => (load.news()?.accepted ?? 0) > 0)
  await sleep(WARM_UP_MS)
  load.process.tell('reset' satisfies LoadOrder)
  const from = new Date()
  await sleep(seconds * 1_000)
  const to = new Date()
  load.process.tell('quiet' satisfies LoadOrder)
  await until(() => load.news()?.isQuiet === true)
  const { accepted = 0, refused = 0, p50Us = 0, p999Us = 0 } = load.news() ?? {}
  const sql = postgres(scene.url, { max: 1, onnotice: () => {} })
  try {
    await until(async () => {
      const [row] = await sql`select seq::integer from audit.audit_head`
      return row?.['seq'] >= accepted
    })
    const [row] = await sql`
      with waited as (
        select 1000 * extract(epoch from pg_xact_commit_timestamp(xmin) - occurred_at)::float8 as ms
        from audit.audit_log
        where occurred_at between ${from.toISOString()}::text::timestamptz
          and ${to.toISOString()}::text::timestamptz and action = 'order.update'
      )
      select count(*)::integer as logged, max(ms) as max,
        percentile_cont(array[0.5, 0.9, 0.99]) within group (order by ms) as shares
      from waited`
    const [p50Ms = 0, p90Ms = 0, p99Ms = 0] = (row?.['shares'] ?? []) as number[]
    const { logged = 0, max: maxMs = 0 } = (row ?? {}) as { logged?: number; max?: number }
    const [recordP50Us, recordP999Us] = [p50Us, p999Us]
    return {
      entriesPerSecond,
      logged,
      refused,
      p50Ms,
      p90Ms,
      p99Ms,
      maxMs,
      recordP50Us,
      recordP999Us,
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + DRAIN_TIMEOUT_MS
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error('The scene did not get there in 30 s.')
    await sleep(POLL_MS)
  }
}

function tableOf(measured: readonly Latency[]) {
  const floor = ['floor: the two intervals', '–', showNumber(FLOOR_MS.p50), '–']
  return {
    title: 'From record() to visible in the log, ms',
    columns: ['entries/s', 'logged', 'p50', 'p90', 'p99', 'max', 'refused', 'record() p99.9, µs'],
    rows: [
      ...measured.map((at) => [
        at.entriesPerSecond.toLocaleString('en-US'),
        at.logged.toLocaleString('en-US'),
        ...[at.p50Ms, at.p90Ms, at.p99Ms, at.maxMs].map(showNumber),
        String(at.refused),
        showNumber(at.recordP999Us),
      ]),
      [...floor, showNumber(FLOOR_MS.p99), '100', '–', '–'],
    ],
    note:
      'One application, one relay and the server share the machine. Visible: committed, by the ' +
      "server's commit timestamps. Floor: an entry waits up to 50 ms for the flush and up to 50 ms " +
      'for the relay’s next cycle, each evenly spread, if all else, the jitter too, took no time.',
  }
}

function goalsOf({ entriesPerSecond, p50Ms, p99Ms, refused }: Latency): Goal[] {
  const at = `at ${entriesPerSecond.toLocaleString('en-US')}/s`
  return [
    { name: `p50 ${at}`, value: p50Ms, atMost: 100, unit: 'ms' },
    { name: `p99 ${at}`, value: p99Ms, atMost: 250, unit: 'ms' },
    { name: `refused ${at}`, value: refused, atMost: 0 },
  ]
}

export const part: Part = {
  name: 'latency',
  summary: 'from record() to visible in audit_log, at 1,000 and 10,000 entries/s for 60 s',
  run,
}

import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { statementWith } from '../support/fault-proxy.ts'
import { numbersOf } from '../support/usage.ts'
import { type Figure, percentile, report } from './bench-report.ts'
import { benchScene } from './bench-scene.ts'

const USAGE = `npm run test:held-snapshot -- [--seconds 600] [--rate 2000]

A transaction holds an old snapshot, so that no VACUUM can remove anything, while entries go through
the fast lane: whether a batch at the end costs what it cost at the beginning. Measured on the wire,
from the move's request to its reply.

  --seconds  how long the snapshot is held
  --rate     entries a second`

const { seconds: SECONDS, rate: RATE } = numbersOf(USAGE, { seconds: 600, rate: 2_000 })
const WARM_SECONDS = 10
const LOOK_EVERY_MS = 5_000
const MAX_LANES_BYTES = 32 * 1024 * 1024
const MAX_GROWTH = 1.5

interface Look {
  readonly atSeconds: number
  readonly stagingBytes: number
  readonly outboxBytes: number
  readonly headBytes: number
  readonly recorderBytes: number
  readonly waiting: number
  readonly logged: number
}

const scene = await benchScene('held-snapshot')
const sql = postgres(scene.url, { max: 3, onnotice: () => {} })
let isReached = false
try {
  const moves: { readonly atMs: number; readonly ms: number }[] = []
  const load = scene.load('load', { entriesPerSecond: RATE, closeTimeoutMs: 10_000 })
  await sleep(WARM_SECONDS * 1_000)
  const holder = await sql.reserve()
  await holder`begin isolation level repeatable read`
  await holder`select pg_current_xact_id()`
  const beganMs = performance.now()
  await scene.relayProxy.set({
    kind: 'time-replies',
    watch: () => statementWith('audit-relay move'),
    onReply: (ms) => moves.push({ atMs: performance.now() - beganMs, ms }),
  })
  const looks: Look[] = []
  while (performance.now() - beganMs < SECONDS * 1_000) {
    await sleep(LOOK_EVERY_MS)
    looks.push(await look((performance.now() - beganMs) / 1_000))
    const { atSeconds, stagingBytes, headBytes, waiting, logged } = looks.at(-1) as Look
    console.log(
      `${Math.round(atSeconds)} s: ${logged} logged, ${waiting} waiting, staging ` +
        `${kib(stagingBytes)}, head ${kib(headBytes)}, p99 ${p99(moves, beganMs - LOOK_EVERY_MS)} ms`,
    )
  }
  await holder`rollback`
  holder.release()
  const endMs = SECONDS * 1_000
  const first = moves.filter(({ atMs }) => atMs < 60_000).map(({ ms }) => ms)
  const last = moves.filter(({ atMs }) => atMs >= endMs - 60_000).map(({ ms }) => ms)
  const growth = percentile(last, 0.99) / percentile(first, 0.99)
  const lanes = Math.max(
    ...looks.map(({ stagingBytes, outboxBytes }) => stagingBytes + outboxBytes),
  )
  const news = load.news()
  const figures: Figure[] = [
    { name: 'seconds', value: SECONDS },
    { name: 'entries a second', value: RATE },
    { name: 'entries logged', value: looks.at(-1)?.logged ?? 0 },
    { name: 'dropped', value: news?.refused ?? 0, goal: '0', isReached: news?.refused === 0 },
    { name: 'moves', value: moves.length },
    { name: 'first minute: p50 of a move, ms', value: round(percentile(first, 0.5)) },
    { name: 'first minute: p99 of a move, ms', value: round(percentile(first, 0.99)) },
    { name: 'last minute: p50 of a move, ms', value: round(percentile(last, 0.5)) },
    { name: 'last minute: p99 of a move, ms', value: round(percentile(last, 0.99)) },
    {
      name: 'last p99 / first p99',
      value: round(growth),
      goal: `at most ${MAX_GROWTH}`,
      isReached: growth <= MAX_GROWTH,
    },
    {
      name: 'lanes at their largest, MiB',
      value: round(lanes / 1024 / 1024),
      goal: 'under 32',
      isReached: lanes < MAX_LANES_BYTES,
    },
    { name: 'head at its largest, KiB', value: largest(looks, 'headBytes') },
    { name: 'recorders at their largest, KiB', value: largest(looks, 'recorderBytes') },
  ]
  isReached = report('held-snapshot', figures, { looks })
} finally {
  await sql.end({ timeout: 1 })
  await scene.strike()
}
process.exit(isReached ? 0 : 1)

async function look(atSeconds: number): Promise<Look> {
  const [row] = await sql<Omit<Look, 'atSeconds'>[]>`
    select pg_relation_size('audit.audit_staging')::float8 as "stagingBytes",
      pg_relation_size('audit.audit_outbox')::float8 as "outboxBytes",
      pg_relation_size('audit.audit_head')::float8 as "headBytes",
      pg_relation_size('audit.audit_recorder')::float8 as "recorderBytes",
      (select count(*) from audit.audit_staging)::float8 as waiting,
      (select seq from audit.audit_head)::float8 as logged`
  if (row === undefined) throw new Error('a select without FROM answers with one row')
  return { atSeconds, ...row }
}

function p99(moves: readonly { atMs: number; ms: number }[], beganMs: number): number {
  const since = performance.now() - beganMs - 2 * LOOK_EVERY_MS
  return round(
    percentile(
      moves.filter(({ atMs }) => atMs >= since).map(({ ms }) => ms),
      0.99,
    ),
  )
}

function largest(looks: readonly Look[], what: 'headBytes' | 'recorderBytes'): number {
  return Math.round(Math.max(...looks.map((one) => one[what])) / 1024)
}

function kib(bytes: number): string {
  return `${Math.round(bytes / 1024)} KiB`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

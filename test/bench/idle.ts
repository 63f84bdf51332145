import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { type BenchScene, benchScene } from '../chaos/bench-scene.ts'
import type { LoadOrder } from '../chaos/load.ts'
import type { IdleTimers } from './idle-recorder.ts'
import type { Part, PartOptions, Result } from './part.ts'
import { showNumber } from './rounds.ts'

const SECONDS = 600
const QUICK_SECONDS = 5
/** Until the last report, the last look of the keeper, and the idle connection's end are over. */
const SETTLE_MS = 45_000
const QUICK_SETTLE_MS = 2_000
const SAY_EVERY_MS = 60_000

/** What the server has counted so far. */
interface Counters {
  readonly walBytes: number
  readonly nextXid: number
  readonly statements: number
}

async function run({ isQuick, say }: PartOptions): Promise<Result> {
  const settleMs = isQuick ? QUICK_SETTLE_MS : SETTLE_MS
  const timers = idleTimers(settleMs)
  const scene = await benchScene('idle')
  try {
    const seconds = isQuick ? QUICK_SECONDS : SECONDS
    const [before, after] = await watch(scene, { seconds, settleMs, say })
    const { alive, ended } = await timers
    const walBytes = after.walBytes - before.walBytes
    const transactionIds = after.nextXid - before.nextXid
    const statementsPerSecond = (after.statements - before.statements) / seconds
    const rows = [
      ['WAL, bytes', showNumber(walBytes)],
      ['transaction ids', showNumber(transactionIds)],
      [
        'transactions a second, of the relay and of the server’s own',
        showNumber(statementsPerSecond),
      ],
      ['timers of an idle recorder', showNumber(alive)],
      ['its process ended by itself with exit code', String(ended)],
    ]
    return {
      tables: [
        {
          title: `${seconds} idle seconds, after some entries: one relay, one recorder`,
          columns: ['', 'measured'],
          rows,
        },
      ],
      goals: [
        { name: 'WAL', value: walBytes, atMost: 0, unit: 'bytes' },
        { name: 'transaction ids', value: transactionIds, atMost: 0 },
        { name: 'statements a second', value: statementsPerSecond, atMost: 1 },
        { name: 'timers of an idle recorder', value: alive, atMost: 0 },
      ],
      charts: [],
      measured: { seconds, before, after, timers: await timers },
    }
  } finally {
    await scene.strike()
  }
}

interface WatchOptions {
  readonly seconds: number
  readonly settleMs: number
  readonly say: PartOptions['say']
}

/** The counters at the start and at the end of the idle time; nobody asks in between. */
async function watch(
  scene: BenchScene,
  { seconds, settleMs, say }: WatchOptions,
): Promise<readonly [Counters, Counters]> {
  const load = scene.load('app', { entriesPerSecond: 500, closeTimeoutMs: 10_000 })
  while ((load.news()?.staged ?? 0) === 0) await sleep(100)
  load.process.tell('quiet' satisfies LoadOrder)
  say('some entries are recorded; waiting until all is settled')
  await sleep(settleMs)
  const sql = postgres(scene.url, { max: 1, onnotice: () => {} })
  try {
    // Its own housekeeping after the entries would count as ours later.
    await sql`vacuum (analyze)`
    await sql`checkpoint`
    await sleep(settleMs / 3)
    const before = await countersOf(sql)
    for (let waitedMs = 0; waitedMs < seconds * 1_000; waitedMs += SAY_EVERY_MS) {
      say(`idle for ${waitedMs / 1_000} of ${seconds} s`)
      await sleep(Math.min(SAY_EVERY_MS, seconds * 1_000 - waitedMs))
    }
    return [before, await countersOf(sql)]
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function countersOf(sql: postgres.Sql): Promise<Counters> {
  const [row] = await sql`
    select
      pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as "walBytes",
      pg_snapshot_xmax(pg_current_snapshot())::text::float8 as "nextXid",
      (select xact_commit + xact_rollback from pg_stat_database where datname = current_database())
        ::float8 as statements`
  return row as unknown as Counters
}

/** A recorder in a process of its own, whose timers are counted when it has been idle for long. */
async function idleTimers(settleMs: number): Promise<IdleTimers & { readonly ended: number }> {
  const scene = await benchScene('idle-recorder')
  try {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', fileURLToPath(new URL('idle-recorder.ts', import.meta.url))],
      {
        env: { ...process.env, DATABASE_URL: scene.url, SETTLE_MS: String(settleMs) },
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      },
    )
    const told = once(child, 'message')
    const ended = once(child, 'exit')
    const [timers] = (await told) as [IdleTimers]
    const [code] = (await ended) as [number]
    return { ...timers, ended: code }
  } finally {
    await scene.strike()
  }
}

export const part: Part = {
  name: 'idle',
  summary: 'what ten idle minutes cost: WAL, transaction ids, statements, timers',
  run,
}

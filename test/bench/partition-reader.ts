import { setTimeout as sleep } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { createRelay } from '../../relay/index.ts'
import { timeline } from '../../src/read/timeline.ts'
import { BenchServer } from './bench-server.ts'
import { describeMachine, showMachine } from './machine.ts'
import { quietLogger } from './quiet-logger.ts'
import { showNumber } from './rounds.ts'
import { fillStaging } from './staged.ts'

/**
 * What making partitions costs others while a reader keeps the log's lock for 3 s: the worst page, and
 * the relay's drain. By turns in one run, with our function, with a plain statement, and with nothing.
 *
 * `npx tsx test/bench/partition-reader.ts [rounds] [rows]`
 */
const [rounds = '3', rows = '150000'] = process.argv.slice(2)
const HELD_MS = 3_000
const PAGE_EVERY_MS = 20
/** The drain is looked at in windows, which are no longer than a second. */
const WINDOW_MS = 1_000
/** Small ones, so that a window holds many. */
const BATCH = 250

interface Seen {
  readonly worstPageMs: number
  /** The slowest window while the reader stays, of the mean before. */
  readonly drainAtLeast: number
  /** The mean while the reader stays, of the mean before. */
  readonly drainInMean: number
  readonly madeAfterMs: number
}

console.log(showMachine(describeMachine()))
const bench = await BenchServer.start()
const WAYS = {
  'no partition is made': async () => {},
  'audit.ensure_partitions': async (sql: postgres.Sql) => {
    // As upkeep does, but without its minute of patience.
    for (;;) {
      const made = await sql`select audit.ensure_partitions(6) as made`.catch((error) => {
        if (Reflect.get(error, 'code') !== '55P03') throw error
      })
      if (made !== undefined) return
    }
  },
  'create table … partition of': async (sql: postgres.Sql) => {
    await sql`create table audit.plain partition of audit.audit_log
      for values from ('0f000000-0000-0000-0000-000000000000') to ('0f000001-0000-0000-0000-000000000000')`
  },
}
try {
  await bench.make('log', async (sql) => {
    await fillStaging(sql, 100_000)
    const relay = createRelay({ databaseUrl: bench.urlOf('log'), logger: quietLogger })
    await relay.drain({ deadlineMs: 300_000 })
    await relay.stop()
    await sql`vacuum analyze`
  })
  console.log(
    '| partitions are made by | worst page, ms | slowest second of the drain | drain in all | made after, ms |',
  )
  console.log('|---|--:|--:|--:|--:|')
  for (let round = 0; round < Number(rounds); round += 1) {
    for (const [name, make] of Object.entries(WAYS)) {
      const seen = await bench.onCopy('log', (url, sql) => watch(url, sql, make))
      const figures = [seen.worstPageMs, seen.drainAtLeast, seen.drainInMean, seen.madeAfterMs]
      console.log(`| ${name} | ${figures.map(showNumber).join(' | ')} |`)
    }
  }
} finally {
  await bench.remove()
}

async function watch(
  url: string,
  sql: postgres.Sql,
  make: (sql: postgres.Sql) => Promise<void>,
): Promise<Seen> {
  await fillStaging(sql, Number(rows), 1_000_000)
  const relay = createRelay({ databaseUrl: url, logger: quietLogger, batchEntries: BATCH })
  const reading = postgres(url, { max: 1, onnotice: () => {} })
  const holding = postgres(url, { max: 1, onnotice: () => {} })
  const pages = drizzle(reading)
  const logged: { ms: number; entries: number }[] = []
  const pageMs: number[] = []
  let isOver = false
  void relay.start()
  const sampling = (async () => {
    while (!isOver) {
      logged.push({ ms: performance.now(), entries: relay.stats().logged })
      await sleep(10)
    }
  })()
  const paging = (async () => {
    while (!isOver) {
      const beganMs = performance.now()
      await timeline(pages, { limit: 20 })
      pageMs.push(performance.now() - beganMs)
      await sleep(PAGE_EVERY_MS)
    }
  })()
  await until(() => relay.stats().logged > 10_000)
  const beganMs = performance.now()
  await sleep(HELD_MS)
  const heldMs = performance.now()
  pageMs.length = 0
  await holding`begin`
  await holding`select count(*) from audit.audit_log where false`
  await holding`lock table audit.audit_log in access share mode`
  let madeMs = Number.NaN
  const making = make(sql).then(() => {
    madeMs = performance.now() - heldMs
  })
  await sleep(HELD_MS)
  await holding`commit`
  const endMs = performance.now()
  await making
  isOver = true
  await Promise.all([sampling, paging])
  const isEnough = relay.stats().logged < Number(rows)
  await relay.stop()
  await Promise.all([reading.end({ timeout: 1 }), holding.end({ timeout: 1 })])
  if (!isEnough) throw new Error('the lane was drained too soon: give more rows')
  const rate = (fromMs: number, toMs: number) => {
    const at = (ms: number) => logged.findLast((one) => one.ms <= ms)?.entries ?? 0
    return ((at(toMs) - at(fromMs)) / (toMs - fromMs)) * 1_000
  }
  const before = rate(beganMs, heldMs)
  const windows: number[] = []
  for (let ms = heldMs; ms + WINDOW_MS <= endMs; ms += WINDOW_MS / 10) {
    windows.push(rate(ms, ms + WINDOW_MS) / before)
  }
  return {
    worstPageMs: Math.max(...pageMs),
    drainAtLeast: Math.min(...windows),
    drainInMean: rate(heldMs, endMs) / before,
    madeAfterMs: madeMs,
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(10)
}

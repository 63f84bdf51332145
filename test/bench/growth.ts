import { performance } from 'node:perf_hooks'
import postgres from 'postgres'
import { createRelay, type Relay } from '../../relay/index.ts'
import { silentLogger } from '../support/lanes.ts'
import { type Logs, openLogs } from './growth-logs.ts'
import { measureIndexes } from './growth-indexes.ts'
import { growthResult } from './growth-report.ts'
import type { Part, PartOptions } from './part.ts'
import { cpuOfTreeMs } from './process-cpu.ts'
import { interleave, type Sample } from './rounds.ts'
import { fillStaging } from './staged.ts'

const LOGS = ['small', 'large', 'months'] as const
const SMALL_ROWS = 100_000
/** 50 million entries twice, in one month and over 24, take 75 GB and an hour on two cores. */
const LARGE_ROWS = Number(process.env['AUDIT_BENCH_LOG_ROWS'] ?? 50_000_000)
/** Where the logs stay for the next run; without it they are made anew and removed. */
const DATA_DIR = process.env['AUDIT_BENCH_DATA_DIR']

export const part: Part = {
  name: 'growth',
  summary: 'the drain into a large log, into 24 months of it, and what each index costs',
  run,
}

async function run({ isQuick, say }: PartOptions) {
  const largeRows = isQuick ? 40_000 : LARGE_ROWS
  const smallRows = isQuick ? 5_000 : SMALL_ROWS
  const drainRows = isQuick ? 4_000 : 100_000
  const logs = await openLogs({
    logs: {
      small: { rows: smallRows, months: 1 },
      large: { rows: largeRows, months: 1 },
      months: { rows: largeRows, months: 24 },
    },
    dataDir: isQuick ? undefined : DATA_DIR,
    say,
  })
  const drains = new Map<string, Drain>()
  try {
    for (const log of LOGS) drains.set(log, new Drain(logs, log))
    const drainOf = (log: string, isBehindCheckpoint: boolean) => () => {
      const drain = drains.get(log)
      if (!drain) throw new Error(`No log is called ${log}.`)
      return drain.run(drainRows, isBehindCheckpoint)
    }
    const intoEach = (isBehindCheckpoint: boolean, warmUpRounds: number) =>
      interleave(Object.fromEntries(LOGS.map((log) => [log, drainOf(log, isBehindCheckpoint)])), {
        rounds: isQuick ? 1 : 5,
        warmUpRounds: isQuick ? 0 : warmUpRounds,
        onTurn: (log, round) => say(`drain into ${log}, round ${round + 1}`),
      })
    const drained = await intoEach(false, 2)
    const behindCheckpoint = await intoEach(true, 0)
    const indexed = await measureIndexes(logs.url('small'), drainOf('small', true), {
      rounds: isQuick ? 1 : 3,
      say,
    })
    const bytes = await sizesOf(logs)
    return growthResult({
      ...{ smallRows, largeRows, drainRows, drained, behindCheckpoint, indexed, bytes },
    })
  } finally {
    for (const drain of drains.values()) await drain.close()
    await logs.close()
  }
}

/** One relay on one log: fills the fast lane, then takes the time until it is empty. */
class Drain {
  readonly #sql: postgres.Sql
  readonly #relay: Relay
  readonly #serverPid: number
  #staged = 0

  constructor(logs: Logs, log: string) {
    this.#sql = postgres(logs.url(log), { max: 1, onnotice: () => {} })
    this.#relay = createRelay({ databaseUrl: logs.url(log), logger: silentLogger() })
    this.#serverPid = logs.server.pid
  }

  /**
   * @param isBehindCheckpoint the first touch of every page then writes the whole of it to the WAL:
   * at its dearest for a short drain, and none of it where checkpoints are far between
   */
  async run(rows: number, isBehindCheckpoint: boolean): Promise<Sample> {
    // Entries that no other turn has had, of any run on these logs.
    await fillStaging(this.#sql, rows, (Date.now() % 1e9) * 1_000 + this.#staged)
    this.#staged += rows
    if (isBehindCheckpoint) await this.#sql`checkpoint`
    const [from] = await this.#sql`select pg_current_wal_insert_lsn()::text as lsn`
    const loggedBefore = this.#relay.stats().logged
    const cpuBeforeMs = cpuOfTreeMs(this.#serverPid)
    const beganMs = performance.now()
    await this.#relay.drain({ deadlineMs: 600_000 })
    const seconds = (performance.now() - beganMs) / 1_000
    const cpuMs = cpuOfTreeMs(this.#serverPid) - cpuBeforeMs
    const logged = this.#relay.stats().logged - loggedBefore
    if (logged !== rows) throw new Error(`${logged} of ${rows} entries were logged.`)
    const [wal] = await this.#sql`
      select (pg_current_wal_insert_lsn() - ${from?.['lsn']}::pg_lsn)::float8 as bytes`
    return {
      entriesPerSecond: rows / seconds,
      cpuSecondsPerMillion: (cpuMs * 1_000) / rows,
      walBytesPerEntry: Number(wal?.['bytes']) / rows,
    }
  }

  async close(): Promise<void> {
    await this.#relay.stop()
    await this.#sql.end({ timeout: 1 })
  }
}

async function sizesOf(logs: Logs): Promise<Record<string, number>> {
  const sql = postgres(logs.url('large'), { max: 1 })
  const [size] = await sql`
    select pg_database_size('large')::float8 as large, pg_database_size('months')::float8 as months`
  await sql.end({ timeout: 1 })
  return { large: Number(size?.['large']), months: Number(size?.['months']) }
}

import postgres from 'postgres'
import { Drain } from './growth-drain.ts'
import { type Logs, openLogs } from './growth-logs.ts'
import { growthResult } from './growth-report.ts'
import type { Part, PartOptions } from './part.ts'
import { interleave } from './rounds.ts'

const LOGS = ['small', 'large', 'months'] as const
const SMALL_ROWS = 100_000
/** 50 million entries twice, in one month and over 24, take 75 GB and an hour on two cores. */
const LARGE_ROWS = Number(process.env['AUDIT_BENCH_LOG_ROWS'] ?? 50_000_000)
/** Where the logs stay for the next run; without it they are made anew and removed. */
const DATA_DIR = process.env['AUDIT_BENCH_DATA_DIR']

export const part: Part = {
  name: 'growth',
  summary: 'the drain into a large log, and into 24 months of it',
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
    const bytes = await sizesOf(logs)
    return growthResult({
      ...{ smallRows, largeRows, drainRows, drained, behindCheckpoint, bytes },
    })
  } finally {
    for (const drain of drains.values()) await drain.close()
    await logs.close()
  }
}

async function sizesOf(logs: Logs): Promise<Record<string, number>> {
  const sql = postgres(logs.url('large'), { max: 1 })
  const [size] = await sql`
    select pg_database_size('large')::float8 as large, pg_database_size('months')::float8 as months`
  await sql.end({ timeout: 1 })
  return { large: Number(size?.['large']), months: Number(size?.['months']) }
}

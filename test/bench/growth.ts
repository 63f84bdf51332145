import path from 'node:path'
import postgres from 'postgres'
import { Drain } from './growth-drain.ts'
import { type Logs, openLogs } from './growth-logs.ts'
import { type GrowthMeasured, type GrowthOfLog, growthResult } from './growth-report.ts'
import type { Part, PartOptions } from './part.ts'
import { interleave, type Rounds } from './rounds.ts'

const SMALL_ROWS = 100_000
/** 50 million entries take 44 GB, and a quarter of an hour to make on two cores. */
const LARGE_ROWS = Number(process.env['AUDIT_BENCH_LOG_ROWS'] ?? 50_000_000)
/** How many months the entries of each large log are spread over. */
const MONTHS = [1, 24]
/** Where the logs stay for the next run; without it each is made again, and removed. */
const DATA_DIR = process.env['AUDIT_BENCH_DATA_DIR']

export const part: Part = {
  name: 'growth',
  summary: 'the drain into a large log, and into 24 months of it',
  run,
}

async function run(options: PartOptions) {
  const { isQuick } = options
  const sizes = {
    smallRows: isQuick ? 5_000 : SMALL_ROWS,
    largeRows: isQuick ? 40_000 : LARGE_ROWS,
    drainRows: isQuick ? 4_000 : 100_000,
    warmUpRows: isQuick ? 4_000 : 1_000_000,
  }
  // One at a time, each next to a small one on the same server: two would need twice the disk.
  const logs: GrowthOfLog[] = []
  for (const months of MONTHS) logs.push(await growthOf(months, sizes, options))
  return growthResult({ ...sizes, logs })
}

async function growthOf(
  months: number,
  { smallRows, largeRows, drainRows, warmUpRows }: Omit<GrowthMeasured, 'logs'>,
  { isQuick, say }: PartOptions,
): Promise<GrowthOfLog> {
  const logs = await openLogs({
    logs: { small: { rows: smallRows, months: 1 }, large: { rows: largeRows, months } },
    dataDir: isQuick || !DATA_DIR ? undefined : path.join(DATA_DIR, `${months}-months`),
    say,
  })
  const small = new Drain(logs, 'small')
  const large = new Drain(logs, 'large')
  const intoEach = (isBehindCheckpoint: boolean, warmUpRounds: number): Promise<Rounds> =>
    interleave(
      {
        small: () => small.run(drainRows, isBehindCheckpoint),
        large: () => large.run(drainRows, isBehindCheckpoint),
      },
      {
        rounds: isQuick ? 1 : 5,
        warmUpRounds: isQuick ? 0 : warmUpRounds,
        onTurn: (log, round) => say(`drain into ${log}, months: ${months}, round ${round + 1}`),
      },
    )
  try {
    say(`drain into large, months: ${months}, until its pages are in the WAL`)
    await large.run(warmUpRows, true)
    return {
      months,
      drained: await intoEach(false, 2),
      behindCheckpoint: await intoEach(true, 0),
      bytes: await sizeOf(logs),
    }
  } finally {
    await small.close()
    await large.close()
    await logs.close()
  }
}

async function sizeOf(logs: Logs): Promise<number> {
  const sql = postgres(logs.url('large'), { max: 1 })
  const [size] = await sql`select pg_database_size('large')::float8 as bytes`
  await sql.end({ timeout: 1 })
  return Number(size?.['bytes'])
}

import postgres from 'postgres'
import { Drain } from './growth-drain.ts'
import { openLogs } from './growth-logs.ts'
import { describeMachine, showMachine } from './machine.ts'
import { interleave, showSpread } from './rounds.ts'

/**
 * The drain into a log that got 20 million entries in one month, whose partitions are days as the
 * relay makes them at that rate, next to a log of 100,000 entries on the same server.
 *
 * `npx tsx test/bench/partition-rate.ts [entries] [rounds] [dataDir]`
 *
 * With a dataDir the logs stay for the next run. 20 million take some 16 GB.
 */
const [entries = '20000000', rounds = '5', dataDir] = process.argv.slice(2)
const SMALL = 100_000
const DRAINED = 60_000

const beganMs = performance.now()
const say = (progress: string) =>
  console.error(`${((performance.now() - beganMs) / 1_000).toFixed(0).padStart(5)} s  ${progress}`)

console.log(showMachine(describeMachine()))
const logs = await openLogs({
  logs: {
    small: { rows: SMALL, months: 1 },
    days: { rows: Number(entries), months: 1, areDays: true },
  },
  dataDir,
  say,
})
const sql = postgres(logs.url('days'), { max: 1, onnotice: () => {} })
const small = new Drain(logs, 'small')
const days = new Drain(logs, 'days')
try {
  let closed = 0
  for (;;) {
    const [row] = await sql`select audit.close_partition() as name`
    if (row?.['name'] == null) break
    closed += 1
  }
  say(`${closed} partitions closed`)
  const [found] = await sql`
    select audit.partition_width('auto', 300) as width, round(audit.entries_a_month())::text as rate,
      (select count(*)::integer from audit.partition_bounds()) as partitions,
      pg_size_pretty(pg_database_size(current_database())) as size`
  console.log(
    `${found?.['partitions']} partitions, ${found?.['size']}; auto: ${found?.['width']}, ` +
      `at an estimated ${found?.['rate']} entries a month`,
  )
  for (const isBehindCheckpoint of [false, true]) {
    const results = await interleave(
      {
        small: () => small.run(DRAINED, isBehindCheckpoint),
        days: () => days.run(DRAINED, isBehindCheckpoint),
      },
      {
        rounds: Number(rounds),
        warmUpRounds: isBehindCheckpoint ? 0 : 1,
        onTurn: (log, round) => say(`drain into ${log}, round ${round + 1}`),
      },
    )
    console.log(`\n${isBehindCheckpoint ? 'Behind a checkpoint' : 'Between checkpoints'}\n`)
    console.log('| log | entries/s | of the small one | CPU s for a million | WAL B/entry |')
    console.log('|---|--:|--:|--:|--:|')
    for (const name of results.names) {
      const shown = [
        showSpread(results.spread(name, 'entriesPerSecond')),
        showSpread(results.ratio(name, 'small', 'entriesPerSecond')),
        showSpread(results.spread(name, 'cpuSecondsPerMillion')),
        showSpread(results.spread(name, 'walBytesPerEntry')),
      ]
      console.log(`| ${name} | ${shown.join(' | ')} |`)
    }
  }
} finally {
  await small.close()
  await days.close()
  await sql.end({ timeout: 1 })
  await logs.close()
}

import postgres from 'postgres'
import { Drain } from './growth-drain.ts'
import { openLogs } from './growth-logs.ts'
import { showNumber } from './rounds.ts'

/**
 * What the log's index on request ids costs the drain when these come at random, and what other
 * indexes would: each is made again on a large log of one month, one after the other, then some
 * drains, a small log's by turns with them. Then what entries cost that all have the same request
 * id.
 *
 * `AUDIT_BENCH_REQUEST_IDS=random npx tsx test/bench/request-index.ts [rows in the log]`
 */
const LOG_ROWS = Number(process.argv[2] ?? 50_000_000)
const WARM_UP_ROWS = LOG_ROWS / 50
const DRAIN_ROWS = 100_000
const ROUNDS = 5
/** Rows of the same request id: so many at a time, so many times. */
const SAME_ROWS = 50_000
const SAME_TIMES = 8

const INDEXES = {
  'text and id (ours)': '(request_id, id)',
  'hash index': 'using hash (request_id)',
  'number of a hash, and id': '(hashtext(request_id), id)',
  none: undefined,
} as const

type Index = keyof typeof INDEXES

async function sameRequest(index: Index): Promise<void> {
  await sql.unsafe(`
    create unlogged table public.same_request (request_id text, id uuid);
    create index on public.same_request ${INDEXES[index]}`)
  for (let time = 0; time < SAME_TIMES; time += 1) {
    const beganMs = performance.now()
    await sql`
      insert into public.same_request
      select 'nightly', gen_random_uuid() from generate_series(1, ${SAME_ROWS}::integer)`
    const ms = showNumber(performance.now() - beganMs)
    console.log(`| ${index} | ${showNumber(time * SAME_ROWS)} | ${ms} |`)
  }
  await sql`drop table public.same_request`
}

const logs = await openLogs({
  logs: { small: { rows: 100_000, months: 1 }, large: { rows: LOG_ROWS, months: 1 } },
  say: (progress) => console.error(progress),
})
const sql = postgres(logs.url('large'), { max: 1, onnotice: () => {} })
const small = new Drain(logs, 'small')
const large = new Drain(logs, 'large')
try {
  await sql`set maintenance_work_mem = '2GB'`
  for (const [name, definition] of Object.entries(INDEXES)) {
    await sql`drop index audit.audit_log_request`
    // In the name of the one that it stands for, and on every partition.
    const index = definition ?? '((null::integer)) where false'
    await sql.unsafe(`create index audit_log_request on audit.audit_log ${index}`)
    await large.run(WARM_UP_ROWS, true)
    for (let round = 0; round < ROUNDS; round += 1) {
      const beside = await small.run(DRAIN_ROWS, false)
      const seen = await large.run(DRAIN_ROWS, false)
      const shown = [
        ...[seen['entriesPerSecond'], beside['entriesPerSecond']],
        ...[seen['cpuSecondsPerMillion'], seen['walBytesPerEntry']],
      ].map((figure) => showNumber(figure ?? Number.NaN))
      console.log(`| ${[name, ...shown].join(' | ')} |`)
    }
  }
  for (const index of ['text and id (ours)', 'hash index'] as const) await sameRequest(index)
} finally {
  await sql.end({ timeout: 1 })
  await small.close()
  await large.close()
  await logs.close()
}

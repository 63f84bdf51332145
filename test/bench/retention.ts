import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { createRelay } from '../../relay/index.ts'
import { applyRetention, undoRetention } from '../../relay/retention/apply-retention.ts'
import { Database } from '../../src/database/connection.ts'
import { timeline } from '../../src/read/timeline.ts'
import { makePartition } from '../support/old-log.ts'
import { setPolicy } from '../support/policies.ts'
import { BenchServer } from './bench-server.ts'
import { describeMachine, showMachine } from './machine.ts'
import { quietLogger } from './quiet-logger.ts'

/**
 * The worst page beside a swap, while a transaction has read the log open for three seconds and a relay
 * drains. Next to it the worst page of the same seconds without a swap, and beside a plain DETACH.
 *
 * `npx tsx test/bench/retention.ts [rows] [kept]`: entries of the old month, and how many of them stay.
 */
const [rows = '150000', kept = '18641'] = process.argv.slice(2)
const HELD_MS = 3_000
const PARTITION_MONTHS = 3
/** Entries a second that arrive meanwhile. */
const RATE = 2_000

const server = await BenchServer.start()
const url = await server.make('retention', async (sql) => {
  const name = await makePartition(sql, PARTITION_MONTHS)
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action, user_id, metadata)
    select (left(p.from_id::text, 15) || lpad(to_hex(n % 4096), 3, '0') || substr(gen_random_uuid()::text, 19))::uuid,
      n, now(), case when n <= ${Number(kept)} then 'billing.pay' else 'temp.a' end, gen_random_uuid(),
      '{"plan": "pro", "cents": 4200}'
    from generate_series(1, ${Number(rows)}) as n, audit.audit_partition as p where p.name = ${name}`
  await sql`update audit.audit_head set seq = ${Number(rows)}`
  await setPolicy(sql, 'temp.*', '20 days')
  await sql`vacuum analyze audit.audit_log`
})
const sql = postgres(url, { max: 4, onnotice: () => {} })
const open = (applicationName: string, isReader = false) =>
  new Database({ url, applicationName, statementTimeoutMs: 600_000, isReader })
const keeper = open('retention')
const relay = createRelay({ databaseUrl: url, logger: quietLogger })
const running = relay.start()

/** Pages of two readers, and entries that arrive, until the work is over. */
async function beside(work: () => Promise<unknown>) {
  const ending = new AbortController()
  const pages: number[] = []
  const read = async (reader: Database) => {
    while (!ending.signal.aborted) {
      const beganMs = performance.now()
      await timeline(reader, {})
      pages.push(performance.now() - beganMs)
      await sleep(20)
    }
  }
  const stage = async () => {
    while (!ending.signal.aborted) {
      await sql`
        insert into audit.audit_staging (id, occurred_at, action, metadata, context)
        select audit.new_id(), now(), 'live.a', '{}', '{}' from generate_series(1, ${RATE / 10})`
      await sleep(100)
    }
  }
  const loads = [open('page', true), open('page', true)]
  const [before] = await sql`select seq::integer as seq from audit.audit_head`
  const holder = postgres(url, { max: 1, onnotice: () => {} })
  await holder`begin`
  await holder`select from audit.audit_log limit 1`
  const running = Promise.all([...loads.map(read), stage()])
  const beganMs = performance.now()
  const holding = sleep(HELD_MS).then(() => holder`commit`)
  await Promise.all([work(), holding])
  const tookMs = performance.now() - beganMs
  ending.abort()
  await running
  const [after] = await sql`select seq::integer as seq from audit.audit_head`
  await Promise.all([holder.end(), ...loads.map((load) => load.close())])
  pages.sort((one, other) => one - other)
  return {
    tookMs,
    pages: pages.length,
    p99: pages[Math.floor(pages.length * 0.99)] ?? 0,
    worst: pages.at(-1) ?? 0,
    logged: (Number(after?.['seq']) - Number(before?.['seq'])) / (tookMs / 1_000),
  }
}

const partition = (await sql`select name from audit.audit_partition order by from_id limit 1`)[0]?.[
  'name'
] as string
console.log(showMachine(describeMachine()))
console.log(
  '\n| beside a reader that is open for 3 s | took ms | pages | p99 ms | worst page ms | logged/s |',
)
console.log('|---|--:|--:|--:|--:|--:|')
const ways = {
  nothing: () => sleep(HELD_MS),
  'retention: build, swap': () => applyRetention(keeper),
  'undo of it': () => undoRetention(keeper, partition),
  'a plain DETACH PARTITION': async () => {
    await sql.unsafe(`alter table audit.audit_log detach partition audit.${partition}`)
  },
}
try {
  for (const [name, work] of Object.entries(ways)) {
    const { tookMs, pages, p99, worst, logged } = await beside(work)
    const figures = [tookMs, pages, p99, worst, logged].map((figure) => figure.toFixed(0))
    console.log(`| ${name} | ${figures.join(' | ')} |`)
  }
} finally {
  await relay.stop()
  await running.catch(() => {})
  await keeper.close()
  await sql.end({ timeout: 1 })
  await server.remove()
}

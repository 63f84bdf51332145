import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { moveStatement } from '../../relay/move/move-statement.ts'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { startPostgres } from '../support/postgres.ts'
import { generateLog } from './generate.ts'

/**
 * What each index of the log costs the move, in CPU time of the backend: 20,000 rows in batches of
 * 1,000, with and without it, by turns, on a log that already has a million entries.
 *
 * `npx tsx test/bench/index-cost.ts [rows in the log]`
 */
const LOG_ROWS = Number(process.argv[2] ?? 1_000_000)
const MOVE_ROWS = 20_000
const BATCH = 1_000
const ROUNDS = 15
// Linux counts in hundredths of a second.
const TICK_MS = 10

const ENTITY = `create index audit_log_entity on audit.audit_log (split_part(action, '.', 1), id)`
const ACTION = `create index audit_log_action on audit.audit_log (action, id)`
const ENTITY_TYPE = `create index audit_log_entity_type on audit.audit_log (entity_type, id)
  where entity_type is not null`
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  'without entity, action, entity type': [],
  'entity (as it was)': [ENTITY],
  'entity + action': [ENTITY, ACTION],
  'entity + action + entity type': [ENTITY, ACTION, ENTITY_TYPE],
}
const NAMES = ['audit_log_entity', 'audit_log_action', 'audit_log_entity_type']

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-index-cost-'))
fs.chmodSync(dataDir, 0o711)
const server = await startPostgres({
  dataDir: path.join(dataDir, 'data'),
  settings: { shared_buffers: '1GB', max_wal_size: '8GB', maintenance_work_mem: '512MB' },
})
const admin = postgres(server.url, { max: 1, onnotice: () => {} })
try {
  await migrateDatabase({
    databaseUrl: server.url,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  })
  await generateLog(admin, { rows: LOG_ROWS, endMs: Date.now(), months: 2 })
  const db = drizzle(postgres(server.url, { max: 1, prepare: false }))
  const [backend] = await db.execute(sql`select pg_backend_pid() as pid`)
  const cost = new Map(Object.keys(VARIANTS).map((name) => [name, [] as number[]]))
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, indexes] of Object.entries(VARIANTS)) {
      for (const old of NAMES) await admin.unsafe(`drop index if exists audit.${old}`)
      for (const make of indexes) await admin.unsafe(make)
      await stage(MOVE_ROWS)
      await admin`checkpoint`
      const before = cpuMs(Number(backend?.['pid']))
      for (let moved = 0; moved < MOVE_ROWS; moved += BATCH) {
        await db.execute(
          moveStatement({ lane: 'staging', batchEntries: BATCH, lockTimeoutMs: 5_000 }),
        )
      }
      cost.get(name)?.push(cpuMs(Number(backend?.['pid'])) - before)
    }
  }
  const median = (times: readonly number[]) =>
    [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
  const basis = median(cost.get('entity (as it was)') ?? [])
  console.log(
    `| next to event, user, target, request, seq | CPU ms, median of ${ROUNDS} | µs a row | |`,
  )
  console.log('|---|---|---|---|')
  for (const [name, times] of cost) {
    const ms = median(times)
    const change = `${(100 * (ms / basis - 1)).toFixed(0)} %`
    console.log(`| ${name} | ${ms} | ${((ms * 1_000) / MOVE_ROWS).toFixed(1)} | ${change} |`)
  }
  const sizes = await admin`
    select regexp_replace(indexrelname, '^.*_\\d{4}_\\d{2}_', '') as index,
      sum(pg_relation_size(indexrelid))::bigint as bytes
    from pg_stat_user_indexes where schemaname = 'audit' and relname like 'audit_log_2%'
    group by 1 order by 2 desc`
  console.table(sizes.map(({ index, bytes }) => ({ index, MB: Math.round(Number(bytes) / 1e6) })))
  await db.$client.end({ timeout: 1 })
} finally {
  await admin.end({ timeout: 1 })
  await server.stop('immediate')
  fs.rmSync(dataDir, { recursive: true, force: true })
}

async function stage(rows: number): Promise<void> {
  await admin`
    insert into audit.audit_staging (
      id, occurred_at, user_id, event_id, target_id, action, entity_type, request_id, metadata, context
    )
    select audit.new_id(), now(), gen_random_uuid(),
      md5('event' || floor(2000 * power(random(), 3))::integer)::uuid, gen_random_uuid(), action,
      entity_type, 'req-' || gen_random_uuid(), metadata, context
    from (
      select * from audit.audit_log where seq between ${LOG_ROWS - rows + 1} and ${LOG_ROWS}
    ) as sample`
}

/** What a process has cost so far. Its wall clock would also show who else uses the machine. */
function cpuMs(pid: number): number {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

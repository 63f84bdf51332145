import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { makePartitions } from './generate.ts'
import { fillStaging, requestIdOf } from './staged.ts'

export interface LogSize {
  readonly rows: number
  /** How many months they are spread over; 1 is the current one alone. */
  readonly months: number
  /** Whether each day of the current month is a partition, as a relay makes them by the rate. */
  readonly areDays?: boolean
}

export interface LogsOptions {
  /** By the names of their databases, on one server. */
  readonly logs: Readonly<Record<string, LogSize>>
  /** Where they are kept for another run. Default: made again, and removed at the end. */
  readonly dataDir?: string | undefined
  readonly say: (progress: string) => void
}

export interface Logs {
  readonly server: Postgres
  url(log: string): string
  close(): Promise<void>
}

const SEED_ROWS = 500_000
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
/**
 * https://www.postgresql.org/docs/current/runtime-config-resource.html: a quarter of the memory.
 */
const SHARED_BUFFERS = `${Math.floor(os.totalmem() / 4 / 2 ** 20)}MB`
const MEASURED = {
  shared_buffers: SHARED_BUFFERS,
  max_wal_size: '16GB',
  checkpoint_timeout: '30min',
}
/** Nothing has to survive a crash yet, and what is made and filled in one go needs no WAL. */
const LOADING = {
  ...MEASURED,
  fsync: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  autovacuum: 'off',
  maintenance_work_mem: '2GB',
  max_parallel_maintenance_workers: '2',
}

/** Logs of several sizes, a database each, all filled at the same time. */
export async function openLogs({ logs, dataDir, say }: LogsOptions): Promise<Logs> {
  const folder = dataDir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-growth-'))
  fs.mkdirSync(folder, { recursive: true })
  fs.chmodSync(folder, 0o711) // as root the server runs as another user, who has to get in
  const data = path.join(folder, 'data')
  const marker = path.join(folder, 'logs.json')
  const wanted = JSON.stringify(logs)
  if (!fs.existsSync(marker) || fs.readFileSync(marker, 'utf8') !== wanted) {
    fs.rmSync(data, { recursive: true, force: true })
    const server = await startPostgres({ dataDir: data, settings: LOADING })
    try {
      for (const name of Object.keys(logs)) await makeDatabase(server, name)
      await Promise.all(
        Object.entries(logs).map(([name, size]) => fill(urlOf(server, name), name, size, say)),
      )
    } finally {
      await server.stop()
    }
    fs.writeFileSync(marker, wanted)
  }
  const server = await startPostgres({ dataDir: data, settings: MEASURED })
  return {
    server,
    url: (log) => urlOf(server, log),
    async close() {
      const isKept = dataDir !== undefined
      await server.stop(isKept ? 'fast' : 'immediate') // recovery would take longer than a start may
      if (!isKept) fs.rmSync(folder, { recursive: true, force: true })
    },
  }
}

function urlOf(server: Postgres, database: string): string {
  return Object.assign(new URL(server.url), { pathname: `/${database}` }).href
}

async function makeDatabase(server: Postgres, name: string): Promise<void> {
  const admin = postgres(server.url, { max: 1 })
  await admin.unsafe(`create database ${name}`)
  await admin.end()
  await migrateDatabase({ databaseUrl: urlOf(server, name), logger: SILENT })
}

/**
 * Copies of half a million entries as the demo stages them, with ids and request ids of their own:
 * a new entry's place in each index is as scattered as an application's. Each partition is made
 * again, filled, then indexed, then attached.
 */
async function fill(
  url: string,
  name: string,
  { rows, months, areDays = false }: LogSize,
  say: LogsOptions['say'],
): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const seedRows = Math.min(rows, SEED_ROWS)
  await fillStaging(sql, seedRows)
  const leaves = areDays ? await daysOfMonth(sql) : await lastMonths(sql, months)
  let done = 0
  for (const [at, { leaf, startMs, endMs }] of leaves.entries()) {
    const share = Math.round((rows * (at + 1)) / leaves.length) - done
    await sql.begin(async (tx) => {
      const attach = await makeAgain(tx, leaf)
      for (let made = 0; made < share; made += seedRows) {
        const room = Math.min(seedRows, share - made)
        const stepMs = (endMs - startMs) / share
        await tx.unsafe(copySeed(leaf, done, room, startMs + made * stepMs, stepMs))
        done += room
        if (rows > seedRows) say(`${name}: ${done.toLocaleString('en-US')} entries`)
      }
      await attach()
    })
  }
  await sql`update audit.audit_head set seq = ${rows}`
  await sql`truncate audit.audit_staging`
  await sql`analyze audit.audit_log`
  await sql.end()
  say(`${name}: indexed and analysed`)
}

interface Leaf {
  readonly leaf: string
  readonly startMs: number
  readonly endMs: number
}

async function lastMonths(sql: postgres.Sql, months: number): Promise<readonly Leaf[]> {
  const now = new Date()
  const start = (back: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)
  await makePartitions(sql, start(months - 1), Date.now())
  return Array.from({ length: months }, (_, at) => {
    const [startMs, back] = [start(months - 1 - at), months - 1 - at]
    const name = new Date(startMs).toISOString().slice(0, 7).replace('-', '_')
    return { leaf: `audit_log_${name}`, startMs, endMs: back === 0 ? Date.now() : start(back - 1) }
  })
}

/** Makes the days of this month partitions, and those of the next ones, and returns those up to now. */
async function daysOfMonth(sql: postgres.Sql): Promise<readonly Leaf[]> {
  await sql.unsafe(`
    set timezone = 'UTC';
    do $$ declare part text; begin
      for part in select name from audit.partition_bounds() loop
        execute format('drop table audit.%I', part);
      end loop;
      delete from audit.audit_partition;
      for round in 1 .. 2 loop
        perform audit.make_partitions(r.first_ids[:24], r.end_ids[:24], null)
        from (
          select array_agg(first_id) as first_ids, array_agg(end_id) as end_ids
          from audit.missing_ranges(date_trunc('month', now()), date_trunc('day', now()), 'day', null)
        ) as r where r.first_ids is not null;
      end loop;
      while audit.ensure_partitions(3, 'day') > 0 loop end loop;
    end $$`)
  return await sql<Leaf[]>`
    select name as leaf, extract(epoch from audit.id_time(first_id))::float8 * 1000 as "startMs",
      extract(epoch from least(audit.id_time(end_id), now()))::float8 * 1000 as "endMs"
    from audit.partition_bounds() where first_id < audit.id_floor(now()) order by first_id`
}

function copySeed(leaf: string, from: number, rows: number, startMs: number, stepMs: number) {
  return `
    insert into audit.${leaf} (
      id, seq, occurred_at, logged_at, user_id, event_id, target_id,
      action, entity_type, request_id, metadata, context
    )
    select
      (lpad(to_hex(ms), 12, '0') || '7' || substr(id::text, 16, 3) || substr(id::text, 20))::uuid,
      ${from} + n, to_timestamp(ms / 1000.0), to_timestamp((ms + 300) / 1000.0),
      user_id, event_id, target_id, action, entity_type,
      ${requestIdOf(`md5('request' || (${from} + n))`)}, metadata, context
    from (
      select *, (${startMs}::float8 + (n - 1) * ${stepMs}::float8)::bigint as ms
      from (select *, row_number() over () as n from audit.audit_staging limit ${rows}) as seed
    ) as numbered`
}

/** @returns what gives the new partition the old one's indexes and its place */
async function makeAgain(tx: postgres.TransactionSql, leaf: string): Promise<() => Promise<void>> {
  const [bound] = await tx`
    select pg_get_expr(relpartbound, oid) as text from pg_class
    where oid = ${`audit.${leaf}`}::regclass`
  const indexes = await tx`
    select pg_get_indexdef(i.indexrelid) as definition, c.conname as key
    from pg_index as i left join pg_constraint as c
      on c.conindid = i.indexrelid and c.conrelid = i.indrelid and c.contype = 'p'
    where i.indrelid = ${`audit.${leaf}`}::regclass`
  await tx.unsafe(`
    drop table audit.${leaf};
    create table audit.${leaf} (
      like audit.audit_log including defaults including constraints including storage
    )`)
  return async () => {
    for (const { definition, key } of indexes) {
      await tx.unsafe(
        key === null
          ? definition
          : `alter table audit.${leaf} add constraint ${key} primary key (id)`,
      )
    }
    await tx.unsafe(`alter table audit.audit_log attach partition audit.${leaf} ${bound?.['text']}`)
  }
}

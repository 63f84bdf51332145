import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import type postgres from 'postgres'
import { createRelay } from '../relay/index.ts'
import { Database } from '../src/database/connection.ts'
import { HistoryChangedError } from '../src/read/tail.ts'
import { migrateDatabase, type MigrateOptions } from '../src/schema/migrate.ts'
import { blocksOf, ROOT } from './support/documents.ts'
import { dumpableMajor, dumpFolder } from './support/dumps.ts'
import { logAsText } from './support/exports.ts'
import { silentLogger } from './support/lanes.ts'
import { connect, refusalOf } from './support/logins.ts'
import { ownServer } from './support/own-server.ts'
import type { Postgres } from './support/postgres.ts'
import { nativeOf, type PostgresMajor } from './support/postgres-home.ts'
import { takeFromTail } from './support/take-from-tail.ts'
import { waitFor } from './support/wait-for.ts'

// Goal: the log moves to a newer server with nothing missing and nothing twice, by the commands of
// relay/deploy/moving.md as they stand there.
// Method: two real servers, the old one of the oldest version that is supported. The test runs the
// shell samples of the page, and looks at both logs in between.

const PAGE = 'relay/deploy/moving.md'
const OLDEST: PostgresMajor = 14

function reasonToSkip(): string | false {
  if (dumpableMajor() === undefined) return 'pg_dump is not installed'
  try {
    nativeOf(OLDEST, () => {})
    return false
  } catch {
    return `PostgreSQL ${OLDEST} cannot be installed from npm here`
  }
}
const skip = reasonToSkip()

interface Move {
  readonly from: Postgres
  readonly to: Postgres
  readonly old: postgres.Sql
  readonly new: postgres.Sql
  /** Runs the sample of the page that begins with this comment. @returns what it printed */
  follow(title: string): Promise<string>
}

/** A migrated old server, and a new one that is empty. */
async function twoServers(t: TestContext, options: MigrateOptions = {}): Promise<Move> {
  const from = await ownServer({ wal_level: 'logical' }, { major: OLDEST })
  t.after(from.remove)
  const to = await ownServer()
  t.after(to.remove)
  const logger = silentLogger()
  await migrateDatabase({ databaseUrl: from.server.url, logger, ...options })
  const folder = dumpFolder(t)
  return {
    from: from.server,
    to: to.server,
    old: connect(t, from.server.url),
    new: connect(t, to.server.url),
    follow: (title) => followSample(title, folder, from.server.url, to.server.url),
  }
}

async function followSample(title: string, cwd: string, oldUrl: string, newUrl: string) {
  const sample = blocksOf(PAGE).find(({ text }) => text.startsWith(`# ${title}\n`))
  assert.ok(sample, `${PAGE} has no sample "${title}"`)
  const main = path.join(ROOT, 'relay/main.ts')
  const loader = path.join(ROOT, 'node_modules/tsx/dist/loader.mjs')
  const prelude = `audit-relay() { "${process.execPath}" --import "${loader}" "${main}" "$@"; }`
  const env = { PATH: process.env['PATH'], OLD: oldUrl, NEW: newUrl, AUDIT_LOG_LEVEL: 'silent' }
  const args = ['--norc', '-o', 'pipefail', '-euc', `${prelude}\n${sample.text}`]
  const { stdout } = await promisify(execFile)('bash', args, { cwd, env }).catch(
    (error: unknown) => {
      const said = ['stdout', 'stderr'].map((name) => Reflect.get(Object(error), name))
      throw new Error(`${sample.place}: ${said.join('\n')}`)
    },
  )
  return stdout
}

async function record(sql: postgres.Sql, actions: readonly string[]): Promise<void> {
  await sql`select audit.record(${JSON.stringify(actions.map((action) => ({ action })))})`
}

/** Makes a dead letter, as of an entry that its lane refuses. */
async function bury(sql: postgres.Sql): Promise<void> {
  await sql`select audit.bury('outbox', 'record', '23514', 'unfit', null, null, null, '{}')`
}

/** Drains as one relay does that remembers the log from one server to the other. */
async function drain({ url }: Postgres, stateDir: string): Promise<void> {
  const relay = createRelay({ databaseUrl: url, logger: silentLogger(), stateDir })
  try {
    await relay.drain({ deadlineMs: 60_000 })
  } finally {
    await relay.stop()
  }
}

function reader(t: TestContext, { url }: Postgres): Database {
  const about = { applicationName: 'moving', statementTimeoutMs: 10_000, isReader: true }
  const db = new Database({ url, ...about })
  t.after(() => db.close())
  return db
}

/** The rows of a table as JSON, in an order of their own. */
async function rowsOf(sql: postgres.Sql, table: string): Promise<readonly string[]> {
  const rows = await sql.unsafe(`select to_json(r)::text as row from audit.${table} as r`)
  return rows.map(({ row }) => String(row)).sort()
}

/** Every LOGGED table but the log, which has a comparison of its own, and the catalogue. */
async function replicatedTables(sql: postgres.Sql): Promise<readonly string[]> {
  const rows = await sql`
    select relname from pg_class
    where relnamespace = 'audit'::regnamespace and relkind = 'r' and relpersistence = 'p'
      and not relispartition and relname not in ('audit_partition', 'audit_migration_lock')
    order by relname`
  return rows.map(({ relname }) => String(relname))
}

const partitionsOf = async (sql: postgres.Sql) =>
  (
    await sql`
      select inhrelid::regclass::text as name from pg_inherits
      where inhparent = 'audit.audit_log'::regclass order by 1`
  ).map(({ name }) => String(name))

async function isCopied(sql: postgres.Sql): Promise<boolean> {
  const [row] = await sql`
    select count(*) > 0 and bool_and(srsubstate = 'r') as is from pg_subscription_rel`
  return row?.['is'] === true
}

async function waitForSeq(sql: postgres.Sql, seq: number): Promise<void> {
  const has = async () =>
    (await sql`select seq::integer as seq from audit.audit_head`)[0]?.['seq'] === seq
  await waitFor(has, { what: `the new server to have number ${seq}` })
}

/** The smallest id of a day in the month that comes so many months after this one. */
const monthsAhead = (months: number) =>
  `audit.id_floor(date_trunc('month', now(), 'UTC') + interval '${months} months 3 days')`

for (const made of ['by its definitions', 'by migrate'] as const) {
  test(`logical replication to a newer server, with the schema made there ${made}`, {
    skip,
  }, async (t) => {
    const move = await twoServers(t)
    const stateDir = dumpFolder(t)
    const { old, new: target, from, to, follow } = move
    await record(old, ['a.1', 'a.2', 'a.3'])
    await bury(old)
    await drain(from, stateDir)
    await follow('publish')
    if (made === 'by migrate') {
      await migrateDatabase({ databaseUrl: to.url, logger: silentLogger() })
      await follow('empty what migrate has filled')
    } else {
      // Roles belong to the whole server, so a database of it without entries makes them.
      await target`create database roles_only`
      const roles = new URL(to.url)
      roles.pathname = '/roles_only'
      await migrateDatabase({ databaseUrl: roles.href, logger: silentLogger() })
      await follow('copy the definitions')
    }
    await follow('subscribe')
    await waitFor(() => isCopied(target), { what: 'the tables to be copied' })
    assert.match(await follow('look at the copy'), /audit_log\s*\|\s*r/)

    // While it lasts: entries, a lane that is compacted, and months that begin.
    await record(old, ['b.4', 'b.5'])
    await drain(from, stateDir)
    await old`select audit.compact('outbox'), audit.compact('recorder'), audit.compact('head')`
    await old`select audit.ensure_partitions(4)`
    await follow('make partitions on the new server')
    await target`select audit.ensure_partitions(4)`
    await old`select audit.ensure_partitions(5)` // and nobody makes that one on the new server
    await old.unsafe(`
      insert into audit.audit_log (id, seq, occurred_at, action)
      values (${monthsAhead(4)}, 6, now(), 'c.6'), (${monthsAhead(5)}, 7, now(), 'c.7')`)
    await old`update audit.audit_head set seq = 7`
    await waitForSeq(target, 7)
    const seen = await takeFromTail(reader(t, from), 7, { fromSeq: 1 })
    await record(old, ['d.8'])

    await follow('empty the lanes and wait')
    const compared = await follow('compare')
    assert.deepEqual(compared.trim().split('\n'), ['8|8', '8|8'])
    assert.deepEqual(await logAsText({ sql: target }), await logAsText({ sql: old }))
    for (const table of await replicatedTables(old)) {
      assert.deepEqual(await rowsOf(target, table), await rowsOf(old, table), table)
    }
    const inDefault = await target`select action from audit.audit_log_default`
    assert.deepEqual([...inDefault], [{ action: 'c.7' }], 'the month that was not made there')

    await follow('switch')
    const [left] = await old`select count(*)::integer as slots from pg_replication_slots`
    assert.deepEqual({ ...left }, { slots: 0 })
    const again = await migrateDatabase({ databaseUrl: to.url, logger: silentLogger() })
    assert.deepEqual(again, { applied: [], repaired: [] })
    for (const change of [
      'update audit.audit_log set action = $$x.y$$',
      'truncate audit.audit_log',
    ])
      assert.match((await refusalOf(target.unsafe(change)))?.message ?? '', /append-only/, change)

    // A recorder that lived on, and a second letter, which must not get the first one's number.
    await record(target, ['e.after'])
    await bury(target)
    await drain(to, stateDir)
    assert.match(await follow('ask'), /staging/)
    const letters =
      await target`select number::integer as n from audit.audit_dead_letter order by 1`
    assert.deepEqual([...letters], [{ n: 1 }, { n: 2 }])
    const after = await target`
      select seq::integer as seq, action from audit.audit_log where seq > 8 order by seq`
    assert.deepEqual(
      after.map(({ seq }) => seq),
      after.map((_, index) => 9 + index),
      'numbers go on without a hole',
    )
    assert.deepEqual([...new Set(after.map(({ action }) => action))].sort(), [
      ...['audit.gap', 'audit.restored', 'e.after'],
    ])

    // The cursor of a reader of the old server: it is told, and reads on behind what it had.
    const last = seen.at(-1)
    assert.ok(last)
    const db = reader(t, to)
    await assert.rejects(takeFromTail(db, 1, { after: last }), (error) => {
      assert.ok(error instanceof HistoryChangedError)
      assert.equal(error.readAgainFromSeq, 8)
      return true
    })
    const rest = await takeFromTail(db, 1 + after.length, { fromSeq: 8 })
    assert.deepEqual(
      rest.map(({ seq }) => seq),
      [8, ...after.map(({ seq }) => seq)],
    )

    // The relay makes the months that are missing, and takes their entries out of DEFAULT.
    await target`select audit.ensure_partitions(5)`
    const [row] = await target`select count(*)::integer as rows from audit.audit_log_default`
    assert.deepEqual({ ...row }, { rows: 0 })
    assert.deepEqual(await partitionsOf(target), await partitionsOf(old))
  })
}

test('dump and restore, by the flags of the page', { skip }, async (t) => {
  const options = { ids: 'text', rolePrefix: 'shop_' } as const
  const { old, new: target, to, follow } = await twoServers(t, options)
  const stateDir = dumpFolder(t)
  await old`select audit.record('[{"action": "a.1", "user_id": "ada"}, {"action": "a.2"}]')`
  await follow('empty the lanes')
  // Somebody stages after the lanes were emptied: into the fast lane, which the dump leaves out.
  await old`insert into audit.audit_staging (id, occurred_at, action, metadata, context)
    values (gen_random_uuid(), now(), 'b.staged', '{}', '{}')`
  await old`select audit.record('{"action": "b.outbox"}')`
  await follow('dump and restore')
  assert.deepEqual(await logAsText({ sql: target }), await logAsText({ sql: old }))
  const triggers = await target`
    select tgenabled, count(*) = (
      select 2 * count(*) from pg_class
      where relnamespace = 'audit'::regnamespace and relname ~ '^audit_log(_2|_default|$)'
        and relkind in ('r', 'p')) as each
    from pg_trigger where tgrelid::regclass::text like 'audit.audit_log%' group by 1`
  assert.deepEqual([...triggers], [{ tgenabled: 'A', each: true }])
  const [found] = await target`
    select (select nspowner::regrole::text from pg_namespace where nspname = 'audit') as owner,
      (select count(*)::integer from audit.audit_staging) as staging,
      (select count(*)::integer from audit.audit_sentinel) as sentinel,
      (select count(*)::integer from audit.audit_outbox) as outbox,
      has_table_privilege('shop_audit_reader', 'audit.audit_log', 'select') as reads`
  assert.deepEqual(
    { ...found },
    { owner: 'shop_audit_owner', staging: 0, sentinel: 0, outbox: 1, reads: true },
  )
  await drain(to, stateDir)
  await drain(to, stateDir)
  const entries = await target`
    select seq::integer as seq, action, user_id from audit.audit_log order by seq`
  assert.deepEqual(
    entries.map(({ seq }) => seq),
    entries.map((_, index) => 1 + index),
  )
  assert.equal(entries.find(({ action }) => action === 'a.1')?.['user_id'], 'ada')
  const actions = entries.map(({ action }) => action)
  for (const action of ['audit.gap', 'audit.restored', 'b.outbox']) {
    assert.ok(actions.includes(action), action)
  }
  assert.ok(!actions.includes('b.staged'), 'what was staged after the lanes were emptied is lost')
})

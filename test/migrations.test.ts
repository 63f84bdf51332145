import assert from 'node:assert/strict'
import { test } from 'node:test'
import type postgres from 'postgres'
import { AuditError } from '../src/errors.ts'
import { refuseUnfit } from '../src/schema/examine.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { migrationSql } from '../src/schema/printed/print-sql.ts'
import { describeSchema } from './support/catalog.ts'
import { auditRelay } from './support/commands.ts'
import { emptyDatabase, scratchDatabase } from './support/database.ts'
import { connect } from './support/logins.ts'
import { TEST_ROLES } from './support/server.ts'

const ALL = ['0000_tables', '0001_functions', '0002_log_and_lanes', '0003_roles']

// Goal: what Drizzle's schema builder has no word for is there all the same.
// Method: ask the catalogue of a migrated database.
test('a migrated database has the log, its partitions and an UNLOGGED fast lane', async (t) => {
  const { sql } = await scratchDatabase(t)

  const tables = await sql`
    select relname as name, relkind as kind, relpersistence as persistence, relispartition as part
    from pg_class
    where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p')`
  const table = (name: string) => tables.find((row) => row['name'] === name)
  const months = tables.filter(({ name }) => /^audit_log_\d{4}_\d{2}$/.test(name))

  assert.equal(table('audit_log')?.['kind'], 'p', 'partitioned')
  assert.equal(table('audit_log_default')?.['part'], true)
  assert.equal(months.length, 4, 'this month and three ahead')
  assert.equal(table('audit_staging')?.['persistence'], 'u', 'unlogged')
  assert.equal(table('audit_sentinel')?.['persistence'], 'u', 'unlogged')
  assert.equal(table('audit_outbox')?.['persistence'], 'p', 'permanent')
})

test('logins for the five roles may do what their role may', async (t) => {
  const { sql, urlAs } = await scratchDatabase(t)
  for (const role of TEST_ROLES) {
    const { username } = new URL(urlAs(role))
    const [row] = await sql`select pg_has_role(${username}, ${role}, 'usage') as is_member`
    assert.equal(row?.['is_member'], true, role)
  }
})

test('three migrations at once on an empty database make one schema', async (t) => {
  const [expected, { sql, url }] = [await scratchDatabase(t), await emptyDatabase(t)]
  const results = await Promise.all(
    [1, 2, 3].map(() => migrateDatabase({ databaseUrl: url, logger: silent })),
  )
  const applied = results.map((result) => result.applied).sort((a, b) => b.length - a.length)
  assert.deepEqual(applied, [ALL, [], []])
  assert.deepEqual(await describeSchema(sql), await describeSchema(expected.sql))
  const [row] = await sql`
    select (select count(*)::integer from audit.audit_migrations) as migrations,
      (select count(*)::integer from audit.audit_head) as heads`
  assert.deepEqual({ ...row }, { migrations: ALL.length, heads: 1 })
})

test('a migration that comes again finds nothing to do, and touches nothing', async (t) => {
  const { sql, url } = await scratchDatabase(t)
  const before = await describeSchema(sql)
  assert.deepEqual(await migrateDatabase({ databaseUrl: url }), { applied: [], repaired: [] })
  assert.deepEqual(await describeSchema(sql), before)
})

test('a migration that waits for another one too long says so', async (t) => {
  const { sql, url } = await emptyDatabase(t)
  const first = connect(t, url)
  await first.unsafe('create schema audit; create table audit.audit_migration_lock ()')
  await first.unsafe(`
    begin; set local application_name = 'the first one'; lock table audit.audit_migration_lock`)
  await rejectsWith(
    migrateDatabase({ databaseUrl: url, waitTimeoutMs: 300, logger: silent }),
    'AUDIT_DEADLINE_PASSED',
    /has not ended within 300 ms\. The lock is held by process \d+ of the login \w+, the first one/,
  )
  assert.equal(await objectsInAudit(sql), 1)
  await first`rollback`
  assert.deepEqual((await migrateDatabase({ databaseUrl: url })).applied, ALL)
})

const silent = { debug() {}, info() {}, warn() {}, error() {} }

async function rejectsWith(work: Promise<unknown>, code: string, message: RegExp) {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof AuditError, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  })
}

/** How many objects of any kind lie in the schema; undefined where there is none. */
async function objectsInAudit(sql: postgres.Sql): Promise<number | undefined> {
  const [row] = await sql`
    select (select count(*)::integer from pg_depend
      where refclassid = 'pg_namespace'::regclass and refobjid = n.oid) as count
    from pg_namespace as n where nspname = 'audit'`
  return row?.['count']
}

const FOREIGN = [
  'create table audit.events (id integer)',
  'create view audit.events as select 1 as id',
  "create type audit.kind as enum ('a')",
  'create domain audit.name as text',
  "create function audit.record(text) returns integer language sql as 'select 1'",
  'create sequence audit.numbers',
]

test('a schema "audit" of somebody else\'s is refused, and left as it is', async (t) => {
  const { sql, url } = await emptyDatabase(t)
  for (const foreign of FOREIGN) {
    await sql`create schema audit`
    await sql.unsafe(foreign)
    const before = await objectsInAudit(sql)
    await rejectsWith(
      migrateDatabase({ databaseUrl: url }),
      'AUDIT_SCHEMA_MISMATCH',
      /has a schema "audit" that is not ours, and it is not empty\. .*Nothing was changed\./,
    )
    assert.equal(await objectsInAudit(sql), before, foreign)
    await sql`drop schema audit cascade`
  }
})

/** The first and the last migration of a series that was folded before the first release. */
const OLD_SERIES = [
  {
    hash: '69e6529921249cf6150495ee82a2c64f1735ad11c384165214c7e6fbe85bc685',
    at: 1_795_359_614_855,
  },
  {
    hash: 'e638522b225ca14b195d5e5df628b937c8abc61e520f4ac82770dff788849a61',
    at: 1_795_659_770_301,
  },
]

// Goal: nobody loses a log by migrating a database whose series of migrations no release knows.
// Method: the bookkeeping of the series before this one, and of this one with another text.
test('a database of a series that was never released is refused, with what to do', async (t) => {
  const { sql, url } = await scratchDatabase(t)
  const refused = async (what: RegExp) => {
    const before = await describeSchema(sql)
    const { code, stdout, stderr } = await auditRelay(['migrate'], { url })
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(
      stderr,
      /^audit-relay: The schema "audit" was made by a series .* never released: /,
    )
    assert.match(stderr, what)
    assert.match(stderr, /Dump the entries .* drop the schema .* run "audit-relay migrate" again\./)
    await rejectsWith(
      migrateDatabase({ databaseUrl: url }),
      'AUDIT_SCHEMA_MISMATCH',
      /Nothing was changed\.$/,
    )
    assert.deepEqual(await describeSchema(sql), before)
  }

  await sql`update audit.audit_migrations set hash = 'edited' where id = 2`
  await refused(/its migration 0001_functions has another text than that of this package\./)
  await sql`delete from audit.audit_migrations`
  for (const { hash, at } of OLD_SERIES) {
    await sql`insert into audit.audit_migrations (hash, created_at) values (${hash}, ${at})`
  }
  await refused(/its migration of 2026-11-22T\S+Z is not one of this package's\./)
})

test('an empty schema "audit" is taken', async (t) => {
  const [expected, { sql, url }] = [await scratchDatabase(t), await emptyDatabase(t)]
  await sql`create schema audit`
  assert.deepEqual((await migrateDatabase({ databaseUrl: url })).applied, ALL)
  assert.deepEqual(await describeSchema(sql), await describeSchema(expected.sql))
})

test('a migration that fails half-way leaves nothing behind', async (t) => {
  const { sql, url } = await emptyDatabase(t)
  // Refuses the last statements of the series.
  await sql.unsafe(`
    create function public.refuse() returns event_trigger language plpgsql as $$
      begin raise 'refused'; end $$;
    create event trigger refuse on ddl_command_start when tag in ('ALTER SCHEMA')
    execute function public.refuse()`)
  await rejectsWith(
    migrateDatabase({ databaseUrl: url }),
    'AUDIT_DATABASE_FAILED',
    /^The migration failed \(P0001\): refused\./,
  )
  assert.equal(await objectsInAudit(sql), undefined, 'not even the schema')
  await sql`create schema audit`
  await rejectsWith(migrateDatabase({ databaseUrl: url }), 'AUDIT_DATABASE_FAILED', /refused/)
  assert.equal(await objectsInAudit(sql), 0, 'the schema, as it was')
  await sql`drop event trigger refuse`
  assert.deepEqual((await migrateDatabase({ databaseUrl: url })).applied, ALL)
})

// Goal: a migration never stands in the way of an application for long.
// Method: the bookkeeping forgets the last migration, which can run twice; then another session holds
// what it needs.
test('a migration that cannot have its locks gives up, and says what to do', async (t) => {
  const { sql, url } = await scratchDatabase(t)
  await sql`
    delete from audit.audit_migrations
    where created_at = (select max(created_at) from audit.audit_migrations)`
  const before = await describeSchema(sql)
  const user = connect(t, url)
  const migrate = () => migrateDatabase({ databaseUrl: url, lockTimeoutMs: 200 })
  const blockedBy = async (statement: string) => {
    await user`begin`
    await user.unsafe(statement)
    const startedMs = performance.now()
    await rejectsWith(
      migrate(),
      'AUDIT_DATABASE_FAILED',
      /\(55P03\): canceling statement due to lock timeout\. Another session holds a lock/,
    )
    // Without a bound it would wait until the user ends. A busy machine takes seconds for the rest.
    assert.ok(performance.now() - startedMs < 20_000)
    await user`rollback`
    assert.deepEqual(await describeSchema(sql), before)
  }

  await blockedBy('select count(*) from audit.audit_log')
  await blockedBy(
    'insert into audit.audit_outbox (id, occurred_at) values (gen_random_uuid(), now())',
  )
  await blockedBy('lock table audit.audit_migrations in access exclusive mode')

  assert.deepEqual((await migrate()).applied, ['0003_roles'])
})

test('a standby and a server that is too old are refused by name', () => {
  const states = { is_standby: false, is_used: false, is_ours: false }
  const owners = { login: 'ada', owner: null, is_login: false }
  const fit = { version: 140_000, ...states, ...owners, strangers: [] }
  const refused = (found: Partial<typeof fit>, message: RegExp) =>
    assert.throws(() => refuseUnfit({ ...fit, ...found }), {
      code: 'AUDIT_SCHEMA_MISMATCH',
      message,
    })
  refuseUnfit(fit)
  refuseUnfit({ ...fit, version: 180_004, is_used: true, is_ours: true })
  refused({ version: 139_999 }, /^This server is PostgreSQL 13; 14 or newer is needed\./)
  refused({ version: 90_624 }, /^This server is PostgreSQL 9; 14 or newer/)
  refused({ is_standby: true, is_ours: true }, /^This server is a standby\. Migrate the primary\./)
})

test('audit-relay migrate says what it applied, and then that there is nothing to do', async (t) => {
  const { url } = await emptyDatabase(t)
  const first = await auditRelay(['migrate'], { url })
  assert.deepEqual(first, { code: 0, stdout: `Applied: ${ALL.join(', ')}.\n`, stderr: '' })
  const second = await auditRelay(['migrate'], { url })
  assert.deepEqual(second, { code: 0, stdout: 'The schema is up to date.\n', stderr: '' })
})

test('audit-relay migrate fails with one clear line, and quotes no password', async (t) => {
  const { sql, url } = await emptyDatabase(t)
  await sql.unsafe('create schema audit; create table audit.events (id integer)')
  const refused = await auditRelay(['migrate'], { url })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^audit-relay: This database has a schema "audit" that is not ours/)
  const wrong = Object.assign(new URL(url), { password: 'canary' }).href
  const denied = await auditRelay(['migrate'], { url: wrong })
  assert.equal(denied.code, 1)
  assert.match(denied.stderr, /28P01.*The password was refused/)
  assert.doesNotMatch(denied.stderr + denied.stdout, /canary/)
})

/** Cuts SQL into statements as psql does: at semicolons outside quotes and comments. */
function statementsOf(script: string): readonly string[] {
  const tokens = script.match(/\$\$[\s\S]*?\$\$|'[^']*'|"[^"]*"|--[^\n]*|;|[^$'";-]+|[\s\S]/g) ?? []
  const statements = ['']
  for (const token of tokens) {
    if (token === ';') statements.push('')
    else if (!token.startsWith('--')) statements.push((statements.pop() ?? '') + token)
  }
  assert.equal(statements.pop()?.trim(), '', 'the last statement is ended')
  return statements.map((statement) => statement.trim())
}

// Goal: a DBA who runs the SQL by hand has the same database, and the migrator goes on from there.
// Method: as psql would, statement by statement; compare the catalogue.
test('the SQL that audit-relay migrate --sql prints makes the same database', async (t) => {
  const [expected, { sql, url }] = [await scratchDatabase(t), await emptyDatabase(t)]
  const printed = await auditRelay(['migrate', '--sql']) // with no database at all
  assert.equal(printed.code, 0, printed.stderr)
  assert.equal(printed.stdout, `${migrationSql()}\n`)

  const psql = connect(t, url)
  const statements = statementsOf(printed.stdout)
  assert.ok(statements.length > 40, `${statements.length} statements`)
  for (const statement of statements) await psql.unsafe(statement)

  assert.deepEqual(await describeSchema(sql), await describeSchema(expected.sql))
  const bookkeeping = (on: postgres.Sql) =>
    on`select id, hash, created_at from audit.audit_migrations order by id`
  assert.deepEqual([...(await bookkeeping(sql))], [...(await bookkeeping(expected.sql))])
  assert.deepEqual((await migrateDatabase({ databaseUrl: url })).applied, [])
})

test('the printed SQL is one transaction: a failure leaves nothing behind', async (t) => {
  const { sql, url } = await emptyDatabase(t)
  const psql = connect(t, url)
  const statements = [...statementsOf(migrationSql())]
  statements.splice(-3, 0, 'select 1 / 0')
  for (const statement of statements) await psql.unsafe(statement).catch(() => {})
  assert.equal(await objectsInAudit(sql), undefined)
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { grantsOf } from '../src/schema/repair.ts'
import { describeSchema } from './support/catalog.ts'
import { auditRelay } from './support/commands.ts'
import { emptyDatabase, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { connect } from './support/logins.ts'
import { withClient } from './support/server.ts'
import { RESTORED_WITHOUT_RIGHTS } from './support/restored-schema.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const migrate = ({ url }: ScratchDatabase, options = {}) =>
  migrateDatabase({ databaseUrl: url, logger: silent, ...options })

/** A login that was granted nothing. Gone after the test, with what it owns. */
async function stranger(t: TestContext, { sql, name: database, url }: ScratchDatabase) {
  const name = `audit_test_stranger_${randomBytes(4).toString('hex')}`
  await sql.unsafe(`create role ${name} login password 'secret'`)
  t.after(() =>
    withClient(url, async (admin) => {
      await admin.unsafe(`reassign owned by ${name} to current_user; drop owned by ${name}`)
      await admin.unsafe(`drop role ${name}`)
    }),
  )
  return {
    name,
    url: Object.assign(new URL(url), { username: name, password: 'secret' }).href,
    ownsDatabase: () => sql.unsafe(`alter database ${database} owner to ${name}`),
  }
}

async function refused(scratch: ScratchDatabase, message: RegExp): Promise<void> {
  const before = await describeSchema(scratch.sql)
  await assert.rejects(migrate(scratch), { code: 'AUDIT_SCHEMA_MISMATCH', message })
  assert.deepEqual(await describeSchema(scratch.sql), before)
}

test("a schema that the database's owner made before the first migration is refused", async (t) => {
  const scratch = await emptyDatabase(t)
  const { name, url, ownsDatabase } = await stranger(t, scratch)
  await ownsDatabase()
  const owner = connect(t, url)
  await owner`create schema audit`
  await refused(scratch, new RegExp(`not ours: schema audit \\(owner ${name}\\)\\..* Drop them\\.`))
  await owner.unsafe(`
    create table audit.audit_migrations (id serial primary key, hash text not null, created_at bigint);
    create function public.become_superuser() returns trigger language plpgsql as $$
      begin execute 'alter role ${name} superuser'; return new; end $$;
    create trigger mine before insert on audit.audit_migrations
    for each row execute function public.become_superuser()`)
  await refused(
    scratch,
    /schema audit .*, sequence .*, table audit\.audit_migrations .*, trigger mine on audit\./,
  )
  const [row] = await scratch.sql`select rolsuper from pg_roles where rolname = ${name}`
  assert.equal(row?.['rolsuper'], false)
})

const PLANTED: Readonly<Record<string, (name: string) => string>> = {
  'trigger mine on audit\\.audit_migrations': () => `
    create trigger mine before insert on audit.audit_migrations
    for each row execute function public.noted()`,
  'default value for audit\\.audit_migrations\\.hash': () =>
    'alter table audit.audit_migrations alter hash set default public.text_of()',
  'rule mine on audit\\.audit_head': () =>
    'create rule mine as on update to audit.audit_head do also select 1',
  'table constraint mine on audit\\.audit_lane': () =>
    'alter table audit.audit_lane add constraint mine check (public.text_of() is null)',
  'index audit\\.mine': () => 'create index mine on audit.audit_lane (public.text_of())',
  'policy mine on audit\\.audit_log': () =>
    'create policy mine on audit.audit_log using (public.text_of() is not null)',
  'table audit\\.audit_lane \\(owner audit_test_stranger_\\w+\\)': (name) =>
    `alter table audit.audit_lane owner to ${name}`,
  'function audit\\.new_id\\(\\) \\(owner audit_test_stranger_\\w+\\)': (name) =>
    `alter function audit.new_id() owner to ${name}`,
}

test('what somebody else has put under our names is named, each kind of it', async (t) => {
  const scratch = await scratchDatabase(t)
  const { name } = await stranger(t, scratch)
  await scratch.sql.unsafe(`
    create function public.noted() returns trigger language plpgsql as 'begin return new; end';
    create function public.text_of() returns text language sql immutable as 'select null::text'`)
  for (const [what, statement] of Object.entries(PLANTED)) {
    const admin = connect(t, scratch.url)
    await admin.unsafe(statement(name))
    await refused(scratch, new RegExp(`not ours: ${what}`))
    const kept = what.startsWith('table audit')
      ? 'table audit.audit_lane'
      : 'function audit.new_id()'
    await admin.unsafe(
      /owner/.test(what)
        ? `alter ${kept} owner to audit_owner`
        : `
          drop trigger if exists mine on audit.audit_migrations;
          alter table audit.audit_migrations alter hash drop default;
          drop rule if exists mine on audit.audit_head;
          alter table audit.audit_lane drop constraint if exists mine;
          drop index if exists audit.mine;
          drop policy if exists mine on audit.audit_log`,
    )
    await admin.end()
  }
  assert.deepEqual(await migrate(scratch), { applied: [], repaired: [] })
})

test('a login that was granted nothing cannot keep a migration waiting', async (t) => {
  const scratch = await scratchDatabase(t)
  await migrate(scratch)
  const session = connect(t, (await stranger(t, scratch)).url)
  await session`select pg_advisory_lock(7205619234)`
  for (const mode of ['access share', 'access exclusive']) {
    await assert.rejects(
      session.unsafe(`begin; lock table audit.audit_migration_lock in ${mode} mode`),
      { code: '42501' },
    )
    await session`rollback`
  }
  assert.deepEqual(await migrate(scratch, { waitTimeoutMs: 0 }), { applied: [], repaired: [] })
})

test('what the owner of a database has set for its sessions keeps no migration from its work', async (t) => {
  const scratch = await emptyDatabase(t)
  for (const setting of [
    ...['default_transaction_read_only = on', "idle_in_transaction_session_timeout = '1ms'"],
    ...["idle_session_timeout = '1ms'", 'standard_conforming_strings = off', "search_path = ''"],
  ]) {
    await scratch.sql.unsafe(`alter database ${scratch.name} set ${setting}`)
  }
  assert.notDeepEqual((await migrate(scratch)).applied, [])
  assert.deepEqual(await migrate(scratch), { applied: [], repaired: [] })
})

test('every login that may act as audit_owner takes the lock that another one made', async (t) => {
  const [scratch, fresh] = [await scratchDatabase(t), await emptyDatabase(t)]
  await migrate(fresh)
  const [row] = await fresh.sql`
    select pg_get_userbyid(relowner) as owner from pg_class where relname = 'audit_migration_lock'`
  assert.equal(row?.['owner'], 'audit_owner')
  await scratch.sql.unsafe(`grant create on database ${scratch.name} to audit_owner`)
  const as = { ...scratch, url: scratch.urlAs('audit_owner') }
  assert.deepEqual(await migrate(as), { applied: [], repaired: [] })
})

/** The schema, without the difference between no rights given and the owner's own written down. */
async function rightsIn({ sql }: ScratchDatabase): Promise<readonly string[]> {
  const lines = await describeSchema(sql)
  return lines.map((line) => line.replace(/ \| \{audit_owner=\w+\/audit_owner\}/, '')).sort()
}

test('owners and grants that a restore has left out are mended, and said', async (t) => {
  const scratch = await scratchDatabase(t)
  await migrate(scratch)
  const before = await rightsIn(scratch)
  await scratch.sql.unsafe(RESTORED_WITHOUT_RIGHTS)
  const first = await auditRelay(['migrate'], { url: scratch.url })
  const said = 'The schema is up to date. Repaired: owners, grants.\n'
  assert.deepEqual([first.code, first.stdout], [0, said], first.stderr)
  assert.deepEqual(await rightsIn(scratch), before)
  assert.deepEqual(await migrate(scratch), { applied: [], repaired: [] })
})

test('one grant that is missing is given again, and PUBLIC loses what it may not have', async (t) => {
  const scratch = await scratchDatabase(t)
  await migrate(scratch)
  const before = await rightsIn(scratch)
  const harms = [
    'revoke select on audit.audit_log from audit_reader',
    'revoke usage on schema audit from audit_app',
    'revoke execute on function audit.record(text, boolean) from audit_app',
    'grant execute on function audit.compact(text) to public',
    'grant usage on schema audit to public',
    'grant select on audit.audit_log to public',
  ]
  for (const harm of harms) {
    await scratch.sql.unsafe(harm)
    assert.deepEqual((await migrate(scratch)).repaired, ['grants'], harm)
    assert.deepEqual(await rightsIn(scratch), before, harm)
  }
})

test('append-only triggers that are gone or can be walked past are mended', async (t) => {
  const scratch = await scratchDatabase(t)
  await migrate(scratch)
  const before = await describeSchema(scratch.sql)
  const harms = [
    'alter table audit.audit_log_default enable trigger audit_log_append_only',
    'alter table audit.audit_log disable trigger audit_log_row_append_only',
    'drop trigger audit_log_append_only on audit.audit_log_default',
    'drop trigger audit_log_row_append_only on audit.audit_log',
  ]
  for (const harm of harms) {
    await scratch.sql.unsafe(harm)
    assert.deepEqual((await migrate(scratch)).repaired, ['triggers'], harm)
    assert.deepEqual(await describeSchema(scratch.sql), before, harm)
  }
})

test('a repair that this login may not do says what is missing', async (t) => {
  const scratch = await scratchDatabase(t)
  await migrate(scratch)
  await scratch.sql.unsafe(RESTORED_WITHOUT_RIGHTS)
  await scratch.sql.unsafe(`grant create on database ${scratch.name} to audit_owner`)
  await scratch.sql.unsafe('grant usage, create on schema audit to audit_owner')
  await scratch.sql.unsafe('grant select on audit.audit_migrations to audit_owner')
  const as = { ...scratch, url: scratch.urlAs('audit_owner') }
  await assert.rejects(migrate(as), {
    code: 'AUDIT_DATABASE_FAILED',
    message: /\(42501\).*The schema "audit" belongs to \S+, and this login is audit_test_owner\./,
  })
})

test('the grants of a statement are read out of it', () => {
  assert.deepEqual(
    grantsOf('GRANT SELECT, UPDATE ON "audit"."a" TO "audit_relay";').map(
      ({ privilege }) => privilege,
    ),
    ['SELECT', 'UPDATE'],
  )
  const functions = grantsOf(`-- Said.
GRANT EXECUTE ON FUNCTION "audit"."f"(uuid, text), "audit"."g"() TO "audit_app", "audit_relay";`)
  assert.deepEqual(
    functions.map(({ object, role }) => `${object} ${role}`),
    [
      ...['"audit"."f"(uuid, text) audit_app', '"audit"."f"(uuid, text) audit_relay'],
      ...['"audit"."g"() audit_app', '"audit"."g"() audit_relay'],
    ],
  )
  assert.deepEqual(grantsOf('ALTER SCHEMA "audit" OWNER TO "audit_owner";'), [])
})

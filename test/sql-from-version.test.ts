import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type postgres from 'postgres'
import { migrationSql, type Versions } from '../src/schema/printed/print-sql.ts'
import { DEFAULT_ROLES, type RoleSettings } from '../src/database/role-settings.ts'
import { lastOf, type Migration, series } from '../src/schema/series.ts'
import { LAST_MIGRATIONS, SCHEMA_VERSION } from '../src/schema/version.ts'
import { describeSchema } from './support/catalog.ts'
import { auditRelay } from './support/commands.ts'
import { emptyDatabase, scratchDatabase } from './support/database.ts'
import { refusalOf } from './support/logins.ts'
import { loginServer } from './support/login-server.ts'
import { withClient } from './support/server.ts'

/** A migration of a later package. */
function later(at: number, name: string, ...statements: string[]): Migration {
  const hash = createHash('sha256').update(statements.join()).digest('hex')
  return { name, createdAt: lastOf(series()) + at, hash, statements }
}

const version = (to: number) => `update audit.audit_schema_version set version = ${to}`
/** A series as a package two versions later has it. Its second version took three migrations. */
const LATER: Versions = {
  migrations: [
    ...series(),
    later(1, '0004_note', 'create table audit.audit_note (note text)'),
    later(2, '0005_version', version(2)),
    later(
      3,
      '0006_roles',
      'alter table audit.audit_note owner to audit_owner',
      'grant select on audit.audit_note to "audit_reader"',
    ),
    later(4, '0007_more', 'alter table audit.audit_note add more text', version(3)),
  ],
  lastMigrations: [...LAST_MIGRATIONS, '0006_roles', '0007_more'],
}
const print = (from: number, settings: RoleSettings = DEFAULT_ROLES) =>
  migrationSql({ from, ...settings }, LATER)

const runOn = ({ url }: { readonly url: string }, text: string) =>
  withClient(url, (sql) => sql.unsafe(text).simple())

const bookkeeping = (sql: postgres.Sql) =>
  sql`select id, hash, created_at from audit.audit_migrations order by id`

// Goal: a database of any version gets what it lacks, and nothing twice.
// Method: one database in one step, others step by step; their catalogues are the same.
test('the SQL from each version on ends at the same database', async (t) => {
  const whole = await emptyDatabase(t)
  await runOn(whole, print(0))
  for (const steps of [[1], [1, 2]]) {
    const stepped = await emptyDatabase(t)
    const { sql } = stepped
    await runOn(stepped, migrationSql())
    for (const from of steps) {
      const last = from === 2 || steps.length === 1
      const versions = last
        ? LATER
        : {
            ...LATER,
            migrations: LATER.migrations.slice(0, -1),
            lastMigrations: LATER.lastMigrations.slice(0, -1),
          }
      await runOn(stepped, migrationSql({ from }, versions))
    }
    assert.deepEqual(await describeSchema(sql), await describeSchema(whole.sql), steps.join())
    assert.deepEqual([...(await bookkeeping(sql))], [...(await bookkeeping(whole.sql))])
  }
})

test('it keeps the prefix, and leaves roles out where they are off', async (t) => {
  const server = await loginServer(t)
  for (const [name, settings] of [
    ['shop', { roles: 'on', rolePrefix: 'shop_' }],
    ['alone', { roles: 'off', rolePrefix: '' }],
  ] as const) {
    await server.database(name)
    await withClient(server.urlOf(name), async (sql) => {
      if (name === 'shop') {
        for (const role of ['owner', 'app', 'relay', 'reader', 'keeper', 'eraser']) {
          await sql.unsafe(`create role shop_audit_${role}`)
        }
      }
      await sql.unsafe(migrationSql(settings)).simple()
      const wrong = await refusalOf(sql.unsafe(print(1)).simple())
      assert.match(wrong?.message ?? '', /was printed with .*, and this database has other roles/)
      await sql`rollback`
      await sql.unsafe(print(1, settings)).simple()
      const [row] = await sql`
        select relowner::regrole::text as owner, relacl::text as acl
        from pg_class where oid = 'audit.audit_note'::regclass`
      assert.equal(row?.['owner'], name === 'shop' ? 'shop_audit_owner' : 'postgres')
      if (name === 'shop') assert.match(row?.['acl'] ?? '', /shop_audit_reader=r/)
      else assert.equal(row?.['acl'], null)
    })
  }
})

test('on a database of another version it fails, changes nothing and says what to print', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const before = await describeSchema(sql)
  const refused = await refusalOf(runOn(scratch, print(2)))
  assert.equal(
    refused?.message,
    'this SQL is for version 2 of the schema, and this database has version 1',
  )
  assert.deepEqual(await describeSchema(sql), before)
})

test('a version that is the newest needs nothing, and an unknown one is a wrong option', async () => {
  const newest = await auditRelay(['migrate', '--sql', '--from', String(SCHEMA_VERSION)])
  const comment = `-- Nothing is missing: version ${SCHEMA_VERSION} is the newest.\n`
  assert.deepEqual(newest, { code: 0, stdout: comment, stderr: '' })
  const all = await auditRelay(['migrate', '--sql'])
  assert.deepEqual(await auditRelay(['migrate', '--sql', '--from', '0']), all)
  for (const [from, says] of [
    [String(SCHEMA_VERSION + 1), `from 0 to ${SCHEMA_VERSION}, the newest that this package knows`],
    ['x', 'must be a whole number of at least 0, got "x".'],
  ] as const) {
    const { code, stdout, stderr } = await auditRelay(['migrate', '--sql', '--from', from])
    assert.deepEqual([code, stdout], [2, ''])
    assert.ok(stderr.startsWith('audit-relay: --from must be') && stderr.includes(says), stderr)
  }
  const alone = await auditRelay(['migrate', '--from', '1'])
  assert.match(alone.stderr, /--from goes with --sql only: add --sql\./)
  assert.throws(() => print(4), { code: 'AUDIT_OPTION_INVALID' })
})

test('each version names its last migration, and the series ends with the newest version', () => {
  assert.equal(LAST_MIGRATIONS.length, SCHEMA_VERSION)
  const names = series().map(({ name }) => name)
  assert.equal(LAST_MIGRATIONS.at(-1), names.at(-1))
  const places = LAST_MIGRATIONS.map((name) => names.indexOf(name))
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  )
})

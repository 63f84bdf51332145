import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { ROLES } from '../src/database/roles.ts'
import { createRecorder } from '../src/recorder/create-recorder.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { migrationSql } from '../src/schema/printed/print-sql.ts'
import { rolesSql } from '../src/schema/printed/roles-sql.ts'
import { describeSchema } from './support/catalog.ts'
import { auditRelay } from './support/commands.ts'
import { silentLogger } from './support/lanes.ts'
import { refusalOf } from './support/logins.ts'
import { type LoginServer, loginServer } from './support/login-server.ts'
import { withClient } from './support/server.ts'

// Goal: a team whose login may not create roles installs with what a DBA runs once.
// Method: a server of its own, a login that owns nothing, and the printed SQL as it is printed.

async function shopServer(t: TestContext): Promise<LoginServer> {
  const server = await loginServer(t)
  await server.database('shop')
  await server.login('shop_owner')
  return server
}

/** What `audit-relay migrate --roles-sql` prints for a URL. */
async function printedRoles(url: string, ...more: string[]): Promise<string> {
  const { code, stdout, stderr } = await auditRelay(['migrate', '--roles-sql', ...more], { url })
  assert.equal(code, 0, stderr)
  return stdout
}

const psqlIsMissing = spawnSync('psql', ['--version']).status !== 0 && 'psql is not installed'

function psql(url: string, input: string): void {
  const args = ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', url]
  const { status, stderr } = spawnSync('psql', args, { input, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}

/** Grants the roles as the login that migrated; then records, relays, reads and exports. */
async function worksFor(server: LoginServer, database: string, owner: string, prefix = '') {
  const login = (role: string) => `${database}_${role}`
  for (const role of ['app', 'relay', 'reader']) {
    await server.login(login(role))
    await withClient(server.urlOf(database, owner), (sql) =>
      sql.unsafe(`grant ${prefix}audit_${role} to ${login(role)}`),
    )
  }
  const audit = createRecorder({
    databaseUrl: server.urlOf(database, login('app')),
    logger: silentLogger(),
  })
  audit.record({ action: 'order.paid' })
  assert.deepEqual(await audit.close(), { flushed: 1, dropped: 0 })
  await withClient(
    server.urlOf(database, login('app')),
    (sql) => sql`select audit.record('{"action": "order.sent"}')`,
  )
  const relayed = await auditRelay(['--once'], { url: server.urlOf(database, login('relay')) })
  assert.equal(relayed.code, 0, relayed.stderr + relayed.stdout)
  const exported = await auditRelay(['export', '--quiet', '--out', '-'], {
    url: server.urlOf(database, login('reader')),
  })
  assert.equal(exported.code, 0, exported.stderr)
  const actions = exported.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).action)
  assert.deepEqual(actions.sort(), ['order.paid', 'order.sent'])
}

const rights = (server: LoginServer, login: string) =>
  server.asDba(
    'shop',
    (sql) => sql`
      select role,
        pg_has_role(${login}, role, 'usage') as inherits,
        pg_has_role(${login}, role, 'member with admin option') as grants
      from unnest(${[...ROLES]}::text[]) as role`,
  )

test('a DBA runs the roles, and a login without CREATEROLE does the rest', async (t) => {
  const server = await shopServer(t)
  const url = server.urlOf('shop', 'shop_owner')
  const refused = await auditRelay(['migrate'], { url })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /permission denied for database shop\. This login may not create/)
  const off = await auditRelay(['migrate', '--roles', 'off'], { url })
  assert.equal(off.code, 1)
  assert.match(off.stderr, /lacks CREATE .*: grant create on database shop to shop_owner\.\n$/)
  await server.asDba('shop', (sql) => sql.unsafe('grant create on database shop to shop_owner'))
  const second = await auditRelay(['migrate'], { url })
  assert.match(
    second.stderr,
    /permission denied to create role\. This login may not create the roles/,
  )
  assert.match(
    second.stderr,
    /"audit-relay migrate --roles-sql" prints.*"audit-relay migrate --roles off"\.\n$/,
  )
  assert.equal(second.stderr.trim().split('\n').length, 1, 'one hint')
  await server.asDba('shop', (sql) => sql.unsafe('revoke create on database shop from shop_owner'))

  const printed = await printedRoles(url)
  for (let times = 1; times <= 2; times += 1) {
    await server.asDba('shop', (sql) => sql.unsafe(printed)) // it may run again
  }
  const isOld = server.major < 16
  for (const { role, inherits, grants } of await rights(server, 'shop_owner')) {
    assert.equal(grants, true, role)
    assert.equal(inherits, isOld || role === 'audit_owner', role)
  }

  assert.notDeepEqual((await migrateDatabase({ databaseUrl: url })).applied, [])
  await worksFor(server, 'shop', 'shop_owner')
  assert.deepEqual(await migrateDatabase({ databaseUrl: url }), { applied: [], repaired: [] })
})

test('a login with any name can be the one', async (t) => {
  const server = await loginServer(t)
  await server.database('shop')
  for (const name of ['user', `o'brien "x" \\ $$ $do1$ ü`]) {
    await server.asDba('shop', async (sql) => {
      const quoted = `"${name.replaceAll('"', '""')}"`
      await sql.unsafe(`create role ${quoted} login`)
      await sql.unsafe(rolesSql(name))
      const [row] = await sql`
        select pg_has_role(${name}, 'audit_owner', 'usage') as acts,
          has_database_privilege(${name}, current_database(), 'create') as creates`
      assert.deepEqual({ ...row }, { acts: true, creates: true }, name)
    })
  }
  const { stdout } = await auditRelay(['migrate', '--roles-sql'], {
    url: 'postgres://o%27brien@db.invalid/shop',
  })
  assert.equal(stdout, `${rolesSql("o'brien")}\n`)
  const nobody = await auditRelay(['migrate', '--roles-sql'], { url: 'postgres://db.invalid/shop' })
  assert.equal(nobody.code, 2)
  assert.match(nobody.stderr, /names no login: write it as postgres:\/\/login@host/)
})

test('the printed SQL makes no role, and psql and a driver run it as that login', {
  skip: psqlIsMissing,
}, async (t) => {
  const server = await shopServer(t)
  const url = server.urlOf('shop', 'shop_owner')
  const { stdout: printed } = await auditRelay(['migrate', '--sql'])
  assert.doesNotMatch(printed, /create role/i)
  await server.asDba('shop', async (sql) => {
    await sql.unsafe('grant create on database shop to shop_owner')
    const refusal = await refusalOf(withClient(url, (owner) => owner.unsafe(printed)))
    assert.equal(refusal?.code, '42704')
    assert.equal(
      refusal?.message,
      'these roles are missing: audit_owner, audit_app, audit_relay, audit_reader, audit_keeper, ' +
        'audit_eraser',
    )
  })
  psql(server.urlOf('shop'), await printedRoles(url))
  psql(url, printed)
  await worksFor(server, 'shop', 'shop_owner')

  await server.database('forum')
  await server.asDba('forum', (sql) => sql.unsafe(rolesSql('shop_owner')))
  const forum = server.urlOf('forum', 'shop_owner')
  await withClient(forum, (sql) => sql.unsafe(printed))
  assert.deepEqual(await migrateDatabase({ databaseUrl: forum }), { applied: [], repaired: [] })
  const again = await refusalOf(withClient(forum, (sql) => sql.unsafe(printed)))
  assert.equal(again?.message, 'this database has the schema "audit" already')
})

test('SQL and migrate make the same database, with and without roles and prefix', async (t) => {
  const server = await shopServer(t)
  const asked = [
    { roles: 'on', rolePrefix: '' },
    { roles: 'on', rolePrefix: 'shop_' },
    { roles: 'off', rolePrefix: '' },
    { roles: 'on', rolePrefix: 'forum_', ids: 'text' },
    { roles: 'off', rolePrefix: '', ids: 'text' },
  ] as const
  for (const [at, settings] of asked.entries()) {
    await server.database(`by_migrate_${at}`)
    await server.database(`by_sql_${at}`)
    const owner = server.urlOf(`by_migrate_${at}`)
    await migrateDatabase({ databaseUrl: owner, ...settings })
    const url = server.urlOf(`by_sql_${at}`)
    await withClient(url, (sql) => sql.unsafe(migrationSql(settings)))
    const expected = await withClient(owner, describeSchema)
    assert.deepEqual(await withClient(url, describeSchema), expected, JSON.stringify(settings))
    assert.deepEqual(await migrateDatabase({ databaseUrl: url }), { applied: [], repaired: [] })
  }
})

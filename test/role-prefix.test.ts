import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { auditRelay } from './support/commands.ts'
import { connect, refusalOf } from './support/logins.ts'
import { type LoginServer, loginServer } from './support/login-server.ts'

const PREFIXED = [
  'shop_audit_app',
  'shop_audit_eraser',
  'shop_audit_keeper',
  'shop_audit_owner',
  'shop_audit_reader',
  'shop_audit_relay',
]

/** Two databases of one server, each with its prefix, and logins of the first one's roles. */
async function sharedServer(t: TestContext): Promise<LoginServer> {
  const server = await loginServer(t)
  for (const name of ['shop', 'forum']) {
    await server.database(name)
    const args = ['migrate', '--role-prefix', `${name}_`]
    const { code, stderr } = await auditRelay(args, { url: server.urlOf(name) })
    assert.equal(code, 0, stderr)
  }
  for (const role of ['app', 'relay', 'reader', 'keeper', 'eraser', 'owner']) {
    await server.login(role)
    await server.asDba('shop', (sql) => sql.unsafe(`grant shop_audit_${role} to ${role}`))
  }
  await server.login('nobody')
  return server
}

// Goal: a login that one database trusts has no right in the other one.
// Method: the same statements as the same logins in both.
test('two databases of one server share no role', async (t) => {
  const server = await sharedServer(t)
  await server.asDba('shop', async (sql) => {
    const roles =
      await sql`select rolname as name from pg_roles where rolname ~ 'audit_' order by 1`
    const names = roles.map(({ name }) => String(name))
    assert.deepEqual(
      names.filter((name) => name.startsWith('shop_')),
      PREFIXED,
    )
    assert.equal(names.length, 12, 'and none without a prefix')
    const owners = await sql`
      select relowner::regrole::text as owner from pg_class where relnamespace = 'audit'::regnamespace
      union select proowner::regrole::text from pg_proc where pronamespace = 'audit'::regnamespace
      union select nspowner::regrole::text from pg_namespace where nspname = 'audit'`
    assert.deepEqual([...owners], [{ owner: 'shop_audit_owner' }])
  })
  for (const [login, statement] of [
    ['app', `select audit.record('{"action": "a.b"}')`],
    ['relay', 'select audit.peek(1)'],
    ['reader', 'select count(*) from audit.audit_log'],
    ['keeper', `select * from audit.set_policy('*', '1 year')`],
    ['owner', 'select audit.ensure_partitions(5)'],
  ] as const) {
    const here = connect(t, server.urlOf('shop', login))
    assert.equal(await refusalOf(here.unsafe(statement)), undefined, login)
    const there = connect(t, server.urlOf('forum', login))
    assert.equal((await refusalOf(there.unsafe(statement)))?.code, '42501', login)
  }
})

test('the database remembers the prefix, and another one is refused', async (t) => {
  const server = await sharedServer(t)
  const url = server.urlOf('shop')
  for (const args of [['migrate'], ['migrate', '--role-prefix', 'shop_']]) {
    const again = await auditRelay(args, { url })
    assert.deepEqual(again, { code: 0, stdout: 'The schema is up to date.\n', stderr: '' })
  }
  // So does the login that acts as the owner, which is no superuser.
  const owner = server.urlOf('shop', 'owner')
  assert.deepEqual(await migrateDatabase({ databaseUrl: owner }), { applied: [], repaired: [] })
  for (const prefix of ['forum_', 'x_']) {
    const { code, stderr } = await auditRelay(['migrate', '--role-prefix', prefix], { url })
    assert.equal(code, 2)
    assert.match(stderr, /migrated with the role prefix "shop_", and "\w+" is another one\. Leave/)
  }
  await assert.rejects(migrateDatabase({ databaseUrl: url, roles: 'off' }), {
    code: 'AUDIT_OPTION_INVALID',
    message: /cannot be turned off: the schema belongs to shop_audit_owner/,
  })
})

test('every refusal names the role with its prefix', async (t) => {
  const server = await sharedServer(t)
  const url = server.urlOf('shop', 'nobody')
  for (const [args, role] of [
    [['status'], 'relay'],
    [['--once'], 'relay'],
    [['dead-letters', 'list'], 'relay'],
    [['export', '--quiet', '--out', '-'], 'reader'],
    [['restored'], 'owner'],
    [['migrate'], 'owner'],
  ] as const) {
    const { code, stderr } = await auditRelay(args, { url })
    assert.equal(code, 1, stderr)
    const cure = `The login nobody lacks the role shop_audit_${role}: grant shop_audit_${role} to nobody.\n`
    assert.ok(stderr.endsWith(cure), `${args.join(' ')}: ${stderr}`)
    assert.equal(stderr.match(/[Gg]rant /g)?.length, 1, stderr)
  }
})

// Goal: a relay knows another relay by the role with the prefix, and stands back behind it.
test('a session of the relay with a prefix is known as a relay', async (t) => {
  const server = await sharedServer(t)
  const relay = connect(t, server.urlOf('shop', 'relay'))
  await server.login('other')
  await server.asDba('shop', (sql) => sql`grant shop_audit_relay to other`)
  const other = connect(t, server.urlOf('shop', 'other'))
  await relay`select audit.ensure_partitions(3)`
  await server.asDba('shop', (sql) => sql`select audit.record('{"action": "a.b"}')`)
  await other`begin`
  await other`select audit.move('outbox', 10, 1000, null, null, null, null)`
  const seen = await relay`select login, is_relay from audit.who_moves()`
  await other`rollback`
  assert.deepEqual([...seen], [{ login: 'other', is_relay: true }])
})

const LONGEST = 'a'.repeat(51)
test('a prefix that could not be a name is refused before anything is done', async (t) => {
  for (const [prefix, says] of [
    ['Shop_', 'must be 1 to 51 of the characters a-z, 0-9 and _'],
    ['shop-', 'must be 1 to 51'],
    ['sh"op', 'must be 1 to 51'],
    ["sh'op", 'must be 1 to 51'],
    ['shop ', 'must be 1 to 51'],
    ['1shop', 'not begin with a digit'],
    ['ü', 'must be 1 to 51'],
    [`${LONGEST}a`, 'must be 1 to 51'],
    ['pg_', 'must not begin with "pg_"'],
  ] as const) {
    await assert.rejects(
      migrateDatabase({ databaseUrl: 'postgres://nowhere.invalid/shop', rolePrefix: prefix }),
      (error: Error) => {
        assert.ok(error.message.includes(says), error.message)
        assert.ok(error.message.endsWith(`got "${prefix}".`), error.message)
        return true
      },
    )
  }
  const { code, stderr } = await auditRelay(['migrate', '--sql', '--role-prefix', 'Shop_'])
  assert.equal(code, 2)
  assert.match(
    stderr,
    /^audit-relay: --role-prefix must be .*, got "Shop_"\.\nSee "audit-relay migrate/,
  )
  const server = await loginServer(t)
  await server.database('shop')
  await migrateDatabase({ databaseUrl: server.urlOf('shop'), rolePrefix: LONGEST })
  assert.deepEqual(await migrateDatabase({ databaseUrl: server.urlOf('shop') }), {
    applied: [],
    repaired: [],
  })
})

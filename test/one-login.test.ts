import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRecorder } from '../src/recorder/create-recorder.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { auditRelay } from './support/commands.ts'
import { silentLogger } from './support/lanes.ts'
import { connect, refusalOf } from './support/logins.ts'
import { loginServer } from './support/login-server.ts'

// Goal: a team with one login and no rights on the server has an audit log all the same.
// Method: a server of its own, on which that login may create in its database and nothing else.
test('with roles off one login migrates, records, relays and reads, and no role is made', async (t) => {
  const server = await loginServer(t)
  await server.database('shop')
  await server.login('shop')
  await server.asDba('shop', (sql) => sql`grant create on database shop to shop`)
  const url = server.urlOf('shop', 'shop')
  const migrated = await auditRelay(['migrate', '--roles', 'off'], { url })
  assert.equal(migrated.code, 0, migrated.stderr)
  const sql = connect(t, url)
  const remembered = async () => {
    const [row] = await sql`select roles, role_prefix from audit.audit_schema_version`
    return { ...row }
  }
  assert.deepEqual(await remembered(), { roles: 'off', role_prefix: '' })
  const [roles] = await sql`
    select count(*)::integer as count from pg_roles where rolname ~ 'audit_'`
  assert.equal(roles?.['count'], 0)

  for (const args of [['migrate'], ['migrate', '--roles', 'off']]) {
    const again = await auditRelay(args, { url })
    assert.deepEqual(again, { code: 0, stdout: 'The schema is up to date.\n', stderr: '' })
  }
  assert.deepEqual(await remembered(), { roles: 'off', role_prefix: '' })

  const audit = createRecorder({ databaseUrl: url, logger: silentLogger() })
  audit.record({ action: 'order.paid' })
  assert.deepEqual(await audit.close(), { flushed: 1, dropped: 0 })
  const relayed = await auditRelay(['--once'], { url })
  assert.equal(relayed.code, 0, relayed.stderr + relayed.stdout)
  for (const args of [['status'], ['dead-letters', 'list'], ['export', '--quiet', '--out', '-']]) {
    const { code, stderr } = await auditRelay(args, { url })
    assert.deepEqual([code, stderr], [0, ''], args.join(' '))
  }
  const [relay] = await sql`select audit.move('outbox', 10, 1000, null, null, null, null) as moved`
  assert.ok(relay)

  // The guards stay, and nobody else has a right.
  for (const change of [
    'update audit.audit_log set action = action',
    'delete from audit.audit_log',
    'truncate audit.audit_log',
  ]) {
    assert.match((await refusalOf(sql.unsafe(change)))?.message ?? '', /append-only/, change)
  }
  // What SECURITY.md says is lost.
  for (const change of [
    `insert into audit.audit_log (id, seq, occurred_at, logged_at, written_by, action)
      values (audit.new_id(), 7000, now(), '2020-01-01', 'somebody', 'audit.gap')`,
    'alter table audit.audit_log disable trigger all; delete from audit.audit_log',
  ]) {
    await sql`begin`
    assert.equal(await refusalOf(sql.unsafe(change)), undefined, change)
    await sql`rollback`
  }
  await server.login('eve')
  const eve = connect(t, server.urlOf('shop', 'eve'))
  assert.equal((await refusalOf(eve`select audit.record('{"action": "a.b"}')`))?.code, '42501')
  const status = await auditRelay(['status'], { url: server.urlOf('shop', 'eve') })
  assert.match(status.stderr, /belongs to shop, and this login is eve\. Where it was migrated with/)
  assert.match(status.stderr, /migrated with roles off, use that login/)
})

test('with roles off a migration repairs triggers and what PUBLIC was given, and nothing else', async (t) => {
  const server = await loginServer(t)
  await server.database('shop')
  const url = server.urlOf('shop')
  await migrateDatabase({ databaseUrl: url, roles: 'off' })
  const sql = connect(t, url)
  await sql.unsafe(`
    alter table audit.audit_log disable trigger audit_log_append_only;
    grant execute on function audit.record(text, boolean) to public`)
  const { repaired } = await migrateDatabase({ databaseUrl: url })
  assert.deepEqual([...repaired].sort(), ['grants', 'triggers'])
  assert.deepEqual(await migrateDatabase({ databaseUrl: url }), { applied: [], repaired: [] })
})

test('with roles off another login is refused, and told which one migrates', async (t) => {
  const server = await loginServer(t)
  await server.database('shop')
  await server.login('shop')
  await server.login('root', 'superuser')
  await server.asDba('shop', (sql) => sql`grant create on database shop to shop`)
  await migrateDatabase({ databaseUrl: server.urlOf('shop', 'shop'), roles: 'off' })
  await assert.rejects(migrateDatabase({ databaseUrl: server.urlOf('shop') }), {
    code: 'AUDIT_SCHEMA_MISMATCH',
    message:
      /The schema belongs to the login shop\. Where it was migrated with roles off, .* migrate as that login\. Nothing/,
  })
  await server.database('forum')
  await migrateDatabase({ databaseUrl: server.urlOf('forum'), roles: 'off' })
  await assert.rejects(migrateDatabase({ databaseUrl: server.urlOf('forum', 'root') }), {
    code: 'AUDIT_SCHEMA_MISMATCH',
    message: /migrated with roles off, .* login postgres\. Migrate as that login, not as root\./,
  })
})

// Goal: a team begins with one login and gets more of them later.
test('roles that were off can be turned on, and not off again', async (t) => {
  const server = await loginServer(t)
  await server.database('shop')
  const url = server.urlOf('shop')
  await migrateDatabase({ databaseUrl: url, roles: 'off' })
  const sql = connect(t, url)
  await sql`select audit.record('{"action": "order.paid"}')`
  await assert.rejects(migrateDatabase({ databaseUrl: url, rolePrefix: 'shop_' }), {
    code: 'AUDIT_OPTION_INVALID',
    message: /was migrated with roles off, so a prefix names no role\. .*--roles on --role-prefix/,
  })
  const on = await auditRelay(['migrate', '--roles', 'on', '--role-prefix', 'shop_'], { url })
  assert.equal(on.code, 0, on.stderr)
  assert.equal(on.stdout, 'The schema is up to date. The roles are on now.\n')
  const [found] = await sql`
    select v.roles, v.role_prefix, n.nspowner::regrole::text as owner,
      has_function_privilege('shop_audit_app', 'audit.record(text, boolean)', 'execute') as records
    from audit.audit_schema_version as v, pg_namespace as n where n.nspname = 'audit'`
  const expected = { roles: 'on', role_prefix: 'shop_', owner: 'shop_audit_owner', records: true }
  assert.deepEqual({ ...found }, expected)
  const off = await auditRelay(['migrate', '--roles', 'off'], { url })
  assert.equal(off.code, 2)
  assert.match(off.stderr, /cannot be turned off: the schema belongs to shop_audit_owner\./)
  assert.deepEqual(await migrateDatabase({ databaseUrl: url }), { applied: [], repaired: [] })
})

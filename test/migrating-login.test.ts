import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import { AuditError } from '../src/errors.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { describeSchema } from './support/catalog.ts'
import { connect } from './support/logins.ts'
import { ownServer } from './support/own-server.ts'
import { databaseUrl, withClient } from './support/server.ts'

// Roles belong to a whole server, so who made them, and in which database, matters. These tests
// have a server of their own, on which nobody has migrated anything when a test begins.
let own: Awaited<ReturnType<typeof ownServer>>
before(async () => {
  own = await ownServer()
})
after(() => own.remove())

function urlOf(database: string, login?: string): string {
  const url = new URL(databaseUrl(database, own.server.url))
  return login ? Object.assign(url, { username: login, password: 'secret' }).href : url.href
}

async function freshServer(t: TestContext) {
  const admin = connect(t, own.server.url)
  const [row] = await admin`select current_setting('server_version_num')::integer / 10000 as major`
  t.after(() => withClient(own.server.url, forgetEverything))
  /** A database, and a login that may create in it. */
  const prepare = async (database: string, login: string, attributes: string) => {
    await admin.unsafe(`create database ${database}`)
    const [known] = await admin`select from pg_roles where rolname = ${login}`
    if (!known) await admin.unsafe(`create role ${login} login password 'secret' ${attributes}`)
    await admin.unsafe(`grant create on database ${database} to ${login}`)
    return urlOf(database, login)
  }
  return { admin, major: Number(row?.['major']), prepare }
}

async function forgetEverything(admin: postgres.Sql): Promise<void> {
  const databases = await admin`
    select datname as name from pg_database where not datistemplate and datname <> 'postgres'`
  for (const { name } of databases) await admin`drop database ${admin(name)} with (force)`
  const roles = await admin`
    select rolname as name from pg_roles where rolname !~ '^pg_' and rolname <> current_user
    order by rolcreaterole` // on 16 and later the login that granted a role goes last
  for (const { name } of roles) await admin`drop role ${admin(name)}`
}

function describe(url: string): Promise<readonly string[]> {
  return withClient(url, describeSchema)
}

async function migrateTwice(url: string): Promise<void> {
  assert.notDeepEqual((await migrateDatabase({ databaseUrl: url })).applied, [])
  assert.deepEqual((await migrateDatabase({ databaseUrl: url })).applied, [])
}

async function refusal(url: string): Promise<string> {
  const error = await migrateDatabase({ databaseUrl: url }).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof AuditError, String(error))
  assert.equal(error.code, 'AUDIT_DATABASE_FAILED')
  return error.message
}

// Goal: on a managed server nobody is a superuser, and each application has a login of its own.
// Method: two such logins, each with a database; what may not work must say which grant it needs.
test('a login with CREATEROLE migrates, and a second one, in another database', async (t) => {
  const { admin, major, prepare } = await freshServer(t)
  const first = await prepare('shop', 'shop_owner', 'createrole')
  const second = await prepare('forum', 'forum_owner', 'createrole')
  const plain = await prepare('wiki', 'wiki_owner', '')

  assert.match(
    await refusal(plain),
    /\(42501\): permission denied to create role\. This login may not create the roles\. .*--roles-sql/,
  )
  await migrateTwice(first)

  if (major >= 16) {
    // Only who made a role may grant it, so somebody has to be asked.
    const message = await refusal(second)
    assert.match(message, /the login forum_owner may not act as the role audit_owner/)
    const [grant = ''] = /grant audit_owner to forum_owner[^;]*;/.exec(message) ?? []
    await assertNothingIn(urlOf('forum'))
    await withClient(first, (sql) => sql.unsafe(grant)) // as its maker, as the message says
  }
  await migrateTwice(second)

  const message = await refusal(plain)
  const [grant = ''] = /grant audit_owner to wiki_owner[^;]*;/.exec(message) ?? []
  assert.notEqual(grant, '', message)
  await assertNothingIn(urlOf('wiki'))
  await admin.unsafe(grant)
  await migrateTwice(plain) // the roles are there: CREATEROLE is not needed

  // Each login that migrates makes the same schema as a superuser.
  await admin`create database reference`
  await migrateTwice(urlOf('reference'))
  const expected = await describe(urlOf('reference'))
  for (const database of ['shop', 'forum', 'wiki']) {
    assert.deepEqual(await describe(urlOf(database)), expected, database)
  }
  const session = connect(t, first)
  await session`select audit.ensure_partitions(5)` // and goes on being able to manage it
})

async function assertNothingIn(url: string): Promise<void> {
  const [row] = await withClient(
    url,
    (sql) => sql`select count(*)::integer as count from pg_namespace where nspname = 'audit'`,
  )
  assert.equal(row?.['count'], 0)
}

test('a login without INHERIT migrates where Postgres lets it, or is told what is missing', async (t) => {
  const { admin, major, prepare } = await freshServer(t)
  const url = await prepare('shop', 'shop_owner', 'createrole noinherit')
  if (major < 16) {
    const message = await refusal(url)
    assert.match(message, /may not act as the role audit_owner.*: alter role shop_owner inherit;/)
    await admin`alter role shop_owner inherit`
  }
  await migrateTwice(url)
})

test('databases of one server can be migrated for the first time all at once', async (t) => {
  const { admin } = await freshServer(t)
  const databases = ['one', 'two', 'three', 'four']
  for (const name of databases) await admin.unsafe(`create database ${name}`)
  const results = await Promise.all(
    databases.map((name) => migrateDatabase({ databaseUrl: urlOf(name) })),
  )
  for (const { applied } of results) assert.notDeepEqual(applied, [])
  const [first, ...others] = await Promise.all(databases.map((name) => describe(urlOf(name))))
  for (const other of others) assert.deepEqual(other, first)
})

test('one login migrates several databases at once', async (t) => {
  const { prepare } = await freshServer(t)
  const urls = []
  for (const name of ['one', 'two', 'three']) {
    urls.push(await prepare(name, 'shop_owner', 'createrole'))
  }
  const results = await Promise.all(urls.map((databaseUrl) => migrateDatabase({ databaseUrl })))
  for (const { applied } of results) assert.notDeepEqual(applied, [])
})

test('a schema that belongs to somebody else is not half taken', async (t) => {
  const { admin, prepare } = await freshServer(t)
  const url = await prepare('shop', 'shop_owner', 'createrole')
  await withClient(urlOf('shop'), (sql) =>
    sql.unsafe('create schema audit; grant create, usage on schema audit to shop_owner'),
  )
  assert.match(await refusal(url), /\(42501\): .*schema audit/)
  const [row] =
    await admin`select count(*)::integer as count from pg_roles where rolname ~ '^audit_'`
  assert.equal(row?.['count'], 0, 'not even the roles')
})

// The last one: the server is of no use afterwards.
test('a real standby is refused', async () => {
  const { server } = own
  await server.stop()
  fs.writeFileSync(path.join(server.dataDir, 'standby.signal'), '')
  await server.start()
  await assert.rejects(migrateDatabase({ databaseUrl: urlOf('postgres') }), {
    code: 'AUDIT_SCHEMA_MISMATCH',
    message: /^This server is a standby/,
  })
})

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import type postgres from 'postgres'
import { createRelay } from '../relay/index.ts'
import { createRecorder } from '../src/index.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { type Block, blocksOf, READERS_PAGES, ROOT } from './support/documents.ts'
import { connect } from './support/logins.ts'
import { ownServer } from './support/own-server.ts'
import { databaseUrl } from './support/server.ts'

const UNINSTALLING = 'relay/deploy/uninstalling.md'
/** The pages of which each shell sample can be run as it is. */
const RUNNABLE = ['relay/troubleshooting.md', 'relay/deploy/upgrading.md', UNINSTALLING]

// Samples make and drop roles, and roles belong to a whole server.
let own: Awaited<ReturnType<typeof ownServer>>
before(async () => {
  own = await ownServer()
})
after(() => own.remove())

function samplesOf(page: string, language: string): readonly Block[] {
  return blocksOf(page).filter((block) => block.language === language)
}

/** What the samples take for granted: the logins of a shop, and a table of its own. */
async function migratedShop(t: TestContext, name: string) {
  const admin = connect(t, own.server.url)
  await admin.unsafe(`create database ${name}`)
  for (const login of ['shop_web', 'shop_relay', 'shop_support']) {
    const [known] = await admin`select from pg_roles where rolname = ${login}`
    if (!known) await admin.unsafe(`create role ${login} login password 'secret'`)
  }
  const url = databaseUrl(name, own.server.url)
  const sql = connect(t, url)
  await sql`create table account (id uuid primary key, name text, password_hash text)`
  return { admin, sql, url }
}

async function runSample(sql: postgres.Sql, { place, text }: Block): Promise<void> {
  await sql.unsafe(text).catch((error: unknown) => {
    throw new Error(`${place}: ${error}`)
  })
}

/** Runs a shell sample. `audit-relay` is that of the sources, with a database of the test. */
async function runShell({ place, text }: Block, url: string, cwd: string): Promise<string> {
  const main = path.join(ROOT, 'relay/main.ts')
  const loader = path.join(ROOT, 'node_modules/tsx/dist/loader.mjs')
  const prelude = `audit-relay() { "${process.execPath}" --import "${loader}" "${main}" "$@"; }`
  const run = promisify(execFile)
  const env = { PATH: process.env['PATH'], DATABASE_URL: url, AUDIT_LOG_LEVEL: 'silent' }
  const { stdout } = await run('bash', ['--norc', '-euc', `${prelude}\n${text}`], {
    cwd,
    env,
  }).catch((error: unknown) => {
    throw new Error(`${place}: ${error} ${Reflect.get(Object(error), 'stdout')}`)
  })
  return stdout
}

test('every SQL sample runs', async (t) => {
  const { sql, url } = await migratedShop(t, 'samples')
  await migrateDatabase({ databaseUrl: url })
  const pages = READERS_PAGES.filter((page) => page !== UNINSTALLING)
  const samples = pages.flatMap((page) => samplesOf(page, 'sql'))
  assert.ok(samples.length > 10)
  for (const sample of samples) await runSample(sql, sample)
  // The trigger of the samples writes its entry.
  await sql`insert into account values (gen_random_uuid(), 'Ada', 'x')`
  const [row] = await sql`select count(*)::integer as entries from audit.audit_outbox`
  assert.equal(row?.['entries'], 2) // with the call of audit.record that is a sample itself
})

test('every shell sample of the pages for operators runs', async (t) => {
  const { url } = await migratedShop(t, 'shell')
  await migrateDatabase({ databaseUrl: url })
  const folder = temporaryFolder(t)
  const samples = RUNNABLE.flatMap((page) => samplesOf(page, 'sh'))
  assert.ok(samples.length >= 5)
  for (const sample of samples) await runShell(sample, url, folder)
})

// Goal: who follows the page has a server as it was before, and a copy of the log.
// Method: all objects and roles of a server, before the migration and after the last step.
test('the page on uninstalling leaves nothing behind', async (t) => {
  const { admin, sql, url } = await migratedShop(t, 'leaving')
  // A login as managed servers have it, which is no superuser.
  await admin`create role leaving_owner login createrole password 'secret'`
  await admin`grant create on database leaving to leaving_owner`
  const ownerUrl = Object.assign(new URL(url), {
    username: 'leaving_owner',
    password: 'secret',
  }).href
  const noRoles = await admin`select from pg_roles where rolname like 'audit%'`
  const schemas = await admin`
    select datname as name from pg_database where datname in ('samples', 'shell')`
  for (const { name } of schemas) await admin`drop database ${admin(name)} with (force)`
  if (noRoles.length > 0) {
    await admin`drop role audit_app, audit_relay, audit_reader, audit_keeper, audit_eraser, audit_owner`
    await admin`drop role if exists forum_web`
  }
  const before = await everythingOf(sql)

  await migrateDatabase({ databaseUrl: ownerUrl })
  const owner = connect(t, ownerUrl)
  await owner`grant audit_app to shop_web`
  await owner`grant audit_relay to shop_relay`
  await owner`grant audit_reader to shop_support`
  assert.notDeepEqual(await everythingOf(sql), before)
  const audit = createRecorder({ databaseUrl: loginUrl(url, 'shop_web'), exitDump: false })
  assert.ok(audit.record({ action: 'branding.update' }))
  await audit.close()
  const relay = createRelay({ databaseUrl: loginUrl(url, 'shop_relay') })
  await relay.drain({ deadlineMs: 30_000 })
  await relay.stop()

  const folder = temporaryFolder(t)
  const [stopped, copied] = samplesOf(UNINSTALLING, 'sh')
  assert.ok(stopped && copied)
  assert.match(await runShell(stopped, url, folder), /^waiting +0 in staging, 0 in the outbox$/m)
  await runShell(copied, url, folder)
  assert.ok(fs.statSync(path.join(folder, 'log.ndjson.gz')).size > 0)

  const [schema, mentions, roles, logins, ...more] = samplesOf(UNINSTALLING, 'sql')
  assert.ok(schema && mentions && roles && logins)
  assert.deepEqual(more, [])
  await runSample(owner, schema)
  await runSample(owner, mentions)
  await runSample(owner, roles)
  assert.deepEqual(await everythingOf(sql), before)
  await runSample(sql, logins) // the test made these as the superuser
})

function loginUrl(url: string, username: string): string {
  return Object.assign(new URL(url), { username, password: 'secret' }).href
}

/** Every object, right and role that is not PostgreSQL's own. */
async function everythingOf(sql: postgres.Sql): Promise<readonly unknown[]> {
  const objects = await sql`
    select 'schema' as kind, nspname::text as name from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
    union all select 'relation', oid::regclass::text from pg_class
    where relnamespace not in (
      select oid from pg_namespace where nspname ~ '^pg_' or nspname = 'information_schema'
    )
    union all select 'function', oid::regprocedure::text from pg_proc
    where pronamespace not in (
      select oid from pg_namespace where nspname ~ '^pg_' or nspname = 'information_schema'
    )
    union all select 'role', rolname::text from pg_roles where rolname !~ '^pg_'
    union all select 'member', roleid::regrole || ' ' || member::regrole from pg_auth_members
    where roleid::regrole::text !~ '^pg_'
    union all select 'default right', defaclrole::regrole::text from pg_default_acl
    union all select 'setting', setdatabase || ' ' || setrole from pg_db_role_setting
    union all select 'extension', extname::text from pg_extension
    union all select 'event trigger', evtname::text from pg_event_trigger
    union all select 'database right', datname || ' ' || coalesce(datacl::text, '') from pg_database
    order by 1, 2`
  return objects.map(({ kind, name }) => `${kind} ${name}`)
}

function temporaryFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-samples-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

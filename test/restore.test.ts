import assert from 'node:assert/strict'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { createRelay } from '../relay/index.ts'
import { Database } from '../src/database/connection.ts'
import { HistoryChangedError } from '../src/read/tail.ts'
import { timeline } from '../src/read/timeline.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { dumpableMajor, dumpFolder, runProgram } from './support/dumps.ts'
import { encoded, openDatabase, silentLogger, stage } from './support/lanes.ts'
import { connect, refusalOf } from './support/logins.ts'
import { ownServer } from './support/own-server.ts'
import { takeFromTail } from './support/take-from-tail.ts'

// Goal: a dump that is restored into another server is noticed, and is put in order by migrate.
// Method: pg_dump and pg_restore, between two real servers. pg_dump refuses a server that is newer
// than itself, so the servers are of its version where it is older than the one under test.

const major = dumpableMajor()
const skip = major === undefined && 'pg_dump is not installed'

async function emptyServer(t: TestContext) {
  const own = await ownServer({}, major ? { major } : {})
  t.after(own.remove)
  return own.server
}

async function drain(databaseUrl: string, stateDir?: string): Promise<void> {
  const relay = createRelay({ databaseUrl, logger: silentLogger(), stateDir })
  try {
    await relay.drain({ deadlineMs: 30_000 })
  } finally {
    await relay.stop()
  }
}

function reader(t: TestContext, url: string): Database {
  const about = { applicationName: 'restore', statementTimeoutMs: 10_000, isReader: true }
  const db = new Database({ url, ...about })
  t.after(() => db.close())
  return db
}

/** Sorted, because ids of the same millisecond are in no order. */
const actionsOf = (entries: readonly { action: string }[]) =>
  entries.map(({ action }) => action).sort()

/** Logins of one role each, as an application has them, on a server where migrate made the roles. */
async function makeLogins(t: TestContext, url: string) {
  const admin = connect(t, url)
  const login = async (role: string) => {
    await admin.unsafe(`create role ${role}_login login password 'secret' in role ${role}`)
    const as = new URL(url)
    return Object.assign(as, { username: `${role}_login`, password: 'secret' }).href
  }
  return { relayUrl: await login('audit_relay'), readerUrl: await login('audit_reader') }
}

test('a dump restored without owners and rights is noticed, repaired and declared', {
  skip,
}, async (t) => {
  const folder = dumpFolder(t)
  const stateDir = path.join(folder, 'state')
  const source = await emptyServer(t)
  const target = await emptyServer(t)
  await migrateDatabase({ databaseUrl: source.url, logger: silentLogger() })
  const sql = connect(t, source.url)
  await sql`select audit.record('[{"action": "a.1"}, {"action": "a.2"}, {"action": "a.3"}]')`
  await drain(source.url, stateDir)
  await stage(openDatabase(t, source.url), 'staging', [encoded({ action: 'waiting.4' })])
  const dump = path.join(folder, 'log.dump')
  runProgram('pg_dump', ['--format=custom', `--file=${dump}`, source.url])
  // What comes after the dump is not in it.
  await sql`select audit.record('[{"action": "lost.5"}, {"action": "lost.6"}]')`
  await drain(source.url, stateDir)
  await drain(source.url, stateDir)
  const seen = await takeFromTail(reader(t, source.url), 6, { fromSeq: 1 })
  const page = await timeline(reader(t, source.url), { order: 'oldest', limit: 2 })
  assert.deepEqual(actionsOf(seen.slice(0, 3)), ['a.1', 'a.2', 'a.3'])

  runProgram('pg_restore', ['--no-owner', '--no-privileges', `--dbname=${target.url}`, dump])
  const { repaired } = await migrateDatabase({ databaseUrl: target.url, logger: silentLogger() })
  assert.deepEqual([...repaired].sort(), ['grants', 'owners'])
  const { relayUrl, readerUrl } = await makeLogins(t, target.url)
  const restored = connect(t, target.url)
  for (const change of ['update audit.audit_log set action = $$x.y$$', 'truncate audit.audit_log'])
    assert.match((await refusalOf(restored.unsafe(change)))?.message ?? '', /append-only/, change)

  // A relay that has seen the lost entries stops. One that has not begins a new history.
  await assert.rejects(drain(relayUrl, stateDir), { code: 'AUDIT_HISTORY_CHANGED' })
  await drain(relayUrl)
  const [, , third, , , sixth] = seen
  assert.ok(third && sixth)
  const db = reader(t, readerUrl)
  await assert.rejects(takeFromTail(db, 1, { after: sixth }), (error) => {
    assert.ok(error instanceof HistoryChangedError)
    assert.equal(error.readAgainFromSeq, 4)
    return true
  })
  await assert.rejects(timeline(db, { order: 'oldest', limit: 2, cursor: page.nextCursor ?? '' }), {
    code: 'AUDIT_HISTORY_CHANGED',
    message: /Start from the first page/,
  })
  const again = await takeFromTail(db, 3, { fromSeq: 4 })
  assert.deepEqual(actionsOf(again), ['audit.gap', 'audit.restored', 'waiting.4'])
  assert.ok(again.every(({ history }) => history !== third.history))
  await drain(relayUrl)
  assert.deepEqual(await migrateDatabase({ databaseUrl: target.url, logger: silentLogger() }), {
    applied: [],
    repaired: [],
  })
})

// Goal: a database that remembers a prefix, or that roles are off, keeps that in its dump.
test('a dump of a database with a prefix, or with roles off, is repaired as what it was', {
  skip,
}, async (t) => {
  const folder = dumpFolder(t)
  for (const [given, owner, repaired] of [
    [{ rolePrefix: 'shop_' }, 'shop_audit_owner', ['grants', 'owners']],
    [{ roles: 'off' }, 'postgres', ['grants']], // what PUBLIC may call
  ] as const) {
    const source = await emptyServer(t)
    const target = await emptyServer(t)
    const logger = silentLogger()
    await migrateDatabase({ databaseUrl: source.url, logger, ...given })
    await connect(t, source.url)`select audit.record('{"action": "a.1"}')`
    const dump = path.join(folder, `${owner}.dump`)
    runProgram('pg_dump', ['--format=custom', `--file=${dump}`, source.url])
    runProgram('pg_restore', ['--no-owner', '--no-privileges', `--dbname=${target.url}`, dump])
    const restored = await migrateDatabase({ databaseUrl: target.url, logger })
    assert.deepEqual([...restored.repaired].sort(), repaired)
    const sql = connect(t, target.url)
    const [found] = await sql`
      select nspowner::regrole::text as owner from pg_namespace where nspname = 'audit'`
    assert.deepEqual({ ...found }, { owner })
    await drain(target.url)
    assert.match((await refusalOf(sql`delete from audit.audit_log`))?.message ?? '', /append-only/)
    const again = await migrateDatabase({ databaseUrl: target.url, logger })
    assert.deepEqual(again, { applied: [], repaired: [] })
  }
})

import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { BacklogReader } from '../relay/telemetry/backlog.ts'
import { readStatus } from '../relay/telemetry/status.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import type { Recorder } from '../src/recorder/recorder.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { applicationDatabase, DRIVERS } from './support/drivers.ts'
import { memoryLogger, openDatabase, relayOn } from './support/lanes.ts'
import { connect } from './support/logins.ts'
import { ownServer } from './support/own-server.ts'
import { pgBouncer } from './support/pgbouncer.ts'
import { recorderOn } from './support/recorders.ts'
import { smallDisk } from './support/small-disk.ts'
import { waitFor } from './support/wait-for.ts'

type Sql = postgres.Sql

/** What is in the log, and whether it is there once and numbered without a hole. */
async function account(sql: Sql) {
  const [row] = await sql`
    select count(*)::integer as logged, count(distinct id)::integer as ids,
      coalesce(max(seq), 0)::integer as last,
      (select count(*) from audit.audit_dead_letter)::integer as dead,
      ((select count(*) from audit.audit_staging) + (select count(*) from audit.audit_outbox))::integer
        as waiting
    from audit.audit_log`
  return { ...row }
}

const balanced = (logged: number) => ({ logged, ids: logged, last: logged, dead: 0, waiting: 0 })

function recordMany(audit: Recorder, entries: number) {
  for (let n = 0; n < entries; n += 1) {
    assert.equal(audit.record({ action: 'load.record', metadata: { n } }), true)
  }
}

test('through PgBouncer in transaction mode everything works', { timeout: 300_000 }, async (t) => {
  const FAST = 3_000
  const TRANSACTIONS = 30
  const scratch = await scratchDatabase(t)
  const direct = (['audit_app', 'audit_relay'] as const).map((role) => scratch.urlAs(role))
  const bouncer = await pgBouncer(t, direct)
  if (!bouncer) return
  const urlAs: ScratchDatabase['urlAs'] = (role) => bouncer.through(scratch.urlAs(role))
  const logger = memoryLogger()
  const relays = Array.from({ length: 3 }, () =>
    relayOn(t, { ...scratch, urlAs }, { logger, batchEntries: 100, pollMaxMs: 50 }),
  )
  for (const relay of relays) void relay.start()
  const audit = recorderOn(t, { urlAs }, { logger, maxBatchEntries: 100, reportIntervalMs: 100 })
  recordMany(audit, FAST)
  for (const driver of DRIVERS) {
    // What the README asks of an application with a pooler of this kind.
    const app = applicationDatabase(t, driver, urlAs('audit_app'), { prepare: false })
    await Promise.all(
      Array.from({ length: TRANSACTIONS }, (_, n) =>
        app.transaction(async (tx) => {
          const mode = n % 2 === 0 ? 'atomic' : 'best-effort'
          assert.equal(
            await audit.recordIn(tx, [{ action: 'a.b' }, { action: 'a.c' }], { mode }),
            2,
          )
        }),
      ),
    )
  }
  const { dropped } = await audit.close({ timeoutMs: 30_000 })
  assert.equal(dropped, 0)
  const expected = FAST + DRIVERS.length * TRANSACTIONS * 2
  const logged = async () => (await account(scratch.sql))['logged'] === expected
  await waitFor(logged, { timeoutMs: 20_000, what: 'all to be logged' })
  assert.deepEqual(await account(scratch.sql), balanced(expected))
  const status = await readStatus(openDatabase(t, urlAs('audit_relay')))
  assert.equal(status.lastSeq, expected)
  assert.deepEqual(
    status.recorders.map(({ accepted, missing, state }) => ({ accepted, missing, state })),
    [{ accepted: FAST, missing: 0, state: 'closed' }],
  )
  const backlog = new BacklogReader(urlAs('audit_relay'))
  t.after(() => backlog.close())
  assert.equal((await backlog.read())?.lastSeq, expected, 'it lets no settings through')
  const bad = logger.lines.filter(({ level }) => level === 'warn' || level === 'error')
  assert.deepEqual(bad, [])
})

// A server of our own, with few connections: what is full there hurts no other test.
let own: ReturnType<typeof makeOwn> | undefined
const LOGINS = { audit_app: 'app', audit_relay: 'relay' } as const

async function makeOwn() {
  const { server, remove } = await ownServer({ max_connections: '14' })
  await migrateDatabase({ databaseUrl: server.url })
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  for (const [role, login] of Object.entries(LOGINS)) {
    await sql.unsafe(`create role ${login} login password 'own' in role ${role}`)
  }
  await sql`create role hog login password 'own'`
  const urlOf = (username: string) =>
    Object.assign(new URL(server.url), { username, password: 'own' }).href
  const urlAs: ScratchDatabase['urlAs'] = (role) =>
    urlOf(role === 'audit_app' ? LOGINS.audit_app : LOGINS.audit_relay)
  return { server, remove, sql, urlOf, scratch: { name: 'postgres', url: server.url, sql, urlAs } }
}

after(async () => {
  const made = await own?.catch(() => undefined)
  await made?.sql.end({ timeout: 1 })
  await made?.remove()
})

/** A recorder and a relay that run on it, and what they say. */
async function onOwnServer(t: TestContext) {
  own ??= makeOwn()
  const made = await own
  const { logged, waiting } = await account(made.sql)
  const before = Number(logged) + Number(waiting) // a test that failed leaves entries in a lane
  const logger = memoryLogger()
  const audit = recorderOn(t, made.scratch, { logger, reportIntervalMs: 600_000 })
  const relay = relayOn(t, made.scratch, { logger, pollMinMs: 5, pollMaxMs: 50 })
  const outage = (of: RegExp) => logger.lines.find(({ message }) => of.test(message))?.fields
  return { ...made, before, audit, relay, outage }
}

/**
 * Takes what there is and what becomes free meanwhile: a connection that was closed counts until its
 * backend has ended, and on a busy machine that backend is still there when its client has gone.
 */
async function takeEveryConnection(t: TestContext, sql: Sql, url: string): Promise<Sql[]> {
  const [limit] = await sql<{ free: number }[]>`
    select current_setting('max_connections')::integer
      - current_setting('superuser_reserved_connections')::integer
      - 1 as free` // our own
  const free = limit?.free ?? 0
  const hogs: Sql[] = []
  const isFull = async () => {
    const hog = connect(t, url)
    try {
      await hog`select 1`
      hogs.push(hog)
      return false
    } catch {
      return hogs.length === free
    }
  }
  await waitFor(isFull, { what: `${free} connections to be taken`, timeoutMs: 30_000 })
  return hogs
}

test('too many connections: entries wait in memory, and everything goes on by itself', async (t) => {
  const { sql, urlOf, before, audit, relay, outage } = await onOwnServer(t)
  const hogs = await takeEveryConnection(t, sql, urlOf('hog'))
  recordMany(audit, 500)
  void relay.start()
  await waitFor(() => relay.health().failures >= 3, { what: 'the relay to fail' })
  await waitFor(() => outage(/staging is unavailable/) !== undefined, { what: 'the line' })
  assert.equal(relay.health().fault?.code, '53300')
  assert.match(String(outage(/staging is unavailable/)?.['hint']), /no free connection/)
  assert.equal(audit.stats().bufferedEntries, 500)
  await Promise.all(hogs.map((hog) => hog.end({ timeout: 1 })))
  assert.equal(await audit.flush({ timeoutMs: 15_000 }), true)
  await waitFor(async () => (await account(sql))['waiting'] === 0, { what: 'empty lanes' })
  assert.deepEqual(await account(sql), balanced(before + 500))
  assert.deepEqual(audit.stats().dropped, {})
})

test('a full disk: recorder and relay wait, nothing dies, and all is logged with room', async (t) => {
  const { server, sql, before, audit, relay, outage } = await onOwnServer(t)
  const disk = smallDisk(t, server.dataDir, 16)
  if (!disk) return
  await sql.unsafe(`create tablespace small location '${disk.folder}'`)
  const tables = await sql<{ name: string }[]>`
    select 'audit.audit_staging' as name
    union all select inhrelid::regclass::text from pg_inherits
    where inhparent = 'audit.audit_log'::regclass`
  for (const { name } of tables) await sql.unsafe(`alter table ${name} set tablespace small`)

  disk.fill()
  recordMany(audit, 2_000)
  await waitFor(() => outage(/staging is unavailable/) !== undefined, { what: 'the line' })
  const line = outage(/staging is unavailable/)
  assert.equal(Reflect.get(Object(line?.['fault']), 'code'), '53100')
  assert.match(String(line?.['hint']), /disk is full/)
  assert.equal(audit.stats().bufferedEntries, 2_000)
  disk.free()
  assert.equal(await audit.flush({ timeoutMs: 15_000 }), true)

  disk.fill()
  void relay.start()
  await waitFor(() => relay.health().failures >= 2, { what: 'the relay to fail' })
  assert.equal(relay.health().fault?.code, '53100')
  const { dead, logged, waiting } = await account(sql)
  assert.equal(dead, 0)
  assert.equal(Number(logged) + Number(waiting), before + 2_000)
  disk.free()
  await waitFor(async () => (await account(sql))['waiting'] === 0, { what: 'empty lanes' })
  assert.deepEqual(await account(sql), balanced(before + 2_000))
  assert.deepEqual(audit.stats().dropped, {})
  await relay.stop()
  await audit.close()
  for (const { name } of tables) await sql.unsafe(`alter table ${name} set tablespace pg_default`)
  await sql`drop tablespace small`
})

// Goal: one session that reads and one that waits to alter hold up the database, not the handlers.
// Method: everything of ours queues behind an ALTER TABLE that waits behind a reader.
test('an ALTER TABLE that waits in front of us delays entries and loses none', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch, { statementTimeoutMs: 400 })
  const relay = relayOn(t, scratch, { statementTimeoutMs: 400, pollMaxMs: 50 })
  recordMany(audit, 100)
  assert.equal(await audit.flush(), true)
  const [reader, altering] = [connect(t, scratch.url), connect(t, scratch.url)]
  await reader`begin`
  await reader`select from audit.audit_staging limit 1`
  const altered = altering`alter table audit.audit_staging alter column action set default null`
  altered.catch(() => {})
  await waitFor(
    async () => {
      const waiting = await scratch.sql`select from pg_locks where not granted`
      return waiting.length > 0
    },
    { what: 'the ALTER TABLE to wait' },
  )
  void relay.start()
  const beganMs = performance.now()
  recordMany(audit, 100)
  const tookMs = performance.now() - beganMs
  assert.ok(tookMs < 400, `100 calls of record() took ${tookMs} ms`)
  await waitFor(() => relay.health().failures >= 2, { what: 'the relay to be held up' })
  await sleep(500)
  assert.equal(audit.stats().bufferedEntries, 100)
  await reader`commit`
  await altered
  assert.equal(await audit.flush({ timeoutMs: 15_000 }), true)
  await waitFor(async () => (await account(scratch.sql))['waiting'] === 0, { what: 'empty lanes' })
  await waitFor(() => relay.health().isReady, { what: 'the relay to be well' })
  assert.deepEqual(await account(scratch.sql), balanced(200))
  assert.deepEqual(audit.stats().dropped, {})
})

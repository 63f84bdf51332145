import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { after, before, type TestContext, test } from 'node:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { createRelay, readStatus } from '../relay/index.ts'
import { eraseEntries } from '../relay/erase/erase-entries.ts'
import { Erasures } from '../relay/erase/erasures.ts'
import { scrub } from '../relay/erase/scrub.ts'
import { surveyUser } from '../relay/erase/survey.ts'
import { BacklogReader } from '../relay/telemetry/backlog.ts'
import { Database } from '../src/database/connection.ts'
import { exportToStream } from '../src/export/index.ts'
import { histogram } from '../src/page/histogram/histogram.ts'
import { UTC } from '../src/query/zone.ts'
import { tail } from '../src/read/tail.ts'
import { lastSeq } from '../src/read/tail-query.ts'
import { type AuditDatabase, entry, timeline } from '../src/read/timeline.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { migrationSql } from '../src/schema/printed/print-sql.ts'
import { rolesSql } from '../src/schema/printed/roles-sql.ts'
import { emptyDatabase, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { examineWith, urlsOf } from './support/doctor.ts'
import { appendToLog } from './support/log-entries.ts'
import { pgBouncer } from './support/pgbouncer.ts'
import { recorderOn } from './support/recorders.ts'
import { type TestRole, testLogin } from './support/server.ts'
import { assertNothingSprung, setTrap, sprung, trapSize } from './support/trap-schema.ts'
import { waitFor } from './support/wait-for.ts'

// Goal: nothing of a stranger's runs with our rights, wherever the search path leads.
// Method: a schema with a function, an operator and a type for each one of pg_catalog. It notes what
// of it is called. Everything that reads, records or migrates then runs with that schema in its path.

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const ID = '11111111-1111-4111-8111-111111111111'

/** What is done with a database, by the role that does it. A case of a new statement goes here. */
const CASES: Readonly<
  Record<string, readonly [TestRole, (db: AuditDatabase) => Promise<unknown>]>
> = {
  timeline: ['audit_reader', readTimelines],
  'one entry': ['audit_reader', (db) => entry(db, ID)],
  tail: ['audit_reader', readTails],
  export: ['audit_reader', exportAll],
  histogram: ['audit_reader', drawHistograms],
  status: ['audit_relay', (db) => readStatus(db)],
}

/** Each kind of condition that a query line makes. */
const QUERIES = [
  `by:${ID} -action:audit.* action:thing.* or *.do`,
  `on:${ID} meta.a=1 meta.a:* meta.a>0 meta.b=*x* or changed:b.c -changed:*`,
  'ip:10.0.0.0/8 or ip:2001:db8::/32 or outcome:done kind:person or kind:agent seq:1..9 after:-2h',
  `-word 1 or ${ID} type:thing login:audit request:one or outcome:denied`,
  'thing',
]

async function readTimelines(db: AuditDatabase): Promise<void> {
  const filters = [
    {},
    { eventId: ID },
    { userId: ID, from: 0, to: new Date() },
    { targetId: ID, entityType: 'thing', metadata: { a: 1 } },
    { requestId: 'one' },
    { action: 'thing.update' },
    { action: 'thing.*', order: 'oldest' } as const,
    ...QUERIES.map((query) => ({ query })),
  ]
  for (const filter of filters) {
    const first = await timeline(db, { ...filter, limit: 2 })
    if (first.nextCursor === null) continue
    const second = await timeline(db, { ...filter, limit: 2, cursor: first.nextCursor })
    await timeline(db, { ...filter, limit: 2, cursor: second.prevCursor ?? '' })
  }
}

async function readTails(db: AuditDatabase): Promise<void> {
  assert.equal(await lastSeq(db), 5)
  for (const filter of [{}, { eventId: ID }, { action: 'thing.*' }, { query: '-word seq:1..9' }]) {
    const signal = AbortSignal.timeout(20_000)
    for await (const { seq } of tail(db, { fromSeq: 1, filter, signal })) if (seq === 5) break
    assert.equal(signal.aborted, false)
  }
}

async function exportAll(db: AuditDatabase): Promise<void> {
  for (const filter of [{}, { eventId: ID }, { from: 0, to: new Date(Date.now() + 60_000) }]) {
    const stream = new PassThrough().resume()
    const { rows, gapCount } = await exportToStream(db, stream, { filter })
    assert.deepEqual([rows, gapCount], [5, 1])
  }
}

async function drawHistograms(db: AuditDatabase): Promise<void> {
  const nowMs = Date.now()
  for (const filter of [{}, { eventId: ID, action: 'thing.*' }, { action: 'audit.gap' }]) {
    for (const countUpTo of [1, 1_000]) {
      await histogram(db, {
        filter: { ...filter, from: nowMs - 60_000 },
        zone: UTC,
        nowMs,
        countUpTo,
      })
      await histogram(db, { filter, zone: UTC, nowMs, countUpTo })
    }
  }
}

let shared: ScratchDatabase
const endings: (() => Promise<unknown>)[] = []
before(async () => {
  const context = { after: (end: () => Promise<unknown>) => endings.push(end), name: 'shared' }
  shared = await scratchDatabase(context as unknown as TestContext)
  const thing = { eventId: ID, userId: ID, targetId: ID, entityType: 'thing', requestId: 'one' }
  const things = [1, 2, 3, 4].map(() => ({ ...thing, metadata: { a: 1 } }))
  await appendToLog(shared.sql, [{ ...thing, action: 'audit.gap' }, ...things])
  await setTrap(shared.sql)
})
after(async () => {
  for (const end of endings) await end()
})

/** Puts the trap before or behind `pg_catalog`, for every login of ours. */
async function lead(path: 'trap, pg_catalog' | 'trap'): Promise<void> {
  const roles = [
    'audit_app',
    'audit_reader',
    'audit_relay',
    'audit_keeper',
    'audit_eraser',
  ] as const
  for (const role of roles) {
    const { sql, name } = shared
    await sql.unsafe(
      `alter role ${testLogin(role).name} in database ${name} set search_path = ${path}`,
    )
  }
}

test('the trap catches what is not written out', async (t) => {
  const size = await trapSize(shared.sql)
  assert.ok(size.functions > 3_000 && size.operators > 1_500, JSON.stringify(size))
  const scratch = await scratchDatabase(t)
  await setTrap(scratch.sql)
  const { username } = new URL(scratch.urlAs('audit_reader'))
  const catches = async (path: string, statement: string, what: RegExp) => {
    await scratch.sql.unsafe(
      `alter role ${username} in database ${scratch.name} set search_path = ${path}`,
    )
    const client = postgres(scratch.urlAs('audit_reader'), { max: 1, fetch_types: false })
    await client.unsafe(statement)
    await client.end()
    await waitFor(async () => (await sprung(scratch.sql)).some((name) => what.test(name)), {
      what: `${statement} to be caught: ${await sprung(scratch.sql)}`,
    })
  }
  await catches('trap, pg_catalog', 'select lower($$A$$)', /lower\(text\)/)
  await catches('trap, pg_catalog', 'select 1::integer + 1::integer', /operator \d+"?\(integer,int/)
  await catches('trap, pg_catalog', "select '1'::text", /type text/)
  await catches('trap, pg_catalog', 'select count(*) from (values (1)) as v', /aggregated/)
  await catches('trap', 'select 1::bigint / 1.0::double precision', /near_value\(bigint,double/)
  await catches('trap', "select 'pg_class'::regclass = 1::oid", /near_truth\(regclass,oid/)
})

for (const [what, [role, work]] of Object.entries(CASES)) {
  test(`${what}: nothing before pg_catalog runs on our own connection`, async () => {
    await lead('trap, pg_catalog')
    await onOwnConnection(shared.urlAs(role), work)
    await assertNothingSprung(shared, what)
  })

  test(`${what}: nor where a pooler refuses settings at the start`, async (t) => {
    await lead('trap, pg_catalog')
    const pooler = await pgBouncer(t, [shared.urlAs(role)])
    if (pooler === undefined) return
    await onOwnConnection(pooler.through(shared.urlAs(role)), work)
    await pooler.end()
    await assertNothingSprung(shared, what)
  })

  test(`${what}: nothing behind pg_catalog runs on a caller's pool`, async () => {
    await lead('trap')
    const client = postgres(shared.urlAs(role), { max: 2, fetch_types: false })
    await work(drizzle(client))
    await client.end()
    await assertNothingSprung(shared, what)
  })
}

async function onOwnConnection(url: string, work: (db: AuditDatabase) => Promise<unknown>) {
  const db = new Database({ url, applicationName: 'trapped', statementTimeoutMs: 20_000 })
  await work(db)
  await db.close()
}

test("recordIn: nothing behind pg_catalog runs in a caller's transaction", async (t) => {
  await lead('trap')
  const audit = recorderOn(t, shared, { logger: silent })
  const client = postgres(shared.urlAs('audit_app'), { max: 1, fetch_types: false })
  for (const mode of ['best-effort', 'atomic'] as const) {
    const taken = await drizzle(client).transaction((tx) =>
      audit.recordIn(tx, { action: 'thing.done' }, { mode }),
    )
    assert.equal(taken, 1)
  }
  await client.end()
  await audit.close()
  await assertNothingSprung(shared, 'recordIn')
})

/** Two relays move 3,000 entries, one of them in parallel moves; what they leave is counted. */
async function moveAll(url: string): Promise<void> {
  const limits = { batchEntries: 100, parallelMoves: 3 }
  const relay = createRelay({ databaseUrl: url, logger: silent, ...limits })
  const other = createRelay({ databaseUrl: url, logger: silent })
  const bound = { deadlineMs: 60_000 }
  const drained = await Promise.all([relay.drain(bound), other.drain(bound)])
  assert.deepEqual(
    drained.map(({ isDrained }) => isDrained),
    [true, true],
  )
  await relay.stop()
  await other.stop()
  const backlog = new BacklogReader(url, silent)
  assert.equal((await backlog.read())?.depth.outbox, 0)
  await backlog.close()
}

for (const where of ['on its own connections', 'where a pooler refuses settings'] as const) {
  test(`relay: nothing before pg_catalog runs ${where}`, async (t) => {
    const scratch = await scratchDatabase(t)
    await setTrap(scratch.sql)
    const { username } = new URL(scratch.urlAs('audit_relay'))
    await scratch.sql.unsafe(
      `alter role ${username} in database ${scratch.name} set search_path = trap, pg_catalog`,
    )
    await scratch.sql`
      select audit.record((
        select jsonb_agg(jsonb_build_object('action', 'thing.done')) from generate_series(1, 3000)
      )::text)`
    await scratch.sql`truncate audit.audit_sentinel`
    const direct = scratch.urlAs('audit_relay')
    const pooler = where === 'on its own connections' ? undefined : await pgBouncer(t, [direct])
    if (where !== 'on its own connections' && pooler === undefined) return
    await moveAll(pooler?.through(direct) ?? direct)
    await pooler?.end()
    const [row] = await scratch.sql`select count(*)::integer as count from audit.audit_log`
    assert.equal(row?.['count'], 3_001, 'with the gap')
    await assertNothingSprung(scratch, 'relay')
  })
}

test('recorder: nothing before pg_catalog runs on its own connection', async (t) => {
  await lead('trap, pg_catalog')
  const audit = recorderOn(t, shared, { logger: silent })
  for (let n = 0; n < 50; n += 1) audit.record({ action: 'thing.done' })
  assert.equal((await audit.close()).dropped, 0)
  await assertNothingSprung(shared, 'recorder')
})

test('migrate: nothing before pg_catalog runs, the first time and the next', async (t) => {
  const scratch = await emptyDatabase(t)
  await setTrap(scratch.sql)
  await scratch.sql.unsafe(`alter database ${scratch.name} set search_path = trap, pg_catalog`)
  const migrate = () => migrateDatabase({ databaseUrl: scratch.url, logger: silent })
  assert.notDeepEqual((await migrate()).applied, [])
  assert.deepEqual(await sprung(scratch.sql), [])
  assert.deepEqual((await migrate()).applied, [])
  assert.deepEqual(await sprung(scratch.sql), [])
})

test('the SQL that migrate prints calls nothing before pg_catalog either', async (t) => {
  const scratch = await emptyDatabase(t)
  await setTrap(scratch.sql)
  await scratch.sql.unsafe(`alter database ${scratch.name} set search_path = trap, pg_catalog`)
  const psql = postgres(scratch.url, { max: 1, fetch_types: false, onnotice: () => {} })
  const [row] = await psql.unsafe('select current_user as login')
  await psql.unsafe(rolesSql(row?.['login'], { roles: 'on', rolePrefix: `${scratch.name}_` }))
  await psql.unsafe(migrationSql())
  await psql.end()
  assert.deepEqual(await sprung(scratch.sql), [])
  for (const role of ['owner', 'app', 'relay', 'reader']) {
    await scratch.sql.unsafe(`drop role ${scratch.name}_audit_${role}`)
  }
})

test('doctor: nothing before pg_catalog runs, on its own connections and through a pooler', async (t) => {
  await lead('trap, pg_catalog')
  // Without the owner's URL these logins, whose search path leads into the trap, look at everything.
  const { AUDIT_OWNER_DATABASE_URL: _owner, ...urls } = urlsOf(shared)
  const pooler = await pgBouncer(t, Object.values(urls))
  const pooled = Object.entries(urls).map(([name, url]) => [name, pooler?.through(url) ?? url])
  for (const environment of [urls, Object.fromEntries(pooled)]) {
    const { examined } = await examineWith(environment)
    const seen = examined.filter(({ skipped }) => !skipped).map(({ what }) => what)
    for (const what of [
      'tables',
      'functions',
      'partitions of the log',
      'grants',
      "the keeper's login",
      'recorders',
    ]) {
      assert.ok(seen.includes(what), what)
    }
  }
  await pooler?.end()
  await assertNothingSprung(shared, 'doctor')
})

test('erasure: nothing before pg_catalog runs, on its own connection and through a pooler', async (t) => {
  await lead('trap, pg_catalog')
  const url = shared.urlAs('audit_eraser')
  const pooler = await pgBouncer(t, [url])
  const { signal } = new AbortController()
  for (const [at, to] of [url, pooler?.through(url) ?? url].entries()) {
    const database = new Database({
      ...{ url: to, applicationName: 'test', statementTimeoutMs: 60_000 },
    })
    const erasures = new Erasures(database)
    const { own } = await surveyUser(erasures, ID, { signal, onLooked() {} })
    assert.equal(own, 4 - at)
    const fields = ['user_id', 'metadata'] as const
    assert.equal(await eraseEntries(erasures, [at + 2], { reason: 'x', signal, fields }), 1)
    for await (const known of erasures.all()) assert.equal(known.length, at + 1)
    const { entries } = await scrub(database, { signal, onTable() {}, onWait() {} })
    assert.equal(entries, 1)
    await database.close()
  }
  await pooler?.end()
  await assertNothingSprung(shared, 'erasure')
})

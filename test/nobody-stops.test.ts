import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import { createRelay } from '../relay/index.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { emptyDatabase, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import {
  encoded,
  memoryLogger,
  numberedId,
  openDatabase,
  PATIENT_MS,
  relayOn,
  stage,
} from './support/lanes.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'
import { waitFor } from './support/wait-for.ts'
import { watchLogLock } from './support/log-lock.ts'

/** A session of a login that was granted nothing and may only connect. */
async function asNobody(t: TestContext, { sql, url }: ScratchDatabase): Promise<postgres.Sql> {
  const login = `audit_test_nobody_${randomBytes(4).toString('hex')}`
  const password = randomBytes(12).toString('hex')
  await sql.unsafe(`create role ${login} login password '${password}'`)
  const session = connect(t, Object.assign(new URL(url), { username: login, password }).href)
  t.after(async () => {
    await session.end({ timeout: 1 })
    const admin = connect(t, url)
    await admin.unsafe(`reassign owned by ${login} to current_user; drop role ${login}`)
    await admin.end({ timeout: 1 })
  })
  return session
}

async function stageBoth(t: TestContext, { url }: ScratchDatabase, from = 0): Promise<void> {
  const database = openDatabase(t, url)
  for (const [lane, first] of [
    ['staging', from],
    ['outbox', from + 1_000],
  ] as const) {
    const entries = Array.from({ length: 10 }, (_, n) => encoded({ id: numberedId(first + n) }))
    await stage(database, lane, entries)
  }
}

async function logged({ sql }: ScratchDatabase): Promise<number> {
  const [row] = await sql`select count(*)::integer as entries from audit.audit_log`
  return Number(row?.['entries'])
}

/** Every key that a lock of ours was ever seen to have, and some that one could have. */
const KEYS = [
  `${0x61756469}, -1`,
  `${0x61756469}, 0`,
  '7205619234',
  `hashtextextended('audit.ensure_partitions', 0)`,
  `hashtextextended('audit', 0)`,
  '0',
  '1',
]

// Goal: every login that may connect can take advisory locks, so no code of ours may depend on one.
// Method: a login with no grant holds all of them; moves, moves side by side, partitions, a
// migration.
test('no lock that a login without a grant can take holds anything up', async (t) => {
  const scratch = await scratchDatabase(t)
  const nobody = await asNobody(t, scratch)
  await nobody`begin`
  for (const key of KEYS) {
    for (const kind of ['', '_shared', '_xact', '_xact_shared']) {
      await nobody.unsafe(`select pg_advisory${kind.replace(/^(_xact)?/, '$1_lock')}(${key})`)
    }
  }
  await stageBoth(t, scratch)
  const relay = relayOn(t, scratch, { batchEntries: 3, parallelMoves: 2, monthsAhead: 5 })
  const { isDrained, logged: moved } = await relay.drain({ deadlineMs: PATIENT_MS })
  assert.deepEqual({ isDrained, moved }, { isDrained: true, moved: 20 })
  const [partitions] = await scratch.sql`
    select count(*)::integer as count from pg_inherits where inhparent = 'audit.audit_log'::regclass`
  assert.equal(partitions?.['count'], 7, 'this month, five more and DEFAULT')
})

// Goal: who owns the database may ANALYZE every table, and holds a lock of each until the commit.
// Method: such a transaction is open; moves, moves side by side.
test('a transaction of the owner of the database in which all was analyzed stops no move', async (t) => {
  const scratch = await scratchDatabase(t)
  const owner = await asNobody(t, scratch)
  const [login] = await owner`select current_user::text as name`
  await scratch.sql.unsafe(`alter database ${scratch.name} owner to ${login?.['name']}`)
  await owner`begin`
  await owner`analyze`
  const [held] = await owner`
    select count(*)::integer as locks from pg_locks
    where pid = pg_backend_pid() and relation in (
      select c.oid from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname = 'audit' and c.relkind = 'r'
    )`
  assert.ok(Number(held?.['locks']) > 10, 'it holds locks of ours')
  await stageBoth(t, scratch)
  const relay = relayOn(t, scratch, { batchEntries: 3, parallelMoves: 2 })
  assert.equal((await relay.drain({ deadlineMs: PATIENT_MS })).logged, 20)
  await owner`rollback`
})

/** What a login could try, to hold something that a move, a partition or a migration needs. */
const HOLDS = [
  'select from audit.audit_head for update',
  'select from audit.audit_head for key share',
  'select from audit.audit_turn for share',
  'update audit.audit_head set seq = seq',
  'delete from audit.audit_turn',
  'lock table audit.audit_head in access share mode',
  'lock table audit.audit_turn in access share mode',
  'lock table audit.audit_log in access exclusive mode',
  'lock table audit.audit_log in share update exclusive mode',
  'lock table audit.audit_outbox in share mode',
  'lock table audit.audit_staging in share mode',
  'lock table audit.audit_lane in row exclusive mode',
  'lock table audit.audit_recorder in row exclusive mode',
  'lock table audit.audit_dead_letter in share mode',
  'create index on audit.audit_outbox (id)',
  'truncate audit.audit_staging',
  'alter table audit.audit_log add column x integer',
]

test('no role of the schema can hold what a move needs, and a login without one sees nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  const nobody = await asNobody(t, scratch)
  const sessions = (['audit_app', 'audit_reader', 'audit_relay'] as const).map((role) => ({
    name: role as string,
    session: connectAs(t, scratch, role),
  }))
  for (const { name, session } of [...sessions, { name: 'nobody', session: nobody }]) {
    for (const statement of HOLDS) {
      await session`begin`
      const refusal = await refusalOf(session.unsafe(statement))
      await session`rollback`
      assert.equal(refusal?.code, '42501', `${name}: ${statement}`)
    }
  }
})

// Goal: the application's login holds its own recorder's report until it commits, and nothing that a
// relay needs.
// Method: such a transaction stays open; entries of that recorder are moved, a gap is declared, the
// account is compacted.
test('a report in a transaction that stays open holds up no move, no gap and no compaction', async (t) => {
  const scratch = await scratchDatabase(t)
  const app = connectAs(t, scratch, 'audit_app')
  const relay = connectAs(t, scratch, 'audit_relay')
  const [recorder, key] = [randomUUID(), 'the key of a recorder']
  const row = [numberedId(1), new Date(), 1, null, null, null, 'a.b', null, null, {}, {}]
  await app`select audit.stage(${recorder}, ${key}, array[${JSON.stringify([row])}])`
  await app`begin`
  await app`select audit.report(${recorder}, ${key}, now(), 5, 5, '{"full": 1}', false)`
  await relay`set statement_timeout = '10s'`
  const [moved] =
    await relay`select logged from audit.move('staging', 9, 1000, null, null, null, null)`
  assert.equal(moved?.['logged'], 1)
  await scratch.sql`truncate audit.audit_sentinel`
  const [gap] = await relay`select audit.declare_gap() as declared`
  assert.equal(gap?.['declared'], true)
  const [compacted] = await relay`select audit.compact('recorder') as won`
  assert.equal(compacted?.['won'], true)
  await app`commit`
  const [account] = await relay`
    select accepted::integer, logged::integer, state from audit.recorder_accounts()`
  assert.deepEqual({ ...account }, { accepted: 5, logged: 1, state: 'live' })
})

// Goal: a person who looks at the head in a session that stays open is an alarm, by name.
// Method: a superuser holds its row; the relay's health and its log, before, meanwhile and
// afterwards.
test('a session that is no relay and holds the head is an alarm that names it', async (t) => {
  const scratch = await scratchDatabase(t)
  const logger = memoryLogger()
  const relay = createRelay({
    databaseUrl: scratch.urlAs('audit_relay'),
    logger,
    ...{ pollMinMs: 5, pollMaxMs: 50 },
  })
  t.after(() => relay.stop())
  void relay.start()
  await waitFor(() => relay.health().isReady, { what: 'a relay that is ready' })
  assert.equal(relay.health().stoodBack, null)
  const holder = connect(t, scratch.url)
  await holder`begin`
  const [held] = await holder`
    select pg_backend_pid() as pid, current_user::text as login from audit.audit_head for update`
  await stageBoth(t, scratch)
  await waitFor(() => relay.health().reason === 'blocked', { what: 'the alarm' })
  const { isReady, stoodBack, hint } = relay.health()
  assert.equal(isReady, false)
  assert.ok((stoodBack?.forMs ?? 0) >= 1_000)
  assert.equal(stoodBack?.behind?.pid, held?.['pid'])
  assert.equal(stoodBack?.behind?.login, held?.['login'])
  assert.equal(stoodBack?.behind?.isRelay, false)
  assert.match(hint ?? '', new RegExp(`pg_terminate_backend\\(${held?.['pid']}\\)`))
  await waitFor(() => logger.lines.some(({ level }) => level === 'error'), { what: 'a line' })
  const alarm = logger.lines.find(({ level }) => level === 'error')
  assert.equal(alarm?.message, 'relay is kept from moving')
  await holder`rollback`
  await waitFor(() => relay.health().isReady, { what: 'a relay that is ready again' })
  await waitFor(async () => (await logged(scratch)) === 20, { what: 'all entries' })
  assert.equal(relay.health().stoodBack, null)
  assert.equal(logger.lines.at(-1)?.message, 'relay stands back no longer')
})

test('a relay that moves in turn is seen as what it is, by those that stand back', async (t) => {
  const scratch = await scratchDatabase(t)
  await stageBoth(t, scratch)
  const mover = connectAs(t, scratch, 'audit_relay')
  await mover`begin`
  await mover`select audit.move('staging', 3, 5000, null, null, 0, null)`
  const other = connectAs(t, scratch, 'audit_relay')
  const [moved] =
    await other`select stood_back from audit.move('outbox', 3, 5000, null, null, null, null)`
  assert.equal(moved?.['stood_back'], true)
  const found = await other`select login, is_relay from audit.who_moves()`
  assert.deepEqual(
    new Set(found.map((row) => `${row['login']} ${row['is_relay']}`)),
    new Set(['audit_test_relay true']),
  )
  await mover`rollback`
  assert.deepEqual([...(await other`select from audit.who_moves()`)], [])
})

// Goal: change data capture tools make such a publication by default.
// Method: one is there before a migration, too.
test('a publication for all tables stops no lane', async (t) => {
  const scratch = await emptyDatabase(t)
  await scratch.sql`create publication all_of_it for all tables`
  await migrateDatabase({ databaseUrl: scratch.url })
  await stageBoth(t, scratch)
  const relay = relayOn(t, scratch)
  assert.equal((await relay.drain({ deadlineMs: PATIENT_MS })).logged, 20)
  const without = await scratch.sql`
    select c.relname from pg_class as c
    where c.relnamespace = 'audit'::regnamespace and c.relkind in ('r', 'p')
      and c.relpersistence = 'p' and c.relreplident <> 'f'
      and not exists (select from pg_index as i where i.indrelid = c.oid and i.indisprimary)`
  assert.deepEqual([...without], [], 'every LOGGED table has a replica identity')
})

const DATABASE_SETTINGS = {
  default_transaction_read_only: 'on',
  default_transaction_isolation: "'serializable'",
  idle_session_timeout: "'200ms'",
  synchronous_commit: 'off',
  lock_timeout: "'1ms'",
  search_path: "''",
  jit_above_cost: '0',
}

test('what a database is set to stops no lane and no partition', async (t) => {
  const scratch = await scratchDatabase(t)
  await stageBoth(t, scratch)
  for (const [name, value] of Object.entries(DATABASE_SETTINGS)) {
    await scratch.sql.unsafe(`alter database ${scratch.name} set ${name} = ${value}`)
  }
  const relay = relayOn(t, scratch, { monthsAhead: 4 })
  assert.equal((await relay.drain({ deadlineMs: PATIENT_MS })).logged, 20)
  const [made] = await scratch.sql`
    select count(*)::integer as count from pg_inherits where inhparent = 'audit.audit_log'::regclass`
  assert.equal(made?.['count'], 6)
})

// Goal: an entry that the log refuses and whose letter cannot be written stays where it is.
// Method: the sequence of letters stands behind the numbers that are taken, as after a data-only
// copy.
test('a dead letter that cannot be written stops the move, which says so', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`
    insert into audit.audit_dead_letter (number, entry) overriding system value
    select n, '{}' from generate_series(1, 50) as n`
  const database = openDatabase(t, scratch.url)
  await stage(database, 'outbox', [encoded({ action: null }), encoded()])
  const relay = createRelay({
    databaseUrl: scratch.urlAs('audit_relay'),
    logger: memoryLogger(),
    ...{ pollMinMs: 5, pollMaxMs: 50 },
  })
  t.after(() => relay.stop())
  void relay.start()
  await waitFor(() => relay.health().reason === 'failing', { what: 'red' })
  const { fault, hint } = relay.health()
  assert.deepEqual([fault?.code, fault?.table_name], ['23505', 'audit_dead_letter'])
  assert.match(hint ?? '', /dead letter cannot be written.*setval/)
  const left = await scratch.sql`select from audit.audit_outbox`
  assert.equal(left.length, 2)
  await scratch.sql`
    select setval(pg_get_serial_sequence('audit.audit_dead_letter', 'number'), max(number))
    from audit.audit_dead_letter`
  await waitFor(async () => (await logged(scratch)) === 1, { what: 'the good one' })
  const letters =
    await scratch.sql`select number::integer as number from audit.audit_dead_letter where sqlstate = '23514'`
  assert.equal(letters.length, 1)
})

test('the same where the row is parked one by one', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`
    insert into audit.audit_dead_letter (number, entry) overriding system value
    select n, '{}' from generate_series(1, 50) as n`
  const database = openDatabase(t, scratch.url)
  await stage(database, 'outbox', [encoded()])
  const [place] = await scratch.sql`select ctid::text as place, id from audit.audit_outbox`
  const relay = connectAs(t, scratch, 'audit_relay')
  const refusal = await refusalOf(
    relay`select audit.park('outbox', ${place?.['place']}, ${place?.['id']}, '23514')`,
  )
  assert.equal(refusal?.code, '23505')
  assert.equal((await scratch.sql`select from audit.audit_outbox`).length, 1)
})

test('compaction gives up at the head, before it holds a lane that somebody needs', async (t) => {
  const scratch = await scratchDatabase(t)
  await stageBoth(t, scratch)
  const holder = connect(t, scratch.url)
  await holder`begin`
  await holder`select from audit.audit_head for no key update`
  const relay = connectAs(t, scratch, 'audit_relay')
  await relay`begin`
  for (const target of ['staging', 'outbox', 'recorder']) {
    const [row] = await relay`select audit.compact(${target}) as won`
    assert.equal(row?.['won'], false, target)
  }
  const [locks] = await relay`
    select count(*)::integer as held from pg_locks
    where pid = pg_backend_pid() and mode = 'AccessExclusiveLock'`
  assert.equal(locks?.['held'], 0)
  await relay`commit`
  await holder`commit`
  const [won] = await relay`select audit.compact('staging') as won`
  assert.equal(won?.['won'], true)
})

const MAX_LOCKED_MS = 200

// Goal: rows of a month without a partition keep nobody from the log for long.
// Method: DEFAULT holds so many rows that it takes seconds to copy them, and the relay logs more
// meanwhile; the longest time under the lock. A busy machine may take the lock's holder off its core,
// so one of five attempts has to be quick enough. Reading or copying DEFAULT under the lock is slow
// in each of them.
test('with 100,000 rows in DEFAULT, the log is locked for 200 ms at most', async (t) => {
  const ROWS = 100_000
  const scratch = await scratchDatabase(t)
  const relay = relayOn(t, scratch)
  const session = connectAs(t, scratch, 'audit_relay')
  // Ids in the order of n, from the given month on.
  const ids = (months: number, rows: number) => scratch.sql`
    select (left(audit.id_floor(date_trunc('month', now(), 'UTC')
        + make_interval(months => ${months}, secs => n))::text, 15)
      || '7' || substr(gen_random_uuid()::text, 17))::uuid as id, n
    from generate_series(1, ${rows}::integer) as n`
  let heldMs = Number.POSITIVE_INFINITY
  let all = 0
  for (let months = 5; months < 10 && heldMs > MAX_LOCKED_MS; months += 1) {
    // As the relay logs it, with the head's numbers: only much quicker.
    await scratch.sql`
      with head as (update audit.audit_head set seq = seq + ${ROWS} returning seq - ${ROWS} as last)
      insert into audit.audit_log (id, seq, occurred_at, action)
      select i.id, head.last + i.n, now(), 'a.b' from head, (${ids(months, ROWS)}) as i`
    await scratch.sql`
      insert into audit.audit_staging (id, occurred_at, action, metadata, context)
      select i.id, now(), 'a.b', '{"n": 1}', '{}' from (${ids(months, 2_000)}) as i`
    all += ROWS + 2_000
    const stopWatching = watchLogLock(connect(t, scratch.url))
    const beganMs = performance.now()
    const making = session`select audit.ensure_partitions(${months}) as made`.execute()
    const draining = relay.drain({ deadlineMs: PATIENT_MS })
    const [made] = await making
    const tookMs = performance.now() - beganMs
    await draining
    heldMs = await stopWatching()
    t.diagnostic(`locked for ${Math.round(heldMs)} ms of ${Math.round(tookMs)} ms`)
    assert.equal(made?.['made'], months === 5 ? 2 : 1)
    assert.ok(tookMs > 2 * MAX_LOCKED_MS, 'there is enough to copy')
  }
  assert.ok(heldMs <= MAX_LOCKED_MS, `locked for ${heldMs} ms`)
  const [found] = await scratch.sql`
    select count(*)::integer as entries, count(distinct seq)::integer as numbers,
      max(seq)::integer as last, (select count(*)::integer from audit.audit_log_default) as left
    from audit.audit_log`
  assert.deepEqual({ ...found }, { entries: all, numbers: all, last: all, left: 0 })
})

// Goal: a relay needs no partition to move entries.
// Method: DEFAULT holds an entry of a missing month, and its copy has a name that is taken.
test('a partition that cannot be made ends no cycle, and is said', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    select audit.id_floor(date_trunc('month', now(), 'UTC') + interval '5 months'), 0, now(), 'a.b'`
  await scratch.sql`create table audit.audit_log_default_next ()`
  const logger = memoryLogger()
  const relay = createRelay({
    databaseUrl: scratch.urlAs('audit_relay'),
    ...{ logger, monthsAhead: 6, pollMinMs: 5, pollMaxMs: 50 },
  })
  t.after(() => relay.stop())
  void relay.start()
  const isSaid = () => logger.lines.some(({ message }) => /next partitions/.test(message))
  await waitFor(isSaid, { what: 'the failure to be said' })
  await stageBoth(t, scratch)
  await waitFor(async () => (await logged(scratch)) === 21, { what: 'all entries in the log' })
  const { cycles } = relay.stats()
  await waitFor(() => relay.stats().cycles > cycles + 1, { what: 'further cycles' })
  assert.deepEqual([relay.health().isReady, relay.health().failures], [true, 0])
  const line = logger.lines.find(({ message }) => /next partitions/.test(message))
  assert.equal(Reflect.get(Object(line?.fields['fault']), 'code'), '42P07')
})

// Goal: an entry that comes to a DEFAULT whose bounds have just changed is no bad entry.
// Method: the bounds stay for a while, so that a move meets them for certain.
test('an entry outside of the bounds of DEFAULT is tried again, and never parked', async (t) => {
  const scratch = await scratchDatabase(t)
  const later = `audit.id_floor(date_trunc('month', now(), 'UTC') + interval '9 months')`
  const [row] = await scratch.sql.unsafe(`select ${later}::text as bound`)
  await scratch.sql.unsafe(`alter table audit.audit_log_default
    add constraint audit_log_bounds check (id < '${row?.['bound']}')`)
  await scratch.sql.unsafe(`
    insert into audit.audit_outbox (id, occurred_at, action, metadata, context)
    select (left(${later}::text, 15) || '7' || substr(gen_random_uuid()::text, 17))::uuid,
      now(), 'a.b', '{}', '{}' from generate_series(1, 3)`)
  const relay = createRelay({
    databaseUrl: scratch.urlAs('audit_relay'),
    ...{ logger: memoryLogger(), pollMinMs: 5, pollMaxMs: 50 },
  })
  t.after(() => relay.stop())
  void relay.start()
  await waitFor(() => relay.health().failures > 1, { what: 'it to be tried again' })
  const { fault } = relay.health()
  assert.deepEqual([fault?.code, fault?.constraint_name], ['23514', 'audit_log_bounds'])
  assert.equal((await scratch.sql`select from audit.audit_outbox`).length, 3)
  await scratch.sql`alter table audit.audit_log_default drop constraint audit_log_bounds`
  await waitFor(async () => (await logged(scratch)) === 3, { what: 'all entries in the log' })
  assert.equal(relay.stats().deadLetters, 0)
  assert.equal((await scratch.sql`select from audit.audit_dead_letter`).length, 0)
})

// Goal: nothing is lost with the DEFAULT that is replaced.
// Method: a move into DEFAULT is under way during the copy, and commits while the lock is waited
// for.
test('what is logged while a partition waits for its lock is not left behind', async (t) => {
  const scratch = await scratchDatabase(t)
  const stageLater = (from: number, count: number) => scratch.sql`
    insert into audit.audit_staging (id, occurred_at, action, metadata, context)
    select (left(audit.id_floor(date_trunc('month', now()) + make_interval(months => 5, secs => n))::text, 15)
      || '7' || substr(gen_random_uuid()::text, 17))::uuid, now(), 'a.b', '{}', '{}'
    from generate_series(${from}::integer, ${from + count - 1}::integer) as n`
  await stageLater(1, 10)
  await relayOn(t, scratch).drain({ deadlineMs: PATIENT_MS })
  await stageLater(11, 5)
  const mover = connectAs(t, scratch, 'audit_relay')
  await mover`begin`
  const [moved] =
    await mover`select logged from audit.move('staging', 9, 5000, null, null, null, null)`
  assert.equal(moved?.['logged'], 5)
  const making = connectAs(t, scratch, 'audit_relay')`
    select audit.ensure_partitions(5) as made`.execute()
  const isWaiting = async () => {
    const [row] = await scratch.sql`
      select exists (select from pg_locks where not granted and mode = 'AccessExclusiveLock'
        and relation = 'audit.audit_log'::regclass) as waits`
    return row?.['waits'] === true
  }
  await waitFor(isWaiting, { what: 'it to wait for the lock', intervalMs: 1 })
  await mover`commit`
  const [made] = await making
  assert.equal(made?.['made'], 2)
  const [found] = await scratch.sql`
    select count(*)::integer as entries, max(seq)::integer as last,
      (select count(*)::integer from audit.audit_log_default) as elsewhere from audit.audit_log`
  assert.deepEqual({ ...found }, { entries: 15, last: 15, elsewhere: 0 })
})

test('a reader that stays delays partitions and nothing else, and is named', async (t) => {
  const scratch = await scratchDatabase(t)
  await stageBoth(t, scratch)
  const reader = connectAs(t, scratch, 'audit_reader')
  await reader`begin`
  const [held] = await reader`select pg_backend_pid() as pid, count(*) from audit.audit_log`
  const logger = memoryLogger()
  const relay = relayOn(t, scratch, { monthsAhead: 6, logger })
  assert.equal((await relay.drain({ deadlineMs: PATIENT_MS })).logged, 20)
  const line = logger.lines.find(({ level }) => level === 'warn')
  assert.match(line?.message ?? '', /could not create the next partitions/)
  assert.deepEqual(line?.fields['holders'], [
    { pid: held?.['pid'], login: 'audit_test_reader', application: 'postgres.js' },
  ])
  await reader`commit`
  const [made] = await connectAs(
    t,
    scratch,
    'audit_relay',
  )`select audit.ensure_partitions(6) as count`
  assert.equal(made?.['count'], 3)
})

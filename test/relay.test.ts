import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SQL } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import { BatchSize } from '../relay/move/batch-size.ts'
import { moveStatement } from '../relay/move/move-statement.ts'
import { peekLanes } from '../relay/move/peek-lanes.ts'
import { Database } from '../src/database/connection.ts'
import { AuditError } from '../src/errors.ts'
import { scratchDatabase } from './support/database.ts'
import { encoded, memoryLogger, numberedId, openDatabase, relayOn, stage } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

const RECORDER = '01990000-0000-7000-8000-00000000000a'

test('an entry that was staged is logged with every column as it was given', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const columns = {
    id: numberedId(1),
    occurred_at: '2026-01-02T03:04:05.678+00:00',
    user_id: '11111111-1111-4111-8111-111111111111',
    event_id: '22222222-2222-4222-8222-222222222222',
    target_id: '33333333-3333-4333-8333-333333333333',
    recorder_id: RECORDER,
    recorder_seq: 7,
    action: 'branding.update',
    entity_type: 'branding',
    request_id: 'r-1',
    metadata: { color: { from: 'red', to: 'blue' }, list: [1, null, 'two'] },
    context: { ip: '127.0.0.1' },
    outcome: 'denied',
    actor_id: '44444444-4444-4444-8444-444444444444',
    actor_kind: 'agent',
    more_targets: ['55555555-5555-4555-8555-555555555555'],
  }
  await stage(database, 'staging', [encoded(columns)])
  const result = await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  assert.deepEqual(
    { claimed: result.claimed, logged: result.logged, deadLetters: result.deadLetters },
    { claimed: 1, logged: 1, deadLetters: 0 },
  )
  assert.equal(result.isDrained, true)
  const [row] = await scratch.sql`
    select row_to_json(l)::jsonb - 'logged_at' as entry, l.logged_at <= clock_timestamp() as past
    from audit.audit_log as l`
  assert.deepEqual(row?.['entry'], {
    ...columns,
    seq: 1,
    written_by: new URL(scratch.url).username,
    occurred_at: '2026-01-02T03:04:05.678+00:00',
  })
  assert.equal(row?.['past'], true)
  assert.deepEqual(
    await scratch.sql`select id, logged::integer as logged from audit.audit_recorder`.then((r) => [
      ...r,
    ]),
    [{ id: RECORDER, logged: 1 }],
  )
})

// Goal: relays may be added without coordination, and a tail may trust `seq`.
// Method: four relays at two lanes that hold the same ids, while a tail polls by `seq`.
test('four relays on 20,000 ids in both lanes log each once, in commit order, without a gap', async (t) => {
  const ENTRIES = 20_000
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const entries = Array.from({ length: ENTRIES }, (_, n) =>
    encoded({ id: numberedId(n), metadata: { n } }),
  )
  await stage(database, 'staging', entries)
  await stage(database, 'outbox', entries.toReversed())

  const relays = Array.from({ length: 4 }, () => relayOn(t, scratch, { batchEntries: 333 }))
  const tailed: number[] = []
  let isOver = false
  const tail = async () => {
    for (;;) {
      const last = tailed.at(-1) ?? 0
      const wasOver = isOver
      const rows = await scratch.sql`
        select seq::integer as seq from audit.audit_log where seq > ${last} order by seq limit 500`
      tailed.push(...rows.map((row) => Number(row['seq'])))
      if (rows.length === 0 && wasOver) return
    }
  }
  const tailing = tail()
  const drained = await Promise.all(relays.map((relay) => relay.drain({ deadlineMs: 60_000 })))
  isOver = true
  await tailing

  const sum = (of: (result: (typeof drained)[number]) => number) =>
    drained.reduce((total, result) => total + of(result), 0)
  assert.equal(
    sum(({ claimed }) => claimed),
    2 * ENTRIES,
  )
  assert.equal(
    sum(({ logged }) => logged),
    ENTRIES,
  )
  assert.equal(
    sum(({ deadLetters }) => deadLetters),
    0,
  )
  assert.ok(drained.every(({ isDrained }) => isDrained))
  assert.deepEqual(
    tailed,
    Array.from({ length: ENTRIES }, (_, at) => at + 1),
  )
  const [log] = await scratch.sql`
    select count(*)::integer as entries, count(distinct id)::integer as ids,
      max(seq)::integer as last, (select seq::integer from audit.audit_head) as head
    from audit.audit_log`
  assert.deepEqual({ ...log }, { entries: ENTRIES, ids: ENTRIES, last: ENTRIES, head: ENTRIES })
})

test('an idle poll takes no transaction id', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.urlAs('audit_relay'))
  const idle = async () => {
    await peekLanes(database, 100)
    for (const lane of ['staging', 'outbox'] as const) {
      await database.execute(moveStatement({ lane, batchEntries: 100, lockTimeoutMs: 1_000 }))
    }
  }
  await idle()
  const nextTransactionId = async () => {
    const [row] = await scratch.sql`select pg_snapshot_xmax(pg_current_snapshot())::text as next`
    return row?.['next']
  }
  // Other databases of the test server take ids too, so one quiet round out of some is the proof.
  for (let round = 0; round < 200; round += 1) {
    const before = await nextTransactionId()
    for (let poll = 0; poll < 3; poll += 1) await idle()
    if (before === (await nextTransactionId())) return
  }
  assert.fail('each of 200 rounds of idle polls moved the next transaction id')
})

test('an id that comes again with the same content is logged once and is no dead letter', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const entry = encoded({ id: numberedId(1), recorder_id: RECORDER, recorder_seq: 1 })
  await stage(database, 'staging', [entry, entry])
  const relay = relayOn(t, scratch)
  await relay.drain({ deadlineMs: 5_000 })
  await stage(database, 'staging', [entry])
  await stage(database, 'outbox', [entry])
  const result = await relay.drain({ deadlineMs: 5_000 })
  assert.equal(result.claimed, 4)
  assert.equal(result.logged, 1)
  assert.equal(result.deadLetters, 0)
  const [recorder] = await scratch.sql`select logged::integer as logged from audit.audit_recorder`
  assert.equal(recorder?.['logged'], 1)
})

test('an id that comes again with another content becomes a dead letter, with an alarm', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const logger = memoryLogger()
  const relay = relayOn(t, scratch, { logger })
  const id = numberedId(1)
  await stage(database, 'staging', [encoded({ id, metadata: { n: 1 } })])
  await relay.drain({ deadlineMs: 5_000 })
  await stage(database, 'staging', [
    encoded({ id, metadata: { n: 2, secret: 'canary-in-metadata' } }),
  ])
  // Both new and in one batch: one of them is the entry, the other the dead letter.
  const other = numberedId(2)
  await stage(database, 'outbox', [
    encoded({ id: other, action: 'a.one' }),
    encoded({ id: other, action: 'a.two' }),
  ])
  const result = await relay.drain({ deadlineMs: 5_000 })
  assert.equal(result.deadLetters, 2)
  assert.equal(result.logged, 2)
  const letters = await scratch.sql`
    select lane, sqlstate, id, entry::jsonb -> 'metadata' ->> 'n' as n
    from audit.audit_dead_letter order by lane desc`
  assert.deepEqual(
    letters.map((letter) => ({ ...letter })),
    [
      { lane: 'staging', sqlstate: '23505', id, n: '2' },
      { lane: 'outbox', sqlstate: '23505', id: other, n: null },
    ],
  )
  const alarm = logger.lines.find(({ level }) => level === 'error')
  assert.match(alarm?.message ?? '', /dead letters/)
  assert.doesNotMatch(JSON.stringify(logger.lines), /canary/)
})

test('rows that the log refuses become dead letters and delay none of the others', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const bad: Record<string, unknown>[] = [
    { action: null },
    { action: '' },
    { action: 'x'.repeat(129) },
    { entity_type: '' },
    { entity_type: 'é'.repeat(257) },
    { request_id: 'r'.repeat(20_000) },
    { metadata: [1] },
    { metadata: 'text' },
    { context: 7 },
  ]
  const entries = Array.from({ length: 500 }, (_, n) => encoded({ id: numberedId(n) }))
  for (const [at, columns] of bad.entries()) entries.splice(at * 60, 0, encoded(columns))
  await stage(database, 'staging', entries)
  await stage(database, 'outbox', [encoded({ action: null }), encoded({ id: numberedId(1_000) })])
  const result = await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  assert.equal(result.logged, 501)
  assert.equal(result.deadLetters, bad.length + 1)
  const [letters] = await scratch.sql`
    select count(*)::integer as all, count(*) filter (where sqlstate = '23514')::integer as checks
    from audit.audit_dead_letter`
  assert.deepEqual({ ...letters }, { all: bad.length + 1, checks: bad.length + 1 })
})

// Goal: also what we cannot foresee never holds up a batch.
// Method: a constraint of somebody else's on the log, and one row in a full batch that breaks it.
test('a row that breaks a constraint of somebody else is found by halving and parked', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`alter table audit.audit_log add constraint theirs check (action <> 'bad.one')`
  const database = openDatabase(t, scratch.url)
  const entries = Array.from({ length: 500 }, (_, n) =>
    encoded({ id: numberedId(n), action: n === 250 || n === 499 ? 'bad.one' : 'good.one' }),
  )
  await stage(database, 'staging', entries)
  const result = await relayOn(t, scratch, { batchEntries: 500 }).drain({ deadlineMs: 10_000 })
  assert.equal(result.logged, 498)
  assert.equal(result.deadLetters, 2)
  const letters = await scratch.sql`select sqlstate, reason from audit.audit_dead_letter`
  assert.deepEqual(
    letters.map((letter) => ({ ...letter })),
    Array(2).fill({ sqlstate: '23514', reason: 'the database refused to log it' }),
  )
  const [seqs] =
    await scratch.sql`select max(seq)::integer as last, count(*)::integer as entries from audit.audit_log`
  assert.deepEqual({ ...seqs }, { last: 498, entries: 498 })
})

// Goal: an asynchronous commit can lose a batch on both sides when the server crashes.
// Method: the relay's login has synchronous_commit off; a deferred trigger says what the commit
// has, when the function has ended.
test('the move commits synchronously under any setting of the login', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql.unsafe(`
    alter database ${scratch.name} set synchronous_commit = off;
    create table public.seen (setting text);
    create function public.see() returns trigger language plpgsql security definer as $$
    begin insert into public.seen values (current_setting('synchronous_commit')
      || ' ' || current_setting('lock_timeout')); return new; end $$;
    create constraint trigger see after update of seq on audit.audit_head
      initially deferred for each row execute function public.see()`)
  const database = openDatabase(t, scratch.url)
  await stage(database, 'staging', [encoded()])
  await relayOn(t, scratch, { statementTimeoutMs: 8_000 }).drain({ deadlineMs: 5_000 })
  const seen = await scratch.sql`select setting from public.seen`
  assert.deepEqual(
    seen.map((row) => row['setting']),
    ['on 4s'],
  )
})

test('a log that has lost its head loses no entry and makes no dead letter', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stage(database, 'staging', [encoded(), encoded()])
  await scratch.sql`delete from audit.audit_head`
  const relay = relayOn(t, scratch)
  void relay.start()
  const hasTried = () => relay.health().failures > 1 || relay.stats().claimed > 0
  await waitFor(hasTried, { what: 'moves that fail' })
  await relay.stop()
  const [counts] = await scratch.sql`
    select (select count(*) from audit.audit_staging)::integer as staged,
      (select count(*) from audit.audit_dead_letter)::integer as dead`
  assert.deepEqual({ ...counts }, { staged: 2, dead: 0 })
})

test('bookkeeping that fails is no fault of the entries: they wait', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stage(database, 'staging', [encoded({ recorder_id: RECORDER, recorder_seq: 1 }), encoded()])
  await scratch.sql`alter table audit.audit_recorder add constraint theirs check (logged < 0)`
  const relay = relayOn(t, scratch)
  void relay.start()
  const hasTried = () => relay.health().failures > 1 || relay.stats().claimed > 0
  await waitFor(hasTried, { what: 'moves that fail' })
  await relay.stop()
  const [counts] = await scratch.sql`
    select (select count(*) from audit.audit_staging)::integer as staged,
      (select count(*) from audit.audit_dead_letter)::integer as dead`
  assert.deepEqual({ ...counts }, { staged: 2, dead: 0 })
})

test('a running relay picks up what arrives, and stop() leaves nothing half-moved', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const relay = relayOn(t, scratch, { batchEntries: 50, pollMinMs: 5, pollMaxMs: 20 })
  const stopped = relay.start()
  assert.equal(relay.start(), stopped, 'starting twice is starting once')
  await stage(
    database,
    'staging',
    Array.from({ length: 5_000 }, () => encoded()),
  )
  await waitFor(() => relay.stats().logged > 500, { timeoutMs: 10_000, what: 'the first batches' })
  await relay.stop()
  await relay.stop()
  await stopped
  const [counts] = await scratch.sql`
    select (select count(*) from audit.audit_staging)::integer as staged,
      (select count(*) from audit.audit_log)::integer as logged`
  assert.equal(counts?.['staged'] + counts?.['logged'], 5_000)
  assert.equal(counts?.['logged'], relay.stats().logged)
})

test('a relay that is stopped before it starts ends at once', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = relayOn(t, scratch)
  await relay.stop()
  await relay.start()
  assert.equal(relay.stats().cycles, 0)
})

test('drain stops at its bound of rows and says that some are left', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stage(
    database,
    'staging',
    Array.from({ length: 300 }, () => encoded()),
  )
  const result = await relayOn(t, scratch, { batchEntries: 100 }).drain({
    maxRows: 200,
    deadlineMs: 5_000,
  })
  assert.equal(result.claimed, 200)
  assert.equal(result.isDrained, false)
})

// Side by side, what the other lane holds goes first; one move at a time, it is that lane's turn
// next.
for (const [parallelMoves, expected] of [
  [1, 101],
  [2, 1],
] as const) {
  test(`a lane with a long backlog does not hold up the other: moves at once ${parallelMoves}`, async (t) => {
    const scratch = await scratchDatabase(t)
    const database = openDatabase(t, scratch.url)
    await stage(
      database,
      'staging',
      Array.from({ length: 3_000 }, () => encoded()),
    )
    await stage(database, 'outbox', [encoded({ action: 'late.one' })])
    const relay = relayOn(t, scratch, { batchEntries: 100, parallelMoves })
    await relay.drain({ maxRows: 250, deadlineMs: 5_000 })
    const [late] =
      await scratch.sql`select seq::integer as seq from audit.audit_log where action = 'late.one'`
    assert.equal(late?.['seq'], expected)
  })
}

test('a relay that is too old for the schema says so, and moves nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`update audit.audit_schema_version set version = 99, min_reader_version = 99`
  await assert.rejects(relayOn(t, scratch).drain({ deadlineMs: 5_000 }), {
    code: 'AUDIT_SCHEMA_MISMATCH',
    message: /needs a package of version 99/,
  })
})

// Goal: an operator who looks at pg_stat_activity sees what a relay is doing.
// Method: a relay that moves, halves, parks, declares a gap and compacts; every statement is read.
test('each statement of a relay begins with a comment that names it', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await scratch.sql`alter table audit.audit_log add constraint theirs check (action <> 'bad.one')`
  const actions = Array.from({ length: 300 }, (_, n) => (n === 7 ? 'bad.one' : 'good.one'))
  await stage(
    database,
    'outbox',
    actions.map((action) => encoded({ action })),
  )
  await scratch.sql`truncate audit.audit_sentinel`
  // A table that is heavier than its limit.
  await scratch.sql`
    insert into audit.audit_staging (id, occurred_at, action, metadata, context)
    select gen_random_uuid(), now(), 'a.b', jsonb_build_object('x', repeat(md5(n::text), 50)), '{}'
    from generate_series(1, 4000) as n`
  const dialect = new PgDialect()
  const heads = new Set<string>()
  const execute = Database.prototype.execute
  t.mock.method(Database.prototype, 'execute', function (this: Database, query: SQL) {
    heads.add(dialect.sqlToQuery(query).sql.slice(0, 40).split('*/')[0] ?? '')
    return execute.call(this, query)
  })
  await relayOn(t, scratch, { batchEntries: 100 }).drain({ deadlineMs: 60_000 })
  // Who moves is asked only where its other connection has not committed yet.
  heads.delete('/* audit-relay who ')
  const names =
    'closing compact connect gap identify list move park partitions peek size watch weigh'.split(
      ' ',
    )
  assert.deepEqual(
    [...heads].sort(),
    names.map((name) => `/* audit-relay ${name} `),
  )
})

// Goal: a server that is too slow for a whole batch holds up no entry.
// Method: each row takes a millisecond, so that the batch takes longer than a statement may.
test('a batch that the server does not move in time is halved until it does', async (t) => {
  const ENTRIES = 3_000
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const entries = Array.from({ length: ENTRIES }, (_, n) => encoded({ id: numberedId(n + 1) }))
  await stage(database, 'staging', entries)
  await scratch.sql.unsafe(`
    create function public.slow() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.001); return null; end $$;
    create trigger slow after insert on audit.audit_log
      for each row execute function public.slow()`)
  const relay = relayOn(t, scratch, {
    statementTimeoutMs: 1_000,
    batchEntries: ENTRIES,
    parallelMoves: 1,
  })
  const { logged, isDrained } = await relay.drain({ deadlineMs: 60_000 })
  assert.deepEqual({ logged, isDrained }, { logged: ENTRIES, isDrained: true })
})

test('a batch grows again to its limit, in small steps', () => {
  const size = new BatchSize(4_000)
  for (const code of ['57014', 'AUDIT_DEADLINE_PASSED', 'CONNECTION_CLOSED']) {
    const late = code === 'AUDIT_DEADLINE_PASSED'
    size.failed(late ? new AuditError(code, 'late') : Object.assign(new Error(), { code }))
  }
  assert.equal(size.entries, 1_000, 'a lost connection says nothing about the size')
  size.moved()
  assert.equal(size.entries, 1_125)
  for (let n = 0; n < 40; n += 1) size.moved()
  assert.equal(size.entries, 4_000)
  for (let n = 0; n < 20; n += 1) size.failed(new AuditError('AUDIT_DEADLINE_PASSED', 'late'))
  assert.equal(size.entries, 1)
})

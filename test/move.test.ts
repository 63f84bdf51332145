import assert from 'node:assert/strict'
import { test } from 'node:test'
import { moveBatch } from '../relay/move/move-batch.ts'
import { type Moved, moveStatement } from '../relay/move/move-statement.ts'
import { openRelayStatements } from '../relay/move/relay-statements.ts'
import { scratchDatabase } from './support/database.ts'
import { encoded, numberedId, openDatabase, relayOn, stage } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

// Goal: no entry is ever in both, a lane and the log, or in neither.
// Method: the server says in which statement the log is written.
test('a move is one statement: it takes from the lane and appends to the log', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql.unsafe(`
    create table public.seen (takes boolean, appends boolean);
    create function public.see() returns trigger language plpgsql security definer as $$
    begin
      insert into public.seen values (
        current_query() ~* 'delete\\s+from\\s+"?audit"?\\."?audit_(staging|outbox)',
        current_query() ~* 'insert\\s+into\\s+"?audit"?\\."?audit_log'
      );
      return null;
    end $$;
    create trigger see after insert on audit.audit_log
    for each statement execute function public.see()`)
  const database = openDatabase(t, scratch.url)
  await stage(database, 'staging', [encoded(), encoded()])
  await stage(database, 'outbox', [encoded()])
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  const seen = await scratch.sql`select distinct takes, appends from public.seen`
  assert.deepEqual(
    seen.map((row) => ({ ...row })),
    [{ takes: true, appends: true }],
  )
})

test('an entry is not passed over because a later one was logged before it committed', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const relay = relayOn(t, scratch)
  const slow = await scratch.sql.reserve()
  t.after(() => slow.release())
  await slow`begin`
  await slow`insert into audit.audit_outbox (id, occurred_at, action)
    values (${numberedId(1)}, now(), 'a.slow')`
  await stage(database, 'outbox', [encoded({ id: numberedId(2), action: 'a.quick' })])
  await relay.drain({ deadlineMs: 5_000 })
  await slow`commit`
  await relay.drain({ deadlineMs: 5_000 })
  const rows = await scratch.sql`select action from audit.audit_log order by seq`
  assert.deepEqual(
    rows.map((row) => row['action']),
    ['a.quick', 'a.slow'],
  )
})

// Goal: a batch need not step over what the ones before it took, and nothing is left behind for it.
// Method: rows on both sides of a place; what a move from there takes, and what a drain takes after it.
test('a move from a place takes nothing before it, and says how far it came', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const entries = Array.from({ length: 10 }, (_, n) => encoded({ id: numberedId(n) }))
  await stage(database, 'staging', entries)
  const options = { lane: 'staging', batchEntries: 3, lockTimeoutMs: 1_000 } as const
  const [moved] = await database.execute<Moved>(moveStatement({ ...options, from: '(0,6)' }))
  assert.deepEqual(moved, {
    ...{ claimed: 3, logged: 3, parked: 0, head: 3, through: '(0,8)', stoodBack: false },
  })
  const left = await scratch.sql`select ctid::text from audit.audit_staging`
  assert.deepEqual(
    left.map((row) => row['ctid']),
    ['(0,1)', '(0,2)', '(0,3)', '(0,4)', '(0,5)', '(0,9)', '(0,10)'],
  )
  const { isDrained, logged } = await relayOn(t, scratch, { batchEntries: 2 }).drain({
    deadlineMs: 5_000,
  })
  assert.deepEqual({ isDrained, logged }, { isDrained: true, logged: 7 })
})

// Goal: relays that meet at the same ids take their locks in one order; a tail reads a batch in
// the order of a timeline.
// Method: the rows' places in the table tell the order in which they were inserted.
test('a batch is inserted and numbered in the order of its ids, however it was staged', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const numbers = Array.from({ length: 500 }, (_, n) => (n * 211) % 500)
  const entries = numbers.map((n) => encoded({ id: numberedId(n) }))
  await stage(database, 'staging', entries)
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  const [row] = await scratch.sql`
    select count(*)::integer as entries,
      array_agg(id order by seq) = array_agg(id order by id) as numbered,
      array_agg(id order by ctid) = array_agg(id order by id) as inserted
    from audit.audit_log`
  assert.deepEqual({ ...row }, { entries: 500, numbered: true, inserted: true })
})

test('rows that somebody holds do not hold up the others', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const entries = Array.from({ length: 10 }, (_, n) => encoded({ id: numberedId(n) }))
  await stage(database, 'staging', entries)
  const holder = await scratch.sql.reserve()
  t.after(() => holder.release())
  await holder`begin`
  await holder`select from audit.audit_staging where id = ${numberedId(3)} for update`
  const relay = relayOn(t, scratch, { statementTimeoutMs: 2_000 })
  const result = await relay.drain({ deadlineMs: 1_000 })
  assert.equal(result.logged, 9)
  assert.equal(result.isDrained, false)
  await holder`rollback`
  assert.equal((await relay.drain({ deadlineMs: 5_000 })).logged, 10)
})

// Goal: relays that meet at one id leave no hole in the numbers.
// Method: two moves of the same id wait for the head together, so that neither sees the other's.
test('of two moves that meet at one id, one is run again, and no number is left out', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stage(
    database,
    'staging',
    [1, 2].map((n) => encoded({ id: numberedId(n) })),
  )
  await stage(
    database,
    'outbox',
    [2, 3].map((n) => encoded({ id: numberedId(n) })),
  )
  const holder = await scratch.sql.reserve()
  t.after(() => holder.release())
  await holder`begin`
  await holder`select from audit.audit_head for update`
  const drained = relayOn(t, scratch).drain({ deadlineMs: 8_000 })
  // What is named is moved beside another relay: so are the halves of a batch with a bad row.
  const statements = openRelayStatements({
    ...{ url: scratch.urlAs('audit_relay'), statementTimeoutMs: 8_000, connections: 1 },
  })
  t.after(() => statements.close())
  const moved = moveBatch(statements, {
    ...{ lane: 'outbox', batchEntries: 2, lockTimeoutMs: 8_000, places: ['(0,1)', '(0,2)'] },
  })
  const areBothWaiting = async () => {
    const [row] = await scratch.sql`
      select count(*)::integer as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    return row?.['waiting'] === 2
  }
  await waitFor(areBothWaiting, { what: 'both moves to wait for the head' })
  await holder`commit`
  const drain = await drained
  assert.equal(drain.isDrained, true)
  // Whoever is run again may find that the other one was faster.
  assert.equal(drain.claimed + (await moved).claimed, 4)
  const [log] = await scratch.sql`
    select count(*)::integer as entries, max(seq)::integer as last,
      (select seq::integer from audit.audit_head) as head from audit.audit_log`
  assert.deepEqual({ ...log }, { entries: 3, last: 3, head: 3 })
})

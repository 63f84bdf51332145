import assert from 'node:assert/strict'
import { test } from 'node:test'
import postgres from 'postgres'
import { moveBatch } from '../relay/move/move-batch.ts'
import { type Moved, moveStatement } from '../relay/move/move-statement.ts'
import { openRelayStatements } from '../relay/move/relay-statements.ts'
import { scratchDatabase } from './support/database.ts'
import { encoded, numberedId, openDatabase, relayOn, stage } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

// Goal: no entry is ever in both, a lane and the log, or in neither.
// Method: triggers on both note their transaction, and the statement that the client sent.
test('a move is one statement: it takes from the lane and appends to the log', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql.unsafe(`
    create table public.seen (what text, transaction xid8, statement text, began timestamptz);
    create function public.see() returns trigger language plpgsql security definer as $$
    begin
      insert into public.seen values (
        tg_op || ' ' || tg_table_name, pg_current_xact_id(), current_query(), now()
      );
      return null;
    end $$;
    create trigger see after insert on audit.audit_log
    for each statement execute function public.see();
    create trigger see after delete on audit.audit_staging
    for each statement execute function public.see();
    create trigger see after delete on audit.audit_outbox
    for each statement execute function public.see()`)
  const database = openDatabase(t, scratch.url)
  await stage(database, 'staging', [encoded(), encoded()])
  await stage(database, 'outbox', [encoded()])
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  const moves = await scratch.sql`
    select array_agg(what order by what) as what,
      count(distinct statement) = 1 and min(statement) like '/* audit-relay move */%' as is_one
    from public.seen group by transaction order by 1`
  assert.deepEqual(
    moves.map((row) => ({ ...row })),
    [
      { what: ['DELETE audit_outbox', 'INSERT audit_log'], is_one: true },
      { what: ['DELETE audit_staging', 'INSERT audit_log'], is_one: true },
    ],
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
// Method: two moves of rows that are named, which both wait for the head, and name the same id.
test('of two moves that meet at one id, the later one finds it logged, and no number is left out', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const entries = (numbers: number[]) => numbers.map((n) => encoded({ id: numberedId(n) }))
  await stage(database, 'staging', entries([1, 2]))
  await stage(database, 'outbox', entries([2, 3]))
  const holder = await scratch.sql.reserve()
  t.after(() => holder.release())
  await holder`begin`
  await holder`select from audit.audit_head for update`
  // What is named is moved while another relay moves: so are the halves of a batch with a bad row.
  const moving = (['staging', 'outbox'] as const).map((lane) => {
    const statements = openRelayStatements({
      ...{ url: scratch.urlAs('audit_relay'), statementTimeoutMs: 60_000, connections: 1 },
    })
    t.after(() => statements.close())
    const places = ['(0,1)', '(0,2)']
    return moveBatch(statements, { lane, batchEntries: 2, lockTimeoutMs: 60_000, places })
  })
  const areBothWaiting = async () => {
    const [row] = await scratch.sql`
      select count(*)::integer as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    return row?.['waiting'] === 2
  }
  await waitFor(areBothWaiting, { what: 'both moves to wait for the head' })
  await holder`commit`
  const moved = await Promise.all(moving)
  assert.deepEqual(moved.map(({ logged }) => logged).sort(), [1, 2])
  const [log] = await scratch.sql`
    select count(*)::integer as entries, max(seq)::integer as last,
      (select seq::integer from audit.audit_head) as head from audit.audit_log`
  assert.deepEqual({ ...log }, { entries: 3, last: 3, head: 3 })
})

// Goal: a backlog in which some entries were staged again costs about what another one costs. A plan
// that compares all rows with all others is past the deadline at every try, so nothing moves any more.
// Method: the server's own account of the move's plan. The log is large enough for its index, and was
// never analyzed: then Postgres counts on a few rows, however many there are.
for (const lane of ['staging', 'outbox'] as const) {
  test(`a batch of the lane ${lane} looks at each row a few times, also where some came twice`, async (t) => {
    const scratch = await scratchDatabase(t)
    const plans: string[] = []
    const sql = postgres(scratch.url, {
      max: 1,
      onnotice: ({ message }) => plans.push(`${message}`),
    })
    t.after(() => sql.end({ timeout: 1 }))
    const fill = (rows: number) => sql`
      insert into ${sql(`audit.audit_${lane}`)} (id, occurred_at, action, entity_type)
      select audit.new_id(), now(), 'branding.update', repeat(md5(n::text), 8)
      from generate_series(1, ${rows}::integer) as n`
    const move = () => sql`select * from audit.move(${lane}, 4000, 60000, null, null, null, null)`
    await fill(12_000)
    for (let batches = 0; batches < 3; batches += 1) await move()
    await sql`
      insert into ${sql(`audit.audit_${lane}`)} (id, occurred_at, action, entity_type)
      select id, occurred_at, action, entity_type from audit.audit_log limit 1000`
    await fill(3_000)
    await sql.unsafe(`
      load 'auto_explain';
      set auto_explain.log_min_duration = 0;
      set auto_explain.log_nested_statements = on;
      set auto_explain.log_analyze = on;
      set auto_explain.log_timing = off;
      set auto_explain.log_format = json;
      set client_min_messages = log`)
    const [moved] = await move()
    assert.deepEqual([moved?.['claimed'], moved?.['logged']], [4_000, 3_000])
    const parts = ['"CTE fresh"', '"CTE written"'].map((part) =>
      plans.find((text) => text.includes(part)),
    )
    for (const [at, plan] of parts.entries()) {
      assert.ok(plan, `plan ${at} of the move`)
      const [most] = looks(JSON.parse(plan.slice(plan.indexOf('{')))).sort((a, b) => b - a)
      const fewest = at === 0 ? 4_000 : 1_000
      assert.ok(most !== undefined && most >= fewest, `${most} looks of plan ${at}`)
      // A small log is read as a whole, which is still far from each row with each other one.
      assert.ok(most <= 16 * fewest, `a step of plan ${at} looked ${most} times, at ${fewest} rows`)
    }
  })
}

/** How many rows each step of a plan took or threw away, over all its rounds. */
function looks(plan: object): number[] {
  const step = new Map<string, unknown>(Object.entries(plan))
  const rounds = Number(step.get('Actual Loops') ?? 1)
  const rows = ['Actual Rows', 'Rows Removed by Join Filter', 'Rows Removed by Filter'].map(
    (name) => Number(step.get(name) ?? 0),
  )
  const below = [step.get('Plan'), step.get('Plans')]
    .flat()
    .filter((part) => part instanceof Object)
  return [rounds * rows.reduce((sum, some) => sum + some, 0), ...below.flatMap(looks)]
}

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { pino } from 'pino'
import type { FollowConsumer } from '../relay/follow/consumer.ts'
import { type FollowStatements, openFollowStatements } from '../relay/follow/follow-statements.ts'
import type { FollowedEntry } from '../relay/follow/followed-entry.ts'
import { Follower } from '../relay/follow/follower.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { waitFor } from './support/wait-for.ts'

// What a consumer of these tests keeps: each entry once, and as it was when the cursor was moved.
const KEPT = `
  create table public.kept (seq bigint primary key, metadata text not null);
  create function public.keep(entries json) returns boolean language plpgsql security definer as $$
  begin
    insert into public.kept select e.seq, e.metadata from json_to_recordset(entries) as e (seq bigint, metadata text);
    return true;
  end $$;
  create function public.drop_kept(from_seq bigint) returns boolean language plpgsql security definer as $$
  begin
    delete from public.kept where seq >= from_seq;
    return true;
  end $$;
  grant usage on schema public to public;`

interface Settings {
  readonly leastSeqs?: number
  readonly mostSeqs?: number
  readonly wrap?: (statements: FollowStatements) => FollowStatements
}

async function followedLog(t: TestContext, { since = 1 } = {}): Promise<ScratchDatabase> {
  const scratch = await scratchDatabase(t)
  await scratch.sql.unsafe(KEPT)
  await scratch.sql`select audit.begin_follow('kept', ${since})`
  return scratch
}

function keeping({ leastSeqs = 1, mostSeqs = 700 }: Settings = {}): FollowConsumer {
  return {
    ...{ name: 'kept', leastSeqs, mostSeqs },
    begin() {
      const taken: FollowedEntry[] = []
      return {
        add: (entries) => void taken.push(...entries),
        write: () => {
          const rows = taken.map(({ seq, metadata }) => ({
            seq,
            metadata: JSON.stringify(metadata),
          }))
          return sql`public.keep(${JSON.stringify(rows)}::pg_catalog.text::pg_catalog.json)`
        },
      }
    },
    drop: (fromSeq) => sql`public.drop_kept(${fromSeq}::bigint)`,
  }
}

function followerOf(t: TestContext, scratch: ScratchDatabase, settings: Settings = {}): Follower {
  const { wrap = (statements) => statements } = settings
  const statements = wrap(
    openFollowStatements({ url: scratch.urlAs('audit_relay'), statementTimeoutMs: 20_000 }),
  )
  const logger = pino({ level: 'silent' })
  const follower = new Follower({ statements, consumers: [keeping(settings)], logger })
  t.after(() => follower.stop())
  return follower
}

async function kept({ sql }: ScratchDatabase): Promise<readonly number[]> {
  const rows = await sql`select seq::integer as seq from public.kept order by seq`
  return rows.map(({ seq }) => seq)
}

const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at)
const entries = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ metadata: { at }, requestId: `r${at}` }))

test('a consumer takes each entry once, from the number on from which it was turned on', async (t) => {
  const scratch = await followedLog(t, { since: 40 })
  await appendToLog(scratch.sql, entries(1_500))
  await followerOf(t, scratch).drain()
  assert.deepEqual(await kept(scratch), upTo(1_500, 40))
  await appendToLog(scratch.sql, entries(3))
  await followerOf(t, scratch).drain()
  assert.deepEqual(await kept(scratch), upTo(1_503, 40))
})

test('a consumer waits until as many entries have come as it asks for', async (t) => {
  const scratch = await followedLog(t)
  await appendToLog(scratch.sql, entries(99))
  await followerOf(t, scratch, { leastSeqs: 100 }).drain()
  assert.deepEqual(await kept(scratch), [])
  await appendToLog(scratch.sql, entries(1))
  await followerOf(t, scratch, { leastSeqs: 100 }).drain()
  assert.deepEqual(await kept(scratch), upTo(100))
})

test('nothing is read and nothing is written while no consumer is on', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, entries(3))
  let asked = 0
  await followerOf(t, scratch, {
    wrap: (statements) => ({
      ...statements,
      async entries() {
        asked += 1
        return []
      },
    }),
  }).drain()
  assert.equal(asked, 0)
  const relay = openFollowStatements({
    ...{ url: scratch.urlAs('audit_relay'), statementTimeoutMs: 20_000 },
  })
  t.after(() => relay.close())
  await assert.rejects(relay.entries('kept', 1, 3), /22023/)
  await scratch.sql`select audit.begin_follow('kept', 3)`
  await assert.rejects(relay.entries('kept', 2, 3), /22023/, 'not what is before its begin')
  assert.equal((await relay.entries('kept', 3, 3)).length, 1)
  await assert.rejects(relay.entries('kept', 3, 515), /22023/)
})

test('of several followers one wins, also where one dies between its reading and its writing', async (t) => {
  const scratch = await followedLog(t)
  await appendToLog(scratch.sql, entries(9_000))
  let dying = 3
  const dies = (statements: FollowStatements): FollowStatements => ({
    ...statements,
    async take(...given) {
      dying -= 1
      if (dying === 0) throw new Error('died')
      return await statements.take(...given)
    },
  })
  const results = await Promise.allSettled([
    followerOf(t, scratch, { wrap: dies }).drain(),
    ...[1, 2, 3].map(() => followerOf(t, scratch, { mostSeqs: 333 }).drain()),
  ])
  assert.equal(results.filter(({ status }) => status === 'rejected').length, dying <= 0 ? 1 : 0)
  await followerOf(t, scratch).drain()
  assert.deepEqual(await kept(scratch), upTo(9_000))
})

test('what is erased between reading and writing is read again', async (t) => {
  const scratch = await followedLog(t)
  await appendToLog(scratch.sql, entries(30))
  let isErased = false
  await followerOf(t, scratch, {
    wrap: (statements) => ({
      ...statements,
      async take(...given) {
        if (!isErased) {
          isErased = true
          await scratch.sql`select audit.erase(array[7], array['metadata'], 'asked to')`
        }
        return await statements.take(...given)
      },
    }),
  }).drain()
  assert.ok(isErased)
  const [row] = await scratch.sql`select metadata from public.kept where seq = 7`
  assert.equal(row?.['metadata'], '{}')
  assert.equal((await kept(scratch)).length, 30)
})

test('after a restore a consumer makes again what the log has given other numbers', async (t) => {
  const scratch = await followedLog(t)
  await appendToLog(scratch.sql, entries(50))
  await followerOf(t, scratch).drain()
  // As where the log was restored and what was made of it was not.
  await scratch.sql`update audit.audit_head set seq = 30`
  await scratch.sql`select audit.declare_restored()`
  const [state] =
    await scratch.sql`select seq::integer, rewind_to::integer from audit.follow_state()`
  assert.deepEqual({ ...state }, { seq: 50, rewind_to: 30 })
  let isDropped = false
  const consumer = keeping()
  const follower = new Follower({
    statements: openFollowStatements({
      ...{ url: scratch.urlAs('audit_relay'), statementTimeoutMs: 20_000 },
    }),
    consumers: [
      {
        ...consumer,
        leastSeqs: 1_000,
        drop(fromSeq) {
          isDropped = true
          assert.equal(fromSeq, 31)
          return consumer.drop(fromSeq)
        },
      },
    ],
    logger: pino({ level: 'silent' }),
  })
  t.after(() => follower.stop())
  await follower.drain()
  assert.ok(isDropped)
  assert.deepEqual(await kept(scratch), upTo(30))
  const [after] = await scratch.sql`
    select seq::integer, history = log_history as "isSame" from audit.follow_state()`
  assert.deepEqual({ ...after }, { seq: 30, isSame: true })
})

test('a follower that runs takes what is logged while it runs', async (t) => {
  const scratch = await followedLog(t)
  const follower = followerOf(t, scratch)
  void follower.start()
  await appendToLog(scratch.sql, entries(20))
  await waitFor(async () => (await kept(scratch)).length === 20, { what: 'all are taken' })
  await follower.stop()
})

test('an entry that cannot be read as text is handed over without it', async (t) => {
  const scratch = await followedLog(t)
  await appendToLog(scratch.sql, [{ metadata: { at: 1 } }])
  await scratch.sql`
    with head as (update audit.audit_head set seq = seq + 1 returning seq)
    insert into audit.audit_log (id, seq, occurred_at, action, metadata)
    select audit.new_id(), head.seq, now(), 'a.b', jsonb_build_object('n', (
      select jsonb_agg(1e131071) from generate_series(1, 400))) from head`
  const relay = openFollowStatements({
    ...{ url: scratch.urlAs('audit_relay'), statementTimeoutMs: 20_000 },
  })
  t.after(() => relay.close())
  const found = await relay.entries('kept', 1, 2)
  assert.deepEqual(
    found.map(({ metadata, isUnreadable }) => ({ metadata, isUnreadable })),
    [
      { metadata: { at: 1 }, isUnreadable: false },
      { metadata: {}, isUnreadable: true },
    ],
  )
})

// Goal: what is small as it is stored does not fill the memory of a relay: 1e900 has ten bytes there.
test('a document whose text is longer than 2 MiB is left out, however small it is stored', async (t) => {
  const scratch = await followedLog(t)
  for (const numbers of [3_000, 1_000]) {
    await scratch.sql`
      with head as (update audit.audit_head set seq = seq + 1 returning seq)
      insert into audit.audit_log (id, seq, occurred_at, action, metadata)
      select audit.new_id(), head.seq, now(), 'a.b', jsonb_build_object('n', (
        select jsonb_agg(1e900) from generate_series(1, ${numbers}::integer))) from head`
  }
  const relay = openFollowStatements({
    ...{ url: scratch.urlAs('audit_relay'), statementTimeoutMs: 20_000 },
  })
  t.after(() => relay.close())
  const found = await relay.entries('kept', 1, 2)
  assert.deepEqual(
    found.map(({ isUnreadable }) => isUnreadable),
    [true, false],
  )
})

// Goal: 512 entries of 2 MiB each are not one answer.
test('entries that have more than 16 MiB together come in several answers', async (t) => {
  const scratch = await followedLog(t)
  await scratch.sql`
    with head as (update audit.audit_head set seq = 20)
    insert into audit.audit_log (id, seq, occurred_at, action, metadata)
    select audit.new_id(), n, now(), 'a.b', jsonb_build_object('n', (
      select jsonb_agg(1e900) from generate_series(1, 1000))) from generate_series(1, 20) as n`
  const relay = openFollowStatements({
    ...{ url: scratch.urlAs('audit_relay'), statementTimeoutMs: 20_000 },
  })
  t.after(() => relay.close())
  await assert.rejects(relay.entries('kept', 1, 20), ({ fault }) => fault.code === '54000')
  assert.equal((await relay.entries('kept', 1, 18)).length, 18)
  const answers: number[] = []
  await followerOf(t, scratch, {
    wrap: (statements) => ({
      ...statements,
      async entries(...given) {
        const found = await statements.entries(...given)
        answers.push(found.length)
        return found
      },
    }),
  }).drain()
  assert.deepEqual(await kept(scratch), upTo(20))
  assert.ok(answers.length > 1 && Math.max(...answers) <= 18, answers.join())
})

test('a consumer that fails does not keep the others from theirs, and goes on when it can', async (t) => {
  const scratch = await followedLog(t)
  await scratch.sql`select audit.begin_follow('failing', 1)`
  const failing = { isOn: true, taken: 0 }
  const statements = openFollowStatements({
    ...{ url: scratch.urlAs('audit_relay'), statementTimeoutMs: 20_000 },
  })
  const follower = new Follower({
    statements,
    consumers: [
      {
        ...keeping(),
        name: 'failing',
        begin: () => ({
          add(entries) {
            if (failing.isOn) throw new Error('no entry can be taken')
            failing.taken += entries.length
          },
          write: () => sql`true`,
        }),
      },
      keeping(),
    ],
    logger: pino({ level: 'silent' }),
  })
  t.after(() => follower.stop())
  await appendToLog(scratch.sql, entries(1_000))
  await assert.rejects(follower.drain(), /no entry can be taken/)
  assert.equal((await kept(scratch)).length, 700, 'the other one had its turn')
  void follower.start()
  await waitFor(async () => (await kept(scratch)).length === 1_000, { what: 'all are taken' })
  await appendToLog(scratch.sql, entries(1))
  await waitFor(async () => (await kept(scratch)).length === 1_001, { what: 'the next one' })
  failing.isOn = false
  await waitFor(() => failing.taken === 1_001, { what: 'the other consumer to go on' })
})

// Goal: an erasure that saw no consumer is not undone by one that read the entries before.
test('a consumer is turned on when who empties entries meanwhile is done', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, entries(3))
  const eraser = await scratch.sql.reserve()
  await eraser`begin`
  await eraser`select audit.erase(array[2], array['metadata'], 'asked to')`
  let isOn = false
  const on = scratch.sql`select audit.begin_follow('kept', 1)`.then(() => {
    isOn = true
  })
  await waitFor(
    async () => {
      const [row] = await scratch.sql`
        select count(*)::integer as waiting from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`
      return isOn || row?.['waiting'] === 1
    },
    { what: 'it waits' },
  )
  assert.equal(isOn, false)
  await eraser`commit`
  eraser.release()
  await on
})

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createRelay } from '../relay/index.ts'
import { Relay } from '../relay/move/relay.ts'
import { RelayMetrics } from '../relay/telemetry/metrics.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { encoded, memoryLogger, numberedId, openDatabase, stage } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

const ENTRIES = 40

/** A relay that runs, as in production, with waits as short as they can be. */
function running(t: TestContext, scratch: ScratchDatabase) {
  const logger = memoryLogger()
  const relay = createRelay({
    databaseUrl: scratch.urlAs('audit_relay'),
    logger,
    pollMinMs: 5,
    pollMaxMs: 50,
    statementTimeoutMs: 1_000,
  })
  t.after(() => relay.stop())
  void relay.start()
  return { relay, logger }
}

/** In both lanes; with `bad`, one entry in the middle of each breaks a constraint of theirs. */
async function stageBoth(t: TestContext, scratch: ScratchDatabase, bad = false) {
  await scratch.sql`alter table audit.audit_log add constraint theirs check (action <> 'bad.one')`
  const database = openDatabase(t, scratch.url)
  for (const [lane, from] of [
    ['staging', 0],
    ['outbox', 1_000],
  ] as const) {
    const entries = Array.from({ length: ENTRIES }, (_, n) =>
      encoded({ id: numberedId(from + n), action: bad && n === 17 ? 'bad.one' : 'good.one' }),
    )
    await stage(database, lane, entries)
  }
}

async function counts({ sql }: ScratchDatabase) {
  const [row] = await sql`
    select (select count(*) from audit.audit_log)::integer as logged,
      (select count(*) from audit.audit_dead_letter)::integer as dead,
      ((select count(*) from audit.audit_staging) + (select count(*) from audit.audit_outbox))::integer
        as waiting`
  return { logged: row?.['logged'], dead: row?.['dead'], waiting: row?.['waiting'] }
}

/** Until it is off, every insert into the log fails with this SQLSTATE. */
async function failingWith(scratch: ScratchDatabase, sqlstate: string) {
  await scratch.sql.unsafe(`
    create function public.fail() returns trigger language plpgsql as $$
      begin raise exception 'by the test' using errcode = '${sqlstate}'; end $$;
    create trigger fail before insert on audit.audit_log
      for each statement execute function public.fail()`)
  return () => scratch.sql`drop trigger fail on audit.audit_log`
}

/** Each class that tells of the server, the connection or the schema, and never of a row. */
const OUTAGES = [
  ['08006', 'connection failure'],
  ['25006', 'read-only transaction'],
  ['28P01', 'password refused'],
  ['3F000', 'no such schema'],
  ['40001', 'serialization failure'],
  ['40P01', 'deadlock'],
  ['42501', 'not permitted'],
  ['42P01', 'no such table'],
  ['42883', 'no such function'],
  ['53100', 'disk full'],
  ['53200', 'out of memory'],
  ['53300', 'too many connections'],
  ['55P03', 'lock not available'],
  ['57014', 'canceled'],
  ['57P01', 'shut down by an administrator'],
  ['58030', 'I/O error'],
  ['XX000', 'internal error'],
] as const

describe('an outage never makes a dead letter', { concurrency: 4 }, () => {
  for (const [sqlstate, name] of OUTAGES) {
    test(`${sqlstate}, ${name}: everything waits, and is logged afterwards`, async (t) => {
      const scratch = await scratchDatabase(t)
      await stageBoth(t, scratch)
      const mend = await failingWith(scratch, sqlstate)
      const { relay } = running(t, scratch)
      await waitFor(() => relay.health().failures >= 2, { what: 'two attempts' })
      assert.deepEqual(await counts(scratch), { logged: 0, dead: 0, waiting: 2 * ENTRIES })
      assert.equal(relay.health().fault?.code, sqlstate)
      await mend()
      await waitFor(async () => (await counts(scratch)).logged === 2 * ENTRIES, { what: 'all' })
      assert.deepEqual(await counts(scratch), { logged: 2 * ENTRIES, dead: 0, waiting: 0 })
      assert.equal(relay.stats().deadLetters, 0)
    })
  }

  /** The same, as servers do it themselves. */
  const REAL: Readonly<Record<string, readonly [string, string, string]>> = {
    'a privilege that is revoked': [
      '42501',
      'revoke execute on all functions in schema audit from audit_relay',
      'grant execute on all functions in schema audit to audit_relay',
    ],
    'a table that is renamed': [
      '42P01',
      'alter table audit.audit_head rename to away',
      'alter table audit.away rename to audit_head',
    ],
  }
  for (const [name, [code, break_, mend]] of Object.entries(REAL)) {
    test(`${name}: everything waits, and is logged afterwards`, async (t) => {
      const scratch = await scratchDatabase(t)
      await stageBoth(t, scratch)
      await scratch.sql.unsafe(break_)
      const { relay } = running(t, scratch)
      await waitFor(() => relay.health().failures >= 2, { what: 'two attempts' })
      assert.equal(relay.health().fault?.code, code)
      await scratch.sql.unsafe(mend)
      await waitFor(async () => (await counts(scratch)).logged === 2 * ENTRIES, { what: 'all' })
      assert.deepEqual(await counts(scratch), { logged: 2 * ENTRIES, dead: 0, waiting: 0 })
    })
  }

  test('backends that are terminated under it: everything is logged, once', async (t) => {
    const scratch = await scratchDatabase(t)
    await stageBoth(t, scratch)
    await scratch.sql.unsafe(`
      create function public.slow() returns trigger language plpgsql as $$
        begin perform pg_sleep(0.2); return null; end $$;
      create trigger slow after insert on audit.audit_log
        for each statement execute function public.slow()`)
    const { relay } = running(t, scratch)
    let terminated = 0
    await waitFor(
      async () => {
        const rows = await scratch.sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = ${scratch.name} and application_name = 'audit-relay'
            and state = 'active' and query like '%audit-relay move%'`
        terminated += rows.length
        return terminated >= 3
      },
      { what: 'three kills in the middle of a move' },
    )
    await waitFor(async () => (await counts(scratch)).logged === 2 * ENTRIES, { what: 'all' })
    assert.deepEqual(await counts(scratch), { logged: 2 * ENTRIES, dead: 0, waiting: 0 })
    assert.equal(relay.stats().deadLetters, 0)
  })

  for (const held of [
    'lock table audit.audit_head in access exclusive mode',
    'lock table audit.audit_log in exclusive mode',
  ]) {
    test(`held by somebody: ${held}: everything waits for it`, async (t) => {
      const scratch = await scratchDatabase(t)
      await stageBoth(t, scratch)
      const holder = await scratch.sql.reserve()
      t.after(() => holder.release())
      await holder`begin`
      await holder.unsafe(held)
      const { relay } = running(t, scratch)
      await waitFor(() => relay.health().failures >= 2, { what: 'two attempts' })
      // The look into the lanes has no other bound than its deadline.
      assert.match(relay.health().fault?.code ?? '', /^(55P03|57014|AUDIT_DEADLINE_PASSED)$/)
      assert.deepEqual(await counts(scratch), { logged: 0, dead: 0, waiting: 2 * ENTRIES })
      await holder`rollback`
      await waitFor(async () => (await counts(scratch)).logged === 2 * ENTRIES, { what: 'all' })
      assert.equal(relay.stats().deadLetters, 0)
    })
  }
})

// Goal: the search for a bad row must not blame a good one for what the server does meanwhile.
// Method: a bad row sends the relay halving; whenever the good ones are tried alone, an outage.
test('an outage in the middle of the halving blames no row', async (t) => {
  const scratch = await scratchDatabase(t)
  await stageBoth(t, scratch, true)
  await scratch.sql.unsafe(`
    create function public.fail() returns trigger language plpgsql as $$
      begin raise exception 'by the test' using errcode = '53100'; end $$;
    create trigger fail after insert on audit.audit_log for each row
      when (new.action = 'good.one') execute function public.fail()`)
  const { relay } = running(t, scratch)
  await waitFor(() => relay.health().failures >= 2, { what: 'two attempts' })
  assert.equal((await counts(scratch)).dead, 0)
  await scratch.sql`drop trigger fail on audit.audit_log`
  await waitFor(async () => (await counts(scratch)).waiting === 0, { what: 'empty lanes' })
  assert.deepEqual(await counts(scratch), { logged: 2 * ENTRIES - 2, dead: 2, waiting: 0 })
  const letters = await scratch.sql`select entry::json ->> 'action' as action, sqlstate
    from audit.audit_dead_letter`
  for (const letter of letters) {
    assert.deepEqual({ ...letter }, { action: 'bad.one', sqlstate: '23514' })
  }
})

/** What a trigger or a constraint of somebody else's may say of a row. */
const REFUSALS = ['22023', '23505', '23514', '54000', 'P0001'] as const

test('a row that a trigger of theirs refuses, with any SQLSTATE, delays none of the others', async (t) => {
  for (const sqlstate of REFUSALS) {
    const scratch = await scratchDatabase(t)
    await stageBoth(t, scratch)
    await scratch.sql.unsafe(`
      create function public.refuse() returns trigger language plpgsql as $$
        begin raise exception 'by the test' using errcode = '${sqlstate}', constraint = 'theirs';
        end $$;
      create trigger refuse before insert on audit.audit_log for each row
        when (new.id = '${numberedId(5)}') execute function public.refuse()`)
    const { relay } = running(t, scratch)
    await waitFor(async () => (await counts(scratch)).waiting === 0, { what: `${sqlstate} to go` })
    assert.deepEqual(await counts(scratch), { logged: 2 * ENTRIES - 1, dead: 1, waiting: 0 })
    const [letter] = await scratch.sql`select id, sqlstate from audit.audit_dead_letter`
    assert.deepEqual({ ...letter }, { id: numberedId(5), sqlstate })
    await relay.stop()
  }
})

// Goal: an id that another relay logs meanwhile is no bad row, not even while one is looked for.
// Method: both lanes hold the same ids and bad rows among them, and four relays race.
test('relays that meet at the same ids while they halve park the bad ones only', async (t) => {
  const IDS = 300
  const scratch = await scratchDatabase(t)
  await scratch.sql`alter table audit.audit_log add constraint theirs check (action <> 'bad.one')`
  const database = openDatabase(t, scratch.url)
  const entries = Array.from({ length: IDS }, (_, n) =>
    encoded({ id: numberedId(n), action: n % 50 === 7 ? 'bad.one' : 'good.one' }),
  )
  await stage(database, 'staging', entries)
  await stage(database, 'outbox', entries.toReversed())
  const metrics = new RelayMetrics()
  const databaseUrl = scratch.urlAs('audit_relay')
  const options = { databaseUrl, logger: memoryLogger(), batchEntries: 60 }
  const relays = Array.from({ length: 4 }, () => new Relay(options, { observer: metrics }))
  t.after(() => Promise.all(relays.map((relay) => relay.stop())))
  await Promise.all(relays.map((relay) => relay.drain({ deadlineMs: 30_000 })))
  assert.deepEqual(await counts(scratch), { logged: IDS - 6, dead: 12, waiting: 0 })
  const parked = await scratch.sql`
    select distinct entry::json ->> 'action' as action, sqlstate from audit.audit_dead_letter`
  assert.deepEqual(
    parked.map((row) => ({ ...row })),
    [{ action: 'bad.one', sqlstate: '23514' }],
  )
})

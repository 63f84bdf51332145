import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'drizzle-orm'
import { readStatus } from '../relay/telemetry/status.ts'
import { scratchDatabase } from './support/database.ts'
import { encoded, memoryLogger, openDatabase, relayOn, stage } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

const RECORDER = '01990000-0000-7000-8000-00000000000a'

/** What a crash does to UNLOGGED tables, without a crash. */
const EMPTY_AS_A_CRASH_DOES = 'truncate audit.audit_staging, audit.audit_sentinel'

test('an emptied fast lane is declared once, as an entry in the log, with its bounds', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const from = (numbers: number[]) =>
    numbers.map((recorder_seq) => encoded({ recorder_id: RECORDER, recorder_seq }))
  await stage(database, 'staging', from([1, 2, 3]))
  const logger = memoryLogger()
  const relay = relayOn(t, scratch, { logger })
  await relay.drain({ deadlineMs: 5_000 })
  await stage(database, 'staging', from([4, 5]))
  await scratch.sql`select audit.report(${RECORDER}, 'the key of a recorder', now(), 5, 5, '{}', true)`
  const [before] = await scratch.sql`select epoch from audit.audit_lane where lane = 'staging'`
  await scratch.sql.unsafe(EMPTY_AS_A_CRASH_DOES)

  const others = [relayOn(t, scratch), relayOn(t, scratch)]
  await Promise.all([relay, ...others].map((one) => one.drain({ deadlineMs: 5_000 })))
  const gaps = await scratch.sql`
    select entity_type, metadata from audit.audit_log where action = 'audit.gap'`
  assert.equal(gaps.length, 1)
  const { metadata, entity_type } = gaps[0] ?? {}
  assert.equal(entity_type, 'audit')
  assert.equal(metadata.epochBefore, before?.['epoch'])
  assert.notEqual(metadata.epoch, metadata.epochBefore)
  assert.deepEqual(
    metadata.recorders.map(({ reportedAt, ...rest }: { reportedAt: string }) => rest),
    [{ recorderId: RECORDER, logged: 3, loggedThrough: 3, stagedAsReported: 5, lostAtMost: 2 }],
  )
  const status = await readStatus(openDatabase(t, scratch.urlAs('audit_relay')))
  assert.equal(status.gaps, 1)
  assert.equal(status.recorders.find(({ id }) => id === RECORDER)?.missing, 2)
  assert.equal(status.recorders.find(({ id }) => id === RECORDER)?.declared, 2)
})

// Goal: relays that notice at the same time declare one gap.
// Method: the lane's row is held until both wait for it.
test('of two relays that declare a gap at once, one is faster', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql.unsafe(EMPTY_AS_A_CRASH_DOES)
  const holder = await scratch.sql.reserve()
  t.after(() => holder.release())
  await holder`begin`
  await holder`select from audit.audit_lane where lane = 'staging' for update`
  const declared = [1, 2].map(async () => {
    const [row] = await openDatabase(t, scratch.urlAs('audit_relay')).execute<{ done: boolean }>(
      sql`select audit.declare_gap() as done`,
    )
    return row?.done
  })
  const areBothWaiting = async () => {
    const [row] = await scratch.sql`
      select count(*)::integer as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    return row?.['waiting'] === 2
  }
  await waitFor(areBothWaiting, { what: 'both relays to wait for the lane' })
  await holder`commit`
  assert.deepEqual((await Promise.all(declared)).toSorted(), [false, true])
  const [gaps] = await scratch.sql`select count(*)::integer as n from audit.audit_outbox`
  assert.equal(gaps?.['n'], 1)
})

test('a lane that was only drained is no gap', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const relay = relayOn(t, scratch)
  for (let round = 0; round < 3; round += 1) {
    await stage(database, 'staging', [encoded()])
    await relay.drain({ deadlineMs: 5_000 })
  }
  assert.equal(relay.stats().gaps, 0)
})

test('compaction empties a table of dead rows and keeps every live one', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const asRelay = openDatabase(t, scratch.urlAs('audit_relay'))
  // A held snapshot, so that no vacuum can help.
  const holder = await scratch.sql.reserve()
  await holder`begin isolation level repeatable read`
  await holder`select pg_current_xact_id()`
  t.after(() => holder.release())
  const relay = relayOn(t, scratch)
  for (let round = 0; round < 12; round += 1) {
    await stage(
      database,
      'staging',
      Array.from({ length: 2_000 }, () => encoded({ recorder_id: RECORDER, recorder_seq: 1 })),
    )
    await relay.drain({ deadlineMs: 10_000 })
  }
  await stage(database, 'staging', [encoded({ metadata: { kept: 'é"\\' } }), encoded()])
  const sizes = async () => {
    const [row] = await scratch.sql`
      select pg_relation_size('audit.audit_staging')::integer as staging,
        pg_relation_size('audit.audit_head')::integer as head,
        pg_relation_size('audit.audit_recorder')::integer as recorder`
    return { staging: row?.['staging'], head: row?.['head'], recorder: row?.['recorder'] }
  }
  const before = await scratch.sql`select * from audit.audit_staging order by id`
  for (const target of ['staging', 'head', 'recorder', 'outbox']) {
    const [row] = await asRelay.execute<{ won: boolean }>(
      sql`select audit.compact(${target}::text) as won`,
    )
    assert.equal(row?.won, true, target)
  }
  const after = await sizes()
  assert.ok(after.staging <= 8_192 && after.head <= 8_192, JSON.stringify(after))
  assert.deepEqual(await scratch.sql`select * from audit.audit_staging order by id`, before)
  await relay.drain({ deadlineMs: 5_000 })
  const [log] = await scratch.sql`
    select count(*)::integer as entries, max(seq)::integer as last,
      (select logged::integer from audit.audit_recorder) as logged from audit.audit_log`
  assert.deepEqual({ ...log }, { entries: 24_002, last: 24_002, logged: 24_000 })
  await holder`rollback`
})

test('compaction never waits: who holds a lock keeps it, and the relay goes on', async (t) => {
  const scratch = await scratchDatabase(t)
  const asRelay = openDatabase(t, scratch.urlAs('audit_relay'))
  const writer = await scratch.sql.reserve()
  t.after(() => writer.release())
  await writer`begin`
  await writer`insert into audit.audit_outbox (id, occurred_at, action) values (gen_random_uuid(), now(), 'a.b')`
  const beganMs = performance.now()
  const [row] = await asRelay.execute<{ won: boolean }>(sql`select audit.compact('outbox') as won`)
  assert.equal(row?.won, false)
  assert.ok(performance.now() - beganMs < 1_000)
  await writer`commit`
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResendBuffer, type ResendBufferParts } from '../src/flush/resend-buffer.ts'
import type { LaneState } from '../src/lanes/staging.ts'
import { scratchDatabase } from './support/database.ts'
import { memoryLogger, relayOn, silentLogger } from './support/lanes.ts'
import { recorderOn } from './support/recorders.ts'
import { waitFor } from './support/wait-for.ts'

/** What a crash does to UNLOGGED tables, without a crash. */
const EMPTY_AS_A_CRASH_DOES = 'truncate audit.audit_staging, audit.audit_sentinel'

// Goal: a crash that empties the fast lane costs nothing while the application lives.
// Method: the lane is emptied between staging and moving; the relay notices; the recorder helps.
test('what was staged in an emptied lane is staged again, and all of it is logged once', async (t) => {
  const scratch = await scratchDatabase(t)
  const logger = memoryLogger()
  const audit = recorderOn(t, scratch, { logger })
  const relay = relayOn(t, scratch)
  const record = (count: number) => {
    for (let n = 0; n < count; n += 1) assert.ok(audit.record({ action: 'a.kept' }))
    return audit.flush()
  }
  await record(100)
  await relay.drain({ deadlineMs: 5_000 })
  await record(50)
  await scratch.sql.unsafe(EMPTY_AS_A_CRASH_DOES)
  await record(25) // before anybody has noticed
  await relay.drain({ deadlineMs: 5_000 })
  await waitFor(() => logger.lines.some(({ fields }) => 'stagedAgain' in fields), {
    what: 'entries that are staged again',
  })
  await relay.drain({ deadlineMs: 5_000 })
  const [log] = await scratch.sql`
    select count(*) filter (where action = 'a.kept')::integer as kept,
      count(*) filter (where action = 'audit.gap')::integer as gaps,
      count(distinct recorder_seq)::integer as numbers from audit.audit_log`
  assert.deepEqual({ ...log }, { kept: 175, gaps: 1, numbers: 175 })
})

test('a recorder that closes just after the crash stages again what it still holds', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch)
  for (let n = 0; n < 10; n += 1) audit.record({ action: 'a.kept' })
  await audit.flush()
  await scratch.sql.unsafe(EMPTY_AS_A_CRASH_DOES)
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  await audit.close()
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  const [log] = await scratch.sql`
    select count(*) filter (where action = 'a.kept')::integer as kept from audit.audit_log`
  assert.equal(log?.['kept'], 10)
})

// Goal: "nothing of this recorder waits" must be true, not only look so.
// Method: compaction holds the lane's lock with the rows put back, and commits while we wait.
test('lane_state waits for a compaction and then sees the rows that it put back', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch)
  audit.record({ action: 'a.kept' })
  await audit.flush()
  const compacting = await scratch.sql.reserve()
  t.after(() => compacting.release())
  await compacting`begin`
  const [won] = await compacting`select audit.compact('staging') as won`
  assert.equal(won?.['won'], true)
  const asked = scratch.sql`
    select first_waiting::integer as first from audit.lane_state(${audit.stats().recorderId})`.execute()
  const isWaiting = async () => {
    const [row] = await scratch.sql`
      select count(*)::integer as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'
        and query like '%lane_state%'`
    return row?.['waiting'] === 1
  }
  await waitFor(isWaiting, { what: 'lane_state to wait for the lane' })
  await compacting`commit`
  const [state] = await asked
  assert.equal(state?.['first'], 1)
})

test('drops are written into the log when the database is there again', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch, { maxBufferEntries: 10, reportIntervalMs: 100 })
  for (let n = 0; n < 25; n += 1) audit.record({ action: 'a.full' })
  await audit.flush()
  await audit.close()
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  const drops = await scratch.sql`
    select recorder_id, metadata from audit.audit_log where action = 'audit.drop'`
  const { recorderId } = audit.stats()
  assert.deepEqual(
    drops.map((row) => ({ ...row })),
    [{ recorder_id: null, metadata: { recorderId, dropped: { full: 15 } } }],
  )
})

test('a recorder that lives on tells of its drops, too', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch, { maxBufferEntries: 10, reportIntervalMs: 100 })
  for (let n = 0; n < 25; n += 1) audit.record({ action: 'a.full' })
  const isTold = async () => {
    const rows = await scratch.sql`
      select from audit.audit_outbox where action = 'audit.drop' and metadata @> '{"dropped":{"full":15}}'`
    return rows.length === 1
  }
  await waitFor(isTold, { what: 'the drops to be told' })
})

const batch = (lastSeq: number, epoch: string | null = 'one') => ({
  epoch,
  lastSeq,
  entries: 1,
  slices: [`entry ${lastSeq}`.padEnd(10)],
})

async function settled(parts: Partial<ResendBufferParts>, batches: ReturnType<typeof batch>[]) {
  const staged: string[] = []
  const keeper = new ResendBuffer({
    maxBytes: 100,
    laneState: () => Promise.resolve({ epoch: 'one', firstWaiting: null }),
    stage: (slices) => {
      staged.push(...slices.map((slice) => slice.trim()))
      return Promise.resolve('two')
    },
    logger: silentLogger(),
    ...parts,
  })
  for (const one of batches) keeper.keep(one)
  await keeper.close()
  return staged
}

test('in the same epoch nothing is staged again, even if rows still wait', async () => {
  const laneState = () => Promise.resolve({ epoch: 'one', firstWaiting: 2 })
  assert.deepEqual(await settled({ laneState }, [batch(1), batch(2), batch(3)]), [])
})

test('while no relay has noticed that the lane was emptied, nothing is staged again', async () => {
  const laneState = () => Promise.resolve({ epoch: null, firstWaiting: null })
  assert.deepEqual(await settled({ laneState }, [batch(1)]), [])
})

test('beyond its bound the oldest are let go', async () => {
  const laneState = () => Promise.resolve({ epoch: 'two', firstWaiting: null })
  const batches = Array.from({ length: 12 }, (_, n) => batch(n))
  assert.deepEqual((await settled({ laneState }, batches)).length, 10)
})

// Goal: an answer from before a batch was staged is no news of that batch.
// Method: the batch is staged while the question is under way, and then the lane is emptied.
test('what is staged while the lane is looked at is kept', async () => {
  const staged: string[] = []
  const answers: ((state: LaneState) => void)[] = []
  const keeper = new ResendBuffer({
    maxBytes: 100,
    laneState: () =>
      new Promise((resolve) => {
        answers.push(resolve)
      }),
    stage: (slices) => {
      staged.push(...slices.map((slice) => slice.trim()))
      return Promise.resolve('two')
    },
    logger: silentLogger(),
  })
  keeper.keep(batch(1))
  await waitFor(() => answers.length === 1, { what: 'the first look' })
  keeper.keep(batch(2))
  answers[0]?.({ epoch: 'one', firstWaiting: null })
  const closed = keeper.close()
  await waitFor(() => answers.length === 2, { what: 'the last look' })
  answers[1]?.({ epoch: 'two', firstWaiting: null })
  await closed
  assert.deepEqual(staged, ['entry 2'])
})

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { readStatus, type RecorderStatus } from '../relay/index.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { applicationDatabase, DRIVERS } from './support/drivers.ts'
import { encoded, numberedId, openDatabase, relayOn, stage } from './support/lanes.ts'
import { recorderOn } from './support/recorders.ts'
import { waitFor } from './support/wait-for.ts'

const id = (number: number) => `01990000-0000-7000-8000-${String(number).padStart(12, '0')}`

/** A recorder's rows, with these numbers. */
const rowsOf = (recorder_id: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => encoded({ recorder_id, recorder_seq: from + n }))

function reporting({ sql }: ScratchDatabase) {
  return {
    report: (recorder: string, accepted: number, dropped: object = {}, isClosed = false) => sql`
      select audit.report(
        ${recorder}, 'the key of ' || ${recorder}, now(), ${accepted}, ${accepted}, ${sql.json({ ...dropped })}, ${isClosed})`,
    silence: (recorder: string) => sql`
      update audit.audit_report set seen_at = seen_at - interval '2 days' where id = ${recorder}`,
  }
}

/** As the relay's login reads it, by recorder, without when each reported. */
async function accounts(t: TestContext, { urlAs }: ScratchDatabase) {
  const { recorders, ...figures } = await readStatus(openDatabase(t, urlAs('audit_relay')))
  const byId = new Map(recorders.map(({ id, reportedAt: _at, ...rest }) => [id, rest]))
  return { figures, of: (recorder: string) => byId.get(recorder) }
}

test('status counts what waits, how long, and each recorder', async (t) => {
  const scratch = await scratchDatabase(t)
  const { report, silence } = reporting(scratch)
  const [live, died, closed] = [id(1), id(2), id(3)]
  await stage(openDatabase(t, scratch.url), 'staging', [
    ...rowsOf(live, 1, 3),
    ...rowsOf(died, 1, 4),
    ...rowsOf(closed, 1, 5),
  ])
  await report(live, 5, { full: 2 })
  await report(died, 6)
  await report(closed, 8, { timeout: 2, full: 9 }, true)
  await silence(died)
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  await stage(openDatabase(t, scratch.url), 'outbox', [encoded({ id: numberedId(-60_000) })])

  const { figures, of } = await accounts(t, scratch)
  assert.deepEqual(figures.depth, { staging: 0, outbox: 1 })
  assert.ok(figures.lagMs >= 60_000 && figures.lagMs < 300_000, `lag ${figures.lagMs}`)
  assert.equal(figures.lastSeq, 14, 'with two entries of what was dropped')
  assert.equal(figures.deadLetters, 0)
  assert.equal(figures.gaps, 0)
  const nothing = { dropped: {}, missing: 0, declared: 0 }
  assert.deepEqual(of(live), {
    ...{ ...nothing, state: 'live', accepted: 5, logged: 3, inFlight: 2 },
    dropped: { full: 2 },
  })
  assert.deepEqual(of(died), {
    ...{ ...nothing, state: 'died', accepted: 6, logged: 4, inFlight: 0 },
    missing: 2,
  })
  assert.deepEqual(of(closed), {
    ...{ ...nothing, state: 'closed', accepted: 8, logged: 5, inFlight: 0 },
    ...{ dropped: { timeout: 2, full: 9 }, missing: 1 },
  })
})

// Goal: what is on its way is not called lost, and what is lost is not called on its way.
// Method: rows wait in both lanes, for recorders that reported less, as much and more than that.
test('in flight is what waits, and of a recorder that lives also what it has not staged', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const { report, silence } = reporting(scratch)
  const [ahead, behind, killed, idle, closed, twice] = [id(1), id(2), id(3), id(4), id(5), id(6)]
  const moved = rowsOf(twice, 1, 3)
  await stage(database, 'staging', [...rowsOf(closed, 1, 2), ...moved])
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  await stage(database, 'staging', [
    ...rowsOf(ahead, 1, 4),
    ...rowsOf(behind, 1, 4),
    ...rowsOf(killed, 1, 4),
    ...rowsOf(idle, 1, 4),
    ...rowsOf(closed, 3, 4),
    ...moved,
  ])
  await stage(database, 'outbox', rowsOf(closed, 5, 5)) // a dead letter that was retried
  await report(ahead, 10)
  await report(behind, 1)
  await report(killed, 6)
  await report(idle, 4)
  await report(closed, 9, { timeout: 1, full: 5 }, true)
  await report(twice, 3, {}, true)
  await Promise.all([killed, idle].map(silence))

  const waiting = await accounts(t, scratch)
  const figures = (account: ReturnType<typeof waiting.of>) =>
    account && [account.state, account.logged, account.inFlight, account.missing]
  assert.deepEqual(figures(waiting.of(ahead)), ['live', 0, 10, 0])
  assert.deepEqual(figures(waiting.of(behind)), ['live', 0, 4, 0])
  assert.deepEqual(figures(waiting.of(killed)), ['died', 0, 4, 2])
  assert.deepEqual(figures(waiting.of(idle)), ['live', 0, 4, 0], 'nothing is wrong with it')
  assert.deepEqual(figures(waiting.of(closed)), ['closed', 2, 3, 3])
  assert.deepEqual(figures(waiting.of(twice)), ['closed', 3, 0, 0])

  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  const drained = await accounts(t, scratch)
  assert.deepEqual(figures(drained.of(ahead)), ['live', 4, 6, 0])
  assert.deepEqual(figures(drained.of(behind)), ['live', 4, 0, 0])
  assert.deepEqual(figures(drained.of(killed)), ['died', 4, 0, 2])
  assert.deepEqual(figures(drained.of(closed)), ['closed', 5, 0, 3])
  assert.deepEqual(figures(drained.of(twice)), ['closed', 3, 0, 0])
})

test('an application reads the same through its own Drizzle, over either driver', async (t) => {
  const scratch = await scratchDatabase(t)
  const { report } = reporting(scratch)
  await stage(openDatabase(t, scratch.url), 'outbox', [encoded(), ...rowsOf(id(1), 1, 2)])
  await report(id(1), 7, { timeout: 2, full: 3 })
  await report(id(2), 1, {}, true)
  const url = scratch.urlAs('audit_relay')
  const { lagMs: _lag, ...expected } = await readStatus(openDatabase(t, url))
  assert.deepEqual(expected.recorders.map((one) => one.inFlight).toSorted(), [0, 5])
  for (const driver of DRIVERS) {
    const { lagMs, ...status } = await readStatus(applicationDatabase(t, driver, url))
    assert.equal(typeof lagMs, 'number')
    assert.deepEqual(status, expected, driver)
  }
})

/** What a recorder owes nobody: promise 3. */
function assertBalanced(account: RecorderStatus | undefined, deadLetters = 0): void {
  assert.ok(account)
  const { accepted, logged, inFlight, missing, dropped } = account
  const givenUp = (dropped['timeout'] ?? 0) + (dropped['refused'] ?? 0)
  assert.equal(accepted, logged + inFlight + missing + givenUp + deadLetters)
}

// Goal: the account balances at each station of an entry's way.
// Method: a recorder as it is, its lane emptied, a relay that comes late.
test('a recorder is accounted for while it works, when it is closed, and after a gap', async (t) => {
  const scratch = await scratchDatabase(t)
  const reader = openDatabase(t, scratch.urlAs('audit_relay'))
  const audit = recorderOn(t, scratch, { reportIntervalMs: 100, maxKeptBytes: 0 })
  const account = async () => {
    const { recorders } = await readStatus(reader)
    return recorders.find((one) => one.id === audit.stats().recorderId)
  }
  const record = async (count: number) => {
    for (let n = 0; n < count; n += 1) assert.ok(audit.record({ action: 'a.counted' }))
    await audit.flush()
    const { recorded } = audit.stats()
    await waitFor(async () => (await account())?.accepted === recorded, { what: 'its report' })
  }
  await record(5)
  const staged = await account()
  assert.deepEqual([staged?.state, staged?.logged, staged?.inFlight], ['live', 0, 5])
  assert.ok(Date.parse(staged?.reportedAt ?? '') > Date.now() - 60_000)
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  assert.equal((await account())?.logged, 5)
  await record(3)
  assertBalanced(await account())
  await scratch.sql.unsafe('truncate audit.audit_staging, audit.audit_sentinel') // as a crash does
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  await record(2)
  await audit.close()
  const closed = await account()
  assertBalanced(closed)
  assert.deepEqual([closed?.state, closed?.inFlight, closed?.missing], ['closed', 2, 3])
  assert.equal(closed?.declared, 3)
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  const drained = await account()
  assertBalanced(drained)
  assert.deepEqual([drained?.logged, drained?.inFlight, drained?.missing], [7, 0, 3])
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { createRelay } from '../relay/index.ts'
import {
  type IdentifiedLog,
  type KnownLog,
  LogIdentity,
} from '../relay/maintenance/log-identity.ts'
import { Database } from '../src/database/connection.ts'
import { AuditError } from '../src/errors.ts'
import {
  type Cursor,
  cursorText,
  HistoryChangedError,
  parseCursor,
  type TailedEntry,
  type TailOptions,
  tail,
} from '../src/read/tail.ts'
import { type AuditDatabase, timeline } from '../src/read/timeline.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { connectAs } from './support/logins.ts'
import { waitFor } from './support/wait-for.ts'
import { takeFromTail } from './support/take-from-tail.ts'

/** Longer than a busy machine needs for a tail that has something to find. */
const MAX_WAIT_MS = 60_000
const silent = { debug() {}, info() {}, warn() {}, error() {} }

function reader(t: TestContext, { urlAs }: ScratchDatabase): Database {
  const options = { applicationName: 'history', statementTimeoutMs: 10_000, isReader: true }
  const db = new Database({ url: urlAs('audit_reader'), ...options })
  t.after(() => db.close())
  return db
}

/** The error with which a tail ends. */
async function endOf(db: AuditDatabase, options: TailOptions): Promise<HistoryChangedError> {
  return await endOfTail(tail(db, { signal: AbortSignal.timeout(MAX_WAIT_MS), ...options }))
}

async function endOfTail(entries: AsyncIterable<TailedEntry>): Promise<HistoryChangedError> {
  try {
    for await (const _ of entries);
  } catch (error) {
    assert.ok(error instanceof HistoryChangedError, String(error))
    assert.equal(error.code, 'AUDIT_HISTORY_CHANGED')
    return error
  }
  throw new Error('the tail did not end by itself')
}

/** What a restore from a backup does: the newest entries are gone, their numbers are given again. */
async function restoreTo({ sql }: ScratchDatabase, seq: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`alter table audit.audit_log disable trigger all`
    const parts = await tx`
      select relid::regclass::text as name from pg_partition_tree('audit.audit_log') where isleaf`
    for (const { name } of parts) await tx`alter table ${tx(name)} disable trigger all`
    await tx`delete from audit.audit_log where seq > ${seq}::bigint`
    await tx`update audit.audit_head set seq = ${seq}::bigint`
  })
}

const actions = (names: readonly string[]) => names.map((action) => ({ action }))
const identify = async ({ sql }: ScratchDatabase, known?: KnownLog): Promise<IdentifiedLog> => {
  const { history = null, seq = null, id = null } = known ?? {}
  const [row] = await sql`
    select state, history, seq::float8 as seq, id
    from audit.identify(${history}::uuid, ${seq}::bigint, ${id}::uuid)`
  return { ...row } as IdentifiedLog
}
const systemEntries = async ({ sql }: ScratchDatabase) =>
  await sql`select action, metadata from audit.audit_outbox where action like 'audit.%' order by id`

test('a tail goes on after an entry, after its text, and after what a filter left out', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  await appendToLog(scratch.sql, actions(['a.a', 'b.b', 'a.c', 'b.d']))
  const [first, second] = await takeFromTail(db, 2, { fromSeq: 1 })
  assert.ok(first && second)
  const seqs = (entries: readonly TailedEntry[]) => entries.map(({ seq }) => seq)
  assert.deepEqual(seqs(await takeFromTail(db, 3, { after: first })), [2, 3, 4])
  assert.deepEqual(seqs(await takeFromTail(db, 2, { after: cursorText(second) })), [3, 4])
  assert.deepEqual(parseCursor(cursorText(second)), {
    history: second.history,
    seq: 2,
    id: second.id,
  })
  const filter = { action: 'a.*' }
  const filtered = tail(db, { after: first, filter, signal: AbortSignal.timeout(60_000) })
  assert.equal((await filtered.next()).value?.seq, 3)
  const next = filtered.next() // looks on behind 4, which the filter left out
  await appendToLog(scratch.sql, actions(['b.e', 'a.f']))
  assert.equal((await next).value?.seq, 6)
  await filtered.return()
})

test('what is no cursor is refused at the call', () => {
  const nowhere = { execute: async () => [] }
  const wrong = [
    '',
    'x',
    'a.1.b',
    `${'0'.repeat(36)}.1.2`,
    7,
    {},
    { seq: 1, id: 'x', history: 'y' },
  ]
  for (const after of wrong as Cursor[]) {
    assert.throws(() => tail(nowhere, { after }), { code: 'AUDIT_FILTER_INVALID' }, String(after))
  }
  const id = '11111111-1111-4111-8111-111111111111'
  const after = { history: id, seq: 1, id }
  assert.throws(() => tail(nowhere, { after, fromSeq: 1 }), /fromSeq or after, not both/)
})

test('after a restore a tail ends, with or without a filter, and never skips in silence', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  const signal = AbortSignal.timeout(MAX_WAIT_MS)
  await appendToLog(scratch.sql, actions(['a.1', 'a.2', 'a.3', 'a.4', 'a.5', 'a.6']))
  const seen = await takeFromTail(db, 6, { fromSeq: 1 })
  const tails = [{}, { action: 'a.*' }].map((filter) => tail(db, { filter, fromSeq: 6, signal }))
  // A tail that has read nothing yet has nothing to miss, so each one reads its first entry first.
  for (const one of tails) assert.equal((await one.next()).value?.seq, 6)
  const running = tails.map(endOfTail)
  await restoreTo(scratch, 2)
  const last = seen[5]
  assert.ok(last && seen[1])
  // The head is below the cursor, and then another entry has its number.
  assert.equal((await endOf(db, { after: last })).readAgainFromSeq, 1)
  await appendToLog(scratch.sql, actions(['b.3', 'b.4', 'b.5', 'b.6', 'b.7']))
  for (const filter of [{}, { action: 'b.*' }]) {
    const error = await endOf(db, { after: last, filter })
    assert.match(
      error.message,
      /does not hold entry 6 of the cursor any more\. Read again from seq 1,/,
    )
  }
  for (const { readAgainFromSeq } of await Promise.all(running)) assert.equal(readAgainFromSeq, 1)
  // What was read before the restore's own time is the same entry still.
  assert.equal((await takeFromTail(db, 1, { after: seen[1] }))[0]?.action, 'b.3')
})

test('a new history ends every tail, and says from where it is another log', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  await appendToLog(scratch.sql, actions(['a.1', 'a.2', 'a.3', 'a.4']))
  const seen = await takeFromTail(db, 4, { fromSeq: 1 })
  await restoreTo(scratch, 2)
  await scratch.sql`select audit.declare_restored()`
  await appendToLog(scratch.sql, actions(['b.3', 'b.4']))
  assert.equal((await endOf(db, { after: seen[3] })).readAgainFromSeq, 3)
  assert.equal((await endOf(db, { after: seen[0] })).readAgainFromSeq, 2, 'it had not read further')
  const again = await takeFromTail(db, 2, { fromSeq: 3 })
  assert.deepEqual(
    again.map(({ action }) => action),
    ['b.3', 'b.4'],
  )
  assert.notEqual(again[0]?.history, seen[0]?.history)
  const stranger = { ...again[0], history: '11111111-1111-4111-8111-111111111111' } as TailedEntry
  const error = await endOf(db, { after: stranger })
  assert.match(error.message, /is not one of this log\. Read again from seq 1,/)
})

test("a timeline's cursor from before a restore is refused", async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  await appendToLog(scratch.sql, actions(['a.1', 'a.2', 'a.3']))
  const { nextCursor } = await timeline(db, { limit: 2 })
  const cursor = nextCursor ?? ''
  assert.equal((await timeline(db, { limit: 2, cursor })).entries.length, 1)
  await scratch.sql`select audit.declare_restored()`
  await assert.rejects(timeline(db, { limit: 2, cursor }), {
    code: 'AUDIT_HISTORY_CHANGED',
    message: /Start from the first page/,
  })
  await restoreTo(scratch, 0)
  await assert.rejects(timeline(db, { limit: 2, cursor }), { code: 'AUDIT_HISTORY_CHANGED' })
})

test('a restore that is declared leaves a gap, a new history and an entry', async (t) => {
  const scratch = await scratchDatabase(t)
  const ids = await appendToLog(scratch.sql, actions(['a.1', 'a.2']))
  const before = await identify(scratch)
  assert.deepEqual([before.state, before.seq, before.id], ['same', 2, ids[1]])
  const [row] = await scratch.sql`select audit.declare_restored() as history`
  const found = await systemEntries(scratch)
  assert.deepEqual(found.map(({ action }) => action).toSorted(), ['audit.gap', 'audit.restored'])
  const restored = found.find(({ action }) => action === 'audit.restored')
  assert.deepEqual(restored?.['metadata'], {
    reason: 'audit-relay restored',
    historyBefore: before.history,
    history: row?.['history'],
    lastSeq: 2,
    lastId: ids[1],
  })
  const histories = await scratch.sql`
    select history, first_seq::integer as first from audit.audit_history order by at`
  assert.deepEqual(
    [...histories].map((one) => [one['history'], one['first']]),
    [
      [before.history, 1],
      [row?.['history'], 3],
    ],
  )
  assert.equal((await identify(scratch, before)).state, 'new')
})

test('another server begins a new history, another timeline does not', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, actions(['a.1']))
  const known = await identify(scratch)
  assert.equal((await identify(scratch, known)).state, 'same')
  await scratch.sql`update audit.audit_head set timeline = timeline + 7`
  assert.equal((await identify(scratch, known)).state, 'moved')
  assert.equal((await identify(scratch, known)).state, 'same', 'it is said once')
  await scratch.sql`update audit.audit_head set system_identifier = system_identifier + 1`
  const { state, history } = await identify(scratch, known)
  assert.equal(state, 'new')
  assert.notEqual(history, known.history)
  const found = await systemEntries(scratch)
  // The last two are of one moment, and of one millisecond the ids have no order.
  assert.deepEqual(found.map(({ action }) => action).toSorted(), [
    ...['audit.gap', 'audit.moved', 'audit.restored'],
  ])
  const restored = found.find(({ action }) => action === 'audit.restored')
  assert.equal(restored?.['metadata']['reason'], 'another system identifier')
})

test('who may declare a restore, and who may look', async (t) => {
  const scratch = await scratchDatabase(t)
  for (const role of ['audit_app', 'audit_relay', 'audit_reader'] as const) {
    const session = connectAs(t, scratch, role)
    await assert.rejects(session`select audit.declare_restored()`, { code: '42501' })
    await assert.rejects(session`select audit.begin_history('x')`, { code: '42501' })
    const look = session`select state from audit.identify(null, null, null)`
    if (role === 'audit_relay') await look
    else await assert.rejects(look, { code: '42501' })
  }
  await connectAs(t, scratch, 'audit_owner')`select audit.declare_restored()`
})

// Goal: a relay moves nothing into a log that is not its own, and says so, until a person decides.
test('a relay stops at a restored log and goes on once that is declared', async (t) => {
  const scratch = await scratchDatabase(t)
  const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-state-'))
  t.after(() => fs.rmSync(stateDir, { recursive: true }))
  const relayOnce = async () => {
    const options = { databaseUrl: scratch.urlAs('audit_relay'), logger: silent, stateDir }
    const relay = createRelay(options)
    try {
      return await relay.drain({ deadlineMs: 20_000 })
    } finally {
      await relay.stop()
    }
  }
  const record = () => scratch.sql`select audit.record('[{"action": "a.b"}, {"action": "a.c"}]')`
  await record()
  await relayOnce()
  await relayOnce() // remembers what it saw at its start
  await restoreTo(scratch, 1)
  await record()
  await assert.rejects(relayOnce(), (error) => {
    assert.ok(error instanceof AuditError)
    assert.equal(error.code, 'AUDIT_HISTORY_CHANGED')
    assert.match(error.message, /entry 2 any more.*its last one is now 1\..*"audit-relay restored"/)
    return true
  })
  const waiting = async () => (await scratch.sql`select from audit.audit_outbox`).length
  assert.equal(await waiting(), 2, 'nothing was moved')
  await scratch.sql`select audit.declare_restored()`
  assert.equal((await relayOnce()).isDrained, true)
  assert.equal(await waiting(), 0)
})

test('a running relay is red while the log is another one', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, actions(['a.1', 'a.2']))
  let nowMs = 0
  const known: (KnownLog | undefined)[] = []
  const statements = {
    identify: async (last: KnownLog | undefined) => {
      known.push(last)
      return await identify(scratch, last)
    },
  }
  const identity = new LogIdentity({ statements, logger: silent, now: () => nowMs })
  await identity.check()
  nowMs += 9_999
  await identity.check()
  assert.equal(known.length, 1, 'once in 10 s')
  nowMs += 1
  await identity.check()
  assert.equal(known.length, 2)
  await restoreTo(scratch, 1)
  nowMs += 10_000
  for (let look = 0; look < 2; look += 1) {
    await assert.rejects(identity.check(), { code: 'AUDIT_HISTORY_CHANGED' })
  }
  assert.equal(known.length, 4, 'at each call')
  await scratch.sql`select audit.declare_restored()`
  await waitFor(() => identity.check().then(() => true), { what: 'it to go on' })
})

test('a state folder that cannot be used is said', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-state-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'a file')
  fs.writeFileSync(file, '')
  const history = '11111111-1111-4111-8111-111111111111'
  const statements = {
    identify: async () => ({ state: 'same', history, seq: 1, id: history }) as const,
  }
  const check = (stateDir: string) =>
    new LogIdentity({ statements, logger: silent, stateDir }).check()
  await assert.rejects(check(file), /AUDIT_STATE_DIR: .* cannot be reached, because .* \(ENOTDIR\)/)
  const nested = path.join(folder, 'made')
  await check(nested)
  const [name = ''] = fs.readdirSync(nested)
  assert.deepEqual(
    [fs.statSync(nested).mode & 0o777, fs.statSync(path.join(nested, name)).mode & 0o777],
    [0o700, 0o600],
  )
  fs.writeFileSync(path.join(nested, name), '{"history"')
  await assert.rejects(check(nested), { code: 'AUDIT_OPTION_INVALID' })
})

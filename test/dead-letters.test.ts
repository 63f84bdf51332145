import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { readStatus } from '../relay/telemetry/status.ts'
import { runRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { encoded, numberedId, openDatabase, relayOn, stage } from './support/lanes.ts'
import { connectAs, refusalOf } from './support/logins.ts'

const RECORDER = '01990000-0000-7000-8000-00000000000a'

/** The command as an operator runs it: with the rights of `audit_relay`. */
function deadLetters(t: TestContext, { urlAs }: ScratchDatabase) {
  const environment = { AUDIT_RELAY_DATABASE_URL: urlAs('audit_relay') }
  return (...args: string[]) => runRelay(t, ['dead-letters', ...args], environment)
}

/** Entries that a constraint of somebody else's refuses: `count` of them are dead letters now. */
async function refused(t: TestContext, scratch: ScratchDatabase, count: number) {
  await scratch.sql`alter table audit.audit_log add constraint theirs check (action <> 'bad.one')`
  const database = openDatabase(t, scratch.url)
  const bad = Array.from({ length: count }, (_, n) =>
    encoded({
      id: numberedId(n),
      action: 'bad.one',
      metadata: { n, note: 'canary \u009b\u2028\u202e' },
      recorder_id: RECORDER,
      recorder_seq: n + 1,
    }),
  )
  await stage(database, 'staging', bad)
  const relay = relayOn(t, scratch)
  const { deadLetters: died } = await relay.drain({ deadlineMs: 10_000 })
  assert.equal(died, count)
  return relay
}

const allow = ({ sql }: ScratchDatabase) => sql`alter table audit.audit_log drop constraint theirs`

test('list says why and never what; show opens one letter', async (t) => {
  const scratch = await scratchDatabase(t)
  await refused(t, scratch, 3)
  const run = deadLetters(t, scratch)
  const [text, json, opened, absent] = await Promise.all([
    run('list'),
    run('list', '--json', '--limit', '2'),
    run('show', '1', '--json'),
    run('show', '9'),
  ])
  assert.equal(text.code, 0, text.stderr)
  assert.match(
    text.stdout,
    / 3 {2}\d{4}-\d\d-\d\dT[\d:.]+Z {2}staging {2}23514: the database refused/,
  )
  const listed = JSON.parse(json.stdout) as { number: number }[]
  assert.deepEqual(
    listed.map(({ number }) => number),
    [3, 2],
  )
  assert.doesNotMatch(text.stdout + json.stdout, /canary/)
  const letter = JSON.parse(opened.stdout)
  assert.equal(letter.entry.metadata.note, 'canary \u009b\u2028\u202e')
  assert.doesNotMatch(opened.stdout, /[\u009b\u2028\u202e]/, 'what could move a cursor is escaped')
  assert.deepEqual([letter.sqlstate, letter.recorderId, letter.recorderSeq], ['23514', RECORDER, 1])
  assert.deepEqual([absent.code, absent.stdout], [1, 'There is no dead letter 9.\n'])
})

test('retry puts an entry back as it was; what is refused again dies again', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = await refused(t, scratch, 3)
  const run = deadLetters(t, scratch)
  assert.equal((await run('retry', '1')).code, 0)
  await relay.drain({ deadlineMs: 5_000 })
  const again = await scratch.sql`
    select number::integer as number, lane, id from audit.audit_dead_letter order by number`
  assert.deepEqual(
    again.map(({ number }) => number),
    [2, 3, 4],
  )
  assert.equal(again[2]?.['id'], numberedId(0))

  await allow(scratch)
  const all = await run('retry', '--all', '--json')
  assert.deepEqual(JSON.parse(all.stdout), { retried: 3, refused: [] })
  const waiting = await readStatus(openDatabase(t, scratch.url))
  assert.deepEqual(waiting.depth, { staging: 0, outbox: 3 }, 'in the lane that survives a crash')
  await relay.drain({ deadlineMs: 5_000 })
  const logged = await scratch.sql`
    select id, recorder_seq::integer as n, metadata ->> 'note' as note, occurred_at
    from audit.audit_log order by id`
  assert.deepEqual(
    logged.map((row) => ({ ...row })),
    [0, 1, 2].map((n) => ({
      id: numberedId(n),
      n: n + 1,
      note: 'canary \u009b\u2028\u202e',
      occurred_at: new Date('2026-01-02T03:04:05.678Z'),
    })),
  )
})

test('retry leaves alone what a lane cannot take, and says which and why', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await sql`select audit.record('[{"action": "a.b", "metadata": {"text": "\\u0000"}}, {"n": 1}, 7, {]')`
  await sql`select audit.record('[{"action": "a.b", "metadata": {"text": "\\u0000"}}, {"n": 1}]')`
  await sql`select audit.record('{"occurred_at": "soon", "action": ""}')`
  const before = await sql`select sqlstate, entry from audit.audit_dead_letter order by number`
  assert.equal(before.length, 4)
  const run = deadLetters(t, scratch)
  const all = await run('retry', '--all')
  assert.equal(all.code, 1)
  assert.match(all.stdout, /^0 put back/)
  assert.equal(all.stdout.match(/ stays: its lane refuses it \(\w{5}\)/g)?.length, 4)
  assert.deepEqual(
    [...(await sql`select sqlstate, entry from audit.audit_dead_letter order by number`)],
    [...before],
  )
  // Somebody with the owner's rights has mended one of them.
  await sql`update audit.audit_dead_letter set entry = '{"action": "late.fix"}' where number = 4`
  assert.equal((await run('retry', '4')).code, 0)
  const [mended] = await sql`select action from audit.audit_outbox`
  assert.equal(mended?.['action'], 'late.fix')
})

test('drop leaves its trace in the log and in the account of the recorder', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = await refused(t, scratch, 3)
  await scratch.sql`select audit.report(${RECORDER}, 'the key of a recorder', now(), 3, 3, '{}', true)`
  const run = deadLetters(t, scratch)
  const dropped = await run('drop', '1', '2', '9', '--yes', '--json')
  assert.equal(dropped.code, 1)
  assert.deepEqual(JSON.parse(dropped.stdout), { dropped: [1, 2], missing: [9], held: [] })
  await relay.drain({ deadlineMs: 5_000 })
  const traces = await scratch.sql`
    select metadata - 'diedAt' as metadata, context from audit.audit_log
    where action = 'audit.dead_letter_drop' order by metadata -> 'number'`
  assert.deepEqual(
    traces.map(({ metadata }) => metadata),
    [0, 1].map((n) => ({
      number: n + 1,
      sqlstate: '23514',
      writtenBy: 'postgres',
      id: numberedId(n),
      lane: 'staging',
      recorderId: RECORDER,
    })),
  )
  assert.deepEqual(traces[0]?.['context'], { databaseLogin: 'audit_test_relay' })
  const { recorders, deadLetters: left } = await readStatus(openDatabase(t, scratch.url))
  assert.equal(left, 1)
  const account = recorders.find(({ id }) => id === RECORDER)
  assert.deepEqual([account?.missing, account?.dropped], [0, { dead_letter: 2 }])
})

// Goal: an entry that a recorder staged again hides no other one that is lost.
// Method: two that are refused, one by the log's own check and one by somebody else's, come three
// times, two of them in one batch; a third one was accepted and never came.
test('an entry that is staged and refused again is one dead letter, and one in the account', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`alter table audit.audit_log add constraint theirs check (action <> 'bad.one')`
  const database = openDatabase(t, scratch.url)
  const relay = relayOn(t, scratch)
  for (const times of [2, 1]) {
    for (const [at, action] of [null, 'bad.one'].entries()) {
      const columns = { id: numberedId(at), recorder_id: RECORDER, recorder_seq: at + 1, action }
      await stage(database, 'staging', Array(times).fill(encoded(columns)))
      await relay.drain({ deadlineMs: 10_000 })
    }
  }
  const { claimed, deadLetters: died } = relay.stats()
  assert.deepEqual([claimed, died], [6, 2])
  await scratch.sql`select audit.report(${RECORDER}, 'the key of a recorder', now(), 3, 3, '{}', true)`
  const { recorders, deadLetters: letters } = await readStatus(database)
  assert.equal(letters, 2)
  assert.equal(recorders.find(({ id }) => id === RECORDER)?.missing, 1)
})

test('a dead letter cannot go without a trace, not even by the login of the relay', async (t) => {
  const scratch = await scratchDatabase(t)
  await refused(t, scratch, 1)
  const relay = connectAs(t, scratch, 'audit_relay')
  assert.equal((await refusalOf(relay`delete from audit.audit_dead_letter`))?.code, '42501')
  assert.equal((await refusalOf(relay`update audit.audit_dead_letter set id = ''`))?.code, '42501')
  const app = connectAs(t, scratch, 'audit_app')
  assert.equal((await refusalOf(app`select audit.retry_dead_letter(1)`))?.code, '42501')
  assert.equal((await refusalOf(app`select audit.drop_dead_letter(1)`))?.code, '42501')
})

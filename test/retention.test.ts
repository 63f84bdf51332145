import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import { applyRetention, undoRetention } from '../relay/retention/apply-retention.ts'
import { Health } from '../relay/move/health.ts'
import { BacklogReader } from '../relay/telemetry/backlog.ts'
import { RelayMetrics } from '../relay/telemetry/metrics.ts'
import { readStatus } from '../relay/telemetry/status.ts'
import { planRetention } from '../relay/retention/retention-plan.ts'
import { runRelay, spawnRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { openDatabase, relayOn } from './support/lanes.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'
import { waitFor } from './support/wait-for.ts'
import { keepUntil, logOld, makePartition, monthsAgo, partitionOf } from './support/old-log.ts'
import { sealerOn, testKeys } from './support/seals.ts'
import { placeHold, releaseHold, setPolicy } from './support/policies.ts'

const OLD = partitionOf(monthsAgo(3))
const NEWER = partitionOf(monthsAgo(2))

/** A log with two old months, and its keeper. */
async function oldLog(t: TestContext) {
  const scratch = await scratchDatabase(t)
  for (const ago of [3, 2]) await makePartition(scratch.sql, ago)
  await scratch.sql`update audit.audit_lane set oldest_id = audit.id_floor(${monthsAgo(3)})`
  return {
    ...scratch,
    keeper: connectAs(t, scratch, 'audit_keeper'),
    database: openDatabase(t, scratch.urlAs('audit_keeper')),
  }
}

async function build(keeper: postgres.Sql, partition: string) {
  const [built] = await keeper`
    select swap::integer, removed::integer, kept::integer, held::integer
    from audit.build_kept(${partition})`
  return built as { swap: number | null; removed: number; kept: number; held: number }
}

async function swap(keeper: postgres.Sql, partition: string, number: number | null) {
  const [row] = await keeper`select * from audit.swap_kept(${partition}, ${number})`
  return row as { entry_id: string | null; refusal: string | null; reason: string | null }
}

async function seqs(sql: postgres.Sql): Promise<number[]> {
  const rows = await sql`select seq::integer from audit.audit_log order by seq`
  return rows.map((row) => row['seq'] as number)
}

async function removedSeqs(sql: postgres.Sql): Promise<number[]> {
  const rows = await sql`
    select s::integer as seq from audit.audit_removed, generate_series(first_seq, last_seq) as s
    order by 1`
  return rows.map((row) => row['seq'] as number)
}

/** Puts an entry of the time of the first one into a lane. */
async function stageOld(sql: postgres.Sql, lane: string, action: string) {
  await sql`
    insert into ${sql(`audit.${lane}`)} (id, occurred_at, action)
    select overlay(gen_random_uuid()::text placing left(l.id::text, 19) from 1 for 19)::uuid,
      now(), ${action}
    from audit.audit_log as l where l.seq = 1`
}

test('a swap leaves what no policy and no hold lets go, and says in the log what went', async (t) => {
  const { sql, database } = await oldLog(t)
  const heldUser = randomUUID()
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'billing.pay' },
    { months: 3, action: 'temp.a', userId: heldUser },
    { months: 3, action: 'temp.b' },
    { months: 2, action: 'temp.a' },
    { months: 3, action: 'audit.gap' },
  ])
  await setPolicy(sql, '*', '900 days')
  await setPolicy(sql, 'temp.*', keepUntil(3))
  // Over since the month began, and not since it ended.
  await setPolicy(sql, 'billing.*', `${Number.parseInt(keepUntil(3), 10) + 10} days`)
  await placeHold(sql, heldUser)

  const { partitions, lineAt } = await planRetention(database)
  assert.equal(lineAt, null)
  assert.deepEqual(
    partitions.map(({ partition, due, held, goes }) => ({ partition, due, held, goes })),
    [{ partition: OLD, due: 3, held: 1, goes: 2 }],
  )
  assert.deepEqual(
    partitions[0]?.actions.map(({ action, due }) => [action, due]),
    [
      ['audit.gap', 0],
      ['billing.pay', 0],
      ['temp.a', 2],
      ['temp.b', 1],
    ],
  )
  const { removed, blocked } = await applyRetention(database)

  assert.deepEqual(blocked, [])
  assert.deepEqual(
    removed.map(({ partition, removed, kept, held }) => ({ partition, removed, kept, held })),
    [{ partition: OLD, removed: 2, kept: 3, held: 1 }],
  )
  assert.deepEqual(await seqs(sql), [2, 3, 5, 6])
  assert.deepEqual(await removedSeqs(sql), [1, 4])
  const [said] = await sql`
    select action, metadata, context from audit.audit_outbox where id = ${removed[0]?.entryId ?? ''}`
  assert.equal(said?.['action'], 'audit.retention')
  assert.deepEqual(said?.['metadata'].seqs, [
    [1, 1],
    [4, 4],
  ])
  assert.equal(said?.['metadata'].held, 1)
  assert.equal(said?.['metadata'].holds.length, 1)
  const [catalogued] = await sql`
    select min_seq::integer as min, max_seq::integer as max, from_id, to_id
    from audit.audit_partition where name = ${OLD}`
  assert.deepEqual([catalogued?.['min'], catalogued?.['max']], [2, 6])
  for (const change of ['update TABLE set seq = 0', 'delete from TABLE', 'truncate TABLE']) {
    const refusal = await refusalOf(sql.unsafe(change.replace('TABLE', `audit.${OLD}`)))
    assert.match(refusal?.message ?? 'done', /append-only/)
  }
  assert.deepEqual((await applyRetention(database)).removed, [], 'nothing is due any more')
})

test('a partition of which nothing stays leaves the log, and comes back by an undo', async (t) => {
  const { sql, database } = await oldLog(t)
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 2, action: 'temp.a' },
  ])
  await setPolicy(sql, '*', keepUntil(3))
  const lanes = () => sql`select lane, oldest_id from audit.audit_lane order by lane`
  const before = await lanes()

  const { removed } = await applyRetention(database)
  assert.deepEqual(await seqs(sql), [2])
  assert.deepEqual(await removedSeqs(sql), [1])
  const gone = await sql`select from audit.audit_partition where name = ${OLD}`
  assert.equal(gone.length, 0)
  const plan = await planRetention(database)
  assert.equal(plan.lineAt, monthsAgo(2).toISOString())
  assert.deepEqual(
    plan.waiting.map((one) => [one.partition, one.removed, one.isDue]),
    [[OLD, 1, false]],
  )

  const undone = await undoRetention(database, OLD)
  assert.ok('entryId' in undone)
  assert.deepEqual(await seqs(sql), [1, 2])
  assert.deepEqual(await removedSeqs(sql), [])
  assert.deepEqual([...(await lanes())], [...before])
  assert.equal((await planRetention(database)).lineAt, null)
  const [said] = await sql`
    select metadata from audit.audit_outbox where action = 'audit.retention_undo'`
  assert.equal(said?.['metadata'].retention, removed[0]?.entryId)
  const refusal = await refusalOf(sql.unsafe(`delete from audit.${OLD}`))
  assert.match(refusal?.message ?? 'done', /append-only/)
  assert.ok('refused' in (await undoRetention(database, OLD)), 'once only')
})

test('an undo keeps what came since the swap', async (t) => {
  const { sql, database } = await oldLog(t)
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'billing.pay' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await applyRetention(database)
  await logOld(sql, [{ months: 3, action: 'late.one' }])
  await undoRetention(database, OLD)
  assert.deepEqual(await seqs(sql), [1, 2, 3])
})

test('what is removed twice of one partition is undone one after the other', async (t) => {
  const { sql, database } = await oldLog(t)
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'other.a' },
    { months: 3, action: 'billing.pay' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await applyRetention(database)
  await setPolicy(sql, 'other.*', keepUntil(3))
  await applyRetention(database)
  assert.deepEqual(await seqs(sql), [3])
  assert.deepEqual(await removedSeqs(sql), [1, 2])
  await undoRetention(database, OLD)
  assert.deepEqual(await seqs(sql), [2, 3])
  assert.deepEqual(await removedSeqs(sql), [1])
  await undoRetention(database, OLD)
  assert.deepEqual(await seqs(sql), [1, 2, 3])
  assert.deepEqual(await removedSeqs(sql), [])
})

test('a hold, a policy or an entry between build and swap: nothing is removed', async (t) => {
  const { sql, keeper } = await oldLog(t)
  const userId = randomUUID()
  await logOld(sql, [
    { months: 3, action: 'temp.a', userId },
    { months: 3, action: 'temp.a' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const changes = [
    () => placeHold(sql, userId),
    () => setPolicy(sql, 'other.*', '900 days'),
    () => logOld(sql, [{ months: 3, action: 'billing.late' }]),
  ]
  for (const change of changes) {
    const built = await build(keeper, OLD)
    await change()
    const before = await seqs(sql)
    const { entry_id, refusal } = await swap(keeper, OLD, built.swap)
    assert.deepEqual([entry_id, refusal], [null, 'changed'])
    assert.deepEqual(await seqs(sql), before)
  }
  const built = await build(keeper, OLD)
  assert.equal((await swap(keeper, OLD, (built.swap ?? 0) - 1)).refusal, 'changed', 'another build')
  assert.ok((await swap(keeper, OLD, built.swap)).entry_id)
  assert.deepEqual(await seqs(sql), [1, 3])
})

test('a hold that is being placed is waited for, and kept to', async (t) => {
  const { sql, keeper, url, database } = await oldLog(t)
  const userId = randomUUID()
  await logOld(sql, [{ months: 3, action: 'temp.a', userId }])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const { swap: number } = await build(keeper, OLD)
  const placing = connect(t, url)
  await placing`begin`
  await placeHold(placing, userId)

  assert.equal((await refusalOf(swap(keeper, OLD, number)))?.code, '55P03')
  await placing`commit`
  assert.equal((await swap(keeper, OLD, number)).refusal, 'changed')
  assert.deepEqual((await applyRetention(database)).removed, [])
  assert.deepEqual(await seqs(sql), [1])
})

test('a reader that holds the log for too long blocks it, is named, and nothing is changed', async (t) => {
  const { sql, database, url } = await oldLog(t)
  await logOld(sql, [{ months: 3, action: 'temp.a' }])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const reader = connect(t, url)
  await reader`begin`
  const [me] = await reader`select pg_backend_pid() as pid from audit.audit_log limit 1`

  const { blocked } = await applyRetention(database, { deadlineMs: 0 })
  assert.deepEqual(
    blocked.map(({ partition, by }) => [partition, by]),
    [[OLD, 'lock']],
  )
  assert.match(blocked[0]?.why ?? '', new RegExp(`pid ${me?.['pid']}\\b`))
  assert.deepEqual(await seqs(sql), [1])
  await reader`commit`
  assert.equal((await applyRetention(database)).removed.length, 1)
})

test('a second run waits for the first one', async (t) => {
  const { sql, keeper, database } = await oldLog(t)
  await logOld(sql, [{ months: 3, action: 'temp.a' }])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await keeper`begin`
  await build(keeper, OLD)
  const { blocked } = await applyRetention(database, { deadlineMs: 0 })
  assert.deepEqual(
    blocked.map(({ by }) => by),
    ['lock'],
  )
  await keeper`commit`
  assert.equal((await applyRetention(database)).removed.length, 1)
})

test('a reader with a name is waited for, unless it is ignored or was not seen for 30 days', async (t) => {
  const scratch = await oldLog(t)
  const { sql, database } = scratch
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'temp.a' },
    { months: 2, action: 'temp.a' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const reader = connectAs(t, scratch, 'audit_reader')
  const [head] = await sql`select history from audit.audit_head`
  const note = (seq: number, history: string = head?.['history']) =>
    reader`select audit.note_cursor('siem', ${history}, ${seq}, ${randomUUID()})`

  await note(1)
  const { blocked } = await applyRetention(database)
  assert.deepEqual(
    blocked.map(({ by, why }) => [by, why]),
    [['cursor', 'siem has read up to seq 1 only']],
  )
  await note(2, randomUUID())
  assert.equal((await applyRetention(database)).blocked.length, 1, 'it read another history')
  assert.equal((await applyRetention(database, { ignored: ['other'] })).blocked.length, 1)
  assert.deepEqual(await seqs(sql), [1, 2, 3])

  await sql`update audit.audit_cursor set seen_at = now() - interval '31 days'`
  const { partitions } = await planRetention(database)
  assert.deepEqual(
    partitions[0]?.cursors.map(({ name, waits }) => [name, waits]),
    [['siem', false]],
  )
  await note(1)
  assert.equal((await applyRetention(database, { ignored: ['siem'] })).removed.length, 1)
  await undoRetention(database, OLD)
  await note(2)
  assert.equal((await applyRetention(database)).removed.length, 1)
})

test('what was removed is dropped after the time for an undo, and not while a hold keeps it', async (t) => {
  const { sql, database, keeper, url } = await oldLog(t)
  const userId = randomUUID()
  await logOld(sql, [
    { months: 3, action: 'temp.a', userId },
    { months: 3, action: 'billing.pay', userId },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await applyRetention(database)
  assert.deepEqual((await applyRetention(database)).dropped, [], 'too early')
  const [early] = await keeper`select dropped from audit.drop_removed(${OLD})`
  assert.equal(early?.['dropped'], 0, 'for each caller')

  await sql`update audit.audit_swap set swapped_at = swapped_at - interval '8 days'`
  const hold = await placeHold(sql, userId)
  const held = await applyRetention(database)
  assert.deepEqual([held.dropped, held.blocked.map(({ by }) => by)], [[], ['hold']])
  assert.equal((await planRetention(database)).waiting[0]?.heldSince, 1)

  await releaseHold(sql, hold)
  const reader = connect(t, url)
  await reader`begin`
  await reader`select from audit.audit_log limit 1`
  assert.deepEqual((await applyRetention(database, { deadlineMs: 0 })).dropped, [OLD])
  await reader`commit`
  const left =
    await sql`select relname from pg_class where relname like '%removed%' and relkind = 'r'
    and relname <> 'audit_removed'`
  assert.deepEqual([...left], [])
  assert.deepEqual(await removedSeqs(sql), [1], 'it stays among the removed ones')
  const undone = await undoRetention(database, OLD)
  assert.match('refused' in undone ? undone.refused : '', /dropped on/)
})

test('a run that ended at any step is done by the next one', async (t) => {
  const { sql, database, keeper } = await oldLog(t)
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'billing.pay' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await build(keeper, OLD)
  await keeper`begin`
  await build(keeper, OLD)
  await keeper`rollback`
  await keeper`begin`
  const { swap: number } = await build(keeper, OLD)
  await swap(keeper, OLD, number)
  await keeper`rollback`
  assert.deepEqual(await seqs(sql), [1, 2])
  assert.deepEqual(await removedSeqs(sql), [])
  assert.equal((await applyRetention(database)).removed.length, 1)
  assert.deepEqual(await seqs(sql), [2])
  const [kept] = await sql`select count(*)::integer as n from audit.audit_swap`
  assert.equal(kept?.['n'], 1, 'no build is left behind')
})

test('an archive that fails keeps the partition, and what it says stands in the log', async (t) => {
  const { sql, database } = await oldLog(t)
  await logOld(sql, [{ months: 3, action: 'temp.a' }])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const away = { archive: () => Promise.reject(new Error('the bucket is away')) }
  const { blocked } = await applyRetention(database, { archiver: away })
  assert.deepEqual(blocked, [{ partition: OLD, by: 'archive', why: 'the bucket is away' }])
  assert.deepEqual(await seqs(sql), [1])
  const archiver = { archive: (partition: string) => Promise.resolve({ partition, sha256: 'ab' }) }
  await applyRetention(database, { archiver })
  const [said] = await sql`select metadata from audit.audit_outbox where action = 'audit.retention'`
  assert.deepEqual(said?.['metadata'].archive, { partition: OLD, sha256: 'ab' })
})

test('rows of DEFAULT are taken at the end of the month of their id, and DEFAULT stays', async (t) => {
  const { sql, database } = await oldLog(t)
  await logOld(sql, [
    { months: 5, action: 'temp.a' },
    { months: 5, action: 'billing.pay' },
    { months: 1, action: 'temp.a' },
  ])
  const [where] = await sql`select count(*)::integer as n from audit.audit_log_default`
  assert.equal(where?.['n'], 3)
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const { removed } = await applyRetention(database)
  assert.deepEqual(
    removed.map(({ partition, removed }) => [partition, removed]),
    [['audit_log_default', 1]],
  )
  assert.deepEqual(await seqs(sql), [2, 3])
  assert.equal((await planRetention(database)).lineAt, monthsAgo(4).toISOString())
  await undoRetention(database, 'audit_log_default')
  assert.deepEqual(await seqs(sql), [1, 2, 3])
})

test('a partition that the catalogue does not have as it is, or no partition, is refused', async (t) => {
  const { sql, keeper } = await oldLog(t)
  await sql`delete from audit.audit_partition where name = ${OLD}`
  assert.equal((await refusalOf(build(keeper, OLD)))?.code, '55000')
  assert.equal((await refusalOf(build(keeper, 'audit_head')))?.code, '22023')
  assert.equal(
    (await refusalOf(build(keeper, `x"; drop table audit.audit_log; --`)))?.code,
    '22023',
  )
})

test('the command shows, applies and undoes, with its exit codes', async (t) => {
  const scratch = await oldLog(t)
  const { sql } = scratch
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'billing.pay' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const environment = { AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper') }
  const retention = (...args: string[]) => runRelay(t, ['retention', ...args], environment)

  const plan = await retention()
  assert.equal(plan.code, 0)
  assert.match(plan.stdout, new RegExp(`${OLD} .*: 1 of 2 entries go`))
  assert.match(plan.stdout, /Nothing was changed/)
  assert.deepEqual(await seqs(sql), [1, 2])
  const applied = await retention('--apply', '--json')
  assert.equal(applied.code, 0, applied.stderr)
  assert.equal(JSON.parse(applied.stdout).removed[0].partition, OLD)
  assert.deepEqual(await seqs(sql), [2])
  const undone = await retention('undo', OLD)
  assert.equal(undone.code, 0, undone.stderr)
  assert.equal((await retention('undo', NEWER)).code, 4)
  await sql`
    insert into audit.audit_cursor (name, history, seq) select 'siem', history, 0 from audit.audit_head`
  const typo = await retention('--apply', '--ignore-cursor', 'siem', '--ignore-cursor', 'seim')
  assert.equal(typo.code, 2)
  assert.match(typo.stderr, /no reader has the name "seim"\. Readers: siem\./)
  assert.deepEqual(await seqs(sql), [1, 2])
  const blocked = await retention('--apply')
  assert.equal(blocked.code, 3)
  assert.match(blocked.stderr, /siem has read up to seq 0 only/)
  assert.match(blocked.stdout, /siem/)
  const quiet = await retention('--apply', '--ignore-cursor', 'siem', '--quiet')
  assert.deepEqual([quiet.code, quiet.stderr], [0, ''])
  assert.deepEqual(await seqs(sql), [2])
  const back = await retention('undo', OLD, '--quiet', '--json')
  assert.deepEqual([back.code, back.stderr], [0, ''])
  assert.equal(JSON.parse(back.stdout).partition, OLD)
  const forbidden = await runRelay(t, ['retention'], {
    AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_relay'),
  })
  assert.equal(forbidden.code, 4)
  assert.match(forbidden.stderr, /audit_keeper/)
})

// Goal: a run can be ended at any time, and says what it has done.
test('a run that is stopped ends behind the step in hand, and the next one does the rest', async (t) => {
  const scratch = await oldLog(t)
  const { sql, database } = scratch
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 2, action: 'temp.a' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(2))
  const stoppedAt = async (step: RegExp) => {
    const halt = new AbortController()
    const onStep = (text: string) => {
      if (step.test(text)) halt.abort()
    }
    const { removed, isStopped } = await applyRetention(database, { onStep, signal: halt.signal })
    assert.equal(isStopped, true)
    return removed.map(({ partition }) => partition)
  }
  assert.deepEqual(await stoppedAt(/building/), [])
  assert.deepEqual(await stoppedAt(/swapping/), [])
  assert.deepEqual(await seqs(sql), [1, 2])
  assert.deepEqual(await stoppedAt(/1 removed/), [OLD])
  assert.deepEqual(await seqs(sql), [2])
  const { removed, isStopped } = await applyRetention(database)
  assert.deepEqual([removed.map(({ partition }) => partition), isStopped], [[NEWER], undefined])
})

test('SIGINT ends a run that waits for a lock, with 130 and what it did', async (t) => {
  const scratch = await oldLog(t)
  const { sql } = scratch
  await logOld(sql, [{ months: 3, action: 'temp.a' }])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const reader = connect(t, scratch.url)
  await reader`begin`
  await reader`select count(*) from audit.audit_log`
  const environment = { AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper') }
  const run = spawnRelay(t, ['retention', '--apply'], environment)
  await waitFor(() => /swapping/.test(run.output().stderr), {
    what: 'the swap to wait',
    timeoutMs: 120_000,
  })
  run.child.kill('SIGINT')
  assert.equal(await run.ended, 130)
  const { stdout, stderr } = run.output()
  assert.match(stderr, /finishing the step in hand; a second signal quits at once/)
  assert.match(stderr, /audit-relay: interrupted\.$/m)
  assert.match(
    stdout,
    /^Stopped by a signal; the next run does the rest\. Done until then:\n0 entries of 0/,
  )
  await reader`rollback`
  assert.deepEqual(await seqs(sql), [1])
})

test('what is staged or waits from before the retention line is a dead letter that says so', async (t) => {
  const scratch = await oldLog(t)
  const { sql, database } = scratch
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'billing.pay' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const old = (lane: string, action: string) => stageOld(sql, lane, action)
  await old('audit_staging', 'billing.late')
  await old('audit_outbox', 'billing.late')
  await applyRetention(database)
  const relay = relayOn(t, scratch)
  const { logged } = await relay.drain({ deadlineMs: 60_000 })
  assert.equal(logged, 1, 'the entry audit.retention')
  const app = connectAs(t, scratch, 'audit_app')
  const [before] = await sql`select id from audit.audit_log where seq = 2`
  await app`select audit.record(${JSON.stringify({ action: 'billing.late', id: before?.['id'] })})`
  const letters = await sql`
    select lane, origin, sqlstate, reason from audit.audit_dead_letter order by number`
  assert.deepEqual(
    letters.map(({ lane, origin, sqlstate }) => [lane, origin, sqlstate]),
    [
      ['staging', 'move', '22008'],
      ['outbox', 'move', '22008'],
      ['outbox', 'record', '22008'],
    ],
  )
  for (const { reason } of letters) assert.match(String(reason), /below the retention line/)
  assert.deepEqual(await seqs(sql), [2, 3])
})

test('a move that waits for the swap sees the retention line that it sets', async (t) => {
  const scratch = await oldLog(t)
  const { sql, keeper } = scratch
  await logOld(sql, [{ months: 3, action: 'temp.a' }])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const { swap: number } = await build(keeper, OLD)
  await stageOld(sql, 'audit_staging', 'temp.late')
  await keeper`begin`
  await swap(keeper, OLD, number)
  const relay = connectAs(t, scratch, 'audit_relay')
  const moving =
    relay`select * from audit.move('staging', 10, 60000, null, null, null, null)`.execute()
  await waitFor(
    async () => {
      const waiting = await sql`
        select from pg_locks where not granted and relation = 'audit.audit_log'::regclass`
      return waiting.length > 0
    },
    { what: 'the move to wait for the log' },
  )
  await keeper`commit`
  const [moved] = await moving
  assert.deepEqual([moved?.['claimed'], moved?.['logged'], moved?.['parked']], [1, 0, 1])
  const letters = await sql`select sqlstate from audit.audit_dead_letter`
  assert.deepEqual([...letters], [{ sqlstate: '22008' }])
  assert.deepEqual(await seqs(sql), [])
})

test('a relay whose last known entry was removed goes on in the same history', async (t) => {
  const scratch = await oldLog(t)
  const { sql, database } = scratch
  await logOld(sql, [{ months: 3, action: 'temp.a' }])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const relay = connectAs(t, scratch, 'audit_relay')
  const [known] = await relay`select * from audit.identify(null, null, null)`
  await applyRetention(database)
  const identify = async () => {
    const { history, seq, id } = known ?? {}
    const [found] = await relay`select state from audit.identify(${history}, ${seq}, ${id})`
    return found?.['state']
  }
  assert.equal(await identify(), 'same')
  await sql`delete from audit.audit_removed`
  assert.equal(await identify(), 'lost')
})

test('what is swapped in has proved its bounds, so the log is not locked for a look at it', async (t) => {
  const scratch = await oldLog(t)
  const { sql, database } = scratch
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'billing.pay' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const [bounds] = await sql`select from_id from audit.audit_partition where name = ${OLD}`
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    values (${bounds?.['from_id']}, 3, now(), 'billing.first')`
  const said: string[] = []
  const keeper = connect(t, scratch.urlAs('audit_keeper'), ({ message }) =>
    said.push(message ?? ''),
  )
  await keeper`set client_min_messages = debug1`
  const proof = `partition constraint for table "${OLD}" is implied by existing constraints`
  await swap(keeper, OLD, (await build(keeper, OLD)).swap)
  assert.ok(said.includes(proof))
  said.length = 0
  await keeper`select audit.undo_retention(${OLD})`
  assert.ok(said.includes(proof))
  assert.deepEqual(await seqs(sql), [1, 2, 3])
  assert.equal((await applyRetention(database)).removed.length, 1)
})

// Goal: nobody waits while Postgres reads a long DEFAULT.
// Method: DEFAULT holds over 32 MiB; the server says, at debug1, whether it reads it under the lock.
test('a long DEFAULT is read before a swap, an undo and a restore, and not under the lock of the log', async (t) => {
  const scratch = await oldLog(t)
  const { sql } = scratch
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'billing.pay' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action, metadata)
    select overlay(gen_random_uuid()::text placing '00' from 1 for 2)::uuid, 10 + n, now(), 'other.a',
      jsonb_build_object('text', (select string_agg(md5(m::text || n), '') from generate_series(1, 40) as m))
    from generate_series(1, 25000) as n`
  await sql`update audit.audit_head set seq = 25010`
  const [size] = await sql`select pg_relation_size('audit.audit_log_default') / 8192 as pages`
  assert.ok(Number(size?.['pages']) > 4_096)
  const said: string[] = []
  const keeper = connect(t, scratch.urlAs('audit_keeper'), ({ message }) =>
    said.push(message ?? ''),
  )
  await keeper`set client_min_messages = debug1`
  const proof =
    'updated partition constraint for default partition "audit_log_default" is implied by existing constraints'
  const prove = async () => {
    const [noted] = await keeper`select audit.note_default_range(${OLD}) as noted`
    await keeper`select audit.prove_default_range()`
    return noted?.['noted']
  }
  const { swap: number } = await build(keeper, OLD)
  assert.equal(await prove(), true)
  assert.ok((await swap(keeper, OLD, number)).entry_id)
  assert.ok(said.includes(proof))
  const left = await sql`select from pg_constraint where conname = 'audit_log_default_range'`
  assert.equal(left.length, 0)

  said.length = 0
  const steps: string[] = []
  const undone = await undoRetention(scratch.database, OLD, { onStep: (text) => steps.push(text) })
  assert.ok('entryId' in undone)
  assert.match(steps.join(), /reading DEFAULT, which is long/)
  const { removed } = await applyRetention(scratch.database, { onStep: (text) => steps.push(text) })
  assert.equal(removed.length, 1)
  assert.equal(steps.filter((text) => /reading DEFAULT/.test(text)).length, 2)
  assert.ok((await seqs(sql)).length > 25_000)
})

test('a swap asks itself how far the readers with a name are', async (t) => {
  const { sql, keeper } = await oldLog(t)
  await logOld(sql, [{ months: 3, action: 'temp.a' }])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const { swap: number } = await build(keeper, OLD)
  await sql`
    insert into audit.audit_cursor (name, history, seq) select 'siem', history, 0 from audit.audit_head`
  const { entry_id, refusal, reason } = await swap(keeper, OLD, number)
  assert.deepEqual([entry_id, refusal], [null, 'cursor'])
  assert.match(reason ?? '', /siem has read up to seq 0/)
  assert.deepEqual(await seqs(sql), [1])
})

test('where archives are on, the command archives what leaves before it goes', async (t) => {
  const scratch = await oldLog(t)
  const { sql } = scratch
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'billing.pay' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-retention-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const environment = {
    AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper'),
    AUDIT_ARCHIVE_URL: `file://${path.join(folder, 'away')}`,
  }
  const inTheWay = path.join(folder, 'away')
  fs.writeFileSync(inTheWay, '')
  const apply = () => runRelay(t, ['retention', '--apply'], environment)
  const blocked = await apply()
  assert.equal(blocked.code, 3, blocked.stderr)
  assert.match(blocked.stdout, /blocked \(archive\)/)
  assert.deepEqual(await seqs(sql), [1, 2])
  fs.rmSync(inTheWay)
  const { code, stderr } = await apply()
  assert.equal(code, 0, stderr)
  assert.deepEqual(await seqs(sql), [2])
  const [said] = await sql`select metadata from audit.audit_outbox where action = 'audit.retention'`
  assert.equal(said?.['metadata'].archive.rows, 1)
  assert.equal(said?.['metadata'].archive.files.length, 1)
})

test('status and metrics say what the last run found, and what falls due next', async (t) => {
  const scratch = await oldLog(t)
  const { sql, database } = scratch
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'billing.pay' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await setPolicy(sql, 'billing.*', '900 days')
  await sql`
    insert into audit.audit_cursor (name, history, seq) select 'siem', history, 0 from audit.audit_head`
  const url = scratch.urlAs('audit_relay')
  const scraped = async () => {
    const backlog = new BacklogReader(url)
    const hasRead = async () => (await backlog.read()) !== undefined
    await waitFor(hasRead, { what: 'a look at the backlog' })
    const health = new Health({ pollMaxMs: 1_000, statementTimeoutMs: 1_000 })
    const text = await new RelayMetrics().expose(health.read(), backlog.latest)
    await backlog.close()
    return text.split('\n').filter((line) => line.startsWith('audit_relay_retention'))
  }
  assert.deepEqual(await scraped(), [])
  await applyRetention(database)
  const blocked = await scraped()
  assert.ok(blocked.includes('audit_relay_retention_blocked{by="cursor"} 1'))
  assert.ok(blocked.includes('audit_relay_retention_blocked{by="lock"} 0'))
  assert.match(blocked.join('\n'), /oldest_age_seconds{actions="temp\.\*"} \d/)

  await applyRetention(database, { ignored: ['siem'] })
  const done = (await scraped()).join('\n')
  assert.match(done, /retention_blocked{by="cursor"} 0/)
  assert.doesNotMatch(done, /actions="temp/)
  assert.match(done, /actions="billing\.\*"} \d/)
  const { retention } = await readStatus(openDatabase(t, url))
  assert.equal(retention.lineAt, monthsAgo(2).toISOString())
  assert.equal(retention.nextPartition, NEWER)
  assert.equal(retention.blocked, 0)
  const { stdout } = await runRelay(t, ['status'], { AUDIT_RELAY_DATABASE_URL: url })
  assert.match(stdout, new RegExp(`retention {5}removed from before .*; next due .*: ${NEWER}`))
})

test('what is not sealed yet is not removed where the log is sealed', async (t) => {
  const scratch = await oldLog(t)
  const { sql, database } = scratch
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'temp.b' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await sql`select audit.begin_seal(1::smallint, 'example.com/audit')`
  const { blocked } = await applyRetention(database)
  assert.deepEqual(
    blocked.map(({ by, why }) => [by, why]),
    [['seal', 'it is sealed up to seq 0 only']],
  )
  assert.deepEqual(await seqs(sql), [1, 2])
  const sealer = sealerOn(t, scratch, { keys: testKeys() })
  await sealer.drain()
  assert.deepEqual((await applyRetention(database)).blocked, [])
  assert.deepEqual(await seqs(sql), [])
})

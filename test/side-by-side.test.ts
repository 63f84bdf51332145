import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { Cycle } from '../relay/move/cycle.ts'
import { createRelay } from '../relay/index.ts'
import {
  type Moved,
  type MoveOptions,
  moveStatement,
  type Turn,
} from '../relay/move/move-statement.ts'
import type { RelayObserver } from '../relay/move/observer.ts'
import { SideBySide } from '../relay/move/parallel-moves.ts'
import type { Database } from '../src/database/connection.ts'
import { AuditError } from '../src/errors.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { encoded, numberedId, openDatabase, relayOn, silentLogger, stage } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

const OPTIONS = { lane: 'staging', batchEntries: 3, lockTimeoutMs: 5_000 } as const

async function move(database: Database, turn?: Turn, places?: string[]): Promise<Moved> {
  const [moved] = await database.execute<Moved>(moveStatement({ ...OPTIONS, turn, places }))
  return moved as Moved
}

async function stageNumbered(database: Database, count: number): Promise<void> {
  const entries = Array.from({ length: count }, (_, n) => encoded({ id: numberedId(n) }))
  await stage(database, 'staging', entries)
}

async function seqs({ sql }: ScratchDatabase): Promise<number[]> {
  const rows = await sql`select seq::integer as seq from audit.audit_log order by seq`
  return rows.map((row) => Number(row['seq']))
}

async function waiting({ sql }: ScratchDatabase): Promise<{ rows: number; head: number }> {
  const [row] = await sql`
    select (select count(*) from audit.audit_staging)::integer as rows,
      (select seq from audit.audit_head)::integer as head`
  return { rows: Number(row?.['rows']), head: Number(row?.['head']) }
}

/** A move that goes no further than the third entry until it is told. */
async function paused(t: TestContext, scratch: ScratchDatabase, turn: Turn | undefined) {
  const held = openDatabase(t, scratch.url)
  await scratch.sql`
    create function public.pause() returns trigger language plpgsql as $$
    begin
      if new.seq = 3 then perform pg_advisory_xact_lock(77); end if;
      return new;
    end $$`
  await scratch.sql`
    create trigger pause before insert on audit.audit_log
    for each row execute function public.pause()`
  const holder = await scratch.sql.reserve()
  t.after(() => holder.release())
  await holder`select pg_advisory_lock(77)`
  const moving = move(held, turn)
  moving.catch(() => {})
  await waitFor(async () => (await whoWaits(scratch)) === 1, { what: 'the move to pause' })
  return {
    moving,
    goOn: () => holder`select pg_advisory_unlock(77)`,
    endIt: async () => {
      await scratch.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'test'
          and query like '%for update of l skip locked%' and pid = (
            select pid from pg_locks where locktype = 'advisory' and objid = 77 and not granted)`
      await holder`select pg_advisory_unlock(77)`
    },
  }
}

/** Not the first: that one holds the head from the start, so that nobody could overtake it. */
const pausedInFront = (t: TestContext, scratch: ScratchDatabase) =>
  paused(t, scratch, { head: 0, after: 1_000 })

async function whoWaits({ sql }: ScratchDatabase): Promise<number> {
  const [row] = await sql`
    select count(*)::integer as waiting from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`
  return Number(row?.['waiting'])
}

test('a move in turn commits behind the one in front, however early it is done', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stageNumbered(database, 6)
  const front = await pausedInFront(t, scratch)
  const behind = move(database, { head: 3, after: 0 })
  await waitFor(async () => (await whoWaits(scratch)) === 2, { what: 'both to wait' })
  assert.deepEqual(await seqs(scratch), [])
  const [row] = await scratch.sql`
    select count(distinct pid)::integer as writers from pg_locks
    where relation::regclass::text like 'audit.audit_log_2%' and mode = 'RowExclusiveLock'
      and database = (select oid from pg_database where datname = current_database())`
  assert.equal(row?.['writers'], 2, 'it has written to the log, too')
  await front.goOn()
  assert.deepEqual((await front.moving).head, 3)
  assert.deepEqual((await behind).head, 6)
  assert.deepEqual(await seqs(scratch), [1, 2, 3, 4, 5, 6])
  assert.deepEqual(await waiting(scratch), { rows: 0, head: 6 })
})

test('a move whose numbers never came up fails as a whole, and its entries stay', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stageNumbered(database, 6)
  const front = await pausedInFront(t, scratch)
  const behind = move(database, { head: 3, after: 0 })
  behind.catch(() => {})
  await waitFor(async () => (await whoWaits(scratch)) === 2, { what: 'both to wait' })
  await front.endIt()
  await assert.rejects(front.moving)
  await assert.rejects(behind, ({ fault }: AuditError) => fault?.code === '22P02')
  assert.deepEqual(await seqs(scratch), [])
  assert.deepEqual(await waiting(scratch), { rows: 6, head: 0 })
  assert.equal((await relayOn(t, scratch).drain({ deadlineMs: 5_000 })).logged, 6)
  assert.deepEqual(await seqs(scratch), [1, 2, 3, 4, 5, 6])
})

test('a batch with fewer new entries than were counted on leaves no hole behind it', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stageNumbered(database, 2)
  assert.equal((await move(database, { head: 0, after: undefined })).logged, 2)
  await stageNumbered(database, 6) // of which two are logged
  assert.equal((await move(database, { head: 2, after: undefined })).logged, 1)
  await assert.rejects(move(database, { head: 5, after: 2 }), { code: 'AUDIT_DATABASE_FAILED' })
  assert.equal((await move(database, { head: 2, after: 1 })).stoodBack, true, 'long taken')
  assert.deepEqual(await seqs(scratch), [1, 2, 3])
  assert.deepEqual(await waiting(scratch), { rows: 3, head: 3 })
})

test('the first in turn takes nothing while somebody else is at the head', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stageNumbered(database, 3)
  const holder = await scratch.sql.reserve()
  t.after(() => holder.release())
  await holder`begin`
  await holder`select from audit.audit_head for update`
  assert.equal((await move(database, { head: 0, after: undefined })).claimed, 0)
  await holder`commit`
  assert.equal((await move(database, { head: 7, after: undefined })).claimed, 0, 'another number')
  assert.deepEqual(await waiting(scratch), { rows: 3, head: 0 })
  assert.equal((await move(database, { head: 0, after: undefined })).logged, 3)
})

test('of several relays one moves: the others stand back until it has', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stageNumbered(database, 9)
  const other = await paused(t, scratch, undefined)
  const nothing = { claimed: 0, logged: 0, parked: 0, stoodBack: true, head: null, through: null }
  assert.deepEqual({ ...(await move(database)) }, nothing)
  assert.deepEqual({ ...(await move(database, { head: 0, after: undefined })) }, nothing)
  assert.deepEqual({ ...(await move(database, { head: 3, after: 0 })) }, nothing)
  await other.goOn()
  const { claimed, stoodBack } = await other.moving
  assert.deepEqual({ claimed, stoodBack }, { claimed: 3, stoodBack: false })
  assert.equal((await move(database)).logged, 3)
  assert.equal((await move(database, { head: 6, after: undefined })).logged, 3)
})

// Goal: who stands back does not ask without a pause, and goes on by itself, also behind one that died.
// Method: a session that holds the lock as a move does, and is ended; the relay's cycles meanwhile.
test('a relay that stands back asks now and then, until the other one is gone', async (t) => {
  const scratch = await scratchDatabase(t)
  await stageNumbered(openDatabase(t, scratch.url), 9)
  const other = openDatabase(t, scratch.url)
  await other.execute(sql`select pg_advisory_lock(${0x61756469}::integer, -1)`)
  const relay = relayOn(t, scratch, { pollMinMs: 50, pollMaxMs: 200 })
  const drained = relay.drain({ deadlineMs: 20_000 })
  await sleep(1_000)
  const { cycles } = relay.stats()
  assert.ok(cycles > 1 && cycles < 20, `${cycles} cycles in a second`)
  assert.equal(relay.stats().claimed, 0)
  await scratch.sql`
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and classid = ${0x61756469} and granted`
  const { logged, isDrained } = await drained
  assert.deepEqual({ logged, isDrained }, { logged: 9, isDrained: true })
})

test('it stands back from moves side by side too, but for rows that are named', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stageNumbered(database, 9)
  const front = await pausedInFront(t, scratch)
  assert.equal((await move(database)).stoodBack, true)
  // Nobody is at the head yet: whoever moves named rows overtakes, and the other fails as a whole.
  const named = await move(database, undefined, ['(0,8)', '(0,9)'])
  assert.deepEqual([named.logged, named.stoodBack], [2, false])
  await front.goOn()
  await assert.rejects(front.moving)
  assert.equal((await move(database)).logged, 3)
})

test('in turn too, a log that has lost its head loses no entry', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stageNumbered(database, 3)
  await scratch.sql`delete from audit.audit_head`
  assert.equal((await move(database, { head: 0, after: undefined })).claimed, 0)
  assert.equal((await move(database, { head: 3, after: 0 })).claimed, 0)
  assert.deepEqual(await seqs(scratch), [])
  const [row] = await scratch.sql`select count(*)::integer as rows from audit.audit_staging`
  assert.equal(row?.['rows'], 3)
})

test('a backlog is moved by several statements at once', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await scratch.sql.unsafe(`
    create function public.slow() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.2); return null; end $$;
    create trigger slow after insert on audit.audit_log
    for each statement execute function public.slow()`)
  await stageNumbered(database, 300)
  const drained = relayOn(t, scratch, { batchEntries: 20, parallelMoves: 3 }).drain({
    deadlineMs: 20_000,
  })
  const moves = async () => {
    const [row] = await scratch.sql`
      select count(*)::integer as moves from pg_stat_activity
      where datname = current_database() and application_name = 'audit-relay'
        and state = 'active' and query like '%for update of l skip locked%'`
    return Number(row?.['moves'])
  }
  await waitFor(async () => (await moves()) === 3, { what: 'three moves at once' })
  const { logged, isDrained } = await drained
  assert.deepEqual({ logged, isDrained }, { logged: 300, isDrained: true })
  assert.deepEqual(
    await seqs(scratch),
    Array.from({ length: 300 }, (_, at) => at + 1),
  )
})

// Goal: what is refused in the middle of a backlog neither stops it nor counts as a failure twice.
// Method: a bad row in each hundred, and an observer.
test('entries that the log refuses delay none of those beside them', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const entries = Array.from({ length: 1_000 }, (_, n) =>
    encoded({ id: numberedId(n), ...(n % 100 === 50 && { action: 'x'.repeat(200) }) }),
  )
  await stage(database, 'staging', entries)
  const failures: unknown[] = []
  const observer: RelayObserver = {
    ...{ cycleCompleted() {}, batchMoved() {}, gapDeclared() {}, compacted() {} },
    failed: (error) => failures.push(error),
  }
  const relay = createRelay(
    {
      databaseUrl: scratch.urlAs('audit_relay'),
      ...{ logger: silentLogger(), batchEntries: 20, parallelMoves: 3 },
    },
    observer,
  )
  t.after(() => relay.stop())
  const { logged, deadLetters } = await relay.drain({ deadlineMs: 20_000 })
  assert.deepEqual({ logged, deadLetters }, { logged: 990, deadLetters: 10 })
  assert.deepEqual(
    await seqs(scratch),
    Array.from({ length: 990 }, (_, at) => at + 1),
  )
  assert.deepEqual(failures, [])
})

const unexpected = async (): Promise<never> => {
  throw new Error('not expected')
}

/** A cycle that may move two batches of 80 at once, over statements that are not sent anywhere. */
function cycleOver(move: (options: MoveOptions) => Promise<Moved>): Cycle {
  const limits = { batchEntries: 80, parallelMoves: 2, statementTimeoutMs: 1_000 }
  const sideBySide = new SideBySide(limits)
  sideBySide.sawHead(0)
  return new Cycle({
    statements: { move, connect: async () => {}, list: unexpected, park: unexpected },
    ...{ sideBySide, limits, maxRows: Number.POSITIVE_INFINITY },
    ...{ signal: new AbortController().signal, onMoved: () => {} },
  })
}

// Goal: no statement counts on entries that are not there. Method: statements that note how many each
// was to take.
test('a backlog is divided into equal parts, and no more is asked for than was seen', async () => {
  const asked: (readonly [string, number])[] = []
  const cycle = cycleOver(async ({ lane, batchEntries, turn }) => {
    asked.push([lane, batchEntries])
    await new Promise((resolve) => setImmediate(resolve))
    const head = (turn?.head ?? 0) + batchEntries
    return { claimed: batchEntries, logged: batchEntries, parked: 0, head }
  })
  const left = await cycle.move({
    waiting: ['staging', 'outbox'],
    seen: { staging: 260, outbox: 90 },
  })
  assert.deepEqual(left, ['staging', 'outbox'], 'more may have come since')
  assert.deepEqual(asked, [
    ...[['staging', 10] as const, ['outbox', 45] as const],
    ...[['staging', 65] as const, ['outbox', 45] as const],
    ...[['staging', 65] as const, ['staging', 65] as const, ['staging', 55] as const],
  ])
})

test('a backlog that somebody holds is not asked for again at once', async () => {
  const cycle = cycleOver(async () => ({ claimed: 0, logged: 0, parked: 0 }))
  const left = await cycle.move({ waiting: ['staging'], seen: { staging: 260, outbox: 0 } })
  assert.deepEqual(left, [])
})

test('drain keeps to its bound of rows when it moves side by side', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stageNumbered(database, 500)
  const relay = relayOn(t, scratch, { batchEntries: 50, parallelMoves: 4 })
  const { claimed, isDrained } = await relay.drain({ maxRows: 330, deadlineMs: 10_000 })
  assert.deepEqual({ claimed, isDrained }, { claimed: 330, isDrained: false })
})

type Answer = (turn: Turn, entries: number) => Moved | Error

/** Runs a backlog of as many parts as are asked for against an answer for each move. */
async function runWith(sideBySide: SideBySide, answer: Answer, parts = 6) {
  const turns: Turn[] = []
  let left = parts
  await sideBySide.run({
    next: (entries) => (left-- > 0 ? { lane: 'staging', entries } : undefined),
    connect: async () => {},
    move: async ({ entries }, turn) => {
      turns.push(turn)
      await new Promise((resolve) => setImmediate(resolve))
      const answered = answer(turn, entries)
      if (answered instanceof Error) throw answered
      return answered
    },
  })
  return turns
}

const full = ({ head }: Turn, entries: number): Moved => {
  return { claimed: entries, logged: entries, parked: 0, head: head + entries }
}
const failed = (code: string) => new AuditError('AUDIT_DATABASE_FAILED', 'failed', { code })

test('each move counts on those in front of it, the first of which is a small one', async () => {
  const sideBySide = new SideBySide({ batchEntries: 80, parallelMoves: 2 })
  assert.equal(sideBySide.isPossible, false, 'it knows no head yet')
  sideBySide.sawHead(40)
  const turns = await runWith(sideBySide, full)
  assert.deepEqual(turns, [
    { head: 40, after: undefined },
    { head: 50, after: 40 },
    ...[130, 210, 290, 370].map((head) => ({ head, after: head - 80 })),
  ])
  assert.equal(sideBySide.isPossible, true)
})

// A connection that is refused must not fail what is moved on the other one, nor be asked for again
// and again.
test('without a second connection it keeps to one move at a time for a while', async () => {
  const sideBySide = new SideBySide({ batchEntries: 10, parallelMoves: 2 })
  sideBySide.sawHead(40)
  const turns: Turn[] = []
  await sideBySide.run({
    next: (entries) => ({ lane: 'staging', entries }),
    connect: async () => {
      throw failed('53300')
    },
    move: async ({ entries }, turn) => {
      turns.push(turn)
      return full(turn, entries)
    },
  })
  assert.equal(turns.length, 1)
  assert.equal(sideBySide.isPossible, false)
})

test('the first move goes alone, until it is known that nobody else moves', async (t) => {
  let nowMs = 0
  t.mock.method(performance, 'now', () => nowMs)
  const sideBySide = new SideBySide({ batchEntries: 10, parallelMoves: 2 })
  sideBySide.sawHead(40)
  let underWay = 0
  const most = async (answer: Answer) => {
    let most = 0
    let left = 6
    await sideBySide.run({
      next: (entries) => (left-- > 0 ? { lane: 'staging', entries } : undefined),
      connect: async () => {},
      move: async ({ entries }, turn) => {
        underWay += 1
        most = Math.max(most, underWay)
        await new Promise((resolve) => setImmediate(resolve))
        underWay -= 1
        return answer(turn, entries) as Moved
      },
    })
    return most
  }
  const stoodBack = { claimed: 0, logged: 0, parked: 0, stoodBack: true }
  assert.equal(await most(() => stoodBack), 1)
  assert.equal(sideBySide.isPossible, true, 'to stand back is no reason to wait')
  assert.equal(await most(full), 2)
  assert.equal(await most(() => stoodBack), 2, 'nobody had come between')
  assert.equal(await most(() => stoodBack), 1)
  assert.equal(await most(full), 2)
  nowMs += 1_000
  assert.equal(await most(() => stoodBack), 1, 'somebody may have begun since')
})

test('what was in the way is given time, and more each time', async (t) => {
  let nowMs = 0
  t.mock.method(performance, 'now', () => nowMs)
  const sideBySide = new SideBySide({ batchEntries: 10, parallelMoves: 2 })
  sideBySide.sawHead(40)
  const pausesMs = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
  for (const pauseMs of pausesMs) {
    const turns = await runWith(sideBySide, (turn, entries) =>
      turn.after === undefined ? full(turn, entries) : failed('22P02'),
    )
    assert.equal(turns.length, 3, 'it ends with the moves that are under way')
    nowMs += pauseMs - 1
    assert.equal(sideBySide.isPossible, false)
    nowMs += 1
    assert.equal(sideBySide.isPossible, true)
  }
  await runWith(sideBySide, full)
  await runWith(sideBySide, () => failed('22P02'))
  assert.equal(sideBySide.isPossible, false)
  nowMs += 1_000
  assert.equal(sideBySide.isPossible, true, 'from the start, after it went well')
})

test('fewer logged than was counted on ends it, and is nobody in the way', async () => {
  const sideBySide = new SideBySide({ batchEntries: 10, parallelMoves: 2 })
  sideBySide.sawHead(0)
  const turns = await runWith(sideBySide, (turn, entries) => {
    if (turn.head === 0) return full(turn, entries)
    if (turn.head === 2) return { claimed: 9, logged: 9, parked: 0, head: 11 }
    return { claimed: 0, logged: 0, parked: 0 }
  })
  assert.equal(turns.length, 3)
  assert.equal(sideBySide.isPossible, true)
})

test('a failure of the database is thrown when every move has ended', async () => {
  const sideBySide = new SideBySide({ batchEntries: 10, parallelMoves: 2 })
  sideBySide.sawHead(0)
  const ended: number[] = []
  const run = sideBySide.run({
    next: (entries) => ({ lane: 'staging', entries }),
    connect: async () => {},
    move: async ({ entries }, turn) => {
      await sleep(turn.head === 2 ? 100 : 150)
      ended.push(turn.head)
      if (turn.head === 0) return full(turn, entries)
      throw failed(turn.head === 2 ? '53100' : '22P02')
    },
  })
  await assert.rejects(run, ({ fault }: AuditError) => fault?.code === '53100')
  assert.deepEqual(ended, [0, 2, 12])
})

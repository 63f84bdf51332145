import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Cycle } from '../relay/move/cycle.ts'
import {
  type Moved,
  type MoveOptions,
  moveStatement,
  type Turn,
} from '../relay/move/move-statement.ts'
import type { RelayObserver } from '../relay/move/observer.ts'
import {
  ParallelMoves,
  type ParallelMovesOptions,
  type Part,
} from '../relay/move/parallel-moves.ts'
import { Relay } from '../relay/move/relay.ts'
import type { Database } from '../src/database/connection.ts'
import { AuditError } from '../src/errors.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { encoded, numberedId, openDatabase, relayOn, silentLogger, stage } from './support/lanes.ts'
import { connect } from './support/logins.ts'
import { waitFor } from './support/wait-for.ts'

const OPTIONS = { lane: 'staging', batchEntries: 3, lockTimeoutMs: 5_000 } as const

async function move(
  database: Database,
  turn?: Turn,
  others: Partial<MoveOptions> = {},
): Promise<Moved> {
  const [moved] = await database.execute<Moved>(moveStatement({ ...OPTIONS, turn, ...others }))
  return moved as Moved
}

async function stageNumbered(database: Database, count: number, from = 0): Promise<void> {
  const entries = Array.from({ length: count }, (_, n) => encoded({ id: numberedId(from + n) }))
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
          and query like '%audit-relay move%' and pid = (
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

// Goal: where both lanes hold an id, two moves of one relay cannot see each other's.
// Method: the one in front has logged it and has not committed; the other one waits for that.
test('of two moves in turn that meet at one id, the later one fails as a whole', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stageNumbered(database, 3)
  const entries = [0, 3, 4].map((n) => encoded({ id: numberedId(n) }))
  await stage(database, 'outbox', entries)
  const front = await pausedInFront(t, scratch)
  const behind = move(database, { head: 3, after: 0 }, { lane: 'outbox' })
  behind.catch(() => {})
  await waitFor(async () => (await whoWaits(scratch)) === 2, { what: 'both to wait' })
  await front.goOn()
  assert.equal((await front.moving).logged, 3)
  await assert.rejects(behind, ({ fault }: AuditError) => fault?.code === '23505')
  assert.equal((await relayOn(t, scratch).drain({ deadlineMs: 60_000 })).logged, 2)
  assert.deepEqual(await seqs(scratch), [1, 2, 3, 4, 5])
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

// Goal: who stands back does not ask without a pause, and goes on by itself, also behind one that
// died. Method: a session that holds the head as a move does, and is ended; the relay's cycles
// meanwhile.
test('a relay that stands back asks now and then, until the other one is gone', async (t) => {
  const scratch = await scratchDatabase(t)
  await stageNumbered(openDatabase(t, scratch.url), 9)
  const other = connect(t, scratch.url)
  await other`begin`
  const [held] = await other`select pg_backend_pid() as pid from audit.audit_head for no key update`
  const relay = relayOn(t, scratch, { pollMinMs: 50, pollMaxMs: 200 })
  const beganMs = performance.now()
  const drained = relay.drain({ deadlineMs: 60_000 })
  await waitFor(() => relay.stats().cycles >= 5, { what: 'five looks', timeoutMs: 30_000 })
  const tookMs = performance.now() - beganMs
  assert.ok(tookMs > 500, `waits of 50, 100, 200 and 200 ms took ${tookMs} ms`)
  assert.equal(relay.stats().claimed, 0)
  await scratch.sql`select pg_terminate_backend(${held?.['pid']})`
  const { logged, isDrained } = await drained
  assert.deepEqual({ logged, isDrained }, { logged: 9, isDrained: true })
})

test('it stands back from moves side by side too, but for rows that are named', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stageNumbered(database, 9)
  const front = await pausedInFront(t, scratch)
  assert.equal((await move(database)).stoodBack, true)
  // Nobody is at the head yet: a move of named rows overtakes, and the other one fails as a whole.
  const named = await move(database, undefined, { places: ['(0,8)', '(0,9)'] })
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
  const isLost = ({ fault }: AuditError) => fault?.table_name === 'audit_head'
  await assert.rejects(move(database, { head: 0, after: undefined }), isLost)
  await assert.rejects(move(database, { head: 3, after: 0 }), isLost)
  assert.deepEqual(await seqs(scratch), [])
  const [row] = await scratch.sql`select count(*)::integer as rows from audit.audit_staging`
  assert.equal(row?.['rows'], 3)
})

// Goal: three moves are under way at once, and they leave no hole in `seq`.
// Method: each move notes how many the server runs, and gives the others half a second to begin. A
// server that is busy may begin a move before the one in front of it, which ends a run: then the
// relay tries again with the rest of the backlog, or with the next one.
test('a backlog is moved by several statements at once', async (t) => {
  const ROWS = 300
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await scratch.sql.unsafe(`
    create table public.seen (moves integer);
    create function public.look() returns trigger language plpgsql security definer as $$
    declare moves integer;
    begin
      for look in 1 .. 50 loop
        perform pg_stat_clear_snapshot();
        select count(*) into moves from pg_stat_activity
        where datname = current_database() and application_name = 'audit-relay'
          and state = 'active' and query like '%audit-relay move%';
        exit when moves >= 3;
        perform pg_sleep(0.01);
      end loop;
      insert into public.seen values (moves);
      return null;
    end $$;
    create trigger look after insert on audit.audit_log
    for each statement execute function public.look()`)
  const relay = relayOn(t, scratch, { batchEntries: 20, parallelMoves: 3 })
  let most = 0
  let staged = 0
  while (most < 3 && staged < 5 * ROWS) {
    await stageNumbered(database, ROWS, staged)
    staged += ROWS
    const { logged, isDrained } = await relay.drain({ deadlineMs: 60_000 })
    assert.deepEqual({ logged, isDrained }, { logged: staged, isDrained: true })
    const [row] = await scratch.sql`select max(moves) as most from public.seen`
    most = Number(row?.['most'])
  }
  assert.equal(most, 3)
  assert.deepEqual(
    await seqs(scratch),
    Array.from({ length: staged }, (_, at) => at + 1),
  )
})

// Goal: what is refused in the middle of a backlog neither stops it nor counts as a failure twice.
// Method: a bad row in each hundred, and an observer.
test('entries that the log refuses delay none of their neighbours', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const entries = Array.from({ length: 1_000 }, (_, n) =>
    encoded({ id: numberedId(n), ...(n % 100 === 50 && { action: 'x'.repeat(200) }) }),
  )
  await stage(database, 'staging', entries)
  const failures: unknown[] = []
  const observer: RelayObserver = {
    cycleCompleted() {},
    batchMoved() {},
    gapDeclared() {},
    compacted() {},
    logMeasured() {},
    failed: (error) => failures.push(error),
  }
  const databaseUrl = scratch.urlAs('audit_relay')
  const limits = { batchEntries: 20, parallelMoves: 3 }
  const relay = new Relay({ databaseUrl, logger: silentLogger(), ...limits }, { observer })
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
  const parallelMoves = new ParallelMoves({ limits, connect: async () => {} })
  parallelMoves.sawHead(0)
  return new Cycle({
    statements: { move, list: unexpected, park: unexpected },
    parallelMoves,
    limits,
    maxRows: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    onMoved: () => {},
  })
}

// Goal: no statement counts on entries that are not there. Method: statements that note how many
// each was to take.
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
    seen: { staging: 261, outbox: 91 },
  })
  assert.deepEqual(left, ['staging', 'outbox'], 'more may have come since')
  assert.deepEqual(asked, [
    ['staging', 10], // the beginning of the first part, which goes alone
    ['staging', 56],
    ['outbox', 46],
    ['staging', 66],
    ['outbox', 45],
    ['staging', 66],
    ['staging', 63],
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

const LIMITS = { batchEntries: 10, parallelMoves: 2 }

/** As many parts of one batch. */
const parts = (count: number, entries = LIMITS.batchEntries): readonly Part[] =>
  Array.from({ length: count }, () => ({ lane: 'staging', entries }))

/** Moves that have seen the log's head at 40, on connections that open at once, by this clock. */
function parallelMovesAt40({
  limits = LIMITS,
  connect = async () => {},
}: Partial<ParallelMovesOptions> = {}) {
  const clock = { nowMs: 0 }
  const moves = new ParallelMoves({ limits, connect, now: () => clock.nowMs })
  assert.equal(moves.isPossible, false, 'it knows no head yet')
  moves.sawHead(40)
  return { moves, clock }
}

/** Runs six parts against an answer for each move. @returns the turns, and how many were at once */
async function runWith(moves: ParallelMoves, answer: Answer, run = parts(6)) {
  const turns: Turn[] = []
  let underWay = 0
  let most = 0
  await moves.run(run, {
    isOver: () => false,
    move: async ({ entries }, turn) => {
      turns.push(turn)
      underWay += 1
      most = Math.max(most, underWay)
      await new Promise((resolve) => setImmediate(resolve))
      underWay -= 1
      const answered = answer(turn, entries)
      if (answered instanceof Error) throw answered
      return answered
    },
  })
  return { turns, most }
}

const full = ({ head }: Turn, entries: number): Moved => {
  return { claimed: entries, logged: entries, parked: 0, head: head + entries }
}
const stoodBack: Moved = { claimed: 0, logged: 0, parked: 0, stoodBack: true }
const failed = (code: string) => new AuditError('AUDIT_DATABASE_FAILED', 'failed', { code })

test('each move counts on those in front of it, the first of which is a small one', async () => {
  const { moves } = parallelMovesAt40({ limits: { batchEntries: 80, parallelMoves: 2 } })
  const { turns } = await runWith(moves, full, parts(3, 80))
  assert.deepEqual(turns, [
    { head: 40, after: undefined },
    { head: 50, after: 40 },
    { head: 120, after: 50 },
    { head: 200, after: 120 },
  ])
  assert.equal(moves.isPossible, true)
})

test('a limit of one move at a time turns it off', () => {
  const { moves } = parallelMovesAt40({ limits: { batchEntries: 80, parallelMoves: 1 } })
  assert.equal(moves.isPossible, false)
})

test('no run begins while one is under way, or where the log has lost its head', async () => {
  const { moves } = parallelMovesAt40()
  const run = runWith(moves, full)
  assert.equal(moves.isPossible, false)
  await run
  assert.equal(moves.isPossible, true)
  moves.sawHead(null)
  assert.equal(moves.isPossible, false)
})

test('no move begins once the run is over, and what is left makes no pause', async () => {
  const { moves } = parallelMovesAt40()
  let begun = 0
  await moves.run(parts(6), {
    isOver: () => begun === 4,
    move: async ({ entries }, turn) => {
      begun += 1
      return full(turn, entries)
    },
  })
  assert.equal(begun, 4)
  assert.equal(moves.isPossible, true)
})

// A connection that is refused must not fail what is moved on the other one, nor be asked for again
// and again.
test('without a second connection it keeps to one move at a time for a while', async () => {
  const { moves, clock } = parallelMovesAt40({ connect: () => Promise.reject(failed('53300')) })
  assert.equal((await runWith(moves, full)).turns.length, 1)
  assert.equal(moves.isPossible, false)
  clock.nowMs += 1_000
  assert.equal(moves.isPossible, true)
})

test('moves go alone until the connections are open, which are asked for once', async () => {
  let asked = 0
  const { moves } = parallelMovesAt40({
    connect: () => {
      asked += 1
      return new Promise(() => {})
    },
  })
  assert.equal((await runWith(moves, full)).most, 1)
  assert.equal((await runWith(moves, full)).most, 1)
  assert.equal(asked, 1)
  assert.equal(moves.isPossible, true)
})

test('the first move goes alone, until it is known that nobody else moves', async () => {
  const { moves, clock } = parallelMovesAt40()
  const mostOf = async (answer: Answer) => (await runWith(moves, answer)).most
  assert.equal(await mostOf(() => stoodBack), 1)
  assert.equal(moves.isPossible, true, 'to stand back is no reason to wait')
  assert.equal(await mostOf(full), 2)
  assert.equal(await mostOf(() => stoodBack), 2, 'it was leading')
  assert.equal(await mostOf(() => stoodBack), 1)
  assert.equal(await mostOf(full), 2)
  clock.nowMs += 999
  assert.equal(await mostOf(() => stoodBack), 2, 'it still leads')
  assert.equal(await mostOf(full), 2)
  clock.nowMs += 1_000
  assert.equal(await mostOf(() => stoodBack), 1, 'somebody may have begun since')
  assert.equal(await mostOf(full), 2)
  moves.movedAlone(full({ head: 0, after: undefined }, 1))
  assert.equal(await mostOf(() => stoodBack), 1, 'after a move outside of a run, too')
})

test('the head is where the furthest of the moves has left it', async () => {
  const { moves } = parallelMovesAt40()
  await runWith(moves, full, parts(3))
  assert.deepEqual((await runWith(moves, full, parts(1))).turns, [{ head: 70, after: undefined }])
  moves.movedAlone({ claimed: 5, logged: 5, parked: 0, head: 85 })
  moves.movedAlone({ claimed: 0, logged: 0, parked: 0, head: null })
  const { turns } = await runWith(moves, full, parts(1, 1))
  assert.deepEqual(turns, [{ head: 85, after: undefined }])
})

test('what was in the way is given time, and more each time', async () => {
  const { moves, clock } = parallelMovesAt40()
  const pausesMs = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
  for (const pauseMs of pausesMs) {
    const { turns } = await runWith(moves, (turn, entries) =>
      turn.after === undefined ? full(turn, entries) : failed('22P02'),
    )
    assert.equal(turns.length, 3, 'it ends with the moves that are under way')
    clock.nowMs += pauseMs - 1
    assert.equal(moves.isPossible, false)
    clock.nowMs += 1
    assert.equal(moves.isPossible, true)
  }
  await runWith(moves, full)
  await runWith(moves, () => failed('22P02'))
  assert.equal(moves.isPossible, false)
  clock.nowMs += 1_000
  assert.equal(moves.isPossible, true, 'from the start, after it went well')
})

test('one failure among moves that logged too little decides: it pauses', async () => {
  for (const failsFirst of [true, false]) {
    const { moves } = parallelMovesAt40()
    let ended = 0
    await runWith(moves, (turn, entries) => {
      if (turn.after === undefined) return full(turn, entries)
      ended += 1
      return (ended === 1) === failsFirst ? failed('22P02') : stoodBack
    })
    assert.equal(ended, 2)
    assert.equal(moves.isPossible, false)
  }
})

test('fewer logged than was counted on ends it, and is nobody in the way', async () => {
  const { moves } = parallelMovesAt40()
  const { turns } = await runWith(moves, (turn, entries) => {
    if (turn.head === 40) return full(turn, entries)
    if (turn.head === 42) return { claimed: 7, logged: 7, parked: 0, head: 49 }
    return { claimed: 0, logged: 0, parked: 0 }
  })
  assert.equal(turns.length, 3)
  assert.equal(moves.isPossible, true)
})

test('a conflict is expected during a run, and nothing else is', async () => {
  const { moves } = parallelMovesAt40()
  assert.equal(moves.expects(failed('22P02')), false, 'before')
  const run = runWith(moves, full)
  const conflicts = ['22P02', '23505', '40P01', '53100', 'ECONNRESET']
  const expected = conflicts.filter((code) => moves.expects(failed(code)))
  assert.deepEqual(expected, ['22P02', '23505', '40P01'])
  await run
  assert.equal(moves.expects(failed('22P02')), false, 'afterwards')
})

test('a failure of the database is thrown when every move has ended', async () => {
  const { moves } = parallelMovesAt40()
  const ended: number[] = []
  const run = moves.run(parts(6), {
    isOver: () => false,
    move: async ({ entries }, turn) => {
      for (let turns = turn.head === 42 ? 1 : 5; turns > 0; turns -= 1) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      ended.push(turn.head)
      if (turn.head === 40) return full(turn, entries)
      throw failed(turn.head === 42 ? '53100' : '22P02')
    },
  })
  await assert.rejects(run, ({ fault }: AuditError) => fault?.code === '53100')
  assert.deepEqual(ended, [40, 42, 50])
})

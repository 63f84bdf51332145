import { type SQL, sql } from 'drizzle-orm'
import { MAX_ACTION_CHARACTERS, MAX_TEXT_CHARACTERS } from '../../src/entry.ts'
import { type LaneName, laneColumns, laneTable } from '../../src/lanes/lane.ts'
import { auditDeadLetter, auditHead, auditLog, auditRecorder } from '../../src/schema/tables.ts'

export interface MoveOptions {
  readonly lane: LaneName
  /** Most entries to take. */
  readonly batchEntries: number
  /** How long to wait for a lock, such as another relay's on the head, in milliseconds. */
  readonly lockTimeoutMs: number
  /** Only the rows at these places in the lane; all of them, where it is left out. */
  readonly places?: readonly string[] | undefined
  /** Only rows at this place in the lane or behind it; from its start, where it is left out. */
  readonly from?: string | undefined
  /**
   * Which of several moves that are under way this is; it is the only one, where it is left out.
   */
  readonly turn?: Turn | undefined
}

/**
 * The place of a move among those of one relay that are under way at once. Each numbers its entries
 * before the one in front of it has committed, and so counts on what that one will log.
 */
export interface Turn {
  /** What the log's head has to stand at when it is this move's turn to commit. */
  readonly head: number
  /** The `head` of the move in front, whose end it waits for; none, where it is the first. */
  readonly after: number | undefined
}

/** What one move did. A type and not an interface, so that it fits a driver's row. */
export type Moved = {
  /** Rows that left the lane. */
  readonly claimed: number
  /** Entries that are new in the log. Fewer than claimed where some were staged twice. */
  readonly logged: number
  /** Entries that the log can never take, now among the dead letters. */
  readonly parked: number
  /** Where it left the head of the log; none where nothing was logged. */
  readonly head?: number | null
  /** Whether it left the work to another relay that was moving, and took nothing. */
  readonly stoodBack?: boolean
  /** Place in the lane of the last row that was claimed; none where nothing was. */
  readonly through?: string | null
}

export const NOTHING_MOVED: Moved = { claimed: 0, logged: 0, parked: 0 }

/** Class of the advisory locks that keep moves apart and put them in their order: "audi". */
const MOVE_LOCKS = 0x61756469
/**
 * The lock of the relay that moves; its parallel moves share it. Other locks are numbers of the
 * log.
 */
const MOVING = sql`${MOVE_LOCKS}::integer, -1`

/**
 * Takes the next entries from a lane and appends them to the log: ONE statement in autocommit, so
 * that no entry is ever in both or in neither, whatever process dies at whatever moment. A
 * transaction of the driver would not do: when its backend dies, rows are lost.
 *
 * - The comment at its head is for operators, who see it in `pg_stat_activity`.
 * - `settings` belong to the statement, because a pooler refuses them at the connection's start. An
 *   asynchronous commit could lose a batch on both sides: the fast lane is UNLOGGED, and the log
 *   would not be flushed.
 * - One relay moves at a time: two that meet at the head would only hold each other up. Each
 *   statement takes the lock of the relay that moves, and the lock ends with the statement: when a
 *   relay dies, another one goes on at its next poll. Rows in `places` are moved in any case.
 * - `claimed` skips rows that another session holds, and never waits here. It is not ordered:
 *   ordering a backlog costs three times the move, and the log's order comes from the head. Rows
 *   are found by their place, because a lane has no index to keep. Each batch leaves dead rows
 *   behind that every look at the lane steps over, so the next batch begins at `from`.
 * - `fresh` leaves out what is in the log already and all but one of what came twice in this batch.
 * - `head` hands out the numbers. Its row lock, held until commit, is what makes `seq` the commit
 *   order; it is not touched where nothing is fresh, so an idle poll takes no transaction id.
 * - `logged` asks for the head's number instead of joining it: without a head it gets null, which
 *   the log refuses (23502), and nothing is lost; a join would insert nothing after the delete. It
 *   has no ON CONFLICT: a skipped row would leave a hole in `seq`. An entry that another relay
 *   logged since this statement's snapshot raises 23505, rolls all of it back, and the same
 *   statement is run again. In id order, so that two relays cannot deadlock.
 * - `counted` asks for the head's number first, so relays cannot deadlock there either.
 * - With a `turn`, most of the work is done while other moves do theirs, and the head comes last:
 *   see `numberedInTurn`.
 * - `parked` takes what the log's checks would refuse, and an id that came again with another
 *   content. It looks only where some row was not fresh. An entry that was staged again is no
 *   second letter: its recorder's account would count it twice.
 */
export function moveStatement(options: MoveOptions): SQL {
  const { lane, lockTimeoutMs, turn } = options
  const table = laneTable(lane)
  return sql`/* audit-relay move */
    with settings as materialized (
      select
        ${entriesToTake(options)} as batch_entries,
        set_config('lock_timeout', ${String(lockTimeoutMs)}::text, true) as lock_timeout,
        case when current_setting('synchronous_commit') = 'off'
          then set_config('synchronous_commit', 'on', true)
        end as synchronous_commit
    ),
    claimed as materialized (
      select l.ctid from ${table} as l ${whereInLane(options)}
      limit (select batch_entries from settings)
      for update of l skip locked
    ),
    moved as (
      delete from ${table} where ctid = any(array(select ctid from claimed))
      returning ${laneColumns}
    ),
    fresh as materialized (
      select distinct on (m.id) m.* from moved as m
      where ${fitsTheLog} and not exists (select from ${auditLog} as l where l.id = m.id)
      order by m.id
    ),
    total as materialized (
      select (select count(*) from moved) as claimed, (select count(*) from fresh) as fresh
    ),
    ${turn ? numberedInTurn(turn) : numbered},
    counted as (
      insert into ${auditRecorder} as r (id, logged, logged_through)
      select f.recorder_id, count(*), coalesce(max(f.recorder_seq), 0) from fresh as f
      where f.recorder_id is not null and (select seq from head) is not null
      group by f.recorder_id order by f.recorder_id
      on conflict (id) do update set
        logged = r.logged + excluded.logged,
        logged_through = greatest(r.logged_through, excluded.logged_through)
    ),
    parked as (
      insert into ${auditDeadLetter} (lane, sqlstate, reason, id, recorder_id, recorder_seq, entry)
      select
        ${lane}::text, case when ${fitsTheLog} then '23505' else '23514' end,
        case when ${fitsTheLog}
          then 'the id is in the log with another content'
          else 'a column breaks a check of the log'
        end,
        m.id::text, m.recorder_id, m.recorder_seq, row_to_json(m)::text
      from moved as m
      left join ${auditLog} as l on l.id = m.id
      left join fresh as f on f.id = m.id
      where (select fresh < claimed from total)
        and (not ${fitsTheLog} or ${differs('l')} or ${differs('f')})
      on conflict do nothing
      returning 1
    )
    select
      (select claimed from total)::integer as claimed,
      (select fresh from total)::integer as logged,
      (select count(*) from parked)::integer as parked,
      ${turn ? headInTurn(turn) : sql`(select seq from head)`}::float8 as head,
      (select batch_entries = 0 from settings) as "stoodBack",
      (select max(ctid)::text from claimed) as through`
}

/** The head, asked for numbers first and held until the commit; then the log. */
const numbered = sql`
    head as (
      update ${auditHead} set seq = seq + (select fresh from total)
      where (select fresh from total) > 0
      returning seq
    ),
    logged as (${insertFrom(sql`(select seq from head) - (select fresh from total)`)})`

/**
 * None, where another relay moves. In turn, also none where the numbers are taken or another move
 * holds them: each move locks its own first number, and the move behind it waits for that lock. The
 * first move also takes nothing where another session holds the head. So no work is done that is
 * known to fail.
 */
function entriesToTake({ batchEntries, places, turn }: MoveOptions): SQL {
  if (places) return sql`${batchEntries}::integer`
  if (turn === undefined) {
    return sql`case when pg_try_advisory_xact_lock(${MOVING}) then ${batchEntries}::integer else 0 end`
  }
  const { head, after } = turn
  const isNumberFree =
    after === undefined
      ? sql`seq = ${head}::bigint for no key update skip locked`
      : sql`seq <= ${head}::bigint`
  return sql`case
          when pg_try_advisory_xact_lock_shared(${MOVING})
            and exists (select from ${auditHead} where ${isNumberFree})
            and pg_try_advisory_xact_lock(${turnLock(head)})
          then ${batchEntries}::integer else 0
        end`
}

/**
 * The log, with the numbers that this move counts on; then the end of the move in front; then the
 * head. A head that is not where it was to be fails the whole statement, in `headInTurn`: nothing
 * was logged under a wrong number, and `seq` is the commit order here too.
 */
function numberedInTurn(turn: Turn): SQL {
  const { head, after } = turn
  return sql`
    logged as (${insertFrom(sql`${head}::bigint`)} returning 1),
    in_turn as materialized (
      select l.entries ${after === undefined ? sql.empty() : sql`, pg_advisory_xact_lock_shared(${turnLock(after)})`}
      from (select count(*) as entries from logged) as l
    ),
    head as (
      update ${auditHead} set seq = seq + (select fresh from total)
      where (select fresh from total) > 0 and (select entries from in_turn) > 0
      returning seq
    )`
}

/**
 * Where it left the head. If the head is elsewhere, the cast fails, and its words are what the
 * server logs.
 */
function headInTurn(turn: Turn): SQL {
  return sql`case
        when (select fresh from total) = 0 then null
        when (select seq from head) = ${turn.head}::bigint + (select fresh from total)
          then (select seq from head)
        else format(
          'audit-outbox: not an error; numbers up to %s are taken, the batch is moved again',
          (select seq from head)
        )::bigint
      end`
}

function turnLock(head: number): SQL {
  return sql`${MOVE_LOCKS}::integer, (${head}::bigint % 2147483647)::integer`
}

/** @param before the number before the first */
function insertFrom(before: SQL): SQL {
  return sql`
      insert into ${auditLog} (${laneColumns}, seq)
      select
        f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
        f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
        ${before} + row_number() over (order by f.id)
      from fresh as f
      order by f.id`
}

function whereInLane({ places, from }: MoveOptions): SQL {
  if (places) {
    const list = sql.param(`{${places.map((at) => `"${at}"`).join(',')}}`)
    return sql`where l.ctid = any(${list}::text::tid[])`
  }
  return from === undefined ? sql.empty() : sql`where l.ctid >= ${from}::text::tid`
}

/** The log's own checks, asked beforehand of a row `m` of a lane. */
const fitsTheLog = sql.raw(`(
  coalesce(char_length(m.action) between 1 and ${MAX_ACTION_CHARACTERS}, false)
  and coalesce(char_length(m.entity_type) between 1 and ${MAX_TEXT_CHARACTERS}, true)
  and coalesce(char_length(m.request_id) between 1 and ${MAX_TEXT_CHARACTERS}, true)
  and coalesce(jsonb_typeof(m.metadata) = 'object', true)
  and coalesce(jsonb_typeof(m.context) = 'object', true)
)`)

/** Whether a row of the same id says something else; which recorder brought it is no difference. */
function differs(other: 'l' | 'f'): SQL {
  const content = (row: string) =>
    `(${row}.occurred_at, ${row}.user_id, ${row}.event_id, ${row}.target_id, ${row}.action, ` +
    `${row}.entity_type, ${row}.request_id, coalesce(${row}.metadata, '{}'), ` +
    `coalesce(${row}.context, '{}'))`
  return sql.raw(`(${other}.id is not null and ${content(other)} is distinct from ${content('m')})`)
}

import { sql } from 'drizzle-orm'
import { laneTable } from '../../src/lanes/lane.ts'
import {
  type AuditDatabase,
  firstRow,
  type Row,
  rowsOf,
} from '../../src/database/callers-database.ts'
import {
  auditDeadLetter,
  auditHead,
  auditLog,
  auditRecorder,
  entityOf,
} from '../../src/schema/tables.ts'

export interface RecorderStatus {
  readonly id: string
  /**
   * `closed`: it said so. `died`: it has not been heard of for half a minute, while its last report
   * owes entries that wait nowhere or the log holds more of it than it reported. `live`: all others.
   */
  readonly state: 'live' | 'closed' | 'died'
  /**
   * When it last reported, as ISO 8601; null for one that never did. It bounds what is not known of
   * one that died: what it accepted afterwards and had not yet staged is gone, and in no figure here.
   */
  readonly reportedAt: string | null
  /** As it last reported. */
  readonly accepted: number
  /** Its entries in the log, as the relays counted them. */
  readonly logged: number
  /**
   * On their way: its rows in the lanes, and while it is live also what it had accepted and not
   * staged when it last reported. Once it is closed, `accepted` is `logged`, `inFlight`, `missing`,
   * its dead letters and what it gave up (`timeout`, `refused` and `dead_letter` of the drops).
   */
  readonly inFlight: number
  /** As it last reported, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  /** Accepted, but neither logged, dropped, in flight nor a dead letter. Always 0 while it is live. */
  readonly missing: number
  /** Of those, how many a gap that is declared in the log accounts for. */
  readonly declared: number
}

export interface Status {
  /** Rows waiting in the lanes. */
  readonly depth: { readonly staging: number; readonly outbox: number }
  /** Age of the oldest of them, in milliseconds; 0 where none waits. */
  readonly lagMs: number
  readonly lastSeq: number
  readonly deadLetters: number
  readonly gaps: number
  /** Those heard of within the last day, and all that died or miss or await something; newest first. */
  readonly recorders: readonly RecorderStatus[]
}

/**
 * The whole state of the log, as `audit-relay status` shows it. Reads only.
 *
 * @param db any Drizzle database whose login was granted `audit_relay`
 */
export async function readStatus(db: AuditDatabase): Promise<Status> {
  const figuresAnswer = await db.execute(sql`
    select
      (select count(*) from ${laneTable('staging')})::float8 as staging,
      (select count(*) from ${laneTable('outbox')})::float8 as outbox,
      coalesce((
        select greatest(0, extract(epoch from clock_timestamp()) * 1000 - min(waiting.since))
        from (
          (select ${idMs(sql.raw('id'))} as since from ${laneTable('staging')} order by id limit 1)
          union all
          (select ${idMs(sql.raw('id'))} from ${laneTable('outbox')} order by id limit 1)
        ) as waiting
      ), 0)::float8 as "lagMs",
      (select seq from ${auditHead})::float8 as "lastSeq",
      (select count(*) from ${auditDeadLetter})::float8 as "deadLetters",
      (
        select count(*) from ${auditLog}
        where ${entityOf(auditLog.action)} = 'audit' and ${auditLog.action} = 'audit.gap'
      )::float8 as gaps`)
  const figures = firstRow(figuresAnswer)
  if (figures === undefined) throw new TypeError('a select without FROM answers with one row')
  const recordersAnswer = await db.execute(sql`
    with in_lanes as (
      select recorder_id, count(*) as entries from (
        select recorder_id from ${laneTable('staging')}
        union all
        select recorder_id from ${laneTable('outbox')}
      ) as both_lanes
      where recorder_id is not null group by recorder_id
    ),
    letters as (
      select recorder_id, count(*) as entries from ${auditDeadLetter}
      where recorder_id is not null group by recorder_id
    ),
    known as (
      select r.*,
        coalesce(w.entries, 0) as waiting,
        -- Of the reasons for a drop, these take an entry that had been accepted.
        r.accepted - r.logged - coalesce(d.entries, 0) - coalesce((r.dropped ->> 'timeout')::bigint, 0)
          - coalesce((r.dropped ->> 'refused')::bigint, 0)
          - coalesce((r.dropped ->> 'dead_letter')::bigint, 0) as owed,
        coalesce(r.seen_at, '-infinity') < clock_timestamp() - interval '30 seconds' as is_silent
      from ${auditRecorder} as r
      left join in_lanes as w on w.recorder_id = r.id
      left join letters as d on d.recorder_id = r.id
    ),
    judged as (
      select *,
        case
          when closed_at is not null then 'closed'
          when is_silent and (owed > waiting or logged > staged) then 'died'
          else 'live'
        end as state,
        greatest(0, owed - waiting) as unaccounted
      from known
    )
    select
      id::text as id, state,
      to_char(seen_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "reportedAt",
      accepted::float8 as accepted, logged::float8 as logged,
      (case state
        when 'live' then greatest(owed, waiting)
        -- Not more than it owes: a row that was staged twice may wait although it is logged.
        when 'closed' then least(greatest(0, owed), waiting)
        else waiting
      end)::float8 as "inFlight",
      dropped::text as dropped,
      (case when state = 'live' then 0 else unaccounted end)::float8 as missing,
      (case when state = 'live' or gaps = 0 then 0 else unaccounted end)::float8 as declared
    from judged
    where seen_at > clock_timestamp() - interval '1 day' or state = 'died' or waiting > 0
      or (state = 'closed' and unaccounted > 0)
    order by started_at desc nulls last
    limit 1000`)
  return {
    depth: { staging: Number(figures['staging']), outbox: Number(figures['outbox']) },
    lagMs: Math.round(Number(figures['lagMs'])),
    lastSeq: Number(figures['lastSeq']),
    deadLetters: Number(figures['deadLetters']),
    gaps: Number(figures['gaps']),
    recorders: rowsOf(recordersAnswer).map(toRecorderStatus),
  }
}

function toRecorderStatus(row: Row): RecorderStatus {
  return {
    id: String(row['id']),
    state: row['state'] as RecorderStatus['state'],
    reportedAt: row['reportedAt'] === null ? null : String(row['reportedAt']),
    accepted: Number(row['accepted']),
    logged: Number(row['logged']),
    inFlight: Number(row['inFlight']),
    dropped: JSON.parse(String(row['dropped'])) as RecorderStatus['dropped'],
    missing: Number(row['missing']),
    declared: Number(row['declared']),
  }
}

/** The Unix milliseconds in the first 48 bits of a UUIDv7 (RFC 9562, section 5.7). */
function idMs(id: ReturnType<typeof sql.raw>) {
  return sql`('x' || translate(left(${id}::text, 13), '-', ''))::bit(48)::bigint`
}

import { type SQL, sql } from 'drizzle-orm'
import { laneTable } from '../../src/lanes/lane.ts'
import {
  type AuditDatabase,
  firstRow,
  type Row,
  rowsOf,
  withNames,
} from '../../src/database/callers-database.ts'
import {
  auditDeadLetter,
  auditHead,
  auditLog,
  auditRecorder,
  entityOf,
} from '../../src/schema/tables.ts'
import { LANE_COLUMNS, LANE_SAMPLES, type LaneLook, toLaneLook } from './lane-look.ts'

export interface RecorderStatus {
  readonly id: string
  /**
   * `closed`: it reported that it closed. `died`: its last report is older than 30 seconds, and
   * either entries that it reported are missing or the log holds more of it than it reported.
   * `live`: all others.
   */
  readonly state: 'live' | 'closed' | 'died'
  /**
   * When it last reported, as ISO 8601; null where it never did. Entries that a recorder which died
   * had accepted after this and not yet staged are lost, and no figure here counts them.
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
  /**
   * Accepted, but neither logged, dropped, in flight nor a dead letter. Always 0 while it is live.
   */
  readonly missing: number
  /** Of those, how many a gap that is declared in the log accounts for. */
  readonly declared: number
}

export interface Status {
  /** Rows that wait in the lanes. An estimate for a lane whose table is longer than 4 MiB. */
  readonly depth: { readonly staging: number; readonly outbox: number }
  /** Age of the oldest of them, in milliseconds; 0 where none waits. Sampled where `depth` is. */
  readonly lagMs: number
  readonly lastSeq: number
  readonly deadLetters: number
  readonly gaps: number
  /**
   * Recorders that reported within a day, died, miss entries or have some on their way; newest
   * first.
   */
  readonly recorders: readonly RecorderStatus[]
}

/** A status, and the lanes whose `depth` and age are estimates. */
export interface MarkedStatus extends Pick<LaneLook, 'isEstimate'> {
  readonly status: Status
}

/**
 * The whole state of the log, as `audit-relay status` shows it. Reads only.
 *
 * @param db any Drizzle database whose login was granted `audit_relay`
 */
export async function readStatus(db: AuditDatabase): Promise<Status> {
  return (await readMarkedStatus(db)).status
}

export async function readMarkedStatus(db: AuditDatabase): Promise<MarkedStatus> {
  const ask = (query: SQL) => db.execute(withNames(query))
  const figuresAnswer = await ask(sql`/* audit-relay status */
    with ${LANE_SAMPLES}
    select ${LANE_COLUMNS},
      (select seq from ${auditHead})::float8 as "lastSeq",
      (select count(*) from ${auditDeadLetter})::float8 as "deadLetters",
      (
        select count(*) from ${auditLog}
        where ${entityOf(auditLog.action)} = 'audit' and ${auditLog.action} = 'audit.gap'
      )::float8 as gaps`)
  const figures = firstRow(figuresAnswer)
  if (figures === undefined) throw new TypeError('a select without FROM answers with one row')
  // The accounts are exact, so this reads both lanes whole: with an estimate of what waits, a
  // recorder that died would seem to have lost entries that are only on their way.
  const recordersAnswer = await ask(sql`/* audit-relay status */
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
  const { depth, isEstimate, oldestAgeMs } = toLaneLook(figures)
  const status = {
    depth,
    lagMs: Math.round(Math.max(oldestAgeMs.staging, oldestAgeMs.outbox)),
    lastSeq: Number(figures['lastSeq']),
    deadLetters: Number(figures['deadLetters']),
    gaps: Number(figures['gaps']),
    recorders: rowsOf(recordersAnswer).map(toRecorderStatus),
  }
  return { status, isEstimate }
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

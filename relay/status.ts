import { sql } from 'drizzle-orm'
import type { Database } from '../src/database.ts'
import { laneTable } from '../src/lane.ts'
import {
  auditDeadLetter,
  auditHead,
  auditLog,
  auditRecorder,
  entityOf,
} from '../src/schema/tables.ts'

export interface RecorderStatus {
  readonly id: string
  /**
   * `closed`: it said so. `died`: it has not been heard of for half a minute, while its last report
   * still owed entries or the log holds more of it than it reported. `live`: all others.
   */
  readonly state: 'live' | 'closed' | 'died'
  /** As it last reported. */
  readonly accepted: number
  /** Its entries in the log, as the relays counted them. */
  readonly logged: number
  /** As it last reported, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  /** Accepted, but neither logged, dropped, waiting nor a dead letter. Always 0 while it is live. */
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
  /** Those heard of within the last day, and all that died or miss something; newest first. */
  readonly recorders: readonly RecorderStatus[]
}

type Figures = Omit<Status, 'recorders' | 'depth'> & Status['depth']

/** The whole state of the log, as `audit-relay status` shows it. Reads only. */
export async function readStatus(database: Database): Promise<Status> {
  const [figures] = await database.execute<Figures>(sql`
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
  if (figures === undefined) throw new TypeError('a select without FROM answers with one row')
  const recorders = await database.execute<RecorderStatus>(sql`
    with known as (
      select r.*,
        (select count(*) from ${laneTable('staging')} as w where w.recorder_id = r.id)
          + (select count(*) from ${laneTable('outbox')} as w where w.recorder_id = r.id) as waiting,
        (select count(*) from ${auditDeadLetter} as d where d.recorder_id = r.id) as dead,
        -- Of the reasons for a drop, these take an entry that had been accepted.
        coalesce((r.dropped ->> 'timeout')::bigint, 0) + coalesce((r.dropped ->> 'refused')::bigint, 0)
          + coalesce((r.dropped ->> 'dead_letter')::bigint, 0) as given_up,
        coalesce(r.seen_at, '-infinity') < clock_timestamp() - interval '30 seconds' as is_silent
      from ${auditRecorder} as r
    ),
    judged as (
      select *,
        case
          when closed_at is not null then 'closed'
          when is_silent and (accepted > logged + given_up + dead or logged > staged) then 'died'
          else 'live'
        end as state,
        greatest(0, accepted - logged - given_up - dead - waiting) as unaccounted
      from known
    )
    select
      id::text as id, state, accepted::float8 as accepted, logged::float8 as logged, dropped,
      (case when state = 'live' then 0 else unaccounted end)::float8 as missing,
      (case when state = 'live' or gaps = 0 then 0 else unaccounted end)::float8 as declared
    from judged
    where seen_at > clock_timestamp() - interval '1 day' or state = 'died'
      or (state = 'closed' and unaccounted > 0)
    order by started_at desc nulls last
    limit 1000`)
  const { staging, outbox, ...rest } = figures
  return { depth: { staging, outbox }, ...rest, lagMs: Math.round(rest.lagMs), recorders }
}

/** The Unix milliseconds in the first 48 bits of a UUIDv7 (RFC 9562, section 5.7). */
function idMs(id: ReturnType<typeof sql.raw>) {
  return sql`('x' || translate(left(${id}::text, 13), '-', ''))::bit(48)::bigint`
}

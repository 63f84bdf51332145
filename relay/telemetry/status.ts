import { type SQL, sql } from 'drizzle-orm'
import {
  type AuditDatabase,
  firstRow,
  type Row,
  rowsOf,
  withNames,
} from '../../src/database/callers-database.ts'
import { LANE_COLUMNS, type LaneLook, toLaneLook } from './lane-look.ts'

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
    select ${LANE_COLUMNS},
      f.last_seq::double precision as "lastSeq",
      f.dead_letters::double precision as "deadLetters", f.gaps::double precision as gaps
    from audit.status() as f`)
  const figures = firstRow(figuresAnswer)
  if (figures === undefined) throw new TypeError('a select without FROM answers with one row')
  const recordersAnswer = await ask(sql`/* audit-relay status */
    select
      r.id::pg_catalog.text as id, r.state, r.reported_at as "reportedAt",
      r.accepted::double precision as accepted, r.logged::double precision as logged,
      r.in_flight::double precision as "inFlight", r.dropped::pg_catalog.text as dropped,
      r.missing::double precision as missing, r.declared::double precision as declared
    from audit.recorder_accounts() as r`)
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

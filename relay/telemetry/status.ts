import { sql } from 'drizzle-orm'
import { type AuditDatabase, askCaller, type Row } from '../../src/database/callers-database.ts'
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
  readonly depth: {
    readonly staging: number
    readonly outbox: number
    /** Rows of an import, where some wait. They are moved while the other two are empty. */
    readonly import?: number
  }
  /** Age of the oldest of them, in milliseconds; 0 where none waits. Sampled where `depth` is. */
  readonly lagMs: number
  readonly lastSeq: number
  readonly deadLetters: number
  readonly gaps: number
  /** Legal holds in force. */
  readonly holds: number
  /** The log with its indexes on disk. */
  readonly logBytes: number
  readonly retention: {
    /** The retention line: what is staged from before it becomes a dead letter. Null: there is none. */
    readonly lineAt: string | null
    /** When the next partition falls due, and which one. Null without a policy. */
    readonly nextAt: string | null
    readonly nextPartition: string | null
    /** When `audit-relay retention --apply` ended last. */
    readonly lastRunAt: string | null
    /** How many partitions had to stay then. */
    readonly blocked: number
  }
  /** How far the log is sealed; null where nothing was ever sealed. */
  readonly seal: {
    /** The name of its newest tree. */
    readonly name: string
    /** Entries below the newest checkpoint. */
    readonly size: number
    /** The number of the last of them. */
    readonly throughSeq: number
    /** Entries that are not sealed yet, and for how long the oldest has waited, in milliseconds. */
    readonly unsealed: number
    readonly lagMs: number
    /** When the newest checkpoint was signed; null where there is none. */
    readonly sealedAt: string | null
  } | null
  /** How many entries the search lacks, of which up to 4,095 always wait; null where it is off. */
  readonly search: { readonly sinceSeq: number; readonly waiting: number } | null
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
 * @param db whose login was granted `audit_relay`
 */
export async function readStatus(db: AuditDatabase): Promise<Status> {
  return (await readMarkedStatus(db)).status
}

export async function readMarkedStatus(db: AuditDatabase): Promise<MarkedStatus> {
  const [figures] = await askCaller(
    db,
    sql`/* audit-relay status */
    select ${LANE_COLUMNS},
      f.last_seq::double precision as "lastSeq",
      f.dead_letters::double precision as "deadLetters", f.gaps::double precision as gaps,
      f.holds::double precision as holds, audit.log_bytes()::double precision as "logBytes"
    from audit.status() as f`,
  )
  if (figures === undefined) throw new TypeError('a select without FROM answers with one row')
  const [kept] = await askCaller(
    db,
    sql`/* audit-relay status */
    select ${instant('s.line_at')} as "lineAt", ${instant('s.next_at')} as "nextAt",
      s.next_partition as "nextPartition", ${instant('s.last_run_at')} as "lastRunAt",
      pg_catalog.jsonb_array_length(
        coalesce(s.last_run operator(pg_catalog.->) 'blocked', '[]')) as "blocked"
    from audit.retention_state() as s`,
  )
  const [sealed] = await askCaller(
    db,
    sql`/* audit-relay status */
    select s.name, s.size::double precision as size, s.through::double precision as "throughSeq",
      s.unsealed::double precision as unsealed, s.lag_ms as "lagMs",
      ${instant('s.sealed_at')} as "sealedAt"
    from audit.seal_figures() as s`,
  )
  const [searched] = await askCaller(
    db,
    sql`/* audit-relay status */
    select f.since_seq::double precision as "sinceSeq",
      (f.head operator(pg_catalog.-) f.seq)::double precision as waiting
    from audit.follow_state() as f where f.consumer operator(pg_catalog.=) 'search'::pg_catalog.text`,
  )
  const recorders = await askCaller(
    db,
    sql`/* audit-relay status */
    select
      r.id::pg_catalog.text as id, r.state, r.reported_at as "reportedAt",
      r.accepted::double precision as accepted, r.logged::double precision as logged,
      r.in_flight::double precision as "inFlight", r.dropped::pg_catalog.text as dropped,
      r.missing::double precision as missing, r.declared::double precision as declared
    from audit.recorder_accounts() as r`,
  )
  const { depth, isEstimate, oldestAgeMs, importDepth = 0 } = toLaneLook(figures)
  const status = {
    depth: importDepth > 0 ? { ...depth, import: importDepth } : depth,
    lagMs: Math.round(Math.max(oldestAgeMs.staging, oldestAgeMs.outbox)),
    lastSeq: Number(figures['lastSeq']),
    deadLetters: Number(figures['deadLetters']),
    gaps: Number(figures['gaps']),
    holds: Number(figures['holds']),
    logBytes: Number(figures['logBytes']),
    retention: {
      lineAt: textOf(kept?.['lineAt']),
      nextAt: textOf(kept?.['nextAt']),
      nextPartition: textOf(kept?.['nextPartition']),
      lastRunAt: textOf(kept?.['lastRunAt']),
      blocked: Number(kept?.['blocked'] ?? 0),
    },
    seal: toSealStatus(sealed),
    search:
      searched === undefined
        ? null
        : { sinceSeq: Number(searched['sinceSeq']), waiting: Number(searched['waiting']) },
    recorders: recorders.map(toRecorderStatus),
  }
  return { status, isEstimate }
}

function toSealStatus(row: Row | undefined): Status['seal'] {
  if (row?.['name'] == null) return null
  return {
    name: String(row['name']),
    size: Number(row['size']),
    throughSeq: Number(row['throughSeq']),
    unsealed: Number(row['unsealed']),
    lagMs: Math.round(Number(row['lagMs'])),
    sealedAt: textOf(row['sealedAt']),
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

function textOf(value: unknown): string | null {
  return value == null ? null : String(value)
}

/** An instant as ISO 8601, whatever a driver makes of one. */
function instant(column: string) {
  const format = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
  return sql.raw(`pg_catalog.to_char(${column} at time zone 'UTC', '${format}')`)
}

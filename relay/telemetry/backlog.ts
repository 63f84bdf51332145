import { sql } from 'drizzle-orm'
import { Database } from '../../src/database/connection.ts'
import { type AuditLogger, guardLogger } from '../../src/logger.ts'
import { Outage } from '../../src/database/outage.ts'
import { LANE_COLUMNS, type LaneLook, toLaneLook } from './lane-look.ts'
import { within } from '../../src/within.ts'

export interface Backlog extends LaneLook {
  readonly lastSeq: number
  /** Dead letters that are neither retried nor dropped; counted up to 10,000. */
  readonly deadLetters: number
  /** Times that any relay found the fast lane emptied. */
  readonly gaps: number
  /** Legal holds in force. */
  readonly holds: number
  /** What the last run of `audit-relay retention --apply` found; null where none ever ended. */
  readonly retention: LastRetention | null
  /** How far the log is sealed; null where nothing was ever sealed. */
  readonly seal: SealFigures | null
  /** How long ago the oldest partition ended that waits to be archived; null: archives are not used. */
  readonly archiveLagMs: number | null
  /** What is made of the log behind the move, and how many entries it lacks. */
  readonly follow: Readonly<Record<string, number>>
  /** Entries that all recorders have reported as dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>
}

export interface SealFigures {
  /** Entries below the newest checkpoint. */
  readonly size: number
  readonly unsealed: number
  /** For how long the oldest of them has waited, in milliseconds; 0 where none waits. */
  readonly lagMs: number
}

export interface LastRetention {
  readonly atMs: number
  readonly found: {
    /** Partitions that had to stay, and why. */
    readonly blocked?: readonly { readonly by: string }[]
    /** For the pattern of each policy, the beginning of the oldest partition that holds such entries. */
    readonly oldest?: Readonly<Record<string, string>>
  } | null
}

type Row = Omit<Backlog, keyof LaneLook | 'seal'> & Nullable<SealFigures>

type Nullable<T> = { readonly [Key in keyof T]: T[Key] | null }

const DEADLINE_MS = 1_000
/** Health checks and scrapes that come together share one look. */
export const FRESH_MS = 500

/**
 * Reads what waits, on a connection of its own, so that the relay never waits for a scrape: one
 * statement with a deadline, whose cost is bounded however long the lanes are.
 */
export class BacklogReader {
  readonly #database: Database
  readonly #outage: Outage
  #reading: Promise<Backlog | undefined> | undefined
  #readMs = Number.NEGATIVE_INFINITY
  #latest: Backlog | undefined

  /** @param logger default: pino's own */
  constructor(url: string, logger?: AuditLogger) {
    this.#outage = new Outage(guardLogger(logger, 'audit-relay'), {
      begins: 'relay cannot read the backlog; depth and lag are unknown',
      goesOn: 'relay still cannot read the backlog',
      ends: 'relay reads the backlog again',
    })
    this.#database = new Database({
      url,
      role: 'audit_relay',
      applicationName: 'audit-relay metrics',
      statementTimeoutMs: DEADLINE_MS,
      isReader: true,
    })
  }

  /** Undefined where the database did not answer in time. Never rejects. */
  read(): Promise<Backlog | undefined> {
    const isFresh = performance.now() - this.#readMs < FRESH_MS
    if (!this.#reading || !isFresh) {
      this.#readMs = performance.now()
      this.#reading = this.#read().then(
        (backlog) => {
          this.#outage.recovered()
          return backlog
        },
        (error: unknown) => {
          this.#outage.failed(error)
          return undefined
        },
      )
    }
    return this.#reading
  }

  /** What was read last, however long ago. */
  get latest(): Backlog | undefined {
    return this.#latest
  }

  /** The newest that is there after at most this long. */
  async readWithin(waitMs: number): Promise<Backlog | undefined> {
    await within(waitMs, this.read(), () => {})
    return this.#latest
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  async #read(): Promise<Backlog | undefined> {
    const [row] = await this.#database.execute<Row>(sql`/* audit-relay backlog */
      select ${LANE_COLUMNS},
        f.last_seq::double precision as "lastSeq", f.dead_letters as "deadLetters", f.gaps, f.holds,
        f.archive_lag_ms as "archiveLagMs", f.dropped, f.retention, (
          select coalesce(pg_catalog.json_object_agg(
            w.consumer, w.head operator(pg_catalog.-) w.seq), '{}')
          from audit.follow_state() as w
        ) as follow,
        s.size::double precision as size, s.unsealed::double precision as unsealed, s.lag_ms as "lagMs"
      from audit.backlog() as f cross join audit.seal_figures() as s`)
    if (row === undefined) return undefined
    const { size, unsealed, lagMs } = row
    const isSealed = size !== null && unsealed !== null && lagMs !== null
    const { lastSeq, deadLetters, gaps, holds, archiveLagMs, dropped, retention, follow } = row
    this.#latest = {
      ...toLaneLook(row),
      ...{ lastSeq, deadLetters, gaps, holds, archiveLagMs, dropped, retention, follow },
      seal: isSealed ? { size, unsealed, lagMs } : null,
    }
    return this.#latest
  }
}

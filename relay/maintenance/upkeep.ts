import { databaseFault } from '../../src/errors.ts'
import type { AuditLogger } from '../../src/logger.ts'
import type { Compacted } from './compact.ts'

/** A session that holds a lock of the log. */
export type LogHolder = {
  readonly pid: number | null
  readonly login: string | null
  readonly application: string | null
}

/** What upkeep says to a database. */
export interface UpkeepStatements {
  /** @returns how many it made, of those that were missing */
  ensurePartitions(monthsAhead: number): Promise<number>
  /** Who keeps partitions from being made, the longest first. */
  whoHoldsLog(): Promise<readonly LogHolder[]>
  /** @returns false where another relay was faster */
  declareGap(): Promise<boolean>
  compact(): Promise<Compacted>
}

export interface UpkeepOptions {
  readonly statements: UpkeepStatements
  /** Monthly partitions to keep ready. */
  readonly monthsAhead: number
  readonly logger: AuditLogger
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}

const PARTITIONS_EVERY_MS = 3_600_000
const PARTITIONS_AGAIN_MS = 60_000
const COMPACT_EVERY_MS = 1_000
const LOCK_NOT_AVAILABLE = '55P03'
/** Named in a line of the log. */
const MAX_HOLDERS = 5

/** What a relay does between its moves, so that there is a log to move to and moves stay cheap. */
export class Upkeep {
  readonly #options: Required<UpkeepOptions>
  #partitionsDueMs = Number.NEGATIVE_INFINITY
  #compactDueMs = Number.NEGATIVE_INFINITY
  #making: Promise<void> | undefined

  constructor(options: UpkeepOptions) {
    this.#options = { now: () => performance.now(), ...options }
  }

  /**
   * Makes the partitions of the next months, once an hour, while the caller goes on: it can take
   * minutes to copy rows out of the DEFAULT partition. A failure is logged and tried again after a
   * minute. Entries go to DEFAULT meanwhile, so there is no reason to stop moving.
   */
  ensurePartitions(): void {
    const { now } = this.#options
    if (now() < this.#partitionsDueMs) return
    this.#partitionsDueMs = Number.POSITIVE_INFINITY
    this.#making = this.#makePartitions().then((waitMs) => {
      this.#partitionsDueMs = now() + waitMs
    })
  }

  /** Resolves when no partition is being made. */
  async settled(): Promise<void> {
    await this.#making
  }

  /** @returns when to look again, in milliseconds */
  async #makePartitions(): Promise<number> {
    const { statements, monthsAhead, logger } = this.#options
    try {
      while ((await statements.ensurePartitions(monthsAhead)) > 0) {}
      return PARTITIONS_EVERY_MS
    } catch (error) {
      const fault = databaseFault(error)
      // Without a SQLSTATE no server has answered, and the moves say so already.
      if (!/^[0-9A-Z]{5}$/.test(fault.code)) return PARTITIONS_AGAIN_MS
      const holders =
        fault.code === LOCK_NOT_AVAILABLE ? await statements.whoHoldsLog().catch(() => []) : []
      logger.warn(
        holders.length > 0 ? { fault, holders: holders.slice(0, MAX_HOLDERS) } : { fault },
        'relay could not create the next partitions; it tries again in 60 s',
      )
      return PARTITIONS_AGAIN_MS
    }
  }

  /**
   * Declares that the fast lane was found emptied.
   *
   * @returns false where another relay was faster
   */
  async declareGap(): Promise<boolean> {
    const { statements, logger } = this.#options
    if (!(await statements.declareGap())) return false
    logger.error(
      {},
      'a crash or a failover emptied audit_staging; the gap is declared in the log as audit.gap',
    )
    return true
  }

  /**
   * Compacts the small, busy tables, where VACUUM cannot keep them small. Looks once a second.
   *
   * @returns undefined where it did not look
   */
  async compact(): Promise<Compacted | undefined> {
    const { statements, now } = this.#options
    if (now() < this.#compactDueMs) return undefined
    this.#compactDueMs = now() + COMPACT_EVERY_MS
    return await statements.compact()
  }
}

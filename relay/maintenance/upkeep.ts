import { faultKind } from '../../src/database/faults.ts'
import { databaseFault } from '../../src/errors.ts'
import type { AuditLogger } from '../../src/logger.ts'
import type { Compacted } from './compact.ts'

/** What upkeep says to a database. */
export interface UpkeepStatements {
  ensurePartitions(monthsAhead: number): Promise<void>
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

/** What a relay does between its moves, so that there is a log to move to and moves stay cheap. */
export class Upkeep {
  readonly #options: Required<UpkeepOptions>
  #partitionsDueMs = Number.NEGATIVE_INFINITY
  #compactDueMs = Number.NEGATIVE_INFINITY

  constructor(options: UpkeepOptions) {
    this.#options = { now: () => performance.now(), ...options }
  }

  /**
   * Makes the partitions of the next months, once an hour. A failure is logged and tried again
   * after a minute: entries go to the DEFAULT partition meanwhile, so there is no reason to stop
   * moving.
   *
   * @throws {AuditError} for a connection that failed
   */
  async ensurePartitions(): Promise<void> {
    const { statements, monthsAhead, logger, now } = this.#options
    if (now() < this.#partitionsDueMs) return
    try {
      await statements.ensurePartitions(monthsAhead)
      this.#partitionsDueMs = now() + PARTITIONS_EVERY_MS
    } catch (error) {
      if (faultKind(error) === 'connection') throw error
      this.#partitionsDueMs = now() + PARTITIONS_AGAIN_MS
      const fault = databaseFault(error)
      logger.warn({ fault }, 'relay could not create the next partitions; it tries again in 60 s')
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

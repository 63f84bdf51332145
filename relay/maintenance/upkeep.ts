import { databaseFault } from '../../src/errors.ts'
import type { AuditLogger } from '../../src/logger.ts'
import type { Compacted } from './compact.ts'

/** A session that holds a lock of the log. */
export type LogHolder = {
  readonly pid: number | null
  readonly login: string | null
  readonly application: string | null
}

/** The statements of upkeep. */
export interface UpkeepStatements {
  /** @returns how many of the missing partitions it made */
  ensurePartitions(monthsAhead: number): Promise<number>
  /** The sessions that keep partitions from being made, the longest transaction first. */
  whoHoldsLog(): Promise<readonly LogHolder[]>
  /** @returns false where another relay was faster */
  declareGap(): Promise<boolean>
  compact(): Promise<Compacted>
}

export interface UpkeepOptions {
  readonly statements: UpkeepStatements
  /** How many monthly partitions to make ahead. */
  readonly monthsAhead: number
  readonly logger: AuditLogger
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}

const PARTITIONS_EVERY_MS = 3_600_000
const PARTITIONS_AGAIN_MS = 60_000
const COMPACT_EVERY_MS = 1_000
const LOCK_NOT_AVAILABLE = '55P03'
/** The most sessions that a line of the log names. */
const MAX_HOLDERS = 5

/** What a relay does between its moves. It makes partitions ahead and keeps the moves cheap. */
export class Upkeep {
  readonly #options: Required<UpkeepOptions>
  #partitionsDueMs = Number.NEGATIVE_INFINITY
  #compactDueMs = Number.NEGATIVE_INFINITY
  #making: Promise<void> | undefined

  constructor(options: UpkeepOptions) {
    this.#options = { now: () => performance.now(), ...options }
  }

  /**
   * Makes the partitions of the next months, once an hour. The caller does not wait, because it can
   * take minutes to copy rows out of the DEFAULT partition. A failure is logged and tried again
   * after a minute. It never stops the moves, because entries go to DEFAULT meanwhile.
   */
  ensurePartitions(): void {
    const { now } = this.#options
    if (now() < this.#partitionsDueMs) return
    this.#partitionsDueMs = Number.POSITIVE_INFINITY
    this.#making = this.#makePartitions().then((waitMs) => {
      this.#partitionsDueMs = now() + waitMs
    })
  }

  /** Resolves when no partitions are being made. */
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
      // Without a SQLSTATE no server has answered, which the moves report already.
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
   * Compacts the small, busy tables where VACUUM cannot keep them small. It looks once a second.
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

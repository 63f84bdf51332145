import { databaseFault } from '../../src/errors.ts'
import type { AuditLogger } from '../../src/logger.ts'
import type { PartitionWidth } from '../../src/options.ts'
import type { Compacted } from './compact.ts'
import type { LogSize } from './log-size.ts'

/** A session that holds a lock of the log. */
export type LogHolder = {
  readonly pid: number | null
  readonly login: string | null
  readonly application: string | null
}

/** The partitions that a relay keeps ready. */
export interface WantedPartitions {
  /** How many monthly partitions to make ahead. */
  readonly monthsAhead: number
  readonly width: PartitionWidth
  /** Beyond so many it makes none. */
  readonly most: number
}

export type MadePartitions = {
  /** How many of the missing partitions were made. */
  readonly made: number
  /** How many the log has. */
  readonly partitions: number
}

/** The statements of upkeep. */
export interface UpkeepStatements {
  ensurePartitions(wanted: WantedPartitions): Promise<MadePartitions>
  /** @returns the name of the partition that it closed; undefined where there is none to close */
  closePartition(): Promise<string | undefined>
  /** The sessions that keep partitions from being made, the longest transaction first. */
  whoHoldsLog(): Promise<readonly LogHolder[]>
  /** @returns false where another relay was faster */
  declareGap(): Promise<boolean>
  compact(): Promise<Compacted>
}

export interface UpkeepOptions {
  readonly statements: UpkeepStatements
  readonly partitions: WantedPartitions
  readonly logSize: Pick<LogSize, 'look'>
  readonly logger: AuditLogger
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}

const PARTITIONS_EVERY_MS = 3_600_000
const PARTITIONS_AGAIN_MS = 60_000
const COMPACT_EVERY_MS = 1_000
const LOCK_NOT_AVAILABLE = '55P03'
/** There are as many partitions as are allowed. */
const TOO_MANY = '54000'
const NOT_MADE = 'relay could not create the next partitions; it tries again in 60 s'
const NOT_CLOSED = 'relay could not close past partitions; it tries again in 60 s'
const NOT_MEASURED = 'relay could not measure the log; it tries again in 60 s'
const FEWER =
  'Remove old entries by a policy, take wider partitions (AUDIT_PARTITION_WIDTH), or raise the ' +
  'maximum (AUDIT_MAX_PARTITIONS).'
/** The most sessions that a line of the log names. */
const MAX_HOLDERS = 5

/** What a relay does between its moves. It makes partitions ahead and keeps the moves cheap. */
export class Upkeep {
  readonly #options: Required<UpkeepOptions>
  #partitionsDueMs = Number.NEGATIVE_INFINITY
  #compactDueMs = Number.NEGATIVE_INFINITY
  #keeping: Promise<void> | undefined
  /** How many partitions the last warning named. */
  #manyTold = 0

  constructor(options: UpkeepOptions) {
    this.#options = { now: () => performance.now(), ...options }
  }

  /**
   * Makes the next partitions, closes those that are past and measures the log, once an hour. The caller does not wait,
   * because it can take minutes to copy rows out of the DEFAULT partition. A failure is logged and
   * tried again after a minute. It never stops the moves: entries go to DEFAULT meanwhile, and a
   * partition that is not closed is read once too often.
   */
  keepPartitions(): void {
    const { now } = this.#options
    if (now() < this.#partitionsDueMs) return
    this.#partitionsDueMs = Number.POSITIVE_INFINITY
    this.#keeping = this.#keepPartitions().then((waitMs) => {
      this.#partitionsDueMs = now() + waitMs
    })
  }

  /** Resolves when no partitions are being made or closed. */
  async settled(): Promise<void> {
    await this.#keeping
  }

  /** @returns when to look again, in milliseconds */
  async #keepPartitions(): Promise<number> {
    const { statements, logSize } = this.#options
    const waitsMs = [
      await this.#succeeds(NOT_MADE, () => this.#make()),
      await this.#succeeds(NOT_CLOSED, async () => {
        while ((await statements.closePartition()) !== undefined) {}
      }),
      await this.#succeeds(NOT_MEASURED, () => logSize.look()),
    ].map((isDone) => (isDone ? PARTITIONS_EVERY_MS : PARTITIONS_AGAIN_MS))
    return Math.min(...waitsMs)
  }

  async #make(): Promise<void> {
    const { statements, partitions: wanted, logger } = this.#options
    let found: MadePartitions
    do {
      found = await statements.ensurePartitions(wanted)
    } while (found.made > 0)
    const { partitions } = found
    const areMany = partitions > (wanted.most * 2) / 3
    if (areMany && partitions > this.#manyTold) {
      const maxPartitions = wanted.most
      logger.warn({ partitions, maxPartitions, hint: FEWER }, 'the log has many partitions')
    }
    this.#manyTold = areMany ? partitions : 0
  }

  async #succeeds(failure: string, work: () => Promise<void>): Promise<boolean> {
    const { statements, logger } = this.#options
    try {
      await work()
      return true
    } catch (error) {
      const fault = databaseFault(error)
      // Without a SQLSTATE no server has answered, which the moves report already.
      if (!/^[0-9A-Z]{5}$/.test(fault.code)) return false
      const holders =
        fault.code === LOCK_NOT_AVAILABLE ? await statements.whoHoldsLog().catch(() => []) : []
      const more = {
        ...(holders.length > 0 ? { holders: holders.slice(0, MAX_HOLDERS) } : {}),
        ...(fault.code === TOO_MANY ? { hint: FEWER } : {}),
      }
      logger.warn({ fault, ...more }, failure)
      return false
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

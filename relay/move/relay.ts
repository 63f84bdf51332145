import { setTimeout as sleep } from 'node:timers/promises'
import { AuditError, databaseFault } from '../../src/errors.ts'
import type { LaneName } from '../../src/lanes/lane.ts'
import { type AuditLogger, guardLogger } from '../../src/logger.ts'
import {
  databaseUrlFor,
  RELAY_LIMITS,
  type RelayLimits,
  refuseUnknownOptions,
  resolveLimits,
} from '../../src/options.ts'
import { Outage } from '../../src/database/outage.ts'
import { faultKind, withRetry } from '../../src/database/retry.ts'
import { Cycle } from './cycle.ts'
import { Health, JITTER, type RelayHealth } from './health.ts'
import type { Moved } from './move-statement.ts'
import type { RelayObserver } from './observer.ts'
import { SideBySide } from './parallel-moves.ts'
import { openRelayStatements, type RelayStatements } from './relay-statements.ts'

export interface RelayOptions extends Partial<RelayLimits> {
  /**
   * A `postgres://` URL of a login that was granted `audit_relay`.
   * Default: `AUDIT_RELAY_DATABASE_URL`, else `DATABASE_URL`.
   */
  readonly databaseUrl?: string | undefined
  /** Default: pino's own. */
  readonly logger?: AuditLogger | undefined
}

export interface DrainOptions {
  /** Stop after about this many rows, by whole batches. Default: no bound. */
  readonly maxRows?: number | undefined
  /** Stop after this long, in milliseconds; also the longest wait for a database that is away. */
  readonly deadlineMs: number
}

export interface RelayStats {
  /** Cycles that were completed: each asked every lane and moved what was there. */
  readonly cycles: number
  /** Rows taken from the lanes. */
  readonly claimed: number
  /** Entries that are new in the log. */
  readonly logged: number
  /** Entries that became dead letters. */
  readonly deadLetters: number
  /** Gaps that this relay declared: the fast lane had been emptied. */
  readonly gaps: number
  /** Times that a busy table was compacted, and that its lock was not free. */
  readonly compacted: number
  readonly compactSkipped: number
}

export interface DrainResult extends RelayStats {
  /** Whether every lane was seen empty. */
  readonly isDrained: boolean
}

const PARTITIONS_EVERY_MS = 3_600_000
const COMPACT_EVERY_MS = 1_000
/** Most batches of a lane that are counted: about as many as are moved until the next look. */
const PROBED_BATCHES = 16

/**
 * Moves entries from the lanes to the log, at its own pace: nothing outside decides when it works.
 *
 * Of several relays one moves, and the others stand by: each of its statements asks anew, and where it
 * dies another one goes on at its next poll. Nobody holds a lease, a session lock or a LISTEN, so that
 * works through PgBouncer in transaction mode too. While the database is away it tries again, for
 * ever, with growing waits; nothing that is in a lane depends on it.
 */
export class Relay {
  readonly #limits: RelayLimits
  readonly #logger: AuditLogger
  readonly #statements: RelayStatements
  readonly #halt = new AbortController()
  readonly #outage: Outage
  readonly #health: Health
  readonly #observer: RelayObserver | undefined
  readonly #sideBySide: SideBySide
  #running: Promise<void> | undefined
  #hasBacklog = false
  #stoodBack = false
  #partitionsDueMs = Number.NEGATIVE_INFINITY
  #compactDueMs = Number.NEGATIVE_INFINITY
  #cycles = 0
  #claimed = 0
  #logged = 0
  #deadLetters = 0
  #gaps = 0
  #compacted = 0
  #compactSkipped = 0

  /** @param open how it talks to the database; a simulation puts a model in its place */
  constructor(options: RelayOptions = {}, observer?: RelayObserver, open = openRelayStatements) {
    refuseUnknownOptions(options, [...Object.keys(RELAY_LIMITS), 'databaseUrl', 'logger'])
    const limits = resolveLimits<keyof RelayLimits>(RELAY_LIMITS, options, process.env)
    const url = databaseUrlFor('relay', options.databaseUrl, process.env)
    if (url === undefined) {
      throw new AuditError(
        'AUDIT_OPTION_INVALID',
        'No database: set AUDIT_RELAY_DATABASE_URL or DATABASE_URL.',
      )
    }
    const { statementTimeoutMs, parallelMoves } = limits
    this.#limits = limits
    this.#sideBySide = new SideBySide(limits)
    this.#logger = guardLogger(options.logger, 'audit-relay')
    this.#health = new Health(limits)
    this.#observer = observer
    this.#statements = open({
      url,
      statementTimeoutMs,
      connections: parallelMoves,
      onStatement: (error) => {
        this.#health.beat()
        if (error && !this.#sideBySide.expects(error)) this.#observer?.failed(error)
      },
    })
    this.#outage = new Outage(this.#logger, {
      begins: 'audit relay cannot work; what is in the lanes waits there',
      goesOn: 'audit relay still cannot work',
      ends: 'audit relay works again',
    })
  }

  stats(): RelayStats {
    return {
      cycles: this.#cycles,
      claimed: this.#claimed,
      logged: this.#logged,
      deadLetters: this.#deadLetters,
      gaps: this.#gaps,
      compacted: this.#compacted,
      compactSkipped: this.#compactSkipped,
    }
  }

  /** How it stands with a relay that was started: whether it gets its work done. */
  health(): RelayHealth {
    return this.#health.read()
  }

  /** Safe to call twice. Resolves when the relay has stopped. */
  start(): Promise<void> {
    this.#running ??= this.#run()
    return this.#running
  }

  /**
   * Finishes the batch in hand and lets go of the connection. Safe to call twice, or before
   * `start`. Takes at most `stopTimeoutMs`; what is not moved stays in its lane.
   */
  async stop(): Promise<void> {
    this.#health.stopping()
    this.#halt.abort()
    const bound = sleep(this.#limits.stopTimeoutMs, undefined, { ref: false })
    await Promise.race([this.#running, bound])
    await this.#statements.close()
  }

  /**
   * Moves until every lane was seen empty, or to a bound. For cron, for tests, for a last run
   * before a shutdown. Do not call it on a relay that was started.
   *
   * @throws {AuditError} when the database was away until the deadline, or the schema does not fit
   */
  async drain({
    maxRows = Number.POSITIVE_INFINITY,
    deadlineMs,
  }: DrainOptions): Promise<DrainResult> {
    // By hand: in Node 20 a signal from AbortSignal.any() over a timeout can be collected unfired.
    const bound = new AbortController()
    const abort = () => bound.abort()
    const deadline = setTimeout(abort, deadlineMs)
    this.#halt.signal.addEventListener('abort', abort, { once: true })
    if (this.#halt.signal.aborted) abort()
    const { signal } = bound
    const { pollMinMs, pollMaxMs } = this.#limits
    let waitMs = pollMinMs
    let isDrained = false
    let lastError: unknown
    try {
      while (!isDrained && this.#claimed < maxRows && !signal.aborted) {
        isDrained = await withRetry(() => this.#isDrainedAfter(signal, maxRows), {
          signal,
          tearsAttempt: true,
          isFinal: (error) => error instanceof AuditError && error.code === 'AUDIT_SCHEMA_MISMATCH',
          onFailure: (error) => {
            lastError = error
            this.#failed(error)
          },
        })
        lastError = undefined
        if (this.#stoodBack) await idle(waitMs, signal)
        waitMs = this.#stoodBack ? Math.min(waitMs * 2, pollMaxMs) : pollMinMs
      }
    } catch (error) {
      if (!signal.aborted) throw error
      if (lastError) throw lastError
    } finally {
      clearTimeout(deadline)
      this.#halt.signal.removeEventListener('abort', abort)
    }
    return { ...this.stats(), isDrained }
  }

  async #run(): Promise<void> {
    const { signal } = this.#halt
    const { pollMinMs, pollMaxMs } = this.#limits
    this.#logger.info({ ...this.#limits }, 'audit relay runs')
    let waitMs = pollMinMs
    this.#health.beat()
    while (!signal.aborted) {
      const claimedBefore = this.#claimed
      try {
        await withRetry(() => this.#cycle(signal), {
          signal,
          tearsAttempt: false, // stopping waits for the batch in hand
          onFailure: (error) => this.#failed(error),
        })
        this.#outage.recovered()
      } catch {
        break // only by the signal
      }
      waitMs = this.#claimed > claimedBefore ? pollMinMs : Math.min(waitMs * 2, pollMaxMs)
      if (!this.#hasBacklog) await idle(waitMs, signal)
    }
    this.#logger.info({ ...this.stats() }, 'audit relay stopped')
  }

  /** Whether the lanes are empty, asked twice: a table that was compacted meanwhile looks empty. */
  async #isDrainedAfter(signal: AbortSignal, maxRows: number): Promise<boolean> {
    return (await this.#cycle(signal, maxRows)) && (await this.#cycle(signal, maxRows))
  }

  /** Asks which lanes hold anything and moves it. @returns whether every lane was seen empty */
  async #cycle(signal: AbortSignal, maxRows = Number.POSITIVE_INFINITY): Promise<boolean> {
    this.#health.beat()
    // Whoever stands by asks only whether there is anything: counting steps over each dead row.
    const probedRows = this.#stoodBack ? 1 : this.#limits.batchEntries * PROBED_BATCHES
    const probed = await this.#statements.probe(probedRows)
    this.#sideBySide.sawHead(probed.head)
    await this.#ensurePartitions()
    if (probed.wasEmptied) await this.#declareGap()
    const isEmpty = probed.waiting.length === 0 && !probed.wasEmptied
    const cycle = new Cycle({
      statements: this.#statements,
      sideBySide: this.#sideBySide,
      limits: this.#limits,
      maxRows: maxRows - this.#claimed,
      signal,
      onMoved: (lane, moved, durationMs) => this.#moved(lane, moved, durationMs),
    })
    const left = await cycle.move(probed)
    this.#hasBacklog = left.length > 0
    this.#stoodBack = cycle.stoodBack
    if (!isEmpty && !signal.aborted) await this.#compact()
    this.#cycles += 1
    this.#health.cycled()
    this.#observer?.cycleCompleted()
    return isEmpty
  }

  #failed(error: unknown): void {
    this.#health.failed(error)
    this.#observer?.failed(error)
    this.#outage.failed(error)
  }

  async #declareGap(): Promise<void> {
    if (!(await this.#statements.declareGap())) return // another relay was faster
    this.#gaps += 1
    this.#observer?.gapDeclared()
    this.#logger.error(
      {},
      'the audit fast lane was emptied by a crash or a failover; the gap is declared in the log',
    )
  }

  /** Keeps the small, busy tables small where VACUUM cannot. Looks at most once a second. */
  async #compact(): Promise<void> {
    const nowMs = performance.now()
    if (nowMs < this.#compactDueMs) return
    this.#compactDueMs = nowMs + COMPACT_EVERY_MS
    const result = await this.#statements.compact()
    this.#compacted += result.compacted
    this.#compactSkipped += result.skipped
    this.#observer?.compacted(result)
  }

  #moved(lane: LaneName, moved: Moved, durationMs: number): void {
    this.#claimed += moved.claimed
    this.#logged += moved.logged
    this.#deadLetters += moved.parked
    if (moved.claimed > 0) {
      this.#health.moved()
      this.#observer?.batchMoved(lane, moved, durationMs)
    }
    if (moved.parked > 0) {
      this.#logger.error(
        { lane, deadLetters: moved.parked },
        'audit entries were refused by the log and are now dead letters',
      )
    }
  }

  /** Well ahead of need, and no reason to stop moving: the DEFAULT partition takes what comes. */
  async #ensurePartitions(): Promise<void> {
    const nowMs = performance.now()
    if (nowMs < this.#partitionsDueMs) return
    try {
      const { monthsAhead } = this.#limits
      await this.#statements.ensurePartitions(monthsAhead)
      this.#partitionsDueMs = nowMs + PARTITIONS_EVERY_MS
    } catch (error) {
      if (faultKind(error) === 'connection') throw error
      this.#partitionsDueMs = nowMs + PARTITIONS_EVERY_MS / 60
      const fault = databaseFault(error)
      this.#logger.warn({ fault }, 'audit partitions could not be made ahead; trying again')
    }
  }
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID`, naming every option that is wrong */
export function createRelay(options: RelayOptions = {}, observer?: RelayObserver): Relay {
  return new Relay(options, observer)
}

async function idle(waitMs: number, signal: AbortSignal): Promise<void> {
  // Only longer: a shorter one would be more queries than were asked for.
  const jitteredMs = waitMs * (1 + Math.random() * (JITTER - 1))
  // Aborting is how we are woken, so the rejection is the expected end of the wait.
  await sleep(jitteredMs, undefined, { signal }).catch(() => {})
}

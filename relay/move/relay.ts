import { setTimeout as sleep } from 'node:timers/promises'
import { AuditError } from '../../src/errors.ts'
import type { MovedLane } from '../../src/lanes/lane.ts'
import { type AuditLogger, guardLogger } from '../../src/logger.ts'
import type { RelayLimits } from '../../src/options.ts'
import { within } from '../../src/within.ts'
import { isFinalLogin } from '../../src/database/faults.ts'
import { Outage } from '../../src/database/outage.ts'
import { withRetry } from '../../src/database/retry.ts'
import type { Follower } from '../follow/follower.ts'
import { followerOn } from '../following/following.ts'
import { LogIdentity } from '../maintenance/log-identity.ts'
import { LogSize } from '../maintenance/log-size.ts'
import { LogWatch } from '../maintenance/log-watch.ts'
import { Upkeep } from '../maintenance/upkeep.ts'
import { LogSeal, type LogSealReport } from '../seal/log-seal.ts'
import { BatchSize } from './batch-size.ts'
import { Cycle } from './cycle.ts'
import { Health, JITTER, type RelayHealth } from './health.ts'
import type { Moved } from './move-statement.ts'
import type { RelayObserver } from './observer.ts'
import { StandingBack } from './standing-back.ts'
import { ParallelMoves } from './parallel-moves.ts'
import { RelayCounters, type RelayStats } from './relay-counters.ts'
import { type RelayOptions, resolveRelayOptions } from './relay-options.ts'
import { openRelayStatements, type RelayStatements } from './relay-statements.ts'

/**
 * Errors that no retry can end. Somebody has to migrate, or to declare that the log was restored.
 */
const OTHER_LOG: ReadonlySet<string> = new Set(['AUDIT_SCHEMA_MISMATCH', 'AUDIT_HISTORY_CHANGED'])

export interface DrainOptions {
  /** Stops after about this many rows, because it moves whole batches. Default: no bound. */
  readonly maxRows?: number | undefined
  /** Stops after this long, in milliseconds, also while the database is away. */
  readonly deadlineMs: number
}

export interface DrainResult extends RelayStats {
  /** Whether every lane was seen empty. */
  readonly isDrained: boolean
}

/** The parts of a relay that a test may replace. They are internal and may change. */
export interface RelayParts {
  /** Is told of the relay's work, for metrics. */
  readonly observer?: RelayObserver
  /** Default: connections to the database. A simulation replaces them by a model. */
  readonly open?: typeof openRelayStatements
}

/** The most batches of a lane that a cycle counts. It can move about as many. */
const PEEKED_BATCHES = 16

/**
 * Moves entries from the lanes to the log at its own pace. Nothing outside decides when it works.
 *
 * When several relays run, one moves and the others stand by. Each statement checks whether another
 * relay moves, so when that relay dies, another one goes on at its next poll. There is no lease, no
 * session lock and no LISTEN, so it also works through PgBouncer in transaction mode. While the
 * database is away, the relay tries again without end, with growing waits, and entries wait in
 * their lanes.
 */
export class Relay {
  readonly #limits: RelayLimits
  readonly #logger: AuditLogger
  readonly #statements: RelayStatements
  readonly #halt = new AbortController()
  readonly #outage: Outage
  readonly #health: Health
  readonly #counters = new RelayCounters()
  readonly #observers: readonly RelayObserver[]
  readonly #parallelMoves: ParallelMoves
  readonly #upkeep: Upkeep
  readonly #standingBack: StandingBack
  readonly #identity: LogIdentity
  readonly #logWatch: LogWatch
  readonly #batchSize: BatchSize
  readonly #seal: LogSeal | undefined
  /** Undefined in a simulation, whose log nothing can follow. */
  readonly #follower: Follower | undefined
  #running: Promise<void> | undefined
  #hasBacklog = false
  #stoodBack = false

  constructor(options: RelayOptions = {}, parts: RelayParts = {}) {
    const { limits, url, stateDir, partitionWidth, seal } = resolveRelayOptions(options)
    const { observer, open = openRelayStatements } = parts
    const { statementTimeoutMs, parallelMoves, monthsAhead, maxPartitions, maxLockMs } = limits
    const { maxLogBytes } = limits
    this.#limits = limits
    this.#batchSize = new BatchSize(limits.batchEntries)
    this.#logger = guardLogger(options.logger, 'audit-relay')
    this.#observers = observer ? [this.#counters, observer] : [this.#counters]
    this.#statements = open({
      url,
      statementTimeoutMs,
      connections: parallelMoves,
      onStatement: (error) => {
        this.#health.beat()
        if (error && !this.#parallelMoves.expects(error)) this.#tell((told) => told.failed(error))
      },
    })
    const statements = this.#statements
    this.#parallelMoves = new ParallelMoves({ limits, connect: () => statements.connect() })
    this.#upkeep = new Upkeep({
      statements,
      partitions: { monthsAhead, width: partitionWidth, most: maxPartitions },
      logSize: new LogSize({
        ...{ statements, maxLogBytes, logger: this.#logger },
        onMeasured: (bytes) => this.#tell((told) => told.logMeasured(bytes, maxLogBytes)),
      }),
      logger: this.#logger,
    })
    this.#standingBack = new StandingBack({ statementTimeoutMs, logger: this.#logger })
    this.#logWatch = new LogWatch({ statements, maxLockMs, logger: this.#logger })
    this.#health = new Health(limits, {
      stoodBack: () => this.#standingBack.read(),
      logHeld: () => this.#logWatch.read(),
    })
    this.#identity = new LogIdentity({ statements, logger: this.#logger, stateDir })
    this.#seal = seal && new LogSeal({ ...seal, url, limits, logger: this.#logger })
    const isSimulated = open !== openRelayStatements
    this.#follower = isSimulated ? undefined : followerOn({ url, statementTimeoutMs }, this.#logger)
    this.#outage = new Outage(this.#logger, {
      begins: 'relay cannot move entries; they wait in audit_staging and audit_outbox',
      goesOn: 'relay still cannot move entries',
      ends: 'relay moves entries again',
    })
  }

  stats(): RelayStats {
    return this.#counters.read()
  }

  /** Whether a relay that was started gets its work done. */
  health(): RelayHealth {
    return this.#health.read()
  }

  /** How far the log is sealed. Undefined where it is not sealed by this relay. */
  seal(): LogSealReport | undefined {
    return this.#seal?.read()
  }

  /** Safe to call twice. Resolves when the relay has stopped. */
  start(): Promise<void> {
    if (this.#running === undefined) {
      void this.#seal?.start()
      void this.#follower?.start()
    }
    this.#running ??= this.#run()
    return this.#running
  }

  /**
   * Finishes the batch that is under way and closes the connections. Safe to call twice, or before
   * `start`. Takes at most `stopTimeoutMs`. Entries that were not moved stay in their lanes.
   */
  async stop(): Promise<void> {
    this.#health.stopping()
    this.#halt.abort()
    await Promise.all([
      within(this.#limits.stopTimeoutMs, this.#running, () => {}),
      within(this.#limits.stopTimeoutMs, this.#seal?.stop(), () => {}),
      within(this.#limits.stopTimeoutMs, this.#follower?.stop(), () => {}),
    ])
    await this.#statements.close()
  }

  /**
   * Moves until every lane was seen empty, or until a bound is reached. It is for cron, for tests
   * and for a last run before a shutdown. Do not call it on a relay that was started.
   *
   * @throws {AuditError} when the database was away until the deadline; at once when the login or the
   * database is refused, a right is missing, the schema does not fit, or the log was restored
   */
  async drain({
    maxRows = Number.POSITIVE_INFINITY,
    deadlineMs,
  }: DrainOptions): Promise<DrainResult> {
    // Not AbortSignal.any(): in Node 20 its signal can be garbage-collected before its timeout
    // fires.
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
      while (!isDrained && this.#counters.claimed < maxRows && !signal.aborted) {
        isDrained = await withRetry(() => this.#isDrainedAfter(signal, maxRows), {
          signal,
          tearsAttempt: true,
          // Nobody mends a login while a single pass waits. A relay that runs on waits for that.
          isFinal: (error) =>
            isFinalLogin(error) || (error instanceof AuditError && OTHER_LOG.has(error.code)),
          onFailure: (error) => {
            lastError = error
            this.#failed(error)
          },
        })
        lastError = undefined
        if (this.#stoodBack) await idle(waitMs, signal)
        waitMs = this.#stoodBack ? Math.min(waitMs * 2, pollMaxMs) : pollMinMs
      }
      await Promise.race([this.#upkeep.settled(), aborted(signal)])
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
    this.#logger.info({ ...this.#limits }, 'relay started')
    let waitMs = pollMinMs
    this.#health.beat()
    while (!signal.aborted) {
      const claimedBefore = this.#counters.claimed
      try {
        await withRetry(() => this.#cycle(signal), {
          signal,
          tearsAttempt: false, // stop() waits for the batch that is under way
          onFailure: (error) => this.#failed(error),
        })
        this.#outage.recovered()
      } catch {
        break // only by the signal
      }
      waitMs = this.#counters.claimed > claimedBefore ? pollMinMs : Math.min(waitMs * 2, pollMaxMs)
      if (!this.#hasBacklog) await idle(waitMs, signal)
    }
    this.#logger.info({ ...this.stats() }, 'relay stopped')
  }

  /**
   * Looks twice whether the lanes are empty, because a table that is being compacted looks empty.
   */
  async #isDrainedAfter(signal: AbortSignal, maxRows: number): Promise<boolean> {
    return (await this.#cycle(signal, maxRows)) && (await this.#cycle(signal, maxRows))
  }

  /** Moves the rows that the lanes hold. @returns whether every lane was seen empty */
  async #cycle(signal: AbortSignal, maxRows = Number.POSITIVE_INFINITY): Promise<boolean> {
    this.#health.beat()
    // A relay that stands by asks only whether a row waits, because a count reads each dead row.
    const peekRows = this.#stoodBack ? 1 : this.#limits.batchEntries * PEEKED_BATCHES
    const peeked = await this.#statements.peekLanes(peekRows)
    this.#parallelMoves.sawHead(peeked.head)
    await this.#identity.check()
    await this.#logWatch.look()
    this.#upkeep.keepPartitions()
    if (peeked.wasEmptied && (await this.#upkeep.declareGap())) {
      this.#tell((told) => told.gapDeclared())
    }
    const isEmpty = peeked.waiting.length === 0 && !peeked.importWaits && !peeked.wasEmptied
    const cycle = new Cycle({
      statements: this.#statements,
      parallelMoves: this.#parallelMoves,
      limits: { ...this.#limits, batchEntries: this.#batchSize.entries },
      maxRows: maxRows - this.#counters.claimed,
      signal,
      onMoved: (lane, moved, durationMs) => this.#moved(lane, moved, durationMs),
    })
    const left = await cycle.move(peeked)
    this.#hasBacklog = left.length > 0
    this.#stoodBack = cycle.stoodBack
    if (cycle.stoodBack) this.#standingBack.stoodBack(await this.#statements.whoMoves())
    else this.#standingBack.wentOn()
    if (!isEmpty && !signal.aborted) {
      const compacted = await this.#upkeep.compact()
      if (compacted) this.#tell((told) => told.compacted(compacted))
    }
    this.#health.cycled()
    this.#tell((told) => told.cycleCompleted())
    return isEmpty
  }

  #moved(lane: MovedLane, moved: Moved, durationMs: number): void {
    if (moved.claimed === 0) return
    this.#batchSize.moved()
    this.#health.moved()
    this.#tell((told) => told.batchMoved(lane, moved, durationMs))
    if (moved.parked === 0) return
    this.#logger.error(
      { lane, deadLetters: moved.parked },
      'the log refused audit entries; they are dead letters now',
    )
  }

  #failed(error: unknown): void {
    this.#batchSize.failed(error)
    this.#health.failed(error)
    this.#tell((told) => told.failed(error))
    this.#outage.failed(error)
  }

  #tell(what: (observer: RelayObserver) => void): void {
    for (const observer of this.#observers) what(observer)
  }
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID`, naming every option that is wrong */
export function createRelay(options: RelayOptions = {}): Relay {
  return new Relay(options)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function idle(waitMs: number, signal: AbortSignal): Promise<void> {
  // Never shorter than configured, so that there are not more queries than configured.
  const jitteredMs = waitMs * (1 + Math.random() * (JITTER - 1))
  // An abort ends the wait, so the rejection is expected.
  await sleep(jitteredMs, undefined, { signal }).catch(() => {})
}

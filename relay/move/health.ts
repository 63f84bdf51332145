import type { DatabaseFault } from '../../src/errors.ts'
import { explain } from '../../src/database/faults.ts'
import { holderHint, type LongHolder } from '../maintenance/log-watch.ts'
import { blockedHint, type StoodBack } from './standing-back.ts'

export interface RelayHealth {
  /** Whether it completes cycles, and so can read the lanes and write the log. */
  readonly isReady: boolean
  /** Whether its own loop runs, also while the database is away. */
  readonly isAlive: boolean
  /** Why it is not ready. Undefined where it is. */
  readonly reason: 'starting' | 'failing' | 'stalled' | 'blocked' | 'stopping' | undefined
  /** The last failure since the last completed cycle, and what can be done about it. */
  readonly fault: DatabaseFault | undefined
  readonly hint: string | undefined
  /** Attempts that failed since the last completed cycle. */
  readonly failures: number
  /** Milliseconds since the last completed cycle; null before the first. */
  readonly lastCycleAgeMs: number | null
  /** How long it has stood back, and behind whom; null while it does not. */
  readonly stoodBack: StoodBack | null
  /** Who has held a lock of the log for too long; null where nobody has. Moving goes on meanwhile. */
  readonly logHeld: LongHolder | null
}

export interface HealthLimits {
  readonly pollMaxMs: number
  readonly statementTimeoutMs: number
}

export interface HealthParts {
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
  /** Default: it never stands back. */
  readonly stoodBack?: () => StoodBack | undefined
  /** Default: nobody holds the log. */
  readonly logHeld?: () => LongHolder | undefined
}

const CYCLES = 3
/** A shorter time could be a pause of the machine or of the garbage collector. */
const MIN_STALLED_MS = 2_000
/** The longest wait between two attempts on a database that is away. */
const MAX_RETRY_WAIT_MS = 5_000
const ALIVE_MARGIN_MS = 10_000
/**
 * An idle wait is up to this many times as long as it should be, so that relays get out of step.
 */
export const JITTER = 1.25

/**
 * Judges a relay by its completed cycles. A query of a health check would run on another
 * connection, and would prove only that the server answers there.
 *
 * It turns red with the third failure in a row. It also turns red when no cycle was completed and
 * no batch moved in the time of three idle cycles, as when the network drops every packet. The next
 * completed cycle turns it green.
 */
export class Health {
  readonly stalledAfterMs: number
  readonly deadAfterMs: number
  readonly #now: () => number
  readonly #stoodBack: () => StoodBack | undefined
  readonly #logHeld: () => LongHolder | undefined
  #startedMs: number | undefined
  #cycledMs: number | undefined
  #movedMs: number | undefined
  #beatMs: number | undefined
  #failures = 0
  #lastError: unknown
  #isStopping = false

  constructor({ pollMaxMs, statementTimeoutMs }: HealthLimits, parts: HealthParts = {}) {
    const longestWaitMs = pollMaxMs * JITTER
    this.stalledAfterMs = Math.max(MIN_STALLED_MS, CYCLES * longestWaitMs)
    // Between two beats there is at most one statement, which has a deadline, and one wait.
    this.deadAfterMs =
      statementTimeoutMs + Math.max(MAX_RETRY_WAIT_MS, longestWaitMs) + ALIVE_MARGIN_MS
    const { now = () => performance.now(), stoodBack, logHeld } = parts
    this.#now = now
    this.#stoodBack = stoodBack ?? (() => undefined)
    this.#logHeld = logHeld ?? (() => undefined)
  }

  /** To be told each time that the loop begins or ends something, whether it succeeds or fails. */
  beat(): void {
    this.#beatMs = this.#now()
    this.#startedMs ??= this.#beatMs
  }

  cycled(): void {
    this.moved()
    this.#cycledMs = this.#now()
    this.#failures = 0
    this.#lastError = undefined
  }

  /** To be told of each batch. Then nothing hangs, though the cycle may still fail. */
  moved(): void {
    this.beat()
    this.#movedMs = this.#now()
  }

  failed(error: unknown): void {
    this.beat()
    this.#failures += 1
    this.#lastError = error
  }

  stopping(): void {
    this.#isStopping = true
  }

  read(): RelayHealth {
    const nowMs = this.#now()
    const since = (ms: number | undefined) => (ms === undefined ? 0 : nowMs - ms)
    const stoodBack = this.#stoodBack() ?? null
    const logHeld = this.#logHeld() ?? null
    const reason = this.#reason(since(this.#movedMs ?? this.#startedMs), stoodBack)
    const { fault, hint } = this.#lastError
      ? explain(this.#lastError)
      : { fault: undefined, hint: undefined }
    return {
      isReady: reason === undefined,
      isAlive: this.#isStopping || since(this.#beatMs) <= this.deadAfterMs,
      reason,
      fault,
      hint: hint ?? hintOf(reason, stoodBack) ?? (logHeld ? holderHint(logHeld) : undefined),
      failures: this.#failures,
      lastCycleAgeMs: this.#cycledMs === undefined ? null : Math.round(since(this.#cycledMs)),
      stoodBack,
      logHeld,
    }
  }

  #reason(sinceMs: number, stoodBack: StoodBack | null): RelayHealth['reason'] {
    if (this.#isStopping) return 'stopping'
    if (this.#failures >= CYCLES) return 'failing'
    if (sinceMs > this.stalledAfterMs) return 'stalled'
    if (stoodBack?.isBlocked) return 'blocked'
    return this.#cycledMs === undefined ? 'starting' : undefined
  }
}

function hintOf(reason: RelayHealth['reason'], stoodBack: StoodBack | null): string | undefined {
  if (reason === 'stalled') return 'The database does not answer, or slowly.'
  return reason === 'blocked' ? blockedHint(stoodBack?.behind) : undefined
}

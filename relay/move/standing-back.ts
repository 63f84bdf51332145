import type { AuditLogger } from '../../src/logger.ts'
import type { Mover } from './who-moves.ts'

/** How long a relay has stood back, and behind whom. */
export interface StoodBack {
  readonly forMs: number
  /** The session that moves, or that keeps the relay from moving. None where it had ended. */
  readonly behind: Mover | undefined
  /** Whether that session is no relay, or is a relay that makes no progress. */
  readonly isBlocked: boolean
}

export interface StandingBackOptions {
  readonly logger: AuditLogger
  /** The time within which a relay's batch ends or fails, in milliseconds. */
  readonly statementTimeoutMs: number
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}

/** A person may lock the head for a moment, in milliseconds, before it is an alarm. */
const STRANGER_MS = 1_000
/** Relays take turns all the time, so a shorter time is not logged, in milliseconds. */
const WORTH_A_LINE_MS = 10_000
const REPEAT_EVERY_MS = 10_000

/**
 * Watches a relay that stands back. It may stand back behind another relay without a limit of time.
 * It is blocked behind a session that is no relay, and behind a transaction that takes longer than
 * any statement of a relay may take. Then nobody moves, and only a person can help.
 */
export class StandingBack {
  readonly #options: Required<StandingBackOptions>
  #sinceMs: number | undefined
  #behind: Mover | undefined
  #behindSinceMs = 0
  #lineMs = Number.NEGATIVE_INFINITY
  #wasTold = false

  constructor(options: StandingBackOptions) {
    this.#options = { now: () => performance.now(), ...options }
  }

  /** To be told of each cycle in which the relay stood back, and behind which sessions. */
  stoodBack(movers: readonly Mover[]): void {
    const nowMs = this.#options.now()
    this.#sinceMs ??= nowMs
    const [behind] = movers
    if (behind === undefined || behind.transaction !== this.#behind?.transaction) {
      this.#behindSinceMs = nowMs
    }
    this.#behind = behind
    this.#log(nowMs)
  }

  /** To be told of each cycle in which the relay did not stand back. */
  wentOn(): void {
    const { logger, now } = this.#options
    if (this.#wasTold && this.#sinceMs !== undefined) {
      const stoodBackMs = Math.round(now() - this.#sinceMs)
      logger.info({ stoodBackMs }, 'relay stands back no longer')
    }
    this.#sinceMs = undefined
    this.#behind = undefined
    this.#wasTold = false
    this.#lineMs = Number.NEGATIVE_INFINITY
  }

  /** Undefined where it does not stand back. */
  read(): StoodBack | undefined {
    if (this.#sinceMs === undefined) return undefined
    const nowMs = this.#options.now()
    return {
      forMs: Math.round(nowMs - this.#sinceMs),
      behind: this.#behind,
      isBlocked: this.#isBlocked(nowMs),
    }
  }

  #isBlocked(nowMs: number): boolean {
    if (this.#behind === undefined) return false
    const { statementTimeoutMs } = this.#options
    const patienceMs = this.#behind.isRelay ? statementTimeoutMs : STRANGER_MS
    return nowMs - this.#behindSinceMs > patienceMs
  }

  #log(nowMs: number): void {
    const { logger } = this.#options
    const stoodBack = this.read()
    if (stoodBack === undefined || nowMs - this.#lineMs < REPEAT_EVERY_MS) return
    const { forMs: stoodBackMs, behind, isBlocked } = stoodBack
    if (!isBlocked && (this.#wasTold || stoodBackMs < WORTH_A_LINE_MS)) return
    this.#wasTold = true
    this.#lineMs = nowMs
    if (isBlocked) {
      logger.error({ stoodBackMs, behind, hint: blockedHint(behind) }, 'relay is kept from moving')
    } else {
      logger.info({ stoodBackMs, behind }, 'relay stands back: another relay moves')
    }
  }
}

/** What a person can do about it. */
export function blockedHint(behind: Mover | undefined): string {
  const who = behind?.isRelay ? 'a relay that makes no progress' : 'no relay'
  const cure =
    behind?.pid == null
      ? 'It is a prepared transaction: see pg_prepared_xacts.'
      : `End it with "select pg_terminate_backend(${behind.pid})".`
  return `A session of the login ${behind?.login ?? '(unknown)'} holds audit_head, and it is ${who}. ${cure}`
}

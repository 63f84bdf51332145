import type { AuditLogger } from '../../src/logger.ts'
import { faultKind } from '../../src/database/faults.ts'

/** A session that holds a lock of the log, and the transaction in which it does. */
export type LogSession = {
  /** Null where no session holds it: a prepared transaction does. */
  readonly pid: number | null
  /** Null for a worker of the server, such as autovacuum, which gives way by itself. */
  readonly login: string | null
  readonly application: string | null
  readonly transaction: string
  /** How long its transaction has been open, in milliseconds; null where that cannot be seen. */
  readonly forMs: number | null
}

/** A session that has held the log's lock for too long. */
export type LongHolder = Omit<LogSession, 'transaction' | 'forMs'> & {
  /** How long at least, in milliseconds. */
  readonly forMs: number
}

export interface LogWatchOptions {
  readonly statements: { watchLog(): Promise<readonly LogSession[]> }
  /** A session that holds a lock of the log for longer is an alarm, in milliseconds. */
  readonly maxLockMs: number
  readonly logger: AuditLogger
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}

const LOOK_EVERY_MS = 30_000
const REPEAT_EVERY_MS = 600_000

/**
 * Watches who holds a lock of the log. A login that may only read can hold one for as long as its
 * transaction is open. Entries are moved meanwhile, but no partition can be made, and no migration
 * gets through. Postgres hides from us when another login's transaction began, so its beginning is
 * when it was first seen.
 */
export class LogWatch {
  readonly #options: Required<LogWatchOptions>
  readonly #sinceMs = new Map<string, number>()
  #longest: { readonly session: LogSession; readonly sinceMs: number } | undefined
  #dueMs = Number.NEGATIVE_INFINITY
  #lineMs = Number.NEGATIVE_INFINITY
  #wasTold = false

  constructor(options: LogWatchOptions) {
    this.#options = { now: () => performance.now(), ...options }
  }

  /** Looks, at most every 30 s. Fails only where the connection does. */
  async look(): Promise<void> {
    const { statements, maxLockMs, now } = this.#options
    if (now() < this.#dueMs) return
    this.#dueMs = now() + Math.min(LOOK_EVERY_MS, maxLockMs)
    try {
      this.#saw(await statements.watchLog())
    } catch (error) {
      if (faultKind(error) === 'connection') throw error
    }
  }

  /** The session that has held the log's lock for longest, where that is an alarm. */
  read(): LongHolder | undefined {
    const { maxLockMs, now } = this.#options
    if (this.#longest === undefined) return undefined
    const { session, sinceMs } = this.#longest
    const forMs = Math.round(now() - sinceMs)
    if (forMs <= maxLockMs) return undefined
    const { pid, login, application } = session
    return { pid, login, application, forMs }
  }

  #saw(sessions: readonly LogSession[]): void {
    const nowMs = this.#options.now()
    const before = new Map(this.#sinceMs)
    this.#sinceMs.clear()
    this.#longest = undefined
    for (const session of sessions) {
      if (session.login === null && session.pid !== null) continue
      const key = `${session.pid} ${session.transaction}`
      const seenMs = before.get(key) ?? nowMs
      const sinceMs = Math.min(seenMs, nowMs - (session.forMs ?? 0))
      this.#sinceMs.set(key, sinceMs)
      if (this.#longest === undefined || sinceMs < this.#longest.sinceMs) {
        this.#longest = { session, sinceMs }
      }
    }
    this.#log(nowMs)
  }

  #log(nowMs: number): void {
    const { logger } = this.#options
    const holder = this.read()
    if (holder === undefined) {
      if (this.#wasTold) logger.info({}, 'no session holds a lock of the log for long any more')
      this.#wasTold = false
      this.#lineMs = Number.NEGATIVE_INFINITY
      return
    }
    if (nowMs - this.#lineMs < REPEAT_EVERY_MS) return
    this.#wasTold = true
    this.#lineMs = nowMs
    logger.error({ holder, hint: holderHint(holder) }, 'a session holds a lock of the log for long')
  }
}

/** What a person can do about it. */
export function holderHint({ pid, login, forMs }: LongHolder): string {
  const seconds = Math.round(forMs / 1_000)
  const cure =
    pid === null
      ? 'It is a prepared transaction: see pg_prepared_xacts.'
      : `End it with "select pg_terminate_backend(${pid})".`
  return `A session of the login ${login ?? '(unknown)'} has held a lock of the log for ${seconds} s; no partition can be made meanwhile. ${cure}`
}

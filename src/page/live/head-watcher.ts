import { setTimeout as sleep } from 'node:timers/promises'
import { lastSeq } from '../../read/tail-query.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'

const POLL_MS = 250
const POLL_AFTER_FAILURE_MS = 1_000

/**
 * Watches the log's last number for all open live views at once, four times a second, and only while
 * one is open. A tail polls a quiet log once a second; the event `logged` wakes it earlier.
 *
 * Events: `logged` when the log has grown, `lost` when the database cannot be read any more, `found`
 * when it can be read again.
 */
export class HeadWatcher extends EventTarget {
  readonly #db: AuditDatabase
  #watchers = 0
  #polling: AbortController | undefined
  #isLost = false

  constructor(db: AuditDatabase) {
    super()
    this.#db = db
  }

  get isLost(): boolean {
    return this.#isLost
  }

  /** @returns stops watching; a second call does nothing */
  watch(): () => void {
    this.#watchers += 1
    if (this.#polling === undefined) {
      this.#polling = new AbortController()
      void this.#poll(this.#polling.signal)
    }
    let isWatching = true
    return () => {
      if (!isWatching) return
      isWatching = false
      this.#watchers -= 1
      if (this.#watchers > 0) return
      this.#polling?.abort()
      this.#polling = undefined
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    let seenSeq = 0
    while (!signal.aborted) {
      try {
        const seq = await lastSeq(this.#db)
        this.#setLost(false)
        if (seq !== seenSeq) this.dispatchEvent(new Event('logged'))
        seenSeq = seq
      } catch {
        this.#setLost(true)
      }
      const waitMs = this.#isLost ? POLL_AFTER_FAILURE_MS : POLL_MS
      // `sleep` rejects when the last watcher leaves, which ends the loop.
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {})
    }
  }

  #setLost(isLost: boolean): void {
    if (isLost === this.#isLost) return
    this.#isLost = isLost
    this.dispatchEvent(new Event(isLost ? 'lost' : 'found'))
  }
}

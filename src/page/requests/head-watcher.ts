import { setTimeout as sleep } from 'node:timers/promises'
import { lastSeq } from '../../read/tail.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'

const BEAT_MS = 250
const FAILED_BEAT_MS = 1_000

/**
 * Looks whether the log has grown, four times a second, once for all who watch and only while
 * somebody does. A tail by itself looks once a second when it is quiet; an event `logged` wakes it.
 * `lost` and `found` tell when the database cannot be read, and when it can again.
 */
export class Pulse extends EventTarget {
  readonly #db: AuditDatabase
  #watchers = 0
  #running: AbortController | undefined
  #isLost = false

  constructor(db: AuditDatabase) {
    super()
    this.#db = db
  }

  get isLost(): boolean {
    return this.#isLost
  }

  /** @returns what to call when one has stopped watching; a second call changes nothing */
  watch(): () => void {
    this.#watchers += 1
    if (this.#running === undefined) {
      this.#running = new AbortController()
      void this.#beat(this.#running.signal)
    }
    let isWatching = true
    return () => {
      if (!isWatching) return
      isWatching = false
      this.#watchers -= 1
      if (this.#watchers > 0) return
      this.#running?.abort()
      this.#running = undefined
    }
  }

  async #beat(signal: AbortSignal): Promise<void> {
    let seen = 0
    while (!signal.aborted) {
      try {
        const last = await lastSeq(this.#db)
        this.#tell(false)
        if (last !== seen) this.dispatchEvent(new Event('logged'))
        seen = last
      } catch {
        this.#tell(true)
      }
      const waitMs = this.#isLost ? FAILED_BEAT_MS : BEAT_MS
      // Aborting is how it ends, so the rejection is the expected end of the wait.
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {})
    }
  }

  #tell(isLost: boolean): void {
    if (isLost === this.#isLost) return
    this.#isLost = isLost
    this.dispatchEvent(new Event(isLost ? 'lost' : 'found'))
  }
}

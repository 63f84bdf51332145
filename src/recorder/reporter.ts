import type { Report } from '../lanes/recorder-statements.ts'

export interface ReporterParts {
  readonly intervalMs: number
  readonly counts: () => Omit<Report, 'closed'>
  readonly send: (report: Report) => Promise<void>
}

/**
 * Reports a recorder's counts to the database: with its first batch, then at most once an interval
 * while they change, and when it closes. While the counts stay the same, no timer runs.
 *
 * The reports go into a LOGGED table. After a SIGKILL the last report tells how many entries
 * existed, so only entries accepted after it can be lost uncounted.
 */
export class Reporter {
  readonly #parts: ReporterParts
  #timer: NodeJS.Timeout | undefined
  #lastMs = Number.NEGATIVE_INFINITY
  #sending = Promise.resolve()
  #isStopped = false
  /** Whether the counts have changed since the last report began. */
  #isDue = false

  constructor(parts: ReporterParts) {
    this.#parts = parts
  }

  /** Call this when the counts have changed. It does no I/O, so it is cheap. */
  changed(): void {
    this.#isDue = true
    if (this.#timer || this.#isStopped) return
    const waitMs = Math.max(0, this.#lastMs + this.#parts.intervalMs - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#report(false)
    }, waitMs)
    // The timer does not keep the process alive. An application that wants the last counts reported
    // calls close().
    this.#timer.unref()
  }

  /** Reports now, if there is anything new. Never rejects. */
  async now(): Promise<void> {
    if (!this.#isDue || this.#isStopped) return await this.#sending
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#report(false)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /**
   * Sends the last report. Never rejects, because a failed report costs no entry, only the counts.
   */
  async close(): Promise<void> {
    this.stop()
    await this.#report(true)
  }

  #report(closed: boolean): Promise<void> {
    this.#lastMs = performance.now()
    this.#isDue = false
    this.#sending = this.#sending.then(() => this.#send(closed))
    return this.#sending
  }

  async #send(closed: boolean): Promise<void> {
    const { counts, send } = this.#parts
    try {
      await send({ ...counts(), closed })
    } catch {
      // The flusher logs that the database is away. There may be no next batch to report with.
      this.changed()
    }
  }
}

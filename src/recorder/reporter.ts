import type { Report } from '../lanes/recorder-statements.ts'

export interface ReporterParts {
  readonly intervalMs: number
  readonly counts: () => Omit<Report, 'closed'>
  /** Called before each report but the last. */
  readonly onReport: () => void
  readonly send: (report: Report) => Promise<void>
}

/**
 * Tells the database a recorder's own counts: with its first batch, then at most once an interval
 * while they change, and when it closes. A recorder with nothing new to say keeps no timer.
 *
 * What it has said last bounds what a SIGKILL can cost, so it is written into a LOGGED table.
 */
export class Reporter {
  readonly #parts: ReporterParts
  #timer: NodeJS.Timeout | undefined
  #lastMs = Number.NEGATIVE_INFINITY
  #sending = Promise.resolve()
  #isStopped = false

  constructor(parts: ReporterParts) {
    this.#parts = parts
  }

  /** The counts have changed. Cheap: it does no I/O. */
  changed(): void {
    if (this.#timer || this.#isStopped) return
    const waitMs = Math.max(0, this.#lastMs + this.#parts.intervalMs - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#parts.onReport()
      this.#report(false)
    }, waitMs)
    // The process may end while it waits: whoever wants the last counts reported calls close().
    this.#timer.unref()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** The last report. Never rejects: a report that fails is a count that is not known, no more. */
  async close(): Promise<void> {
    this.stop()
    await this.#report(true)
  }

  #report(closed: boolean): Promise<void> {
    this.#lastMs = performance.now()
    this.#sending = this.#sending.then(() => this.#send(closed))
    return this.#sending
  }

  async #send(closed: boolean): Promise<void> {
    const { counts, send } = this.#parts
    try {
      await send({ ...counts(), closed })
    } catch {
      // The database is away, which the flusher says. There may be no next batch to report with.
      this.changed()
    }
  }
}

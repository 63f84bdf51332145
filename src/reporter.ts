import { type SQL, sql } from 'drizzle-orm'
import type { DropReason } from './entry.ts'

export interface RecorderCounts {
  readonly accepted: number
  readonly staged: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
}

export interface ReporterParts {
  readonly recorderId: string
  readonly startedAt: Date
  readonly intervalMs: number
  readonly counts: () => RecorderCounts
  /** Called before each report but the last. */
  readonly onReport: () => void
  readonly execute: (query: SQL) => Promise<unknown>
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

  constructor(parts: ReporterParts) {
    this.#parts = parts
  }

  /** The counts have changed, and the database was there a moment ago. */
  changed(): void {
    if (this.#timer) return
    const waitMs = Math.max(0, this.#lastMs + this.#parts.intervalMs - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#parts.onReport()
      this.#report(false)
    }, waitMs)
    // The process may end while it waits: whoever wants the last counts reported calls close().
    this.#timer.unref()
  }

  /** The last report. Never rejects: a report that fails is a count that is not known, no more. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#report(true)
  }

  #report(closed: boolean): Promise<void> {
    this.#lastMs = performance.now()
    this.#sending = this.#sending.then(() => this.#send(closed))
    return this.#sending
  }

  async #send(closed: boolean): Promise<void> {
    const { recorderId, startedAt, counts, execute } = this.#parts
    const { accepted, staged, dropped } = counts()
    try {
      await execute(sql`
        select audit.report(
          ${recorderId}::uuid, ${startedAt.toISOString()}::timestamptz, ${accepted}::bigint,
          ${staged}::bigint, ${JSON.stringify(dropped)}::text::jsonb, ${closed}::boolean)`)
    } catch {
      // The database is away, which the flusher says; the next batch that is staged reports again.
    }
  }
}

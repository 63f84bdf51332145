import type { ReadRecorder } from './note-read.ts'

export interface DeniedReadsOptions {
  /** Undefined: nothing is written down. */
  readonly recorder: ReadRecorder | undefined
  /** @default 60 000 */
  readonly windowMs?: number
}

/** Entries of one window. All others are counted. */
const MAX_ENTRIES = 5
const MAX_REASONS = 10
const OTHER = 'other'
const WINDOW_MS = 60_000

/**
 * Writes down who could not get in, at a bounded rate, because an attempt costs nothing and must not
 * fill the log. Of each minute the first five are entries of their own; the others are
 * counted, and one entry at the minute's end says how many there were.
 */
export class DeniedReads {
  readonly #recorder: ReadRecorder | undefined
  readonly #windowMs: number
  readonly #leftOut = new Map<string, number>()
  #written = 0
  #sinceMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor({ recorder, windowMs = WINDOW_MS }: DeniedReadsOptions) {
    this.#recorder = recorder
    this.#windowMs = windowMs
  }

  /** @param context who asked, as far as it is known */
  note(reason: string, context: Readonly<Record<string, string>>): void {
    if (this.#recorder === undefined) return
    if (this.#timer === undefined) {
      this.#sinceMs = Date.now()
      this.#timer = setTimeout(() => this.flush(), this.#windowMs)
      this.#timer.unref()
    }
    if (this.#written < MAX_ENTRIES) {
      this.#written += 1
      const metadata = { reason }
      if (this.#recorder.record({ action: 'audit.read_denied', metadata, context })) return
    }
    const isNew = !this.#leftOut.has(reason)
    const counted = isNew && this.#leftOut.size >= MAX_REASONS ? OTHER : reason
    this.#leftOut.set(counted, (this.#leftOut.get(counted) ?? 0) + 1)
  }

  /** Ends the minute: says how many were left out. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#written = 0
    if (this.#leftOut.size === 0) return
    const reasons = Object.fromEntries(this.#leftOut)
    const leftOut = [...this.#leftOut.values()].reduce((sum, count) => sum + count, 0)
    this.#leftOut.clear()
    const metadata = {
      ...{ leftOut, reasons, since: new Date(this.#sinceMs).toISOString() },
    }
    this.#recorder?.record({ action: 'audit.read_denied', metadata, context: {} })
  }
}

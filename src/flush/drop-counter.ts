import type { DropReason } from '../entry.ts'
import type { EntryLabel } from '../encode/log-label.ts'
import type { AuditLogger } from '../logger.ts'

/** Warnings of one kind are this far apart, at least. */
export const WARN_EVERY_MS = 1_000
/** How many of the lost entries a warning names. */
export const MAX_LABELS = 5

/**
 * Counts what was refused or lost, by reason, and warns at most once a second.
 *
 * The warning is written later, from a timer of its own: `record()` does no I/O, and a logger that
 * records must not call itself through us.
 */
export class DropCounter {
  readonly #logger: AuditLogger
  readonly #total: Partial<Record<DropReason, number>> = {}
  #unsaid: Partial<Record<DropReason, number>> = {}
  #unrecorded: Partial<Record<DropReason, number>> | undefined
  #labels: EntryLabel[] = []
  #timer: NodeJS.Timeout | undefined
  #lastWarnedMs = Number.NEGATIVE_INFINITY

  constructor(logger: AuditLogger) {
    this.#logger = logger
  }

  /** By reason; a reason that never occurred is absent. */
  get byReason(): Readonly<Partial<Record<DropReason, number>>> {
    return { ...this.#total }
  }

  get total(): number {
    return Object.values(this.#total).reduce((sum, count) => sum + count, 0)
  }

  count(reason: DropReason, entries = 1, labels: readonly EntryLabel[] = []): void {
    this.#total[reason] = (this.#total[reason] ?? 0) + entries
    this.#unsaid[reason] = (this.#unsaid[reason] ?? 0) + entries
    this.#unrecorded ??= {}
    this.#unrecorded[reason] = (this.#unrecorded[reason] ?? 0) + entries
    for (const label of labels) {
      if (this.#labels.length < MAX_LABELS) this.#labels.push(label)
    }
    if (this.#timer) return
    const waitMs = Math.max(0, this.#lastWarnedMs + WARN_EVERY_MS - performance.now())
    this.#timer = setTimeout(() => this.warn(), waitMs)
    this.#timer.unref()
  }

  /** What was counted since the last call, for the log itself; undefined where nothing was. */
  takeUnrecorded(): Partial<Record<DropReason, number>> | undefined {
    const taken = this.#unrecorded
    this.#unrecorded = undefined
    return taken
  }

  /** It could not be recorded after all. */
  returnUnrecorded(taken: Readonly<Partial<Record<DropReason, number>>>): void {
    this.#unrecorded ??= {}
    for (const reason of Object.keys(taken) as DropReason[]) {
      this.#unrecorded[reason] = (this.#unrecorded[reason] ?? 0) + (taken[reason] ?? 0)
    }
  }

  /** Says now what is still unsaid: at the end of a close there is no later. */
  warn(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (Object.keys(this.#unsaid).length === 0) return
    this.#lastWarnedMs = performance.now()
    const entries = this.#labels.length > 0 ? { entries: this.#labels } : {}
    this.#logger.warn(
      { dropped: this.#unsaid, droppedTotal: this.total, ...entries },
      'audit entries dropped',
    )
    this.#unsaid = {}
    this.#labels = []
  }
}

import type { DropReason } from '../entry.ts'
import type { EntryLabel } from '../encode/log-label.ts'
import type { AuditLogger } from '../logger.ts'

/** The least time between two warnings of one kind, in milliseconds. */
export const WARN_EVERY_MS = 1_000
/** How many of the lost entries a warning names. */
export const MAX_LABELS = 5

/**
 * Counts refused and lost entries by reason, and warns of them at most once a second.
 *
 * A timer writes the warning later, because `record()` does no I/O and a logger that records must
 * not cause a call to itself.
 */
export class DropCounter {
  readonly #logger: AuditLogger
  readonly #total: Partial<Record<DropReason, number>> = {}
  #unsaid: Partial<Record<DropReason, number>> = {}
  #labels: EntryLabel[] = []
  #timer: NodeJS.Timeout | undefined
  #lastWarnedMs = Number.NEGATIVE_INFINITY
  #hasSaidReserved = false

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
    for (const label of labels) {
      if (this.#labels.length < MAX_LABELS) this.#labels.push(label)
    }
    if (this.#timer) return
    const waitMs = Math.max(0, this.#lastWarnedMs + WARN_EVERY_MS - performance.now())
    this.#timer = setTimeout(() => this.warn(), waitMs)
    this.#timer.unref()
  }

  /**
   * Writes the outstanding warning now. `close()` ends with this call, because nothing can warn
   * later.
   */
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
    if (this.#unsaid.reserved !== undefined && !this.#hasSaidReserved) {
      this.#hasSaidReserved = true
      this.#logger.warn(
        {},
        'actions of the entity "audit" are the product\'s own, such entries are dropped: use another ' +
          'entity name, such as "auditing.start" for "audit.start"',
      )
    }
    this.#unsaid = {}
    this.#labels = []
  }
}

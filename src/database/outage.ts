import type { AuditLogger } from '../logger.ts'
import { explain } from './faults.ts'

const REPEAT_EVERY_MS = 10_000

/** Logs one line when an outage begins, one when it ends, and at most one every 10 s in between. */
export class Outage {
  readonly #logger: AuditLogger
  readonly #messages: { readonly begins: string; readonly goesOn: string; readonly ends: string }
  #sinceMs: number | undefined
  #lastLineMs = 0
  #failures = 0

  constructor(
    logger: AuditLogger,
    messages: { readonly begins: string; readonly goesOn: string; readonly ends: string },
  ) {
    this.#logger = logger
    this.#messages = messages
  }

  get isOn(): boolean {
    return this.#sinceMs !== undefined
  }

  failed(error: unknown, fields: object = {}): void {
    const nowMs = performance.now()
    this.#failures += 1
    const begins = this.#sinceMs === undefined
    this.#sinceMs ??= nowMs
    if (!begins && nowMs - this.#lastLineMs < REPEAT_EVERY_MS) return
    this.#lastLineMs = nowMs
    const message = begins ? this.#messages.begins : this.#messages.goesOn
    const outage = { failures: this.#failures, outageMs: Math.round(nowMs - this.#sinceMs) }
    this.#logger.warn({ ...fields, ...outage, ...explain(error) }, message)
  }

  recovered(fields: object = {}): void {
    if (this.#sinceMs === undefined) return
    const outageMs = Math.round(performance.now() - this.#sinceMs)
    this.#logger.info({ ...fields, failures: this.#failures, outageMs }, this.#messages.ends)
    this.#sinceMs = undefined
    this.#failures = 0
  }
}

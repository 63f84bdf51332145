import { AuditError, databaseFault } from '../../src/errors.ts'

/** query_canceled: the server did not finish a statement within `statement_timeout`. */
const CANCELED = '57014'
/** After a batch that was moved, the next one may be larger by this share of the limit. */
const GROWTH_SHARE = 1 / 32

/**
 * How many entries a move may take: the relay's limit on a server that is quick enough. After each
 * move that took too long it is half as many, so that a slow server moves small batches and not none.
 * Then it grows in small steps, because each move that takes too long moves nothing.
 */
export class BatchSize {
  readonly #limit: number
  #entries: number

  /** @param limit the option `batchEntries` */
  constructor(limit: number) {
    this.#limit = limit
    this.#entries = limit
  }

  get entries(): number {
    return this.#entries
  }

  failed(error: unknown): void {
    const wasLate =
      databaseFault(error).code === CANCELED ||
      (error instanceof AuditError && error.code === 'AUDIT_DEADLINE_PASSED')
    if (wasLate) this.#entries = Math.max(1, this.#entries >> 1)
  }

  moved(): void {
    this.#entries = Math.min(this.#limit, this.#entries + Math.ceil(this.#limit * GROWTH_SHARE))
  }
}

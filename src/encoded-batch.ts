import type { Encoder, Row } from './encode.ts'
import type { PendingEntry } from './pending.ts'

/** Entries on their way to the fast lane, with what is to be staged of them. */
export class EncodedBatch {
  readonly #encoder: Encoder
  readonly #entries: PendingEntry[] = []
  readonly #rows: Row[] = []
  readonly #numbers: number[] = []
  /** Rows as JSON, slice after slice. */
  readonly #texts: string[] = []
  #sealed = 0

  constructor(encoder: Encoder) {
    this.#encoder = encoder
  }

  get entries(): readonly PendingEntry[] {
    return this.#entries
  }

  /** The last entry's running number. */
  get lastSeq(): number {
    return this.#numbers.at(-1) ?? 0
  }

  /** @throws what the encoder throws, with nothing added */
  add(pending: PendingEntry, recorderSeq: number): void {
    this.#put(pending, recorderSeq, this.#encoder.rowOf(pending, recorderSeq))
  }

  #put(pending: PendingEntry, recorderSeq: number, row: Row): void {
    this.#entries.push(pending)
    this.#numbers.push(recorderSeq)
    this.#rows.push(row)
  }

  /** Makes JSON of what was added since the last time: a slice of the work. */
  seal(): void {
    const from = this.#sealed
    this.#sealed = this.#rows.length
    if (from === this.#sealed) return
    this.#texts.push(this.#encoder.joinRows(this.#rows.slice(from), this.#entries.slice(from)))
  }

  /** A JSON array of the rows. */
  toJson(): string {
    this.seal()
    return ['[', this.#texts.join(','), ']'].join('')
  }

  /** The same rows in two batches. */
  halves(): [EncodedBatch, EncodedBatch] {
    const halves = [new EncodedBatch(this.#encoder), new EncodedBatch(this.#encoder)] as const
    const half = Math.ceil(this.#rows.length / 2)
    for (const [at, row] of this.#rows.entries()) {
      const [pending, number] = [this.#entries[at], this.#numbers[at]]
      if (pending !== undefined && number !== undefined) {
        halves[at < half ? 0 : 1].#put(pending, number, row)
      }
    }
    return [...halves]
  }
}

import type { Encoder, Row } from './encode.ts'
import type { PendingEntry } from './pending.ts'

/** Entries on their way to the fast lane, with what is to be staged of them. */
export class EncodedBatch {
  readonly #encoder: Encoder
  readonly #entries: PendingEntry[] = []
  readonly #rows: Row[] = []
  readonly #numbers: number[] = []
  readonly #slices: string[] = []
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

  /** JSON arrays of rows, of all that was sealed. */
  get slices(): readonly string[] {
    return this.#slices
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

  /**
   * Makes a slice of what was added since the last one.
   *
   * @returns how many characters it has
   */
  seal(): number {
    const from = this.#sealed
    this.#sealed = this.#rows.length
    if (from === this.#sealed) return 0
    const slice = this.#encoder.arrayOf(this.#rows.slice(from), this.#entries.slice(from))
    this.#slices.push(slice)
    return slice.length
  }

  /** The same rows in two batches, of one slice each. */
  halves(): [EncodedBatch, EncodedBatch] {
    const halves: [EncodedBatch, EncodedBatch] = [
      new EncodedBatch(this.#encoder),
      new EncodedBatch(this.#encoder),
    ]
    const half = Math.ceil(this.#rows.length / 2)
    for (const [at, row] of this.#rows.entries()) {
      const [pending, number] = [this.#entries[at], this.#numbers[at]]
      if (pending === undefined || number === undefined) continue
      halves[at < half ? 0 : 1].#put(pending, number, row)
    }
    for (const one of halves) one.seal()
    return halves
  }
}

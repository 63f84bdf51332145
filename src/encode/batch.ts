import type { Encoder, EncodedRow } from './encoder.ts'
import { type EncodedSlice, halvesOf, readRow, rowsIn } from './slice.ts'
import { type EntryLabel, labelOf } from './log-label.ts'
import type { CapturedEntry } from '../capture/captured-entry.ts'

/**
 * Entries on their way to the fast lane. Once a slice is sealed, its text is all that is held: while
 * a statement is under way, the engine carries whatever is held through each of its collections.
 * What has to be known of an entry when something fails is read from the text.
 */
export class EncodedBatch {
  readonly #encoder: Encoder
  readonly #sealed: EncodedSlice[]
  #captured: CapturedEntry[] = []
  #rows: EncodedRow[] = []
  #lastSeq: number
  #entries: number
  #bytes = 0

  constructor(encoder: Encoder, sealed: EncodedSlice[] = []) {
    this.#encoder = encoder
    this.#sealed = sealed
    this.#lastSeq = sealed.at(-1)?.lastSeq ?? 0
    this.#entries = sealed.reduce((sum, { entries }) => sum + entries, 0)
  }

  get entries(): number {
    return this.#entries
  }

  /** The estimated size of what was added. */
  get bytes(): number {
    return this.#bytes
  }

  /** The last entry's running number. */
  get lastSeq(): number {
    return this.#lastSeq
  }

  /** JSON arrays of rows, of all that was sealed. */
  get slices(): readonly string[] {
    return this.#sealed.map(({ json }) => json)
  }

  /** @throws what the encoder throws, with nothing added */
  add(captured: CapturedEntry, recorderSeq: number): void {
    this.#rows.push(this.#encoder.rowOf(captured, recorderSeq))
    this.#captured.push(captured)
    this.#lastSeq = recorderSeq
    this.#entries += 1
    this.#bytes += captured.bytes
  }

  /**
   * Makes a slice of what was added since the last one.
   *
   * @returns how many characters it has
   */
  seal(): number {
    const entries = this.#rows.length
    if (entries === 0) return 0
    const json = this.#encoder.arrayOf(this.#rows, this.#captured)
    this.#sealed.push({ json, entries, lastSeq: this.#lastSeq })
    this.#rows = []
    this.#captured = []
    return json.length
  }

  /** What may be logged of its first entries, of so many at most. */
  labels(most: number): EntryLabel[] {
    const rows = this.#sealed.slice(0, most).flatMap((slice) => rowsIn(slice).slice(0, most))
    return rows.slice(0, most).map((row) => {
      const { action, event_id, user_id } = readRow(row)
      return labelOf({ action, eventId: event_id, userId: user_id })
    })
  }

  /** The same rows in two batches. Only a slice that is alone is taken apart. */
  halves(): [EncodedBatch, EncodedBatch] {
    const [only, ...others] = this.#sealed
    const slices = only && others.length === 0 ? halvesOf(only) : this.#sealed
    const half = Math.ceil(slices.length / 2)
    return [
      new EncodedBatch(this.#encoder, slices.slice(0, half)),
      new EncodedBatch(this.#encoder, slices.slice(half)),
    ]
  }
}

import type { CapturedEntry } from '../capture/captured-entry.ts'
import type { EncodedRow, Encoder } from './encoder.ts'
import { type EntryLabel, labelOf } from './log-label.ts'
import { type EncodedSlice, halvesOf, readRow, rowsIn } from './slice.ts'

/**
 * Encoded entries on their way to staging. A sealed slice holds only its text, because every object
 * that is alive during a statement costs time in each of the engine's collections. If something
 * fails, what has to be known of an entry is read back from the text.
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

  /** The estimated size in memory of the entries that were added, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** The last entry's `recorder_seq`. */
  get lastSeq(): number {
    return this.#lastSeq
  }

  /** The sealed slices, each a JSON array of rows. */
  get slices(): readonly string[] {
    return this.#sealed.map(({ json }) => json)
  }

  /** @throws the errors of the encoder. The entry is not added then. */
  add(captured: CapturedEntry, recorderSeq: number): void {
    this.#rows.push(this.#encoder.rowOf(captured, recorderSeq))
    this.#captured.push(captured)
    this.#lastSeq = recorderSeq
    this.#entries += 1
    this.#bytes += captured.bytes
  }

  /**
   * Makes a slice of the entries that were added since the last one.
   *
   * @returns its length in characters; 0 if there were none
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

  /** The JSON of each of its rows, also of those that were not sealed yet, which it seals. */
  rows(): string[] {
    this.seal()
    return this.#sealed.flatMap(rowsIn)
  }

  /**
   * The labels of its first entries, for the log.
   *
   * @param most how many labels at most
   */
  labels(most: number): EntryLabel[] {
    const rows = this.#sealed.slice(0, most).flatMap((slice) => rowsIn(slice).slice(0, most))
    return rows.slice(0, most).map((row) => {
      const { action, event_id, user_id } = readRow(row)
      return labelOf({ action, eventId: event_id, userId: user_id })
    })
  }

  /** The same rows in two batches. A slice is split only if it is the only one. */
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

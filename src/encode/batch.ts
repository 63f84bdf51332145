import type { CapturedEntry } from '../capture/captured-entry.ts'
import type { EncodedRow, Encoder } from './encoder.ts'
import { type EntryLabel, labelOf } from './log-label.ts'
import { oddFieldOf } from './odd-ids.ts'
import { type EncodedSlice, halvesOf, readRow, rowsIn } from './slice.ts'

/** Rows that are not sealed yet. */
class OpenSlice {
  readonly captured: CapturedEntry[] = []
  readonly rows: EncodedRow[] = []
  lastSeq = 0
}

/**
 * Encoded entries on their way to staging. Those with an id that is no UUID have slices of their own,
 * because a database with uuid columns has to look at each of them. A sealed slice holds only its
 * text, because every object that is alive during a statement costs time in each of the engine's
 * collections. If something fails, what has to be known of an entry is read back from the text.
 */
export class EncodedBatch {
  readonly #encoder: Encoder
  readonly #sealed: EncodedSlice[]
  #plain = new OpenSlice()
  #odd = new OpenSlice()
  #lastSeq: number
  #entries: number
  #bytes = 0

  constructor(encoder: Encoder, sealed: EncodedSlice[] = []) {
    this.#encoder = encoder
    this.#sealed = sealed
    this.#lastSeq = sealed.reduce((last, { lastSeq }) => Math.max(last, lastSeq), 0)
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

  /** The sealed slices of rows whose ids are UUIDs, each a JSON array of rows. */
  get slices(): readonly string[] {
    return this.#jsonOf(false)
  }

  /** The sealed slices of all other rows. */
  get oddSlices(): readonly string[] {
    return this.#jsonOf(true)
  }

  #jsonOf(isOdd: boolean): readonly string[] {
    return this.#sealed.filter((slice) => slice.isOdd === isOdd).map(({ json }) => json)
  }

  /** @throws the errors of the encoder. The entry is not added then. */
  add(captured: CapturedEntry, recorderSeq: number): void {
    const isOdd = oddFieldOf(captured) !== undefined
    const row = this.#encoder.rowOf(captured, recorderSeq, isOdd)
    const slice = isOdd ? this.#odd : this.#plain
    slice.rows.push(row)
    slice.captured.push(captured)
    slice.lastSeq = recorderSeq
    this.#lastSeq = recorderSeq
    this.#entries += 1
    this.#bytes += captured.bytes
  }

  /**
   * Makes slices of the entries that were added since the last ones.
   *
   * @returns their length in characters; 0 if there were none
   */
  seal(): number {
    let characters = 0
    for (const open of [this.#plain, this.#odd]) {
      const { rows, captured, lastSeq } = open
      if (rows.length === 0) continue
      const json = this.#encoder.arrayOf(rows, captured)
      this.#sealed.push({ json, entries: rows.length, lastSeq, isOdd: open === this.#odd })
      characters += json.length
    }
    this.#plain = new OpenSlice()
    this.#odd = new OpenSlice()
    return characters
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

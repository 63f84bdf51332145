import type { RefusedRow } from './refused-rows.ts'

/** Rows that are staged, and then waited for, together. */
export interface Window {
  readonly batches: readonly Batch[]
  /** How many rows of the old log were read up to its end, and the key of the last one. */
  readonly read: number
  readonly lastKey: string
  readonly rows: number
  readonly refused: readonly RefusedRow[]
  /** The months of its entries, as `2026-11`. */
  readonly months: ReadonlySet<string>
  /** How many of its entries differ from what was given, by the mark that says how. */
  readonly marks: ReadonlyMap<string, number>
  /** By number: what the server needs to be asked about. */
  readonly origins: ReadonlyMap<number, Origin>
}

/** Rows that go to the lane in one statement. */
export interface Batch {
  readonly plain: readonly string[]
  readonly odd: readonly string[]
}

/** What is known of a row that was not refused yet. */
export interface Origin {
  readonly key: string
  readonly text: string
}

import type { OldRow } from '../mapping/sources.ts'

/** A row of an old log as it was read. */
export interface ReadRow {
  /** Undefined: it is no row, as `fault` says. */
  readonly row: OldRow | undefined
  readonly fault?: string | undefined
  /** What tells it apart in its log; '' where it has none. */
  readonly key: string
  /** As it stands there, to list it where it is refused. */
  readonly text: string
}

/** Where an old log is read from. */
export interface OldLog {
  /** In words without a secret, for the log. */
  readonly name: string
  /**
   * Its rows behind those that were read.
   *
   * @param after how many rows were read, and the key of the last one; null where none was
   */
  rows(after: { readonly read: number; readonly lastKey: string | null }): AsyncIterable<ReadRow>
  close(): Promise<void>
}

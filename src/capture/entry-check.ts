/** Compares entries with the application's catalogue of actions. */
export interface EntryCheck {
  /**
   * Never throws.
   *
   * @param entityType the entry's own
   * @param metadata as it was given
   * @param isInTransaction whether `recordIn` was given the entry
   */
  compare(
    action: string,
    entityType: string | undefined,
    metadata: unknown,
    isInTransaction: boolean,
  ): Comparison
}

export interface Comparison {
  /** What does not fit, for `context.degraded`. */
  readonly marks: readonly string[]
  /** The paths in the metadata that the schema refused; undefined where it refused none. */
  readonly paths: string | undefined
  /** The entity type of an entry that gives none. */
  readonly entityType: string | undefined
}

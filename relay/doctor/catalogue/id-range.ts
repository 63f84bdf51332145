/** The ids of a partition: from the first one, to the one behind the last one. */
export interface IdRange {
  readonly from: string
  readonly to: string
}

/** Undefined for DEFAULT, and for bounds that are not two ids. */
export function idRange(bound: string): IdRange | undefined {
  const [, from, to] =
    /^FOR VALUES FROM \('([0-9a-f-]{36})'\) TO \('([0-9a-f-]{36})'\)$/.exec(bound) ?? []
  return from && to ? { from, to } : undefined
}

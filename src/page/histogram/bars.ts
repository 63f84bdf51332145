import { type SQL, sql } from 'drizzle-orm'
import { type IdRange, type IdWindow, windowsOf } from '../../read/id-windows.ts'
import type { PartitionMap } from '../../read/partitions.ts'

export interface Bar {
  readonly fromMs: number
  readonly toMs: number
  readonly count: number
  /** The count was calculated from a sample, or from sequence numbers. */
  readonly isEstimate: boolean
}

/** Which entries are asked for, and where they lie. */
export interface WantedEntries {
  /** The condition that has an index and most likely matches the fewest entries. */
  readonly first: SQL | undefined
  readonly others: readonly SQL[]
  readonly windows: readonly IdWindow[]
}

/** All windows of a range, the oldest first. */
export function windowsFor(map: PartitionMap, range: IdRange): readonly IdWindow[] {
  return windowsOf(map, { range, isDescending: false, nowMs: Date.now(), isWhole: true })
}

/** An array literal as text, because each driver encodes arrays of ids differently. */
export function idList(ids: readonly string[]): SQL {
  const list = `{${ids.join(',')}}`
  return sql`${sql.param(list)}::pg_catalog.text::pg_catalog.uuid[]`
}

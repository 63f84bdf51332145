import { type SQL, sql } from 'drizzle-orm'
import { type IdRange, type IdWindow, windowsOf } from '../../read/id-windows.ts'
import type { PartitionMap } from '../../read/partitions.ts'
import type { SeenColumns } from '../../query/statements/seen-columns.ts'
import type { KindCounts } from './kinds.ts'

export interface Bar {
  readonly fromMs: number
  readonly toMs: number
  readonly count: number
  /** Together as many as `count`. */
  readonly kinds: KindCounts
  /** The count was calculated from a sample, or from sequence numbers. */
  readonly isEstimate: boolean
}

/** Which entries are asked for, and where they lie. */
export interface WantedEntries {
  /** The condition that has an index and most likely matches the fewest entries. */
  readonly first: SQL | undefined
  /** Where there is no such condition: several with an index, of which one must hold. They may be none. */
  readonly either: readonly SQL[]
  readonly others: readonly SQL[]
  readonly windows: readonly IdWindow[]
  /** What the viewer sees of the columns that are counted. */
  readonly columns: SeenColumns
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

/** All of the conditions of `wanted` but the first one. */
export function othersOf({ either, others }: WantedEntries): SQL {
  const any = either.length === 0 ? [] : [sql`(${sql.join([...either], sql` or `)})`]
  const all = [...others, ...any]
  return all.length > 0 ? sql.join(all, sql` and `) : sql`true`
}

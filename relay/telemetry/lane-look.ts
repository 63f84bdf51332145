import { type SQL, sql } from 'drizzle-orm'
import { isTrue } from '../../src/database/callers-database.ts'
import type { LaneName } from '../../src/lanes/lane.ts'

/** What waits in the lanes. The cost of a look is bounded, however long they are. */
export interface LaneLook {
  /** Rows that wait. Exact up to 4 MiB of the lane's table, beyond that an estimate. */
  readonly depth: Readonly<Record<LaneName, number>>
  readonly isEstimate: Readonly<Record<LaneName, boolean>>
  /** Age of the oldest row of those looked at, in milliseconds; 0 where none waits. */
  readonly oldestAgeMs: Readonly<Record<LaneName, number>>
  /** Rows of an import that wait. Their age says nothing, because they were old when they came. */
  readonly importDepth?: number
}

/** The columns of `audit.backlog` and `audit.status` that `toLaneLook` reads. */
export const LANE_COLUMNS: SQL = sql`
  f.staging_depth, f.staging_is_estimate, f.staging_age_ms,
  f.outbox_depth, f.outbox_is_estimate, f.outbox_age_ms,
  f.import_depth`

export function toLaneLook(row: Readonly<Record<string, unknown>>): LaneLook {
  const byLane = <Value>(read: (lane: LaneName) => Value): Readonly<Record<LaneName, Value>> => ({
    staging: read('staging'),
    outbox: read('outbox'),
  })
  return {
    depth: byLane((lane) => Number(row[`${lane}_depth`])),
    isEstimate: byLane((lane) => isTrue(row[`${lane}_is_estimate`])),
    oldestAgeMs: byLane((lane) => Number(row[`${lane}_age_ms`] ?? 0)),
    importDepth: Number(row['import_depth']),
  }
}

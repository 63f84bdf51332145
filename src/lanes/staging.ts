import { sql } from 'drizzle-orm'
import type { Database } from '../database/connection.ts'
import { insertRows } from './lane.ts'

/** The fast lane as one recorder sees it. */
export interface LaneState {
  /** Changes when the lane was emptied by a crash; null until a relay has noticed. */
  readonly epoch: string | null
  /** The smallest running number of this recorder that is still in the lane; null where none is. */
  readonly firstWaiting: number | null
}

/**
 * Writes a batch into the fast lane, all of it or none, in one statement.
 *
 * @returns the epoch of the lane that it was written to
 */
export async function stageBatch(
  database: Database,
  recorderId: string,
  slices: readonly string[],
): Promise<string | null> {
  const [row] = await database.execute<{ epoch: string | null }>(sql`
    with staged as (${insertRows(recorderId, slices)})
    select audit.lane_epoch()::text as epoch`)
  return row?.epoch ?? null
}

export async function readLaneState(database: Database, recorderId: string): Promise<LaneState> {
  const [row] = await database.execute<{ epoch: string | null; first: number | null }>(sql`
    select epoch::text as epoch, first_waiting::float8 as first
    from audit.lane_state(${recorderId}::uuid)`)
  return { epoch: row?.epoch ?? null, firstWaiting: row?.first ?? null }
}

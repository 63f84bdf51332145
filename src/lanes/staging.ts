import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/connection.ts'

/** The fast lane as one recorder sees it. */
export interface LaneState {
  /** Changes when the lane was emptied by a crash; null until a relay has noticed. */
  readonly epoch: string | null
  /** The smallest running number of this recorder that is still in the lane; null where none is. */
  readonly firstWaiting: number | null
}

/** Which recorder writes, and what shows that it is that one. */
export interface RecorderIdentity {
  readonly recorderId: string
  /** Known to the recorder alone. The database keeps the hash of the first that it is shown. */
  readonly recorderKey: string
}

/**
 * Asks the database to put a recorder's rows into the fast lane, all or none of them; what the lane
 * can never take becomes a dead letter there.
 *
 * A parameter for each slice, as they were encoded: nothing has to join them. Text in an array of
 * text, because a parameter of type jsonb is encoded a second time by some drivers.
 *
 * @param slices JSON arrays of rows
 */
export function stageQuery(
  { recorderId, recorderKey }: RecorderIdentity,
  slices: readonly string[],
): SQL {
  const texts = sql.join(
    slices.map((slice) => sql`${slice}::pg_catalog.text`),
    sql`, `,
  )
  return sql`
    select audit.stage(
      ${recorderId}::pg_catalog.uuid, ${recorderKey}::pg_catalog.text, array[${texts}]
    )::pg_catalog.text as epoch`
}

/**
 * Writes a batch into the fast lane, all of it or none, in one statement.
 *
 * @returns the epoch of the lane that it was written to
 */
export async function stageBatch(
  database: Database,
  identity: RecorderIdentity,
  slices: readonly string[],
): Promise<string | null> {
  const [row] = await database.execute<{ epoch: string | null }>(stageQuery(identity, slices))
  return row?.epoch ?? null
}

export async function readLaneState(database: Database, recorderId: string): Promise<LaneState> {
  const [row] = await database.execute<{ epoch: string | null; first: number | null }>(sql`
    select epoch::pg_catalog.text as epoch, first_waiting::double precision as first
    from audit.lane_state(${recorderId}::pg_catalog.uuid)`)
  return { epoch: row?.epoch ?? null, firstWaiting: row?.first ?? null }
}

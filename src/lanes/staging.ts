import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/connection.ts'
import type { IdKind } from '../entry.ts'
import { idKind } from '../schema/id-kind.ts'

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
 * @param slices JSON arrays of rows whose ids are UUIDs
 * @param odd JSON arrays of all other rows
 */
export function stageQuery(
  { recorderId, recorderKey }: RecorderIdentity,
  slices: readonly string[],
  odd: readonly string[] = [],
): SQL {
  return sql`
    select epoch::pg_catalog.text as epoch, ids
    from audit.stage(
      ${recorderId}::pg_catalog.uuid, ${recorderKey}::pg_catalog.text, ${textArray(slices)},
      ${textArray(odd)}
    )`
}

function textArray(texts: readonly string[]): SQL {
  const parameters = texts.map((text) => sql`${text}::pg_catalog.text`)
  return sql`array[${sql.join(parameters, sql`, `)}]::pg_catalog.text[]`
}

/** What a lane said about itself when it took a batch. */
export interface StageAnswer {
  readonly epoch: string | null
  /** What its id columns hold. */
  readonly ids: IdKind
}

/**
 * Writes a batch into the fast lane, all of it or none, in one statement.
 *
 * @returns the epoch of the lane that it was written to, and its kind of ids
 */
export async function stageBatch(
  database: Pick<Database, 'execute'>,
  identity: RecorderIdentity,
  slices: readonly string[],
  odd: readonly string[] = [],
): Promise<StageAnswer> {
  const [row] = await database.execute<{ epoch: string | null; ids: string }>(
    stageQuery(identity, slices, odd),
  )
  return { epoch: row?.epoch ?? null, ids: idKind(row?.ids) }
}

export async function readLaneState(
  database: Pick<Database, 'execute'>,
  recorderId: string,
): Promise<LaneState> {
  const [row] = await database.execute<{ epoch: string | null; first: number | null }>(sql`
    select epoch::pg_catalog.text as epoch, first_waiting::double precision as first
    from audit.lane_state(${recorderId}::pg_catalog.uuid)`)
  return { epoch: row?.epoch ?? null, firstWaiting: row?.first ?? null }
}

import { type SQL, sql } from 'drizzle-orm'
import { ROW_COLUMNS } from '../encode/row.ts'
import { auditOutbox, auditStaging } from '../schema/tables.ts'

/** The ways into the log. */
export type LaneName = 'staging' | 'outbox'

export const LANES: readonly LaneName[] = ['staging', 'outbox']

export function laneTable(lane: LaneName) {
  return lane === 'staging' ? auditStaging : auditOutbox
}

/** A lane's columns and their types, in the table's order. */
const COLUMNS = {
  id: 'uuid',
  occurred_at: 'timestamptz',
  user_id: 'uuid',
  event_id: 'uuid',
  target_id: 'uuid',
  recorder_id: 'uuid',
  recorder_seq: 'bigint',
  action: 'text',
  entity_type: 'text',
  request_id: 'text',
  metadata: 'jsonb',
  context: 'jsonb',
} as const

export const laneColumns = sql.raw(Object.keys(COLUMNS).join(', '))

const typedColumns = sql.raw(
  Object.entries(COLUMNS)
    .map(([name, type]) => `${name} ${type}`)
    .join(', '),
)

const rowColumns = sql.raw(ROW_COLUMNS.join(', '))

const rowValues = sql.raw(
  ROW_COLUMNS.map((name, place) => {
    const type = COLUMNS[name]
    return type === 'jsonb' ? `r -> ${place}` : `(r ->> ${place})::${type}`
  }).join(', '),
)

/**
 * Inserts a recorder's rows into the fast lane, all or none.
 *
 * A parameter for some hundred rows, taken apart by the server. Rows as arrays in jsonb cost it
 * half of what objects in json do, and two thirds of an array for each column; only COPY costs it
 * less, and that cannot say in the same statement to which epoch of the lane it wrote
 * (test/bench/results/staging-format.md). `::text::jsonb`, because a parameter of type jsonb is
 * encoded a second time by some drivers.
 *
 * @param slices JSON arrays of rows. Several, as they were encoded: nothing has to join them.
 */
export function insertRows(recorderId: string, slices: readonly string[]): SQL {
  const texts = sql.join(
    slices.map((slice) => sql`${slice}::text`),
    sql`, `,
  )
  return sql`
    insert into ${auditStaging} (recorder_id, ${rowColumns})
    select ${recorderId}::text::uuid, ${rowValues}
    from unnest(array[${texts}]) as slice, jsonb_array_elements(slice::jsonb) as r`
}

/**
 * Inserts encoded entries into a lane, all or none.
 *
 * @param encoded each entry's JSON text, with the column names as keys
 * @param condition inserts nothing where it is not met
 */
export function insertIntoLane(lane: LaneName, encoded: readonly string[], condition?: SQL): SQL {
  return sql`
    insert into ${laneTable(lane)} (${laneColumns})
    select ${laneColumns}
    from jsonb_to_recordset(${jsonArray(encoded)}::text::jsonb) as entry (${typedColumns})
    ${condition ? sql`where ${condition}` : sql.empty()}`
}

export function jsonArray(encoded: readonly string[]): string {
  return `[${encoded.join(',')}]`
}

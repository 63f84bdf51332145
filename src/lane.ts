import { type SQL, sql } from 'drizzle-orm'
import { auditOutbox, auditStaging } from './schema/tables.ts'

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

/**
 * Inserts encoded entries into a lane, all or none.
 *
 * The whole batch is one text parameter, taken apart by the server: three times the rows per
 * second of a parameter per column, and no limit on their number. `::text::json`, because a
 * parameter of type json is encoded a second time by some drivers.
 *
 * @param encoded each entry's JSON text, with the column names as keys
 * @param condition inserts nothing where it is not met
 */
export function insertIntoLane(lane: LaneName, encoded: readonly string[], condition?: SQL): SQL {
  return sql`
    insert into ${laneTable(lane)} (${laneColumns})
    select ${laneColumns}
    from json_to_recordset(${jsonArray(encoded)}::text::json) as entry (${typedColumns})
    ${condition ? sql`where ${condition}` : sql.empty()}`
}

export function jsonArray(encoded: readonly string[]): string {
  return `[${encoded.join(',')}]`
}

import { type SQL, sql } from 'drizzle-orm'
import { LANE_COLUMNS, laneColumns, type LaneName, laneTable } from '../../src/lanes/lane.ts'

const TYPES: Readonly<Partial<Record<(typeof LANE_COLUMNS)[number], string>>> = {
  occurred_at: 'timestamptz',
  recorder_seq: 'bigint',
  action: 'text',
  entity_type: 'text',
  request_id: 'text',
  metadata: 'jsonb',
  context: 'jsonb',
  outcome: 'text',
  actor_kind: 'text',
  more_targets: 'uuid[]',
}

const typedColumns = sql.raw(
  LANE_COLUMNS.map((name) => `${name} ${TYPES[name] ?? 'uuid'}`).join(', '),
)

/**
 * Inserts encoded entries into a lane as they are, past the functions that bound them: only a
 * superuser and the owner can.
 *
 * @param encoded each entry's JSON text, with the column names as keys
 */
export function insertIntoLane(lane: LaneName, encoded: readonly string[]): SQL {
  return sql`
    insert into ${laneTable(lane)} (${laneColumns})
    select ${laneColumns}
    from jsonb_to_recordset(${`[${encoded.join(',')}]`}::text::jsonb) as entry (${typedColumns})`
}

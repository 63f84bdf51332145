import { sql } from 'drizzle-orm'
import { auditOutbox, auditStaging } from '../schema/tables.ts'

/** The ways into the log. */
export type LaneName = 'staging' | 'outbox'

export const LANES: readonly LaneName[] = ['staging', 'outbox']

export function laneTable(lane: LaneName) {
  return lane === 'staging' ? auditStaging : auditOutbox
}

/** What the log takes over of a lane's columns, in the lane's order. */
export const LANE_COLUMNS = [
  ...(['id', 'occurred_at', 'user_id', 'event_id', 'target_id', 'recorder_id'] as const),
  ...(['recorder_seq', 'action', 'entity_type', 'request_id', 'metadata', 'context'] as const),
] as const

export const laneColumns = sql.raw(LANE_COLUMNS.join(', '))

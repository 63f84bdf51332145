import { sql } from 'drizzle-orm'
import { auditOutbox, auditStaging } from '../schema/tables.ts'

/** The ways into the log for what happens now. */
export type LaneName = 'staging' | 'outbox'

/** And the way for an old log, which is moved while the other two are empty. */
export type MovedLane = LaneName | 'import'

export const LANES: readonly LaneName[] = ['staging', 'outbox']

export function laneTable(lane: LaneName) {
  return lane === 'staging' ? auditStaging : auditOutbox
}

/** What the log takes over of a lane's columns, in the lane's order. */
export const LANE_COLUMNS = [
  ...(['id', 'occurred_at', 'user_id', 'event_id', 'target_id', 'recorder_id'] as const),
  ...(['recorder_seq', 'action', 'entity_type', 'request_id', 'metadata', 'context'] as const),
  ...(['outcome', 'actor_id', 'actor_kind', 'more_targets'] as const),
] as const

export const laneColumns = sql.raw(LANE_COLUMNS.join(', '))

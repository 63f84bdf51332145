import type { CapturedEntry } from '../capture/captured-entry.ts'
import type { CapturedId } from '../capture/given-id.ts'
import { isUuid } from '../ids/uuid.ts'

export type IdField = 'userId' | 'eventId' | 'targetId' | 'actorId' | 'moreTargets'

/** An entry that was encoded, and whose `field` is no UUID. */
export interface OddEntry {
  readonly field: IdField
  /** Whether it differs from what was given anyhow, and was counted as such. */
  readonly isDegraded: boolean
}

/**
 * The first id of an entry that is no UUID. Whether that is wrong depends on the database: its
 * columns may be text.
 */
export function oddFieldOf(captured: CapturedEntry): IdField | undefined {
  const { userId, eventId, targetId, extras } = captured
  if (isOdd(userId)) return 'userId'
  if (isOdd(eventId)) return 'eventId'
  if (isOdd(targetId)) return 'targetId'
  if (extras === undefined) return undefined
  if (isOdd(extras.actor?.id)) return 'actorId'
  return extras.moreTargets?.some(isOdd) ? 'moreTargets' : undefined
}

function isOdd(id: CapturedId | undefined): boolean {
  return typeof id === 'string' && !isUuid(id)
}

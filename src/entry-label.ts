import type { PendingEntry } from './pending.ts'
import { isActionName, isUuid } from './text.ts'

/** What we may log of an entry: a checked action and UUIDs, never metadata, context or free text. */
export interface EntryLabel {
  readonly action: string
  readonly eventId: string | undefined
  readonly userId: string | undefined
}

export function labelOf({ action, eventId, userId }: PendingEntry): EntryLabel {
  return {
    action: isActionName(action) ? action : '(malformed)',
    eventId: eventId && isUuid(eventId) ? eventId : undefined,
    userId: userId && isUuid(userId) ? userId : undefined,
  }
}

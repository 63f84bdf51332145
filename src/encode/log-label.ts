import { isActionName } from '../entry.ts'
import { isUuid } from '../ids/uuid.ts'

/**
 * What may be logged of an entry: a checked action and UUIDs, never metadata, context or free text.
 */
export interface EntryLabel {
  readonly action: string
  readonly eventId: string | undefined
  readonly userId: string | undefined
}

/** Checks each value again, because a label goes into the log. */
export function labelOf(given: Readonly<Record<keyof EntryLabel, unknown>>): EntryLabel {
  const { action, eventId, userId } = given
  return {
    action: typeof action === 'string' && isActionName(action) ? action : '(malformed)',
    eventId: typeof eventId === 'string' && isUuid(eventId) ? eventId : undefined,
    userId: typeof userId === 'string' && isUuid(userId) ? userId : undefined,
  }
}

import type { FollowedEntry } from '../follow/followed-entry.ts'

/** Every text of an entry in which a query looks for words. A number is its digits. */
export function textsOf(entry: FollowedEntry, take: (text: string) => void): void {
  take(entry.action)
  if (entry.entityType !== null) take(entry.entityType)
  // Without recursion, because a document may be deep.
  const waiting: unknown[] = [entry.metadata, entry.context]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value === 'string') take(value)
    else if (typeof value === 'number') take(String(value))
    else if (typeof value === 'object' && value !== null) {
      for (const one of Object.values(value)) waiting.push(one)
    }
  }
}

/** Every id of an entry that a query finds as a whole. */
export function idsOf(entry: FollowedEntry, take: (id: string) => void): void {
  const { eventId, userId, actorId, targetId, requestId, moreTargets } = entry
  for (const id of [eventId, userId, actorId, targetId, requestId, ...(moreTargets ?? [])]) {
    if (id !== null) take(id)
  }
}

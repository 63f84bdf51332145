import { isUuid } from '../ids/uuid.ts'
import type { LoggedEntry } from '../read/logged-entry.ts'

/** A longer name is cut where it is shown. */
export const MAX_NAME_LENGTH = 80

type Named = Pick<LoggedEntry, 'userId' | 'actorId' | 'context'>

/** The name that an entry's context gives to its user or its actor; undefined where it says none. */
export function saidName({ context }: Named, of: 'user' | 'actor', id: string | null) {
  if (id === null || !Object.hasOwn(context, of)) return undefined
  const named: unknown = context[of]
  if (typeof named !== 'object' || named === null) return undefined
  const [saidId, name]: unknown[] = ['id', 'name'].map((key) =>
    Object.hasOwn(named, key) ? Reflect.get(named, key) : undefined,
  )
  if (typeof name !== 'string' || name.trim() === '') return undefined
  // An entry may have another user than the request in which it was recorded.
  return isSame(String(saidId), id) ? name.trim() : undefined
}

/** A column of UUIDs prints them in lower case. */
function isSame(said: string, id: string): boolean {
  return said === id || (isUuid(said) && said.toLowerCase() === id)
}

/** The names that some entries give, by id. Of an entry's two the newest counts. */
export function saidNames(
  entries: readonly (Named & Pick<LoggedEntry, 'seq'>)[],
): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const entry of entries.toSorted((one, other) => one.seq - other.seq)) {
    for (const [of, id] of [
      ['user', entry.userId],
      ['actor', entry.actorId],
    ] as const) {
      const name = saidName(entry, of, id)
      if (name !== undefined && id !== null) names.set(id, name)
    }
  }
  return names
}

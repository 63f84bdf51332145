import type { LoggedEntry } from '../../read/logged-entry.ts'
import { within } from '../../within.ts'
import type { NameOf } from '../sentence/sentence-parts.ts'

export type Names = (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>

const WAIT_MS = 1_000
const MAX_NAME = 80

/** Asks once for all ids of some entries. An id is a good enough name where nobody answers. */
export async function namesOf(
  names: Names | undefined,
  entries: readonly LoggedEntry[],
): Promise<NameOf> {
  if (names === undefined) return () => undefined
  const ids = new Set<string>()
  for (const { userId, eventId, targetId } of entries) {
    for (const id of [userId, eventId, targetId]) if (id !== null) ids.add(id)
  }
  if (ids.size === 0) return () => undefined
  try {
    const known = await within(WAIT_MS, names([...ids]), () => undefined)
    return (id) => {
      const name: unknown = known?.get(id)
      return typeof name === 'string' && name !== '' ? name.slice(0, MAX_NAME) : undefined
    }
  } catch {
    return () => undefined
  }
}

import type { LoggedEntry } from '../../read/logged-entry.ts'
import { type AdmittedViewer, knowsNames } from '../auth/viewer.ts'
import { within } from '../../within.ts'
import type { NameOf } from '../sentence/sentence-parts.ts'

/** The application's function that finds names for ids. */
export type NameLookup = (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>

/**
 * The application's function that finds ids for a name, or for a part of one. `onlyEventId` is that of
 * the viewer: find nothing there that they may not see.
 */
export type FindForViewer = (
  text: string,
  viewer: { readonly onlyEventId?: string | undefined },
) => Promise<readonly string[]>

const LOOKUP_TIMEOUT_MS = 1_000
const MAX_NAME_LENGTH = 80

export interface NamesOptions {
  /** Further ids. */
  readonly more?: readonly string[]
  readonly viewer: AdmittedViewer
}

/**
 * Asks once for the names of all ids in some entries. An id without a name is shown as it is, and so
 * are all of them where the lookup fails or takes longer than a second.
 */
export async function namesIn(
  entries: readonly LoggedEntry[],
  lookUpNames: NameLookup | undefined,
  { more = [], viewer }: NamesOptions,
): Promise<NameOf> {
  if (lookUpNames === undefined) return () => undefined
  const ids = new Set<string>([...more, ...idsIn(entries)])
  if (ids.size === 0) return () => undefined
  try {
    const names = await within(LOOKUP_TIMEOUT_MS, lookUpNames([...ids]), () => undefined)
    const isKnown = knowsNames(viewer)
    return (id) => {
      // The application may answer more than it was asked, and an address can hold any id.
      if (!isKnown && !ids.has(id)) return undefined
      const name: unknown = names?.get(id)
      return typeof name === 'string' && name !== '' ? name.slice(0, MAX_NAME_LENGTH) : undefined
    }
  } catch {
    return () => undefined
  }
}

/** The ids of entries that may have a name. */
export function idsIn(entries: readonly LoggedEntry[]): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const { userId, actorId, eventId, targetId } of entries) {
    for (const id of [userId, actorId, eventId, targetId]) if (id !== null) ids.add(id)
  }
  return ids
}

import type { NameLookup } from '../../names/name-source.ts'
import { MAX_NAME_LENGTH, saidNames } from '../../names/said-names.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { type AdmittedViewer, knowsNames, nameViewer } from '../auth/viewer.ts'
import { within } from '../../within.ts'
import type { NameOf } from '../sentence/sentence-parts.ts'

const LOOKUP_TIMEOUT_MS = 1_000

export interface NamesOptions {
  readonly lookUpNames: NameLookup | undefined
  readonly viewer: AdmittedViewer
  /** Ids that are in none of the entries. */
  readonly more?: readonly string[]
}

/**
 * Asks once for the names of all ids in some entries. An id without a name has the one that the newest
 * of these entries gives it, and is shown as it is where none does. So are all of them where the lookup
 * fails or takes longer than a second.
 */
export async function namesIn(
  entries: readonly LoggedEntry[],
  { lookUpNames, viewer, more = [] }: NamesOptions,
): Promise<NameOf> {
  const ids = new Set<string>([...more, ...idsIn(entries)])
  const isKnown = knowsNames(viewer)
  const said = saidNames(entries)
  const found = await lookedUp([...ids], lookUpNames, viewer)
  return (id) => {
    // The application may answer more than it was asked, and an address can hold any id.
    if (!isKnown && !ids.has(id)) return undefined
    const known: unknown = found?.get(id)
    const name = typeof known === 'string' && known !== '' ? known : said.get(id)
    return name?.slice(0, MAX_NAME_LENGTH)
  }
}

async function lookedUp(
  ids: readonly string[],
  lookUpNames: NameLookup | undefined,
  viewer: AdmittedViewer,
): Promise<ReadonlyMap<string, unknown> | undefined> {
  if (lookUpNames === undefined || ids.length === 0) return undefined
  try {
    return await within(LOOKUP_TIMEOUT_MS, lookUpNames(ids, nameViewer(viewer)), () => undefined)
  } catch {
    return undefined
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

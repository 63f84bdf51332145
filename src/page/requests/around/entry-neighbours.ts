import type { AuditDatabase } from '../../../database/callers-database.ts'
import { within } from '../../../within.ts'
import { type Neighbours, neighboursOf } from '../../../read/around/neighbours.ts'
import type { LoggedEntry } from '../../../read/logged-entry.ts'
import type { AdmittedViewer } from '../../auth/viewer.ts'
import type { Steps } from '../../view/entry-detail.ts'

const TIMEOUT_MS = 1_000

/** Those of the same target, as far as the viewer may see them. An entry is shown without them, too. */
export async function neighboursIn(
  db: AuditDatabase,
  entry: LoggedEntry | undefined,
  { seenBy }: AdmittedViewer,
): Promise<Neighbours | undefined> {
  if (entry === undefined || entry.targetId === null) return undefined
  const none = () => undefined
  const found = neighboursOf(db, { targetId: entry.targetId, seenBy }, entry.id)
  return await within(TIMEOUT_MS, found.catch(none), none)
}

/** The entries above and below in the list. */
export function stepsIn(entries: readonly LoggedEntry[], id: string): Steps {
  const at = entries.findIndex((entry) => entry.id === id)
  if (at < 0) return { newer: undefined, older: undefined }
  return { newer: entries[at - 1]?.id, older: entries[at + 1]?.id }
}

import type { AuditDatabase } from '../../../database/callers-database.ts'
import { type SealFacts, sealFacts } from '../../../export/sealed/seal-facts.ts'
import { hidesParts } from '../../../projection/projection.ts'
import type { LoggedEntry } from '../../../read/logged-entry.ts'
import { entry as readEntry } from '../../../read/timeline.ts'
import type { AdmittedViewer } from '../../auth/viewer.ts'

/**
 * What seals an entry. The entry is shown without it where the database does not say, and to those who
 * may not see the whole entry, because what proves it shows all of it.
 */
export async function sealOf(
  db: AuditDatabase,
  entry: LoggedEntry | undefined,
  { seenBy = {} }: AdmittedViewer,
): Promise<SealFacts | undefined> {
  if (hidesParts(seenBy)) return undefined
  return entry && (await sealFacts(db, entry.seq).catch(() => undefined))
}

/** The entry that is open: found by its id even if the filter excludes it, as far as the viewer may see it. */
export async function readOpenEntry(
  db: AuditDatabase,
  id: string | undefined,
  { seenBy }: AdmittedViewer,
): Promise<LoggedEntry | undefined> {
  return id === undefined ? undefined : await readEntry(db, id, { seenBy })
}

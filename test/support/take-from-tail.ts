import type { AuditDatabase } from '../../src/database/callers-database.ts'
import { type TailedEntry, type TailOptions, tail } from '../../src/read/tail.ts'

/** Longer than a busy machine needs for a tail that has something to find. */
const MAX_WAIT_MS = 60_000

/** The next entries of a tail; fewer where it ends before. */
export async function takeFromTail(
  db: AuditDatabase,
  count: number,
  options: TailOptions,
): Promise<TailedEntry[]> {
  const entries: TailedEntry[] = []
  for await (const entry of tail(db, { signal: AbortSignal.timeout(MAX_WAIT_MS), ...options })) {
    entries.push(entry)
    if (entries.length === count) break
  }
  return entries
}

import type { SQL } from 'drizzle-orm'
import { AuditError, databaseFault, safeError } from '../errors.ts'
import { type AuditDatabase, type Row, rowsOf, withNames } from '../database/callers-database.ts'
import { within } from '../within.ts'

/** Longest wait for the answer to one read, in milliseconds. */
const READ_DEADLINE_MS = 10_000
/** For an export, where nobody sits before the screen and the disk may be cold. */
export const EXPORT_DEADLINE_MS = 60_000
/** query_canceled: `statement_timeout`, as a rule. */
const CANCELLED = '57014'

/**
 * One reading statement, with an end to it.
 *
 * Only the server can stop a statement that has begun, by a `statement_timeout` that was set before
 * it: connections of our own have one, a login of the caller's should (`alter role … set`). The
 * deadline on this side is for all the others, and for a connection that has died unnoticed.
 *
 * @param deadlineMs Default: 10 s
 * @throws {AuditError} and nothing else: a driver's own error may quote the row
 */
export async function readRows(
  db: AuditDatabase,
  query: SQL,
  deadlineMs = READ_DEADLINE_MS,
): Promise<readonly Row[]> {
  try {
    const answer = await within(deadlineMs, db.execute(withNames(query)), () => {
      throw tooSlow()
    })
    return rowsOf(answer)
  } catch (error) {
    if (databaseFault(error).code === CANCELLED) throw tooSlow()
    // A mistake in our own code, or in what stands in for the database, should show as what it is.
    if (error instanceof TypeError) throw error
    throw safeError(error)
  }
}

function tooSlow(): AuditError {
  return new AuditError(
    'AUDIT_DEADLINE_PASSED',
    'The database took too long to answer. A shorter time range or a narrower filter helps.',
  )
}

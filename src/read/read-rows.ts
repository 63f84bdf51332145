import type { SQL } from 'drizzle-orm'
import { AuditError, databaseFault, safeError } from '../errors.ts'
import { type AuditDatabase, type Row, rowsOf, withNames } from '../database/callers-database.ts'
import { within } from '../within.ts'

/** Longest wait for the answer to one read, in milliseconds. */
const READ_DEADLINE_MS = 10_000
/** Longest wait of an export, in milliseconds. No user waits for it, and the disk may be cold. */
export const EXPORT_DEADLINE_MS = 60_000
/** query_canceled, as a rule by `statement_timeout`. */
const CANCELLED = '57014'

/**
 * Runs one statement that reads, with a deadline.
 *
 * Only the server can stop a statement that has begun, by a `statement_timeout` that was set
 * before. Our own connections have one. A login of the caller's should have one (`alter role …
 * set`). The deadline in this process covers a login without it, and a connection that died
 * unnoticed.
 *
 * @param deadlineMs Default: 10 000
 * @throws {AuditError} `AUDIT_DEADLINE_PASSED` or `AUDIT_DATABASE_FAILED`. It never throws the
 * driver's own error, because that may quote the row.
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
    // A mistake in our own code, or in a test's stand-in for the database, has to stay visible.
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

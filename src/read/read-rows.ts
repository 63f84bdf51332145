import { type SQL, sql } from 'drizzle-orm'
import { AuditError, databaseFault, optionInvalid, safeError } from '../errors.ts'
import { type AuditDatabase, askCaller, type Row } from '../database/callers-database.ts'
import { misfitOf } from '../database/recognise.ts'
import { grantHint, lacksRight, refusalHint } from '../database/refusal.ts'
import type { Role } from '../database/roles.ts'
import { within } from '../within.ts'

/** Longest wait for the answer to one read, in milliseconds. */
export const READ_DEADLINE_MS = 10_000
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
 * @param role which the statement needs; a refusal says whether the login has it
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where `db` is no database, `AUDIT_DEADLINE_PASSED` or
 * `AUDIT_DATABASE_FAILED`. It never throws the driver's own error, because that may quote the row.
 */
export async function readRows(
  db: AuditDatabase,
  query: SQL,
  deadlineMs = READ_DEADLINE_MS,
  role: Role = 'audit_reader',
): Promise<readonly Row[]> {
  const misfit = misfitOf(db)
  if (misfit) throw optionInvalid(`A database was expected, got ${misfit.what}. ${misfit.cure}`)
  try {
    return await within(deadlineMs, askCaller(db, query), () => {
      throw tooSlow()
    })
  } catch (error) {
    if (databaseFault(error).code === CANCELLED) throw tooSlow()
    // A mistake in our own code, or in a test's stand-in for the database, has to stay visible.
    if (error instanceof TypeError) throw error
    throw safeError(error, await hintFor(db, error, role))
  }
}

/** The refused statement may have been the caller's transaction: then the catalogue says nothing. */
async function hintFor(db: AuditDatabase, error: unknown, role: Role): Promise<string | undefined> {
  if (error instanceof AuditError || !lacksRight(error)) return undefined
  const ask = async (text: string) => (await askCaller(db, sql.raw(text)))[0]
  return (await refusalHint(role, ask)) ?? grantHint(role)
}

export function tooSlow(): AuditError {
  return new AuditError(
    'AUDIT_DEADLINE_PASSED',
    'The database took too long to answer. A shorter time range or a narrower filter helps.',
  )
}

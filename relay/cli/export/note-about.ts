import { sql } from 'drizzle-orm'
import { Database } from '../../../src/database/connection.ts'
import { AuditError } from '../../../src/errors.ts'
import type { ExportRequest } from '../../../src/export/index.ts'

const NOTE_TIMEOUT_MS = 10_000

/**
 * Writes down that somebody reads what the log holds about a user: an `audit.read` entry, as the page
 * makes one for its exports. `written_by` is the reader's login.
 *
 * @throws {AuditError} where it was not written; then nothing may be read
 */
export async function noteAbout(databaseUrl: string, request: ExportRequest): Promise<void> {
  const { about, format, filter, fromSeq, toSeq } = request
  // The export's own connection is read-only.
  const db = new Database({
    url: databaseUrl,
    role: 'audit_reader',
    applicationName: 'audit-relay export',
    statementTimeoutMs: NOTE_TIMEOUT_MS,
  })
  const { query, ...rest } = filter
  const line = query === undefined ? {} : { q: String(Reflect.get(Object(query), 'text')) }
  const seqs = { ...(fromSeq === null ? {} : { fromSeq }), ...(toSeq === null ? {} : { toSeq }) }
  const metadata = JSON.stringify({
    read: 'export',
    about,
    format,
    filter: { ...rest, ...line, ...seqs },
  })
  try {
    await db.execute(sql`
      select audit.note_read(false, null::pg_catalog.text,
        ${metadata}::pg_catalog.text::pg_catalog.jsonb,
        '{"program": "audit-relay export"}'::pg_catalog.jsonb)`)
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    const { code, message, fault, hint } = error
    throw new AuditError(
      code,
      `Who reads about a user is written down first, and that failed, so nothing was read. ${message}`,
      fault,
      fault?.code === READ_ONLY
        ? 'The server is read-only, as a standby is: use the primary.'
        : hint,
    )
  } finally {
    await db.close()
  }
}

/** read_only_sql_transaction. */
const READ_ONLY = '25006'

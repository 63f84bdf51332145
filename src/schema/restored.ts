import { optionInvalid, safeError } from '../errors.ts'
import { databaseUrlFor } from '../options.ts'
import { connectDirectly } from './direct-connection.ts'

/**
 * Declares that a database was restored from an earlier copy. It begins a new history of the log
 * and declares a gap in the fast lane.
 *
 * @param databaseUrl the URL of a login that may act as `audit_owner`. Default:
 * `AUDIT_OWNER_DATABASE_URL`, else `DATABASE_URL`
 * @returns the new history
 * @throws {AuditError} `AUDIT_OPTION_INVALID` without a URL, `AUDIT_DATABASE_FAILED` otherwise
 */
export async function declareRestored(databaseUrl?: string): Promise<string> {
  const url = databaseUrlFor('owner', databaseUrl, process.env)
  if (url === undefined) {
    throw optionInvalid('No database: set AUDIT_OWNER_DATABASE_URL or DATABASE_URL.')
  }
  const client = connectDirectly(url, 'audit-relay restored')
  try {
    const [row] = await client`
      select audit.declare_restored()::pg_catalog.text as history`
    return String(row?.['history'])
  } catch (error) {
    throw safeError(error)
  } finally {
    await client.end({ timeout: 5 })
  }
}

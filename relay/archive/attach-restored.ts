import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { withRetry } from '../../src/database/retry.ts'
import { databaseFault } from '../../src/errors.ts'
import { proveDefault } from '../retention/prove-default.ts'
import { archiveFailed } from './files/archive-fault.ts'

/** A lock that another session holds, or a deadlock with one. */
const PASSING = /^(?:55P03|40P01)$/
const DEADLINE_MS = 600_000
const LOCK_TIMEOUT_MS = 100

/**
 * Brings what was restored of a partition back into the log, as soon as it can be locked for a moment.
 *
 * @returns how many entries came back
 * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where the log cannot take them
 */
export async function attachRestored(
  database: Database,
  partition: string,
  { signal, onWait }: { readonly signal: AbortSignal; readonly onWait: () => void },
): Promise<number> {
  const startMs = performance.now()
  const tryAgain = <T>(step: () => Promise<T>) =>
    withRetry(step, {
      signal,
      onFailure: onWait,
      isFinal: (error) =>
        !PASSING.test(databaseFault(error).code) || performance.now() - startMs > DEADLINE_MS,
      tearsAttempt: false,
    })
  await proveDefault(database, partition, { lockTimeoutMs: LOCK_TIMEOUT_MS, tryAgain, onRead() {} })
  const [row] = await tryAgain(() =>
    database.execute<{ broughtBack: number; reason: string | null }>(
      sql`select a.brought_back::double precision as "broughtBack", a.reason as "reason"
        from audit.attach_restored(
          ${partition}::pg_catalog.text, ${LOCK_TIMEOUT_MS}::integer) as a`,
    ),
  )
  if (row?.reason === null) return row.broughtBack
  throw archiveFailed(`${partition} does not come back into the log: ${row?.reason}.`)
}

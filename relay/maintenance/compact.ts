import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { faultKind } from '../../src/database/faults.ts'

export interface Compacted {
  readonly compacted: number
  /** Tables that were not compacted: a lock was held, too many rows waited, or it failed. */
  readonly skipped: number
}

/**
 * Compacts the tables that `audit.weigh()` names. It waits for no lock.
 *
 * @throws {AuditError} only for a lost connection
 */
export async function compact(database: Database): Promise<Compacted> {
  const heavy = await database.execute<{ target: string }>(
    sql`/* audit-relay weigh */ select w.target from audit.weigh() as w (target)`,
  )
  let compacted = 0
  for (const { target } of heavy) {
    try {
      const [row] = await database.execute<{ won: boolean }>(
        sql`/* audit-relay compact */ select audit.compact(${target}::pg_catalog.text) as won`,
      )
      if (row?.won === true) compacted += 1
    } catch (error) {
      if (faultKind(error) === 'connection') throw error
    }
  }
  return { compacted, skipped: heavy.length - compacted }
}

import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { faultKind } from '../../src/database/faults.ts'

/**
 * The size up to which a busy table is left alone. It holds few live rows, so above this size it is
 * mostly dead rows, which every batch has to step over.
 */
const MAX_KILOBYTES = { staging: 4_096, outbox: 4_096, head: 128, recorder: 1_024 } as const

export interface Compacted {
  readonly compacted: number
  /** Another session held a lock, or more rows were waiting than are worth moving aside. */
  readonly skipped: number
}

/** Compacts the tables that need it. Never waits for a lock; only a failed connection throws. */
export async function compact(database: Database): Promise<Compacted> {
  const limits = JSON.stringify(MAX_KILOBYTES)
  const heavy = await database.execute<{ target: string }>(sql`/* audit-relay weigh */
    select target from json_each_text(${limits}::text::json) as limits (target, kilobytes)
    where pg_relation_size(('audit.audit_' || target)::regclass) > kilobytes::bigint * 1024`)
  let compacted = 0
  for (const { target } of heavy) {
    try {
      const [row] = await database.execute<{ won: boolean }>(
        sql`/* audit-relay compact */ select audit.compact(${target}::text) as won`,
      )
      if (row?.won === true) compacted += 1
    } catch (error) {
      if (faultKind(error) === 'connection') throw error
    }
  }
  return { compacted, skipped: heavy.length - compacted }
}

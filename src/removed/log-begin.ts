import { sql } from 'drizzle-orm'
import type { Ask } from './removed-seqs.ts'

/** Where the log as a whole begins: of the time before it a policy has removed entries. */
export interface LogBegin {
  readonly atMs: number
  /** Whether all that was removed was archived first. */
  readonly isArchived: boolean
}

/** Undefined where no policy has removed anything. */
export async function logBegin(ask: Ask): Promise<LogBegin | undefined> {
  const [row] = await ask(sql`
    select (extract(epoch from r.line_at) operator(pg_catalog.*) 1000)::double precision as "atMs",
      r.is_archived::pg_catalog.text as "isArchived"
    from audit.removed_before() as r`)
  if (row === undefined) return undefined
  return { atMs: Number(row['atMs']), isArchived: row['isArchived'] === 'true' }
}

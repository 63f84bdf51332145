import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { readRows } from '../../read/read-rows.ts'
import { timeline } from '../../read/timeline.ts'

/** What a reader of an entry is told of the seal. */
export interface SealFacts {
  /** The log's name in its checkpoints. */
  readonly name: string
  /** When its first checkpoint was signed, in milliseconds since 1970. */
  readonly sinceMs: number
  /** Whether the entry is below a checkpoint. */
  readonly isSealed: boolean
  /** The newest entry about a verification, where there is one. */
  readonly verified: Verification | undefined
}

export interface Verification {
  readonly id: string
  readonly atMs: number
  /** What "audit-relay verify" exits with. Undefined: the entry does not say. */
  readonly code: number | undefined
}

/** Undefined where the log was never sealed. */
export async function sealFacts(db: AuditDatabase, seq: number): Promise<SealFacts | undefined> {
  const [row] = await readRows(
    db,
    sql`
      select o.name, extract(epoch from (
          select c.sealed_at from audit.audit_checkpoint as c order by c.origin, c.size limit 1
        ))::pg_catalog.text as "since", exists (
          select from audit.audit_origin as t join audit.audit_checkpoint as p
            on p.origin operator(pg_catalog.=) t.origin
            and p.size operator(pg_catalog.>) (${seq}::bigint operator(pg_catalog.-) t.first_seq)
          where t.first_seq operator(pg_catalog.<=) ${seq}::bigint
        )::pg_catalog.text as "isSealed"
      from audit.audit_origin as o order by o.origin desc limit 1`,
  )
  if (row === undefined || row['since'] === null) return undefined
  const { entries } = await timeline(db, { action: 'audit.verify', limit: 1 })
  const [newest] = entries
  const code = newest?.metadata['code']
  return {
    name: String(row['name']),
    sinceMs: Math.floor(Number(row['since']) * 1_000),
    isSealed: row['isSealed'] === 'true',
    verified: newest && {
      id: newest.id,
      atMs: newest.loggedAt.getTime(),
      code: typeof code === 'number' ? code : undefined,
    },
  }
}

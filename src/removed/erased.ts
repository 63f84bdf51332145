import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { auditErasure } from '../schema/tables.ts'

/** A property of an entry that can be erased. */
export type ErasedField =
  | 'userId'
  | 'actorId'
  | 'targetId'
  | 'moreTargets'
  | 'requestId'
  | 'metadata'
  | 'context'

/**
 * A column of a statement: what was erased of an entry, as JSON text of a list of columns, else null.
 * Where nothing was ever erased, no entry is looked up.
 */
export function erasedColumn(seq: PgColumn): SQL {
  return sql`case when exists (select from ${auditErasure}) then (
    select pg_catalog.array_to_json(${auditErasure.fields})::pg_catalog.text from ${auditErasure}
    where ${auditErasure.seq} operator(pg_catalog.=) ${seq}
  ) end as "erased"`
}

/** @param text as `erasedColumn` returns it */
export function erasedOf(text: unknown): { readonly erased?: readonly ErasedField[] } {
  if (typeof text !== 'string') return {}
  const columns = JSON.parse(text) as readonly string[]
  return { erased: columns.map(propertyOf) }
}

function propertyOf(column: string): ErasedField {
  return column.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) as ErasedField
}

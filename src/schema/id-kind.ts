import { type SQL, sql } from 'drizzle-orm'
import type { IdKind } from '../entry.ts'

/**
 * Which kind of ids a table's columns hold, as a subquery that returns their type's name. It reads
 * the catalogue, which every login may read. Null where there is no such table.
 */
export function idTypeOf(table: 'audit_log' | 'audit_outbox'): SQL {
  return sql`(
    select pg_catalog.format_type(a.atttypid, null)
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) a.attrelid
    join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
    where n.nspname operator(pg_catalog.=) 'audit'::pg_catalog.name
      and c.relname operator(pg_catalog.=) ${sql.raw(`'${table}'`)}::pg_catalog.name
      and a.attname operator(pg_catalog.=) 'user_id'::pg_catalog.name
  )`
}

export function idKind(type: unknown): IdKind {
  return type === 'text' ? 'text' : 'uuid'
}

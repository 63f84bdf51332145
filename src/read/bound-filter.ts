import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../database/callers-database.ts'
import type { IdKind } from '../entry.ts'
import { databaseFault } from '../errors.ts'
import { idKind, idTypeOf } from '../schema/id-kind.ts'
import type { BoundFilter, CheckedFilter } from './filter.ts'
import { readRows } from './read-rows.ts'

/** What each database said. A handle leads to one database, so it needs to be asked once. */
const known = new WeakMap<AuditDatabase, IdKind>()

/** What the ids of a log are. The database says it, and it is asked once for each handle. */
export async function idKindOf(db: AuditDatabase): Promise<IdKind> {
  const before = known.get(db)
  if (before !== undefined) return before
  const [row] = await readRows(db, sql`select ${idTypeOf('audit_log')} as "type"`)
  const ids = idKind(row?.['type'])
  // A database without the schema has said nothing.
  if (typeof row?.['type'] === 'string') known.set(db, ids)
  return ids
}

/** No such operator: the columns are of the other kind now. */
const OTHER_TYPE = '42883'

/**
 * Reads with a filter's conditions for this database. Where its ids have become of the other kind
 * since it was asked, the statement fails, the database is asked again, and the read is repeated.
 *
 * @throws {AuditError} `AUDIT_FILTER_INVALID` where an id is none of its kind, and what `read` throws
 */
export async function withFilter<T>(
  db: AuditDatabase,
  filter: CheckedFilter,
  read: (bound: BoundFilter) => Promise<T>,
): Promise<T> {
  if (!filter.hasIds) return await read(filter.bind('uuid'))
  const ids = await idKindOf(db)
  try {
    return await read(filter.bind(ids))
  } catch (error) {
    if (databaseFault(error).code !== OTHER_TYPE) throw error
    known.delete(db)
    const now = await idKindOf(db)
    if (now === ids) throw error
    return await read(filter.bind(now))
  }
}

import { type SQL, sql } from 'drizzle-orm'

/** What `recordedMs` reads out of an id, in SQL: a bigint of Unix milliseconds. */
export function recordedMsSql(id: SQL): SQL {
  return sql`('x' || translate(left(${id}::text, 13), '-', ''))::bit(48)::bigint`
}

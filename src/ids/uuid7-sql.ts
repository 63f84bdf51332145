import { type SQL, sql } from 'drizzle-orm'

/** SQL for the Unix milliseconds in a UUIDv7, as a bigint. `recordedMs` reads the same value. */
export function recordedMsSql(id: SQL): SQL {
  return sql`('x' || translate(left(${id}::text, 13), '-', ''))::bit(48)::bigint`
}

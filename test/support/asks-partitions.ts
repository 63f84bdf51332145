import type { SQL } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'

/** Whether a statement reads the catalogue of partitions, which a reader does once a minute. */
export function asksForPartitions(query: unknown): boolean {
  return new PgDialect().sqlToQuery(query as SQL).sql.includes('"audit_partition"."from_id", "')
}

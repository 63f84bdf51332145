import type { SQL } from 'drizzle-orm'

/**
 * A database of the caller's: anything with Drizzle's `execute(sql)`. Every Postgres driver of
 * Drizzle fits, in its stable and its next major version.
 */
export interface AuditDatabase {
  execute(query: SQL): PromiseLike<unknown>
}

export type Row = Readonly<Record<string, unknown>>

/** postgres-js answers with the rows, the other drivers with an object that holds them. */
export function rowsOf(answer: unknown): readonly Row[] {
  const rows: unknown = Array.isArray(answer) ? answer : Reflect.get(Object(answer), 'rows')
  return Array.isArray(rows) ? (rows as readonly Row[]) : []
}

export function firstRow(answer: unknown): Row | undefined {
  return rowsOf(answer)[0]
}

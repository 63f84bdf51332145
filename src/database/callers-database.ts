import { type SQL, sql } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'

/**
 * A query of any Drizzle's: its `sql` and its builders have `getSQL`. Drizzle's own `SQL` is a class
 * with a private field, and a copy of Drizzle takes nothing of another copy's.
 */
export type AnyQuery = { getSQL(): unknown } | string

/**
 * A database of the caller's: anything with Drizzle's `execute(sql)`. Every Postgres driver of
 * Drizzle fits, in its stable and its next major version, also where the application has a copy of
 * its own.
 */
export interface AuditDatabase {
  execute(query: AnyQuery): PromiseLike<unknown>
}

/** Cannot stand in a statement. */
const MARK = '\0'

class MarkingDialect extends PgDialect {
  override escapeParam(): string {
    return MARK
  }
}

const dialect = new MarkingDialect()

/**
 * The query with the names of its columns and tables written out. Where the application has another
 * major version of Drizzle than we depend on, that one cannot name columns of ours.
 */
export function withNames(query: SQL): SQL {
  const { sql: text, params } = dialect.sqlToQuery(query)
  const [first = '', ...rest] = text.split(MARK)
  return rest.reduce(
    (whole, part, index) => whole.append(sql`${sql.param(params[index])}`).append(sql.raw(part)),
    sql.raw(first),
  )
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

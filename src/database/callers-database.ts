import { type SQL, sql } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'

/**
 * A query of any copy of Drizzle: its `sql` and its builders have `getSQL`. The type is not
 * Drizzle's own `SQL`, because that class has a private field, so one copy of Drizzle rejects the
 * `SQL` of another copy.
 */
export type AnyQuery = { getSQL(): unknown } | string

/**
 * The caller's database: anything with Drizzle's `execute(sql)`. Every Postgres driver of Drizzle
 * fits, in the stable and in the next major version. The application may have its own copy of
 * Drizzle.
 */
export interface AuditDatabase {
  execute(query: AnyQuery): PromiseLike<unknown>
}

/** A character that no SQL statement can contain. It marks the place of each parameter. */
const MARK = '\0'

class MarkingDialect extends PgDialect {
  override escapeParam(): string {
    return MARK
  }
}

const dialect = new MarkingDialect()

/**
 * The query with its tables and columns replaced by their names as text. The application's Drizzle
 * may be of another major version, which cannot read this package's table and column objects.
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

/**
 * The rows of a driver's answer. postgres-js returns the rows, other drivers an object with `rows`.
 */
export function rowsOf(answer: unknown): readonly Row[] {
  const rows: unknown = Array.isArray(answer) ? answer : Reflect.get(Object(answer), 'rows')
  return Array.isArray(rows) ? (rows as readonly Row[]) : []
}

export function firstRow(answer: unknown): Row | undefined {
  return rowsOf(answer)[0]
}

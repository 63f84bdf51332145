import { type SQL, sql } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'

/**
 * A query of any copy of Drizzle: its `sql` and its builders have `getSQL`. The type is not
 * Drizzle's own `SQL`, because that class has a private field, so one copy of Drizzle rejects the
 * `SQL` of another copy.
 */
export type AnyQuery = { getSQL(): unknown } | string

/**
 * Anything with Drizzle's `execute(sql)`: its database or a transaction, of every Postgres driver,
 * from 0.44 to 1.0. It may be of another copy of Drizzle than ours.
 */
export interface DrizzleHandle {
  execute(query: AnyQuery): PromiseLike<unknown>
}

/**
 * Anything with `query(text, params)` that answers `{ rows }`: the clients of `pg`, PGlite, and what
 * `fromKysely`, `fromPrisma`, `fromKnex`, `fromTypeorm` and `fromPostgres` make. The text names its
 * parameters `$1`, `$2` and so on.
 */
export interface QueryHandle {
  query(text: string, params: unknown[]): PromiseLike<{ readonly rows: readonly unknown[] }>
}

/** The caller's database. */
export type AuditDatabase = DrizzleHandle | QueryHandle

/** A character that no SQL statement can contain. It marks the place of each parameter. */
const MARK = '\0'

class MarkingDialect extends PgDialect {
  override escapeParam(): string {
    return MARK
  }
}

const [markingDialect, dialect] = [new MarkingDialect(), new PgDialect()]

/**
 * The query with its tables and columns replaced by their names as text. The application's Drizzle
 * may be of another major version, which cannot read this package's table and column objects.
 */
export function withNames(query: SQL): SQL {
  const { sql: text, params } = markingDialect.sqlToQuery(query)
  const [first = '', ...rest] = text.split(MARK)
  return rest.reduce(
    (whole, part, index) => whole.append(sql`${sql.param(params[index])}`).append(sql.raw(part)),
    sql.raw(first),
  )
}

/** The query as text with `$1`, `$2` and so on, and its parameters in that order. */
export function queryText(query: SQL): { readonly text: string; readonly params: unknown[] } {
  const { sql: text, params } = dialect.sqlToQuery(query)
  return { text, params }
}

/** Runs a statement on a database of the caller's. */
export async function askCaller(db: AuditDatabase, query: SQL): Promise<readonly Row[]> {
  if (isDrizzle(db)) return rowsOf(await db.execute(withNames(query)))
  const { text, params } = queryText(query)
  return rowsOf(await db.query(text, params))
}

/** A statement whose parameters are texts. Its own text is made once, however often it runs. */
interface TextStatement {
  readonly template: readonly string[]
  readonly texts: string[]
}

/** @param template the text around the parameters; the same object for the same text each time */
export function inText(template: readonly string[], ...texts: string[]): TextStatement {
  return { template, texts }
}

/** The same as `askCaller`, for a statement of the hot path. */
export async function askInText(
  db: AuditDatabase,
  { template, texts }: TextStatement,
): Promise<readonly Row[]> {
  if (isDrizzle(db))
    return rowsOf(await db.execute(sql(template as TemplateStringsArray, ...texts)))
  return rowsOf(await db.query(numbered(template), texts))
}

const numberedTexts = new WeakMap<readonly string[], string>()

function numbered(template: readonly string[]): string {
  const known = numberedTexts.get(template)
  if (known !== undefined) return known
  const text = template.reduce((whole, part, index) => `${whole}$${index}${part}`)
  numberedTexts.set(template, text)
  return text
}

/** Drizzle's objects also have a `query`, which is not a function. */
function isDrizzle(db: AuditDatabase): db is DrizzleHandle {
  return 'execute' in db && typeof db.execute === 'function'
}

export type Row = Readonly<Record<string, unknown>>

/**
 * The rows of a driver's answer. postgres-js returns the rows, other drivers an object with `rows`.
 */
function rowsOf(answer: unknown): readonly Row[] {
  const rows: unknown = Array.isArray(answer) ? answer : Reflect.get(Object(answer), 'rows')
  return Array.isArray(rows) ? (rows as readonly Row[]) : []
}

/** Whether a column of type boolean is true, also where the driver leaves it as text. */
export function isTrue(value: unknown): boolean {
  return value === true || value === 't' || value === 'true'
}

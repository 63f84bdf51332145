import { type SQL, sql } from 'drizzle-orm'
import { AuditError, databaseFault } from '../errors.ts'
import type { AuditDatabase, Row } from '../database/callers-database.ts'
import { readRows } from './read-rows.ts'

/**
 * Longest `metadata` or `context` that is read, in bytes of JSON. An entry is recorded with at most
 * 1 MiB, and Postgres writes it with a space behind each comma and colon.
 */
export const MAX_JSON_BYTES = 2 * 1024 * 1024
/** More stored bytes than this hold more JSON than that, with any content. */
const MAX_STORED_BYTES = 4 * 1024 * 1024
/** The most bytes of JSON in an answer before its last row, so that memory is bounded. */
export const MAX_ANSWER_BYTES = 1024 * 1024
/** The most bytes of JSON that the server sends for a quick statement. */
const MAX_QUICK_BYTES = 8 * 1024 * 1024
/** More stored bytes than this are left to the guarded statement, so that they are written once. */
const MAX_QUICK_STORED_BYTES = 8 * 1024

/**
 * Postgres keeps `1e131071` in eight bytes and writes it with 131,072 digits, so a row of a few
 * kilobytes can be a gigabyte of text. A search for such numbers costs about as much as writing the
 * text, so a row is searched only if it has room for many of them. A compressed row may have room
 * for more than its size says.
 */
const SEARCHED_BYTES = 1_000
const LONG_NUMBER =
  'strict $.** ? (@.type() == "number") ? (' +
  '@ >= 1e1001 || @ <= -1e1001 || (@ < 1e-1001 && @ > -1e-1001 && @ != 0))'

/**
 * A jsonb column as text. JSON with a number of more than 1,000 digits is null.
 *
 * @param mode `quick`: also null is what is stored in more than 8 KiB. The statement around it
 * leaves out what is longer than an entry's share. `guarded`: also null is what is longer than 2
 * MiB.
 */
function jsonText(column: SQL, mode: 'quick' | 'guarded'): SQL {
  const size = sql`pg_catalog.pg_column_size(${column})`
  const maxStored = mode === 'quick' ? MAX_QUICK_STORED_BYTES : MAX_STORED_BYTES
  const text =
    mode === 'quick'
      ? sql`${column}::pg_catalog.text`
      : // A subquery with OFFSET, so that the server writes the text once.
        sql`(
          select case when pg_catalog.octet_length(written.text)
            operator(pg_catalog.<=) ${sql.raw(String(MAX_JSON_BYTES))} then written.text end
          from (select ${column}::pg_catalog.text as text offset 0) as written
        )`
  return sql`case
    when ${size} operator(pg_catalog.<=) ${sql.raw(String(SEARCHED_BYTES))}
      and pg_catalog.pg_column_compression(${column}) is null then ${text}
    when ${size} operator(pg_catalog.<=) ${sql.raw(String(maxStored))}
      and not pg_catalog.jsonb_path_exists(${column}, '${sql.raw(LONG_NUMBER)}'::pg_catalog.jsonpath)
      then ${text}
  end`
}

export interface BatchQuery {
  /** The rows in their order, as a FROM item of the name `entry` with at most so many rows. */
  readonly from: (limit: number) => SQL
  /** What the order goes by. Each of these is an expression on `entry`. */
  readonly key: SQL
  readonly metadata: SQL
  readonly context: SQL
  /** All other columns of the answer. `id` is null in a row without an entry. */
  readonly columns: SQL
  readonly isDescending: boolean
  readonly limit: number
  /** Whether the batch before had large entries. Then it begins with the guarded statement. */
  readonly isAmongLarge?: boolean
}

export interface Batch {
  readonly rows: readonly Row[]
  /** Whether it ends before its limit, because there was too much to read. */
  readonly isCut: boolean
  /** Whether it has large entries, which took the guarded statement. */
  readonly hasLarge: boolean
}

/**
 * Reads rows of the log, which may hold any JSON. The answer ends early behind large entries, so
 * that memory is bounded.
 *
 * The first statement is quick. If one of its entries is too large for it or cannot be read, a
 * guarded statement reads the same rows again. If the server fails at a row, ever smaller
 * statements look for that row. It is then read without its JSON, and its neighbours with theirs.
 *
 * @throws {AuditError} as `readRows`
 */
export async function readBatch(
  db: AuditDatabase,
  query: BatchQuery,
  deadlineMs?: number,
): Promise<Batch> {
  let { limit } = query
  if (query.isAmongLarge) return await readGuarded(db, query, limit, deadlineMs)
  try {
    const rows = await readRows(db, quickStatement(query), deadlineMs)
    if (rows.every(isWhole)) return cut(rows)
  } catch (error) {
    if (!isTooMuch(error)) throw error
    if (isTooSlow(error)) limit = Math.ceil(limit / 4)
  }
  return await readGuarded(db, query, limit, deadlineMs)
}

async function readGuarded(
  db: AuditDatabase,
  query: BatchQuery,
  firstLimit: number,
  deadlineMs: number | undefined,
): Promise<Batch> {
  for (let limit = firstLimit; ; limit = Math.ceil(limit / 4)) {
    try {
      const rows = await readRows(db, guardedStatement(query, limit), deadlineMs)
      const isShort = rows.length < Number(rows[0]?.['found'] ?? 0)
      const isCut = isShort || (limit < query.limit && rows.length === limit)
      return { rows, isCut, hasLarge: !rows.every(isSmall) }
    } catch (error) {
      if (!isTooMuch(error)) throw error
      if (limit === 1) {
        const rows = await readRows(db, withoutJson(query), deadlineMs)
        return { rows, isCut: query.limit > 1 && rows.length === 1, hasLarge: true }
      }
    }
  }
}

/** Whether a row holds all of its JSON, or no entry at all. */
function isWhole({ id, metadata, context }: Row): boolean {
  return (metadata !== null && context !== null) || id === null
}

/** Whether a quick statement would have read the row. It is a guess from the length of the text. */
function isSmall(row: Row): boolean {
  const { metadata, context } = row
  return isWhole(row) && String(metadata).length + String(context).length <= MAX_QUICK_STORED_BYTES
}

/** About how much JSON a row holds. */
export function jsonBytes({ metadata, context }: Row): number {
  return String(metadata).length + String(context).length
}

/** Ends the answer behind the row with which it holds enough. */
function cut(rows: readonly Row[]): Batch {
  let bytes = 0
  for (const [at, row] of rows.entries()) {
    if (bytes > MAX_ANSWER_BYTES) return { rows: rows.slice(0, at), isCut: true, hasLarge: false }
    bytes += jsonBytes(row)
  }
  return { rows, isCut: false, hasLarge: false }
}

/**
 * Each entry may take its share of the answer. What is longer is null.
 *
 * - The innermost query has no expressions, because the planner copies them for each partition.
 * - OFFSET keeps the next one apart, so that the server writes each text once.
 * - The server sorts the rows, although they come in this order, so that it sends no row before it
 *   has written the last one. After an error between two rows postgres.js returns the first ones
 *   again with the next answer. Without `nulls` the planner would know the order and not sort.
 */
function quickStatement(query: BatchQuery): SQL {
  const { from, key, metadata, context, columns, isDescending, limit } = query
  const share = Math.min(MAX_JSON_BYTES, Math.floor(MAX_QUICK_BYTES / 2 / limit))
  const capped = (name: string) =>
    sql.raw(`case when pg_catalog.octet_length(${name}) operator(pg_catalog.<=) ${share}
      then ${name} end`)
  return sql`
    select ${columns}, ${capped('metadata_text')} as "metadata", ${capped('context_text')} as "context"
    from (
      select *, ${jsonText(metadata, 'quick')} as metadata_text,
        ${jsonText(context, 'quick')} as context_text
      from ${from(limit)} offset 0
    ) as entry
    order by ${key} ${sql.raw(isDescending ? 'desc nulls last' : 'asc nulls first')}`
}

/**
 * Ends behind the row with which the answer holds enough, and returns in each row how many were
 * found.
 *
 * It counts over all rows, so that the server sends no row before it has written the last one.
 */
function guardedStatement(query: BatchQuery, limit: number): SQL {
  const { from, key, metadata, context, columns, isDescending } = query
  const direction = sql.raw(isDescending ? 'desc' : 'asc')
  const size = (name: string) => sql`coalesce(pg_catalog.octet_length(${sql.raw(`"${name}"`)}), 0)`
  return sql`
    select * from (
      select one.*, (pg_catalog.count(*) over ())::double precision as "found",
        coalesce(pg_catalog.sum(
          ${size('metadata')} operator(pg_catalog.+) ${size('context')}
        ) over sofar, 0) as "before"
      from (
        select ${columns}, ${key} as "key", ${jsonText(metadata, 'guarded')} as "metadata",
          ${jsonText(context, 'guarded')} as "context"
        from ${from(limit)}
      ) as one
      window sofar as (
        order by one."key" ${direction} rows between unbounded preceding and 1 preceding)
    ) as batch
    where batch."before" operator(pg_catalog.<=) ${sql.raw(String(MAX_ANSWER_BYTES))}
    order by batch."key" ${direction}`
}

/** The first row without its JSON. */
function withoutJson({ from, columns }: BatchQuery): SQL {
  return sql`
    select ${columns}, null::pg_catalog.text as "metadata", null::pg_catalog.text as "context"
    from ${from(1)}`
}

/**
 * SQLSTATE classes: program limit exceeded, out of memory; and what an allocation of 1 GB raises.
 */
const TOO_MUCH = /^(?:54...|53200|XX000)$/

function isTooMuch(error: unknown): boolean {
  return isTooSlow(error) || TOO_MUCH.test(databaseFault(error).code)
}

function isTooSlow(error: unknown): boolean {
  return error instanceof AuditError && error.code === 'AUDIT_DEADLINE_PASSED'
}

import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { AuditError, databaseFault } from '../errors.ts'
import type { AuditDatabase, Row } from '../database/callers-database.ts'
import { readRows } from './read-rows.ts'

/**
 * Longest `metadata` or `context` that is read, in bytes of JSON. An entry is recorded with at most
 * 1 MiB, and Postgres writes it with a space behind each comma and colon.
 */
export const MAX_JSON_BYTES = 2 * 1024 * 1024
/** Stored bytes that hold more than that, whatever is in them. */
const MAX_STORED_BYTES = 4 * 1024 * 1024
/** What an answer may hold before its last row, in bytes of JSON: memory stays bounded. */
const MAX_ANSWER_BYTES = 1024 * 1024

/**
 * Postgres keeps `1e131071` in eight bytes and writes it with 131,072 digits, so that a row of a
 * few kilobytes can be a gigabyte of text. Looking for such numbers costs about as much as writing
 * the text, so only rows are looked through in which there is room for many of them. What is
 * compressed may be much larger than it looks.
 */
const LOOKED_THROUGH_BYTES = 1_000
const LONG_NUMBER =
  'strict $.** ? (@.type() == "number") ? (' +
  '@ >= 1e1001 || @ <= -1e1001 || (@ < 1e-1001 && @ > -1e-1001 && @ != 0))'

/** A column as JSON text; null where it is too much to read. */
export function jsonText(column: PgColumn): SQL {
  const size = sql`pg_catalog.pg_column_size(${column})`
  return sql`case
    when (
      ${size} operator(pg_catalog.>) ${sql.raw(String(LOOKED_THROUGH_BYTES))}
      or pg_catalog.pg_column_compression(${column}) is not null
    ) and (
      ${size} operator(pg_catalog.>) ${sql.raw(String(MAX_STORED_BYTES))}
      or pg_catalog.jsonb_path_exists(${column}, '${sql.raw(LONG_NUMBER)}'::pg_catalog.jsonpath)
    ) then null
    else (
      select case when pg_catalog.octet_length(written.text)
        operator(pg_catalog.<=) ${sql.raw(String(MAX_JSON_BYTES))} then written.text end
      from (select ${column}::pg_catalog.text as text offset 0) as written -- written once
    )
  end`
}

export interface BatchQuery {
  /** Selects `"key"`, `"metadata"`, `"context"` and more, in the order of `"key"`. */
  readonly select: (columns: 'all' | 'without JSON', limit: number) => SQL
  readonly isDescending: boolean
  readonly limit: number
}

export interface Batch {
  readonly rows: readonly Row[]
  /** Whether it ends before its limit, because there was too much to read. */
  readonly isCut: boolean
}

/**
 * Reads rows of the log that may hold anything. The answer ends early behind what is large, so that
 * memory stays the same. A row at which the server fails is looked for by asking for ever fewer
 * rows, and read without its JSON: those next to it are read as they are.
 *
 * @throws {AuditError} as `readRows`
 */
export async function readBatch(
  db: AuditDatabase,
  query: BatchQuery,
  deadlineMs?: number,
): Promise<Batch> {
  let { limit } = query
  for (;;) {
    try {
      const rows = await readRows(db, batchStatement(query, limit), deadlineMs)
      const isShort = rows.length < Number(rows[0]?.['found'] ?? 0)
      return { rows, isCut: isShort || (limit < query.limit && rows.length === limit) }
    } catch (error) {
      if (!isTooMuch(error)) throw error
      if (limit === 1) {
        const rows = await readRows(db, query.select('without JSON', 1), deadlineMs)
        return { rows, isCut: query.limit > 1 && rows.length === 1 }
      }
      limit = Math.ceil(limit / 4)
    }
  }
}

/**
 * Ends behind the row with which there is enough, and says in each row how many were found.
 *
 * They are counted over all rows, so that no row is sent before the last one was written: after an
 * error between two rows postgres.js hands out the first ones again with the next answer.
 */
export function batchStatement({ select, isDescending }: BatchQuery, limit: number): SQL {
  const direction = sql.raw(isDescending ? 'desc' : 'asc')
  const size = (name: string) => sql`coalesce(pg_catalog.octet_length(${sql.raw(`"${name}"`)}), 0)`
  return sql`
    select * from (
      select one.*, (pg_catalog.count(*) over ())::double precision as "found",
        coalesce(pg_catalog.sum(
          ${size('metadata')} operator(pg_catalog.+) ${size('context')}
        ) over sofar, 0) as "before"
      from (${select('all', limit)}) as one
      window sofar as (
        order by one."key" ${direction} rows between unbounded preceding and 1 preceding)
    ) as batch
    where batch."before" operator(pg_catalog.<=) ${sql.raw(String(MAX_ANSWER_BYTES))}
    order by batch."key" ${direction}`
}

/**
 * SQLSTATE classes: program limit exceeded, out of memory; and what an allocation of 1 GB raises.
 */
const TOO_MUCH = /^(?:54...|53200|XX000)$/

function isTooMuch(error: unknown): boolean {
  if (error instanceof AuditError && error.code === 'AUDIT_DEADLINE_PASSED') return true
  return TOO_MUCH.test(databaseFault(error).code)
}

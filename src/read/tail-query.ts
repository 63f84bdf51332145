import { type SQL, sql } from 'drizzle-orm'
import type { AuditDatabase } from '../database/callers-database.ts'
import { auditLog } from '../schema/tables.ts'
import type { BatchQuery } from './batch.ts'
import { type Cursor, currentHistory } from './history.ts'
import { entryColumns, entryJson, entryRow, logColumns } from './logged-entry.ts'
import { readRows } from './read-rows.ts'

/** How many numbers one statement looks through, where a filter may leave out most of them. */
const WINDOW_SEQS = 20_000

/**
 * The statement for the entries from a number on. It returns at least one row. Where nothing is
 * new, that row has nulls for an entry.
 *
 * With a filter, which may leave out most of the log, it looks through a window of numbers. The
 * window begins at the first number that the log holds, because the oldest partitions may have been
 * dropped.
 */
export function lookQuery(
  next: number,
  at: Cursor | undefined,
  { conditions, limit }: { readonly conditions: readonly SQL[]; readonly limit: number },
): BatchQuery {
  const isFiltered = conditions.length > 0
  const isNext = sql`${auditLog.seq} operator(pg_catalog.>=) ${next}::bigint`
  const first = sql`(select pg_catalog.min(${auditLog.seq}) from ${auditLog} where ${isNext})`
  const inWindow = sql`${auditLog.seq} operator(pg_catalog.>=) ${first}
    and ${auditLog.seq} operator(pg_catalog.<)
      (${first} operator(pg_catalog.+) ${sql.raw(String(WINDOW_SEQS))}::bigint)`
  const reached = isFiltered
    ? sql`left join lateral (
        select ${auditLog.seq}::pg_catalog.text as "throughSeq",
          ${auditLog.id}::pg_catalog.text as "throughId"
        from ${auditLog} where ${inWindow} order by ${auditLog.seq} desc limit 1
      ) as reached on true`
    : sql.empty()
  const through = isFiltered ? sql`entry."throughSeq", entry."throughId",` : sql.empty()
  const wanted = isFiltered ? [inWindow, ...conditions] : [isNext]
  return {
    limit,
    isDescending: false,
    key: sql`${entryRow.seq}`,
    ...entryJson,
    columns: sql`entry."history", entry."isMissing", ${through} ${entryColumns}`,
    from: (rows) => sql`(
      select * from (
        select ${currentHistory} as "history", ${at ? isMissing(at) : sql`false`} as "isMissing"
      ) as log
      ${reached}
      left join lateral (
        select ${logColumns} from ${auditLog} where ${sql.join(wanted, sql` and `)}
        order by ${auditLog.seq} limit ${sql.raw(String(rows))}
      ) as found on true
    ) as entry`,
  }
}

function isMissing({ seq, id }: Cursor): SQL {
  return sql`not exists (
    select from ${auditLog} where ${auditLog.id} operator(pg_catalog.=) ${id}::pg_catalog.uuid
      and ${auditLog.seq} operator(pg_catalog.=) ${seq}::bigint
  )`
}

/**
 * Whether the log lacks the entry of a cursor. A standby that has no such number and no greater one
 * may not have replayed it yet, so there the answer is false.
 *
 * It is a statement of its own, because to plan it took a fifth of each look.
 */
export async function isChangedSince(db: AuditDatabase, at: Cursor): Promise<boolean> {
  const [row] = await readRows(
    db,
    sql`select ${isMissing(at)} and (
      not pg_catalog.pg_is_in_recovery() or exists (
        select from ${auditLog} where ${auditLog.seq} operator(pg_catalog.>=) ${at.seq}::bigint
      )
    ) as "isChanged"`,
  )
  return row?.['isChanged'] === true
}

/** The greatest number in the log, or 0 where the log is empty. */
export async function lastSeq(db: AuditDatabase): Promise<number> {
  const [row] = await readRows(
    db,
    sql`select pg_catalog.max(${auditLog.seq})::pg_catalog.text as "last" from ${auditLog}`,
  )
  return Number(row?.['last'] ?? 0)
}

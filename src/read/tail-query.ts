import { type SQL, sql } from 'drizzle-orm'
import { type AuditDatabase, isTrue } from '../database/callers-database.ts'
import { type LogView, WHOLE_LOG } from '../projection/log-view.ts'
import { isRemoved } from '../removed/removed-seqs.ts'
import { auditLog } from '../schema/tables.ts'
import type { BatchQuery } from './batch.ts'
import { type Cursor, currentHistory } from './history.ts'
import { type IdWindow, idText, inWindow, isStillBeside } from './id-windows.ts'
import { entryColumns, entryJson, entryRow } from './logged-entry.ts'
import { readRows } from './read-rows.ts'

/** How many numbers one statement looks through, where a filter may leave out most of them. */
const WINDOW_SEQS = 20_000

export interface LookRequest {
  /** The first number that is asked for. */
  readonly next: number
  /** The entry that was read last. */
  readonly at: Cursor | undefined
  /** The filter. */
  readonly conditions: readonly SQL[]
  /** What the reader sees of the log. Default: all of it */
  readonly view?: LogView
  readonly limit: number
  readonly window: IdWindow
  /** The last number that is asked for. Default: all further ones */
  readonly last?: number | undefined
  /** Whether the plan has further windows, so that each one's answer has to say how far it goes. */
  readonly isOneOfSeveral: boolean
}

/**
 * The statement for the entries from a number on. It returns at least one row. Where nothing is
 * new, that row has nulls for an entry.
 *
 * With a filter, which may leave out most of the log, it looks through a window of numbers. The
 * window begins at the first number that the log holds, because the oldest partitions may have been
 * dropped.
 */
export function lookQuery(asked: LookRequest): BatchQuery {
  const { next, at, conditions, view = WHOLE_LOG, limit, window, last, isOneOfSeveral } = asked
  const isFiltered = conditions.length > 0
  const here = inWindow(window)
  const isNext = sql`${auditLog.seq} operator(pg_catalog.>=) ${next}::bigint`
  const isUpTo =
    last === undefined ? [] : [sql`${auditLog.seq} operator(pg_catalog.<=) ${last}::bigint`]
  const first = sql`(
    select pg_catalog.min(${auditLog.seq}) from ${auditLog} where ${all([isNext, ...here])})`
  // The windows of one plan have to begin at the same number, which none of them knows.
  const begin = isOneOfSeveral ? sql`${next}::bigint` : first
  const inNumbers = sql`${auditLog.seq} operator(pg_catalog.>=) ${begin}
    and ${auditLog.seq} operator(pg_catalog.<)
      (${begin} operator(pg_catalog.+) ${sql.raw(String(WINDOW_SEQS))}::bigint)`
  const reached = isFiltered
    ? sql`left join lateral (
        select ${auditLog.seq}::pg_catalog.text as "throughSeq",
          ${auditLog.id}::pg_catalog.text as "throughId"
        from ${auditLog} where ${all([inNumbers, ...isUpTo, ...here])}
        order by ${auditLog.seq} desc limit 1
      ) as reached on true`
    : sql.empty()
  const through = isFiltered ? sql`entry."throughSeq", entry."throughId",` : sql.empty()
  const wanted = isFiltered ? [inNumbers, ...conditions] : [isNext]
  const { stepsOver = [] } = window
  const proof = isStillBeside(stepsOver, { nextSeq: next, lastSeq: last })
  const isProven = stepsOver.length > 0 ? sql`, ${proof} as "isProven"` : sql.empty()
  const head = isOneOfSeveral ? sql`, audit.last_seq()::pg_catalog.text as "head"` : sql.empty()
  return {
    limit,
    isDescending: false,
    key: sql`${entryRow.seq}`,
    ...entryJson,
    columns: sql`entry."history", entry."isMissing", ${through}
      ${stepsOver.length > 0 ? sql`entry."isProven",` : sql.empty()}
      ${isOneOfSeveral ? sql`entry."head",` : sql.empty()} ${entryColumns} ${view.more}`,
    from: (rows) => sql`(
      select * from (
        select ${currentHistory} as "history", ${at ? isMissing(at) : sql`false`} as "isMissing"
          ${isProven} ${head}
      ) as log
      ${reached}
      left join lateral (
        select ${view.selected} from ${auditLog} where ${all([...wanted, ...isUpTo, ...here])}
        order by ${auditLog.seq} limit ${sql.raw(String(rows))}
      ) as found on true
    ) as entry`,
  }
}

/** The last number that a look with a filter goes to, where it is one of several windows. */
export function lastLooked(next: number, last: number | undefined): number {
  return Math.min(last ?? Number.MAX_SAFE_INTEGER, next + WINDOW_SEQS - 1)
}

function all(conditions: readonly SQL[]): SQL {
  return sql.join([...conditions], sql` and `)
}

function isMissing({ seq, id }: Cursor): SQL {
  return sql`not exists (
    select from ${auditLog} where ${auditLog.id} operator(pg_catalog.=) ${idText(id)}
      and ${auditLog.seq} operator(pg_catalog.=) ${seq}::bigint
  )`
}

/**
 * Whether the log lacks the entry of a cursor. A standby whose log ends before that number may not
 * have replayed it yet, so there the answer is false.
 *
 * It is a statement of its own, because to plan it took a fifth of each look.
 */
export async function isChangedSince(db: AuditDatabase, at: Cursor): Promise<boolean> {
  const [row] = await readRows(
    db,
    sql`select ${isMissing(at)} and (
      not pg_catalog.pg_is_in_recovery() or audit.last_seq() operator(pg_catalog.>=) ${at.seq}::bigint
    ) as "isChanged"`,
  )
  return isTrue(row?.['isChanged'])
}

/** Whether a policy has removed the entry of a cursor: then the log is still the same one. */
export async function wasRemoved(db: AuditDatabase, { seq }: Cursor): Promise<boolean> {
  const [row] = await readRows(db, sql`select ${isRemoved(seq)} as "isRemoved"`)
  return isTrue(row?.['isRemoved'])
}

/** The greatest number in the log, or 0 where the log is empty. */
export async function lastSeq(db: AuditDatabase): Promise<number> {
  const [row] = await readRows(db, sql`select audit.last_seq()::pg_catalog.text as "last"`)
  return Number(row?.['last'] ?? 0)
}

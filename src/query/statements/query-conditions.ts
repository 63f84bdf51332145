import { type SQL, sql } from 'drizzle-orm'
import type { IdKind } from '../../entry.ts'
import type { LogQuery, QueryPart } from '../log-query.ts'
import { AS_STORED, type SeenColumns } from './seen-columns.ts'
import { type Alternative, alternativesOf } from './term-conditions.ts'

/** A query as conditions on the log. An entry must meet each of them, and one of `either`. */
export interface QueryConditions {
  /** Those that an index serves. */
  readonly indexed: readonly SQL[]
  readonly others: readonly SQL[]
  /**
   * Alternatives that an index serves each. A reader that wants the newest entries asks for each one
   * alone, because the server finds the newest of several only by sorting all, or by reading the log.
   */
  readonly either: readonly SQL[]
}

/** More alternatives than this are not asked for one by one. */
const MOST_READS = 8

/** @param columns what the reader sees of the log. Default: all of it */
export function conditionsOf(
  { parts }: LogQuery,
  ids: IdKind,
  columns: SeenColumns = AS_STORED,
): QueryConditions {
  const [indexed, others]: [SQL[], SQL[]] = [[], []]
  let either: readonly SQL[] = []
  for (const part of parts) {
    const all = part.terms.flatMap((term) => alternativesOf(term, ids, columns))
    if (part.isNot) others.push(sql`(${anyOf(all)}) is not true`)
    else if (all.length === 1 && all[0]?.isIndexed) indexed.push(all[0].condition)
    else if (canBeAskedAlone(all) && either.length === 0) {
      either = all.map(({ condition }) => condition)
    } else others.push(sql`(${anyOf(all)})`)
  }
  return { indexed, others, either }
}

function canBeAskedAlone(all: readonly Alternative[]): boolean {
  return all.length > 1 && all.length <= MOST_READS && all.every(({ isIndexed }) => isIndexed)
}

function anyOf(all: readonly Alternative[]): SQL {
  if (all.length === 0) return sql`false`
  return sql.join(
    all.map(({ condition }) => condition),
    sql` or `,
  )
}

/** Whether a part is a time range by itself, and nothing else. */
export function isTimeRange({ isNot, terms }: QueryPart): boolean {
  return !isNot && terms.length === 1 && terms[0]?.kind === 'time'
}

/** The time range that all of a query's entries lie in, in Unix milliseconds. */
export function timesOf({ parts }: LogQuery): { readonly fromMs?: number; readonly toMs?: number } {
  let [fromMs, toMs] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (const part of parts) {
    const [term] = part.terms
    if (!isTimeRange(part) || term?.kind !== 'time') continue
    fromMs = Math.max(fromMs, term.fromMs ?? fromMs)
    toMs = Math.min(toMs, term.toMs ?? toMs)
  }
  return {
    ...(Number.isFinite(fromMs) ? { fromMs } : {}),
    ...(Number.isFinite(toMs) ? { toMs } : {}),
  }
}

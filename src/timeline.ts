import { createHash } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import { decodeCursor, encodeCursor, type Position } from './cursor.ts'
import { checkFilter, invalid, type LogFilter, shown, uuid } from './filter.ts'
import { entryColumns, type LoggedEntry, toEntry } from './logged-entry.ts'
import { readRows } from './read.ts'
import type { AuditDatabase } from './rows.ts'
import { auditLog } from './schema/tables.ts'

export type { LogFilter } from './filter.ts'
export type { LoggedEntry } from './logged-entry.ts'
export type { AuditDatabase } from './rows.ts'

export interface TimelineOptions extends LogFilter {
  /** By the time of recording. @default 'newest' */
  readonly order?: 'newest' | 'oldest' | undefined
  /** `nextCursor` or `prevCursor` of a page of the same filter and order. Default: the first page. */
  readonly cursor?: string | undefined
  /** Most entries on the page, 1 to 500. @default 50 */
  readonly limit?: number | undefined
}

export interface TimelinePage {
  /** In the order that was asked for, also on a page that was reached by going back. */
  readonly entries: readonly LoggedEntry[]
  /** Goes on after the last entry. Null where nothing came after it. */
  readonly nextCursor: string | null
  /** Goes back before the first entry. Null where nothing came before it. */
  readonly prevCursor: string | null
}

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 500

/**
 * One page of the log, by the time at which entries were recorded.
 *
 * Pages are found by key and never counted: the thousandth costs as much as the first. A cursor is
 * a place in the log, so entries that arrive meanwhile shift nothing; one that was recorded earlier
 * and logged later appears where it belongs. It holds for one filter and order, whatever the limit
 * and the time range.
 *
 * ```ts
 * const { entries, nextCursor } = await timeline(db, { eventId, action: 'branding.*' })
 * ```
 *
 * @throws {AuditError} `AUDIT_FILTER_INVALID` for a wrong filter, cursor or limit, with a message
 * that may be shown (an HTTP 400); `AUDIT_DEADLINE_PASSED` where the database took over 10 s, or
 * longer than its own `statement_timeout`; `AUDIT_DATABASE_FAILED` otherwise
 */
export async function timeline(
  db: AuditDatabase,
  options: TimelineOptions = {},
): Promise<TimelinePage> {
  const { query, isBackwards, owner, limit, cursor } = timelineQuery(options)
  const found = (await readRows(db, query)).map(toEntry)
  const hasMore = found.length > limit
  const entries = hasMore ? found.slice(0, limit) : found
  if (isBackwards) entries.reverse()
  const first = entries[0]
  const last = entries.at(-1)
  // The side that we came from has at least the entry that the cursor stood beside.
  const hasNext = isBackwards ? true : hasMore
  const hasPrev = isBackwards ? hasMore : cursor !== undefined
  const at = (direction: Position['direction'], entry: LoggedEntry | undefined) =>
    entry ? encodeCursor({ direction, id: entry.id }, owner) : null
  return {
    entries,
    nextCursor: hasNext ? at('next', last) : null,
    prevCursor: hasPrev ? at('prev', first) : null,
  }
}

/**
 * One entry by its id, or undefined.
 *
 * @throws {AuditError} as `timeline` does
 */
export async function entry(db: AuditDatabase, id: string): Promise<LoggedEntry | undefined> {
  const query = sql`
    select ${entryColumns} from ${auditLog} where ${auditLog.id} = ${uuid('id', id)}::uuid`
  const [row] = await readRows(db, query)
  return row ? toEntry(row) : undefined
}

/** The statement behind a page, and what it takes to read its answer. */
export function timelineQuery(options: TimelineOptions) {
  if (typeof options !== 'object' || options === null) throw invalid('A filter must be an object.')
  const { order = 'newest', cursor, limit = DEFAULT_LIMIT, ...filter } = options
  if (order !== 'newest' && order !== 'oldest') {
    throw invalid(`order must be newest or oldest, got ${shown(order)}.`)
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw invalid(`limit must be a whole number from 1 to ${MAX_LIMIT}, got ${shown(limit)}.`)
  }
  const { conditions, hasIndex, fingerprint } = checkFilter(filter)
  for (const name of ['entityType', 'metadata'] as const) {
    if (filter[name] === undefined || hasIndex) continue
    throw invalid(`${name} needs eventId, userId, targetId, requestId or action beside it.`)
  }
  const owner = createHash('sha256').update(order).update(fingerprint).digest()
  const position = cursor === undefined ? undefined : decodeCursor(cursor, owner)
  const isBackwards = position?.direction === 'prev'
  const isDescending = (order === 'newest') !== isBackwards
  const query = pageQuery({ conditions, position, isDescending, limit })
  return { query, isBackwards, owner, limit, cursor }
}

interface PageParts {
  readonly conditions: readonly SQL[]
  readonly position: Position | undefined
  readonly isDescending: boolean
  readonly limit: number
}

/**
 * `order by` names the table's column and not the output's: that one is text, and every row would
 * be sorted. One row more than asked for tells whether there is a further page. The limit is written
 * out, because a plan that is made without knowing it expects a tenth of the log.
 */
function pageQuery({ conditions, position, isDescending, limit }: PageParts): SQL {
  const comparison = sql.raw(isDescending ? '<' : '>')
  const beyond = position ? [sql`${auditLog.id} ${comparison} ${position.id}::uuid`] : []
  const all = [...conditions, ...beyond]
  const where = all.length > 0 ? sql`where ${sql.join(all, sql` and `)}` : sql.empty()
  const direction = sql.raw(isDescending ? 'desc' : 'asc')
  return sql`
    select ${entryColumns} from ${auditLog} ${where}
    order by ${auditLog.id} ${direction} limit ${sql.raw(String(limit + 1))}`
}

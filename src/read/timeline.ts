import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { AuditError, filterInvalid } from '../errors.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { recordedMs } from '../ids/uuid7.ts'
import { neighbourOf } from '../ids/uuid.ts'
import { type FindIds, findNames, hasIds, withoutMisfits, withStaff } from '../query/find-names.ts'
import type { LogQuery } from '../query/log-query.ts'
import { parseQuery } from '../query/parse-query.ts'
import { withHiddenParts } from '../projection/hidden-parts.ts'
import type { Projection } from '../projection/projection.ts'
import { auditLog } from '../schema/tables.ts'
import { readBatch } from './batch.ts'
import { idKindOf, withFilter } from './bound-filter.ts'
import { decodeCursor, encodeCursor, type Position } from './paging/cursor.ts'
import { type BoundFilter, checkFilter, INDEXED_NAMES, type LogFilter } from './filter.ts'
import { isObject, shown, uuid } from './filter-values.ts'
import { readHistory } from './history.ts'
import { idText } from './id-windows.ts'
import { entryColumns, entryJson, entryRow, type LoggedEntry, toEntry } from './logged-entry.ts'
import type { AskedPage } from './page-windows.ts'
import { readThrough } from './read-through.ts'

export { pageQuery } from './page-windows.ts'
export { type QueryOptions, parseQuery } from '../query/parse-query.ts'
export { type FindIds, findNames } from '../query/find-names.ts'
export type { LogQuery, QueryPart, QueryProblem } from '../query/log-query.ts'
export type { HiddenField, Projection } from '../projection/projection.ts'
export type { LogFilter } from './filter.ts'
export type { LoggedEntry } from './logged-entry.ts'
export type { AuditDatabase } from '../database/callers-database.ts'

export interface TimelineOptions extends LogFilter {
  /** Which entries come first, by the time of recording. @default 'newest' */
  readonly order?: 'newest' | 'oldest' | undefined
  /**
   * `nextCursor` or `prevCursor` of a page of the same filter and order. Default: the first page.
   */
  readonly cursor?: string | undefined
  /** Most entries on the page, 1 to 500. @default 50 */
  readonly limit?: number | undefined
  /**
   * Finds the ids of the names in `query`. A text for which it finds nothing is taken for an id. At most
   * 20 ids count for one text. Where it fails or takes more than a second, it has found nothing.
   */
  readonly find?: FindIds | undefined
}

export interface TimelinePage {
  /** In the given order, also on a page that was reached by a `prevCursor`. */
  readonly entries: readonly LoggedEntry[]
  /** Goes on after the last entry. Null where there was no entry after it. */
  readonly nextCursor: string | null
  /** Goes back before the first entry. Null where there was no entry before it. */
  readonly prevCursor: string | null
  /** The query as it was understood, with its problems. Only where one was given. */
  readonly query?: LogQuery
  /**
   * How far the page looked, where the log goes on and the page holds fewer entries than it could: it
   * found no more up to the entry that was recorded then. `nextCursor` looks on.
   */
  readonly lookedTo?: Date
}

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 500

/**
 * Reads one page of the log, in the order in which entries were recorded.
 *
 * A page is found by key and without counting, so the thousandth page costs as much as the first. A
 * cursor is a place in the log, so entries that arrive meanwhile shift no page. An entry that was
 * recorded earlier and logged later appears where it belongs. A cursor belongs to one filter and
 * order. The limit and the time range may change from page to page.
 *
 * A page ends early, with a `nextCursor`, where its entries hold more than 1 MiB, and where a filter
 * finds so little that half of the deadline has passed. It may then hold no entry at all.
 *
 * With `entityType` or `metadata` a page looks through 5,000 entries of the rest of the filter, so
 * that it never takes long. It may then hold fewer entries than `limit`, or none, and still have a
 * `nextCursor` that leads on. A `query` that no index answers looks through as many as it can in 2 s,
 * and `lookedTo` says how far that was.
 *
 * ```ts
 * const { entries, nextCursor } = await timeline(db, { eventId, action: 'branding.*' })
 * ```
 *
 * @throws {AuditError} `AUDIT_FILTER_INVALID` for a wrong filter, cursor or limit, with a message
 * that may be shown to the user (as an HTTP 400); `AUDIT_DEADLINE_PASSED` where the database took
 * over 10 s, or longer than its own `statement_timeout`; `AUDIT_HISTORY_CHANGED` for a cursor from
 * before a restore of the log; `AUDIT_DATABASE_FAILED` otherwise
 */
export async function timeline(
  db: AuditDatabase,
  options: TimelineOptions = {},
): Promise<TimelinePage> {
  const { find, ...given } = isObject(options) ? options : {}
  if (!isObject(options)) throw filterInvalid('A filter must be an object.')
  if (find !== undefined && typeof find !== 'function') {
    throw filterInvalid(`find must be a function, got ${shown(find)}.`)
  }
  const query =
    given.query === undefined ? undefined : await understood(db, given.query, find, given.seenBy)
  const asked = checkTimeline({ ...given, query })
  const page = await withFilter(db, asked.filter, (bound) => readPage(db, asked, bound))
  return query === undefined ? page : { ...page, query }
}

/**
 * A query with its names looked up, without what can be no id of this database, and with a problem for
 * what the reader may not see.
 */
export async function understood(
  db: AuditDatabase,
  given: string | LogQuery,
  find: FindIds | undefined,
  seenBy?: Projection,
): Promise<LogQuery> {
  const read = typeof given === 'string' ? parseQuery(given) : given
  if (!Array.isArray(read?.parts)) return read
  const query = withStaff(withHiddenParts(read, seenBy?.hides), seenBy?.staffAs)
  if (!hasIds(query)) return query
  const named = find === undefined ? query : await findNames(query, find)
  return withoutMisfits(named, await idKindOf(db))
}

async function readPage(
  db: AuditDatabase,
  asked: AskedPage,
  bound: BoundFilter,
): Promise<TimelinePage> {
  const { limit, position, owner, isBackwards, isDescending } = asked
  const { rows, hasMore, endId } = await readThrough(db, asked, bound)
  const entries = rows.map(toEntry)
  const isPlaced = rows.length > 0 || position !== undefined || endId !== undefined
  const history = isPlaced ? String(rows[0]?.['history'] ?? (await readHistory(db))) : ''
  const isSame = rows.every((row) => row['history'] === history)
  if (!isSame || (position !== undefined && position.history !== history)) {
    throw new AuditError(
      'AUDIT_HISTORY_CHANGED',
      'The cursor is from before a restore of the log. Start from the first page.',
    )
  }
  if (hasMore) entries.length = Math.min(limit, entries.length)

  // Ahead is the side that was read towards, behind is the side that the page was read from.
  const aheadId = hasMore ? entries.at(-1)?.id : endId
  const behindId = position && (entries[0]?.id ?? neighbourOf(position.id, isDescending ? 1 : -1))
  const cursorAt = (direction: Position['direction'], id: string | undefined) =>
    id === undefined ? null : encodeCursor({ direction, id, history }, owner)
  if (isBackwards) entries.reverse()
  return {
    entries,
    nextCursor: cursorAt('next', isBackwards ? behindId : aheadId),
    prevCursor: cursorAt('prev', isBackwards ? aheadId : behindId),
    ...(asked.filter.isSearch && endId !== undefined
      ? { lookedTo: new Date(recordedMs(endId)) }
      : {}),
  }
}

export interface EntryOptions {
  /** What the reader may see. Default: everything. */
  readonly seenBy?: Projection | undefined
}

/**
 * Reads one entry by its id. Returns undefined where the log has no such entry, or the reader may not
 * see it.
 *
 * @throws {AuditError} as `timeline` does
 */
export async function entry(
  db: AuditDatabase,
  id: string,
  { seenBy }: EntryOptions = {},
): Promise<LoggedEntry | undefined> {
  // In the text, so that also a plan that a driver keeps is one for a single partition.
  const isIt = sql`${auditLog.id} operator(pg_catalog.=) ${idText(uuid('id', id))}`
  return await withFilter(db, checkFilter({ seenBy }), async ({ view }) => {
    const conditions = sql.join([isIt, ...view.conditions], sql` and `)
    const { rows } = await readBatch(db, {
      limit: 1,
      isDescending: false,
      key: sql`${entryRow.id}`,
      ...entryJson,
      columns: sql`${entryColumns} ${view.more}`,
      from: () =>
        sql`(select ${view.selected} from ${auditLog} where ${conditions} limit 1) as entry`,
    })
    return rows[0] ? toEntry(rows[0]) : undefined
  })
}

/** @throws {AuditError} `AUDIT_FILTER_INVALID` */
export function checkTimeline(options: TimelineOptions): AskedPage {
  if (!isObject(options)) throw filterInvalid('A filter must be an object.')
  const { order = 'newest', cursor, limit = DEFAULT_LIMIT, ...given } = options
  if (order !== 'newest' && order !== 'oldest') {
    throw filterInvalid(`order must be newest or oldest, got ${shown(order)}.`)
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw filterInvalid(`limit must be a whole number from 1 to ${MAX_LIMIT}, got ${shown(limit)}.`)
  }
  const filter = checkFilter(given)
  const alone = (['entityType', 'metadata'] as const).find((name) => given[name] !== undefined)
  if (alone !== undefined && !INDEXED_NAMES.some((name) => given[name] !== undefined)) {
    throw filterInvalid(`${alone} needs one of these next to it: ${INDEXED_NAMES.join(', ')}.`)
  }
  const owner = createHash('sha256').update(order).update(filter.fingerprint).digest()
  const position = cursor === undefined ? undefined : decodeCursor(cursor, owner)
  const isBackwards = position?.direction === 'prev'
  const isDescending = (order === 'newest') !== isBackwards
  return {
    filter,
    position,
    owner,
    isBackwards,
    isDescending,
    isBounded: alone !== undefined || filter.isSearch,
    limit,
  }
}

import { filterInvalid } from '../errors.ts'
import { createHash } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import { neighbourOf } from '../ids/uuid.ts'
import { decodeCursor, encodeCursor, type Position } from './cursor.ts'
import {
  type CheckedFilter,
  checkFilter,
  INDEXED_NAMES,
  isObject,
  type LogFilter,
  shown,
  uuid,
} from './filter.ts'
import { type BatchQuery, readBatch } from './batch.ts'
import {
  entryColumns,
  entryJson,
  entryRow,
  type LoggedEntry,
  logColumns,
  toEntry,
} from './logged-entry.ts'
import { currentHistory, readHistory } from './history.ts'
import { readRows } from './read-rows.ts'
import { AuditError } from '../errors.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { auditLog } from '../schema/tables.ts'

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
}

export interface TimelinePage {
  /** In the given order, also on a page that was reached by a `prevCursor`. */
  readonly entries: readonly LoggedEntry[]
  /** Goes on after the last entry. Null where there was no entry after it. */
  readonly nextCursor: string | null
  /** Goes back before the first entry. Null where there was no entry before it. */
  readonly prevCursor: string | null
}

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 500

/** How many entries a page looks through where the filter has a part without an index. */
const LOOKED_THROUGH = 5_000

/**
 * Reads one page of the log, in the order in which entries were recorded.
 *
 * A page is found by key and without counting, so the thousandth page costs as much as the first. A
 * cursor is a place in the log, so entries that arrive meanwhile shift no page. An entry that was
 * recorded earlier and logged later appears where it belongs. A cursor belongs to one filter and
 * order. The limit and the time range may change from page to page.
 *
 * A page ends early, with a `nextCursor`, where its entries hold more than 1 MiB.
 *
 * With `entityType` or `metadata` a page looks through 5,000 entries of the rest of the filter, so
 * that it never takes long. It may then hold fewer entries than `limit`, or none, and still have a
 * `nextCursor` that leads on.
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
  const asked = checkTimeline(options)
  const { limit, position, owner, isBackwards, isDescending, isBounded } = asked
  const endId = isBounded ? await boundaryOf(db, asked) : undefined
  const { rows, isCut } = await readBatch(db, pageQuery(asked, endId))
  const found = rows.map(toEntry)
  const isPlaced = rows.length > 0 || position !== undefined || endId !== undefined
  const history = isPlaced ? String(rows[0]?.['history'] ?? (await readHistory(db))) : ''
  if (position !== undefined && position.history !== history) {
    throw new AuditError(
      'AUDIT_HISTORY_CHANGED',
      'The cursor is from before a restore of the log. Start from the first page.',
    )
  }
  const hasMore = isCut || found.length > limit
  const entries = hasMore ? found.slice(0, limit) : found

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
  }
}

/**
 * Reads one entry by its id. Returns undefined where the log has no such entry.
 *
 * @throws {AuditError} as `timeline` does
 */
export async function entry(db: AuditDatabase, id: string): Promise<LoggedEntry | undefined> {
  const isIt = sql`${auditLog.id} operator(pg_catalog.=) ${uuid('id', id)}::pg_catalog.uuid`
  const { rows } = await readBatch(db, {
    limit: 1,
    isDescending: false,
    key: sql`${entryRow.id}`,
    ...entryJson,
    columns: entryColumns,
    from: () => sql`(select ${logColumns} from ${auditLog} where ${isIt} limit 1) as entry`,
  })
  return rows[0] ? toEntry(rows[0]) : undefined
}

interface AskedPage {
  readonly filter: CheckedFilter
  readonly position: Position | undefined
  /** A hash of the filter and the order. It differs between queries, as their cursors must. */
  readonly owner: Buffer
  readonly isBackwards: boolean
  readonly isDescending: boolean
  /** Whether the filter has a part without an index, so that the page looks through a bound. */
  readonly isBounded: boolean
  readonly limit: number
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
    isBounded: alone !== undefined,
    limit,
  }
}

/**
 * The statement of a page. It reads one row more than the limit, which tells whether there is a
 * further page. The limit is written into the text, because a plan that is made without knowing it
 * expects a tenth of the log.
 *
 * @param endId the last id to look at. Default: no such bound
 */
export function pageQuery(asked: AskedPage, endId?: string): BatchQuery {
  const { filter, isDescending, limit } = asked
  const until = sql.raw(`operator(pg_catalog.${isDescending ? '>=' : '<='})`)
  const end = endId === undefined ? [] : [sql`${auditLog.id} ${until} ${endId}::pg_catalog.uuid`]
  return {
    limit: limit + 1,
    isDescending,
    key: sql`${entryRow.id}`,
    ...entryJson,
    columns: sql`${currentHistory} as "history", ${entryColumns}`,
    from: (rows) => sql`(
      select ${logColumns} from ${auditLog} ${where(asked, [...filter.conditions, ...end])}
      order by ${auditLog.id} ${directionOf(asked)} limit ${sql.raw(String(rows))}
    ) as entry`,
  }
}

/**
 * The last id that a page looks at, where its filter has a part without an index. It is the 5,000th
 * entry by the parts that have one. Undefined where there are fewer entries.
 */
async function boundaryOf(db: AuditDatabase, asked: AskedPage): Promise<string | undefined> {
  const query = sql`
    select ${auditLog.id}::pg_catalog.text as "id" from ${auditLog} ${where(asked, asked.filter.indexed)}
    order by ${auditLog.id} ${directionOf(asked)}
    limit 1 offset ${sql.raw(String(LOOKED_THROUGH - 1))}`
  const [row] = await readRows(db, query)
  return row === undefined ? undefined : String(row['id'])
}

function where({ position, isDescending }: AskedPage, conditions: readonly SQL[]): SQL {
  const comparison = sql.raw(`operator(pg_catalog.${isDescending ? '<' : '>'})`)
  const beyond = position ? [sql`${auditLog.id} ${comparison} ${position.id}::pg_catalog.uuid`] : []
  const all = [...conditions, ...beyond]
  return all.length === 0 ? sql.empty() : sql`where ${sql.join(all, sql` and `)}`
}

function directionOf({ isDescending }: AskedPage): SQL {
  return sql.raw(isDescending ? 'desc' : 'asc')
}

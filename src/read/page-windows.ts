import { type SQL, sql } from 'drizzle-orm'
import { AuditError } from '../errors.ts'
import { type AuditDatabase, isTrue, type Row } from '../database/callers-database.ts'
import { neighbourOf } from '../ids/uuid.ts'
import { auditLog } from '../schema/tables.ts'
import { within } from '../within.ts'
import { type Batch, type BatchQuery, jsonBytes, MAX_ANSWER_BYTES, readBatch } from './batch.ts'
import type { Position } from './paging/cursor.ts'
import type { BoundFilter, CheckedFilter } from './filter.ts'
import { currentHistory } from './history.ts'
import { type IdRange, type IdWindow, inWindow, isStillBeside, windowsOf } from './id-windows.ts'
import { entryColumns, entryJson, entryRow } from './logged-entry.ts'
import { forgetPartitions, type PartitionMap, partitionsOf } from './partitions.ts'
import { READ_DEADLINE_MS, readRows, tooSlow } from './read-rows.ts'

/** How many entries a page looks through where the filter has a part without an index. */
const LOOKED_THROUGH = 5_000

export interface AskedPage {
  readonly filter: CheckedFilter
  readonly position: Position | undefined
  /** A hash of the filter and the order. It differs between queries, as their cursors must. */
  readonly owner: Buffer
  readonly isBackwards: boolean
  readonly isDescending: boolean
  /** Whether the filter has a part without an index, so that the page looks through a bound. */
  readonly isBounded: boolean
  /** How many entries it looks through then. @default 5 000 */
  readonly mostLooked?: number
  readonly limit: number
}

/** What a page found, in the order of reading. */
export interface PageRows {
  readonly rows: readonly Row[]
  /** Whether a further page goes on after the last of the rows. */
  readonly hasMore: boolean
  /** Where a further page goes on after this id, although the page found no more. */
  readonly endId: string | undefined
}

/**
 * Reads the rows of a page, one window of partitions after the other, until there are enough or they
 * hold enough JSON.
 *
 * A window begins only in the first half of the deadline. Where that has passed, or a further window
 * takes too long, the page ends at the last whole window.
 *
 * @param mayStepOver whether it steps over empty partitions of the future
 */
export async function readWindows(
  db: AuditDatabase,
  asked: AskedPage,
  bound: BoundFilter,
  mayStepOver = true,
): Promise<PageRows> {
  const startMs = performance.now()
  const windows = pageWindows(await partitionsOf(db), asked, mayStepOver)
  const rows: Row[] = []
  let left = asked.mostLooked ?? LOOKED_THROUGH
  let bytes = 0
  let reachedId: string | undefined
  for (const [at, window] of windows.entries()) {
    const leftMs = READ_DEADLINE_MS - (performance.now() - startMs)
    if (at > 0 && leftMs < READ_DEADLINE_MS / 2) return { rows, hasMore: false, endId: reachedId }
    const wanted = { window, limit: asked.limit + 1 - rows.length, looked: left }
    let read: WindowRows
    try {
      const reading = readWindow(db, asked, bound, wanted)
      read =
        at === 0 ? await reading : await within(leftMs, reading, () => Promise.reject(tooSlow()))
    } catch (error) {
      if (at === 0 || !isTooSlow(error)) throw error
      return { rows, hasMore: false, endId: reachedId }
    }
    if (read.isStale) {
      forgetPartitions(db)
      return await readWindows(db, asked, bound, false)
    }
    rows.push(...read.rows)
    if (read.isCut || rows.length > asked.limit) return { rows, hasMore: true, endId: undefined }
    if (read.endId !== undefined) return { rows, hasMore: false, endId: read.endId }
    left -= read.looked
    reachedId = endOf(window, asked)
    bytes += read.rows.reduce((sum, row) => sum + jsonBytes(row), 0)
    if (bytes > MAX_ANSWER_BYTES) return { rows, hasMore: false, endId: reachedId }
  }
  return { rows, hasMore: false, endId: undefined }
}

function pageWindows(map: PartitionMap, asked: AskedPage, mayStepOver: boolean) {
  const { filter, position, isDescending, limit } = asked
  const { range } = filter
  return windowsOf(map, {
    range: position ? beyond(range, position.id, isDescending) : range,
    isDescending,
    nowMs: Date.now(),
    ...(filter.isOnlyTime ? { wantedRows: limit + 1 } : {}),
    mayStepOver,
  })
}

/** What of a range lies on the further side of an id. */
function beyond(range: IdRange, id: string, isDescending: boolean): IdRange {
  const { fromId, toId } = range
  if (isDescending) return { fromId, toId: toId !== undefined && toId < id ? toId : id }
  return { fromId: fromId !== undefined && fromId > id ? fromId : id, toId }
}

/** The id after which the window behind this one begins. A cursor leaves it out. */
function endOf({ fromId, toId }: IdWindow, { isDescending }: AskedPage): string | undefined {
  if (isDescending) return fromId
  return toId === undefined ? undefined : neighbourOf(toId, -1)
}

interface WantedWindow {
  readonly window: IdWindow
  /** The most rows. */
  readonly limit: number
  /** How many entries it may still look through, where the filter has a part without an index. */
  readonly looked: number
}

interface WindowRows extends Pick<PageRows, 'rows' | 'endId'> {
  readonly isCut: boolean
  /** Whether the window has stepped over what may hold entries by now. */
  readonly isStale: boolean
  readonly looked: number
}

async function readWindow(
  db: AuditDatabase,
  asked: AskedPage,
  bound: BoundFilter,
  { window, limit, looked }: WantedWindow,
): Promise<WindowRows> {
  const isWhole = window.fromId === undefined && window.toId === undefined
  const stretch = !asked.isBounded
    ? undefined
    : isWhole
      ? { looked, endId: await boundaryOf(db, asked, bound, looked) }
      : await stretchOf(db, asked, bound, { window, looked })
  const query = pageQuery(asked, bound, stretch?.endId, { window, limit })
  const { rows, isCut }: Batch = await readBatch(db, query)
  const steps = window.stepsOver !== undefined
  return {
    rows: steps ? rows.filter(({ id }) => id !== null) : rows,
    isCut,
    isStale: steps && !isTrue(rows[0]?.['isProven']),
    endId: stretch?.endId,
    looked: stretch?.looked ?? 0,
  }
}

interface PageParts {
  readonly window?: IdWindow
  readonly limit?: number
}

/**
 * The statement of a page. It reads one row more than the limit, which tells whether there is a
 * further page. The limit is written into the text, because a plan that is made without knowing it
 * expects a tenth of the log.
 *
 * @param endId the last id to look at. Default: no such bound
 */
export function pageQuery(
  asked: AskedPage,
  bound: BoundFilter,
  endId?: string,
  { window = {}, limit = asked.limit + 1 }: PageParts = {},
): BatchQuery {
  const until = sql.raw(`operator(pg_catalog.${asked.isDescending ? '>=' : '<='})`)
  const end = endId === undefined ? [] : [sql`${auditLog.id} ${until} ${endId}::pg_catalog.uuid`]
  const conditions = [...bound.conditions, ...end, ...inWindow(window)]
  const { stepsOver } = window
  const found = (rows: number) => sql`(
      select ${bound.view.selected} from ${auditLog} ${where(asked, conditions)}
      order by ${auditLog.id} ${directionOf(asked)} limit ${sql.raw(String(rows))}
    )`
  const read = {
    limit,
    isDescending: asked.isDescending,
    key: sql`${entryRow.id}`,
    ...entryJson,
  }
  const columns = sql`${currentHistory} as "history", ${entryColumns} ${bound.view.more}`
  if (stepsOver === undefined) {
    return { ...read, columns, from: (rows) => sql`${found(rows)} as entry` }
  }
  return {
    ...read,
    columns: sql`entry."isProven", ${columns}`,
    from: (rows) => sql`(
      select * from (select ${isStillBeside(stepsOver)} as "isProven") as log
      left join lateral ${found(rows)} as found on true
    ) as entry`,
  }
}

/**
 * The last id that a page looks at, where its filter has a part without an index. It is the 5,000th
 * entry, or what `looked` says, by the parts that have one. Undefined where there are fewer entries.
 */
async function boundaryOf(
  db: AuditDatabase,
  asked: AskedPage,
  { indexed }: BoundFilter,
  looked: number,
): Promise<string | undefined> {
  const query = sql`
    select ${auditLog.id}::pg_catalog.text as "id" from ${auditLog} ${where(asked, indexed)}
    order by ${auditLog.id} ${directionOf(asked)}
    limit 1 offset ${sql.raw(String(looked - 1))}`
  const [row] = await readRows(db, query)
  return row === undefined ? undefined : String(row['id'])
}

/** The same for one window of several: how many entries it has of those that are left to look at. */
async function stretchOf(
  db: AuditDatabase,
  asked: AskedPage,
  { indexed }: BoundFilter,
  { window, looked }: Omit<WantedWindow, 'limit'>,
): Promise<{ readonly looked: number; readonly endId: string | undefined }> {
  const last = sql.raw(asked.isDescending ? 'min' : 'max')
  // There is no max(uuid); as text they compare in the same way.
  const query = sql`
    select pg_catalog.count(*)::double precision as "looked",
      pg_catalog.${last}(id::pg_catalog.text collate pg_catalog."C") as "lastId"
    from (
      select ${auditLog.id} from ${auditLog} ${where(asked, [...indexed, ...inWindow(window)])}
      order by ${auditLog.id} ${directionOf(asked)} limit ${sql.raw(String(looked))}
    ) as stretch`
  const [row] = await readRows(db, query)
  const found = Number(row?.['looked'])
  return { looked: found, endId: found === looked ? String(row?.['lastId']) : undefined }
}

function where({ position, isDescending }: AskedPage, conditions: readonly SQL[]): SQL {
  const comparison = sql.raw(`operator(pg_catalog.${isDescending ? '<' : '>'})`)
  const beyondIt = position
    ? [sql`${auditLog.id} ${comparison} ${position.id}::pg_catalog.uuid`]
    : []
  const all = [...conditions, ...beyondIt]
  return all.length === 0 ? sql.empty() : sql`where ${sql.join(all, sql` and `)}`
}

function directionOf({ isDescending }: AskedPage): SQL {
  return sql.raw(isDescending ? 'desc' : 'asc')
}

function isTooSlow(error: unknown): boolean {
  return error instanceof AuditError && error.code === 'AUDIT_DEADLINE_PASSED'
}

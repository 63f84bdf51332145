import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../database/callers-database.ts'
import { idFloor, MAX_RECORDED_MS, recordedMs } from '../ids/uuid7.ts'
import { neighbourOf } from '../ids/uuid.ts'
import { auditLog } from '../schema/tables.ts'
import { type Group, groupsBetween } from '../search/open-runs.ts'
import { askedRange, endOf } from '../search/page-range.ts'
import { type FoundId, walk, type Walked, type WalkRequest } from '../search/walk.ts'
import type { BoundFilter } from './filter.ts'
import { type IdRange, idText, inWindow, wholeWindows } from './id-windows.ts'
import { type AskedPage, type PageRows, readWindows } from './page-windows.ts'
import { partitionsOf } from './partitions.ts'
import { readRows } from './read-rows.ts'
import { entriesIn } from './search/entries-in.ts'
import { readSearch, type SearchState } from './search/search-state.ts'
import { sourceOf } from './search/search-source.ts'

/** How often it begins again where the search has changed meanwhile, as when a block was finished. */
const MOST_TRIES = 3

/**
 * Reads the rows of a page by the search: the same rows that are found without it.
 *
 * @returns undefined where it is off, does not go so far, or was changed each time
 */
export async function readSearched(
  db: AuditDatabase,
  asked: AskedPage,
  bound: BoundFilter,
  isLate: () => boolean,
): Promise<PageRows | undefined> {
  const { isDescending, filter, limit } = asked
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const search = await readSearch((query) => readRows(db, query))
    if (search === undefined) return undefined
    const place = { ...search, range: filter.range, position: asked.position?.id, isDescending }
    const range = askedRange(place)
    if (range === undefined) return undefined
    const walked = await walkLog(db, search, bound, {
      range,
      isDescending,
      wanted: limit + 1,
      isLate,
    })
    if (walked === undefined) continue
    const endId = endOf(walked, place)
    if (endId === 'nowhere') return undefined
    const { ids } = walked
    const found = await readFound(db, asked, bound, ids.slice(0, limit + 1))
    if (found.hasMore || found.endId !== undefined) return found
    // Where one of them is gone by now, the page ends at the last one, and the next page begins there.
    return { ...found, endId: ids[limit] ?? endId }
  }
  return undefined
}

interface AskedWalk extends Pick<WalkRequest, 'isDescending' | 'wanted' | 'isLate'> {
  readonly range: IdRange
}

async function walkLog(
  db: AuditDatabase,
  search: SearchState,
  bound: BoundFilter,
  { range, ...asked }: AskedWalk,
): Promise<Walked | undefined> {
  const source = {
    ...sourceOf((query) => readRows(db, query), search.version),
    matching: (groups: readonly Group[]) => readMatching(db, bound, range, groups),
  }
  return await walk(source, {
    ...asked,
    runs: search.runs,
    others: groupsBetween(search.seq + 1, search.head),
    needles: bound.needles,
    minMs: range.fromId === undefined ? 0 : recordedMs(range.fromId),
    maxMs: range.toId === undefined ? MAX_RECORDED_MS : recordedMs(range.toId),
  })
}

/** The rows of these entries, which are in the order of the page. */
async function readFound(
  db: AuditDatabase,
  asked: AskedPage,
  bound: BoundFilter,
  ids: readonly string[],
): Promise<PageRows> {
  const [first, last] = [ids[0], ids.at(-1)]
  if (first === undefined || last === undefined) {
    return { rows: [], hasMore: false, endId: undefined }
  }
  const [fromId, behind] = asked.isDescending ? [last, first] : [first, last]
  const range = { fromId, toId: neighbourOf(behind, 1) }
  const isIn = sql`${auditLog.id} operator(pg_catalog.=) any(array[${sql.join(ids.map(idText), sql`, `)}])`
  const found = { ...bound, conditions: [...bound.conditions, isIn, ...inWindow(range)] }
  const page = { ...asked, isBounded: false, filter: { ...asked.filter, range } }
  return await readWindows(db, page, found)
}

/** One window of partitions after the other, each by the numbers. */
async function readMatching(
  db: AuditDatabase,
  bound: BoundFilter,
  { fromId, toId }: IdRange,
  groups: readonly Group[],
): Promise<readonly FoundId[]> {
  const least = idFloor(Math.min(...groups.map(({ minMs }) => minMs)))
  const most = Math.max(...groups.map(({ maxMs }) => maxMs))
  const own: IdRange = {
    fromId: fromId !== undefined && fromId > least ? fromId : least,
    ...(most < MAX_RECORDED_MS ? { toId: idFloor(most + 1) } : {}),
  }
  const limits: IdRange = {
    fromId: own.fromId,
    toId: toId !== undefined && (own.toId === undefined || toId < own.toId) ? toId : own.toId,
  }
  const conditions = [...inWindow(limits), ...bound.conditions]
  const found: FoundId[] = []
  for (const window of wholeWindows(await partitionsOf(db), limits)) {
    const asked = { window: inWindow(window), conditions, selected: sql`${auditLog.id} as id` }
    const rows = await readRows(
      db,
      sql`select found.id::pg_catalog.text as "id" from ${entriesIn(groups, asked)}`,
    )
    for (const row of rows) {
      const id = String(row['id'])
      found.push({ id, ms: recordedMs(id) })
    }
  }
  return found
}

import { type SQL, sql } from 'drizzle-orm'
import type { IdKind } from '../../entry.ts'
import { withFilter } from '../../read/bound-filter.ts'
import { checkFilter, type LogFilter } from '../../read/filter.ts'
import { inWindow } from '../../read/id-windows.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { type PartitionMap, partitionsOf } from '../../read/partitions.ts'
import { readRows } from '../../read/read-rows.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { auditLog } from '../../schema/tables.ts'
import { type Bar, windowsFor } from './bars.ts'
import { barsBySeq } from './bars-by-seq.ts'
import { countedBars } from './counted-bars.ts'
import { estimatedBars } from './estimated-bars.ts'
import { pairs, type TimeScale, timeScale } from './time-scale.ts'
import { idFloor, recordedMs } from '../../ids/uuid7.ts'
import type { LogQuery } from '../../query/log-query.ts'
import { parseQuery } from '../../query/parse-query.ts'
import { isTimeRange } from '../../query/statements/query-conditions.ts'
import { DAY_MS, type Zone } from '../../query/zone.ts'

export type { Bar } from './bars.ts'

export interface Histogram extends TimeScale {
  readonly bars: readonly Bar[]
}

/** Up to this number the entries are counted one by one. Most filters find fewer. */
const MAX_COUNTED_ENTRIES = 10_000
const MAX_SPAN_MS = 20 * 366 * DAY_MS

export interface HistogramRequest {
  readonly filter: LogFilter
  readonly zone: Zone
  readonly nowMs: number
  /** All matching entries, where one page holds them. Then no query is needed. */
  readonly allEntries?: readonly LoggedEntry[] | undefined
  /** @default 10 000 */
  readonly countUpTo?: number | undefined
}

/**
 * How many entries were recorded when, by the time in their ids, which also orders the list.
 *
 * Counting a big log takes as long as reading it, so the number of entries read is limited. Up to
 * 10,000 entries are counted. Beyond that there are two kinds of estimate:
 *
 * - Without a filter, the count of a bar is the difference of `seq` between its ends, because `seq`
 *   has no gaps. Entries that were logged late make it inexact.
 * - With a filter, each bar is cut into slices. A slice with fewer than 50 entries is counted. In a
 *   fuller one, the time that its first 50 entries cover gives the density.
 *
 * @returns undefined where there is nothing to draw
 */
export async function histogram(
  db: AuditDatabase,
  request: HistogramRequest,
): Promise<Histogram | undefined> {
  // The entries of a request lie within a moment. On a scale until now they would share a bar.
  if (request.filter.requestId !== undefined) return undefined
  return await withFilter(db, checkFilter(request.filter), ({ ids }) => draw(db, request, ids))
}

async function draw(
  db: AuditDatabase,
  { filter, zone, nowMs, allEntries, countUpTo = MAX_COUNTED_ENTRIES }: HistogramRequest,
  ids: IdKind,
): Promise<Histogram | undefined> {
  const { first, others } = splitConditions(filter, ids)
  const { fromId, toId } = checkFilter(filter).range
  const toMs = Math.max(1, toId === undefined ? nowMs + 1 : recordedMs(toId))
  const map = await partitionsOf(db)
  const wanted =
    (fromId === undefined ? undefined : recordedMs(fromId)) ??
    (await firstRecordedMs(db, { map, condition: first }, allEntries))
  if (wanted === undefined) return undefined
  const fromMs = Math.max(0, toMs - MAX_SPAN_MS, Math.min(Number(wanted), toMs - 1))
  const scale = timeScale(fromMs, toMs, zone)
  if (allEntries) return { ...scale, bars: countGiven(scale, allEntries) }
  const windows = windowsFor(map, { fromId: idFloor(scale.fromMs), toId: idFloor(scale.toMs) })
  const bars =
    ((first ?? others[0]) ? undefined : await barsBySeq(db, scale, { map, windows, countUpTo })) ??
    (await countedBars(db, scale, { first, others, windows, countUpTo })) ??
    (await estimatedBars(db, scale, { first, others, windows }))
  return { ...scale, bars }
}

/** The condition that has an index and most likely matches the fewest entries; and the others. */
function splitConditions(
  filter: LogFilter,
  ids: IdKind,
): { first: SQL | undefined; others: readonly SQL[] } {
  const names = [
    ...(['moreTargets', 'actorId', 'targetId', 'userId', 'eventId'] as const),
    ...(['outcome', 'actorKind', 'action'] as const),
  ]
  const { seenBy } = filter
  const { view } = checkFilter({ seenBy }).bind(ids)
  // What the viewer may see at all counts as a part of the first condition, so that neither a bound nor a
  // sample depends on anything else.
  const own = (given: readonly SQL[]) => given.slice(view.conditions.length)
  const given = names.filter((name) => filter[name] !== undefined)
  const conditions = given.flatMap((name) =>
    own(checkFilter({ [name]: filter[name], seenBy }).bind(ids).conditions),
  )
  const query = filter.query === undefined ? undefined : withoutTimes(filter.query)
  const asked = query && checkFilter({ query, seenBy }).bind(ids)
  conditions.push(...own(asked?.indexed ?? []))
  const [best, ...others] = conditions
  const first = [...view.conditions, ...(best ? [best] : [])]
  const rest = (asked?.conditions ?? []).filter((condition) => !asked?.indexed.includes(condition))
  return {
    first: first.length === 0 ? undefined : sql`(${sql.join(first, sql` and `)})`,
    others: [...others, ...rest],
  }
}

/** The times are those of the scale. */
function withoutTimes(given: string | LogQuery): LogQuery {
  const query = typeof given === 'string' ? parseQuery(given) : given
  return { ...query, parts: query.parts.filter((part) => !isTimeRange(part)) }
}

async function firstRecordedMs(
  db: AuditDatabase,
  { map, condition }: { readonly map: PartitionMap; readonly condition: SQL | undefined },
  allEntries: readonly LoggedEntry[] | undefined,
): Promise<number | undefined> {
  if (allEntries) {
    const oldest = allEntries.at(-1)
    return oldest && recordedMs(oldest.id)
  }
  for (const window of windowsFor(map, {})) {
    const conditions = [...(condition ? [condition] : []), ...inWindow(window)]
    const where =
      conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql.empty()
    const [row] = await readRows(
      db,
      sql`select ${auditLog.id}::pg_catalog.text as "id" from ${auditLog}
        ${where} order by ${auditLog.id} limit 1`,
    )
    if (row) return recordedMs(String(row['id']))
  }
  return undefined
}

function countGiven({ edges }: TimeScale, entries: readonly LoggedEntry[]): Bar[] {
  const times = entries.map(({ id }) => recordedMs(id))
  return pairs(edges).map(([fromMs, toMs]) => {
    const count = times.filter((ms) => ms >= fromMs && ms < toMs).length
    return { fromMs, toMs, count, isEstimate: false }
  })
}

import { type SQL, sql } from 'drizzle-orm'
import { withFilter } from '../../read/bound-filter.ts'
import { type BoundFilter, checkFilter, type LogFilter } from '../../read/filter.ts'
import { inWindow } from '../../read/id-windows.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { type PartitionMap, partitionsOf } from '../../read/partitions.ts'
import { readRows } from '../../read/read-rows.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { auditLog } from '../../schema/tables.ts'
import { type Bar, type WantedEntries, windowsFor } from './bars.ts'
import { barsBySeq } from './bars-by-seq.ts'
import { countedBars } from './counted-bars.ts'
import { estimatedBars } from './estimated-bars.ts'
import { type KindCounts, kindOf, NOTHING, scaled, sum } from './kinds.ts'
import { searchedBars } from './searched-bars.ts'
import { splitConditions } from './split-conditions.ts'
import { pairs, type TimeScale, timeScale } from './time-scale.ts'
import { idFloor, recordedMs } from '../../ids/uuid7.ts'
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
 * 10,000 entries are counted, and so are those of a word where the search leaves over up to 40,000.
 * Beyond that there are two kinds of estimate:
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
  return await withFilter(db, checkFilter(request.filter), (bound) => draw(db, request, bound))
}

async function draw(
  db: AuditDatabase,
  { filter, zone, nowMs, allEntries, countUpTo = MAX_COUNTED_ENTRIES }: HistogramRequest,
  bound: BoundFilter,
): Promise<Histogram | undefined> {
  const split = splitConditions(filter, bound.ids)
  const { first, either, others } = split
  const { fromId, toId } = checkFilter(filter).range
  const toMs = Math.max(1, toId === undefined ? nowMs + 1 : recordedMs(toId))
  const map = await partitionsOf(db)
  const wanted =
    (fromId === undefined ? undefined : recordedMs(fromId)) ??
    (await firstRecordedMs(db, { map, conditions: first ? [first] : either }, allEntries))
  if (wanted === undefined) return undefined
  const fromMs = Math.max(0, toMs - MAX_SPAN_MS, Math.min(Number(wanted), toMs - 1))
  const scale = timeScale(fromMs, toMs, zone)
  if (allEntries) return { ...scale, bars: countGiven(scale, allEntries) }
  const windows = windowsFor(map, { fromId: idFloor(scale.fromMs), toId: idFloor(scale.toMs) })
  const isFiltered = (first ?? either[0] ?? others[0]) !== undefined
  const wantedEntries = { ...split, windows }
  const bars =
    (isFiltered ? undefined : await seqBars(db, scale, wantedEntries, { map, countUpTo })) ??
    (await countedBars(db, scale, { ...wantedEntries, countUpTo })) ??
    (await searchedBars(db, scale, bound, wantedEntries, countUpTo)) ??
    (await estimatedBars(db, scale, wantedEntries))
  return { ...scale, bars }
}

/** Bars by numbers, of which a sample says what kinds they are of. */
async function seqBars(
  db: AuditDatabase,
  scale: TimeScale,
  wanted: WantedEntries,
  { map, countUpTo }: { readonly map: PartitionMap; readonly countUpTo: number },
): Promise<Bar[] | undefined> {
  const bars = await barsBySeq(db, scale, { map, windows: wanted.windows, countUpTo })
  if (bars === undefined) return undefined
  const samples = await estimatedBars(db, scale, wanted)
  return bars.map((bar, at) => {
    return { ...bar, kinds: scaled(samples[at]?.kinds ?? NOTHING, bar.count) }
  })
}

async function firstRecordedMs(
  db: AuditDatabase,
  { map, conditions }: { readonly map: PartitionMap; readonly conditions: readonly SQL[] },
  allEntries: readonly LoggedEntry[] | undefined,
): Promise<number | undefined> {
  if (allEntries) {
    const oldest = allEntries.at(-1)
    return oldest && recordedMs(oldest.id)
  }
  const times: number[] = []
  for (const condition of conditions.length > 0 ? conditions : [sql`true`]) {
    times.push(...(await firstTime(db, map, condition)))
  }
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Of the first entry that meets a condition. None: there is no such entry. */
async function firstTime(db: AuditDatabase, map: PartitionMap, condition: SQL): Promise<number[]> {
  for (const window of windowsFor(map, {})) {
    const [row] = await readRows(
      db,
      sql`select ${auditLog.id}::pg_catalog.text as "id" from ${auditLog}
        where ${sql.join([condition, ...inWindow(window)], sql` and `)}
        order by ${auditLog.id} limit 1`,
    )
    if (row) return [recordedMs(String(row['id']))]
  }
  return []
}

function countGiven({ edges }: TimeScale, entries: readonly LoggedEntry[]): Bar[] {
  return pairs(edges).map(([fromMs, toMs]) => {
    const inside = entries.filter(({ id }) => recordedMs(id) >= fromMs && recordedMs(id) < toMs)
    const kinds = inside.reduce<KindCounts>(
      (counts, entry) => sum(counts, { ...NOTHING, [kindOf(entry)]: 1 }),
      NOTHING,
    )
    return { fromMs, toMs, count: inside.length, kinds, isEstimate: false }
  })
}

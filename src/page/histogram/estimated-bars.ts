import { type SQL, sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { idFloor, recordedMs } from '../../ids/uuid7.ts'
import { type IdWindow, inWindow } from '../../read/id-windows.ts'
import { readRows } from '../../read/read-rows.ts'
import { auditLog } from '../../schema/tables.ts'
import { type Bar, idList, othersOf, type WantedEntries } from './bars.ts'
import {
  groupsOf,
  type KindCounts,
  kindsIn,
  NOTHING,
  scaled,
  sum,
  takenColumns,
  totalOf,
} from './kinds.ts'
import { pairs, slicesOf, type TimeScale } from './time-scale.ts'

/** The most entries read from a slice, so at most 21,350 in all from a log of any size. */
const MAX_SLICE_ENTRIES = 50

/** The bars of a filter that finds many entries: counted where a slice has few, else calculated. */
export async function estimatedBars(
  db: AuditDatabase,
  scale: TimeScale,
  wanted: WantedEntries,
): Promise<Bar[]> {
  return estimate(scale, await readSlices(db, scale, wanted))
}

/** The slices of all bars, in order. One that lies in two windows is read in both. */
async function readSlices(
  db: AuditDatabase,
  scale: TimeScale,
  request: WantedEntries,
): Promise<SliceRow[]> {
  const slices = slicesOf(scale).map(({ fromMs, toMs }) => ({
    low: idFloor(fromMs),
    high: idFloor(toMs),
  }))
  const found: SliceRow[] = slices.map(() => ({ looked: 0, kinds: NOTHING, reached: undefined }))
  for (const window of request.windows) {
    const { fromId, toId } = window
    const inside = [...slices.entries()].filter(
      ([, { low, high }]) =>
        (fromId === undefined || high > fromId) && (toId === undefined || low < toId),
    )
    const rows = await readRows(
      db,
      slicesQuery(
        inside.map(([, slice]) => slice),
        request,
        window,
      ),
    )
    // The first entries of a slice that is full tell all that is needed.
    const full = new Set(found.filter(({ looked }) => looked >= MAX_SLICE_ENTRIES))
    for (const row of rows) {
      const [slice = -1] = inside[Number(row['n']) - 1] ?? []
      const before = found[slice]
      if (before === undefined || full.has(before)) continue
      before.looked += Number(row['looked'] ?? 0)
      before.kinds = sum(before.kinds, kindsIn(row))
      const reached = String(row['reached'])
      if (before.reached === undefined || reached > before.reached) before.reached = reached
    }
  }
  return found
}

interface SliceRow {
  looked: number
  kinds: KindCounts
  reached: string | undefined
}

/** Reads each slice in the order of the index of one condition, so that `limit` ends the scan. */
function slicesQuery(
  slices: readonly { readonly low: string; readonly high: string }[],
  wanted: WantedEntries,
  window: IdWindow,
): SQL {
  const lows = idList(slices.map(({ low }) => low))
  const highs = idList(slices.map(({ high }) => high))
  const conditions = [
    wanted.first ?? sql`true`,
    sql`${auditLog.id} operator(pg_catalog.>=) slice.low`,
    sql`${auditLog.id} operator(pg_catalog.<) slice.high`,
    ...inWindow(window),
  ]
  const taken = sql`select ${takenColumns(wanted.columns, othersOf(wanted))} from ${auditLog}
    where ${sql.join(conditions, sql` and `)}
    order by ${auditLog.id} limit ${sql.raw(String(MAX_SLICE_ENTRIES))}`
  const reached = sql`pg_catalog.max(taken.id::pg_catalog.text collate pg_catalog."C") as "reached"`
  return sql`
    select slice.n::double precision as "n", looked.*
    from rows from (pg_catalog.unnest(${lows}), pg_catalog.unnest(${highs}))
      with ordinality as slice (low, high, n)
    cross join lateral (${groupsOf(taken, reached)}) as looked`
}

/** Bars by what the slices say of them. */
function estimate(scale: TimeScale, rows: readonly SliceRow[]): Bar[] {
  const bars = pairs(scale.edges).map(([fromMs, toMs]) => ({
    fromMs,
    toMs,
    count: 0,
    kinds: NOTHING,
    isEstimate: false,
  }))
  for (const [at, { bar: index, fromMs, toMs }] of slicesOf(scale).entries()) {
    const { looked, kinds = NOTHING, reached } = rows[at] ?? {}
    const bar = bars[index]
    if (bar === undefined) continue
    const readCount = totalOf(kinds)
    let count = readCount
    if (Number(looked ?? 0) >= MAX_SLICE_ENTRIES) {
      bar.isEstimate = true
      const coveredMs = recordedMs(String(reached)) - fromMs + 1
      count = Math.max(readCount, Math.round((readCount * (toMs - fromMs)) / coveredMs))
    }
    bar.count += count
    bar.kinds = sum(bar.kinds, scaled(kinds, count))
  }
  return bars
}

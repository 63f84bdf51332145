import { type SQL, sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { idFloor, recordedMs } from '../../ids/uuid7.ts'
import { type IdWindow, inWindow } from '../../read/id-windows.ts'
import { readRows } from '../../read/read-rows.ts'
import { auditLog } from '../../schema/tables.ts'
import { type Bar, idList, othersOf, type WantedEntries } from './bars.ts'
import {
  KINDS,
  kindColumns,
  type KindCounts,
  kindNumber,
  kindsIn,
  NOTHING,
  scaled,
  sum,
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
    for (const [at, [slice]] of inside.entries()) {
      const row = rows[at] ?? {}
      const before = found[slice]
      // The first entries of a slice that is full tell all that is needed.
      if (before === undefined || before.looked >= MAX_SLICE_ENTRIES) continue
      before.looked += Number(row['looked'] ?? 0)
      before.kinds = sum(before.kinds, kindsIn(row))
      if (typeof row['reached'] === 'string') before.reached = row['reached']
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
  return sql`
    select looked.count::double precision as "looked",
      ${lookedKinds},
      looked.reached as "reached"
    from rows from (pg_catalog.unnest(${lows}), pg_catalog.unnest(${highs}))
      with ordinality as slice (low, high, n)
    cross join lateral (
      select pg_catalog.count(*) as count,
        ${kindColumns},
        pg_catalog.max(taken.id::pg_catalog.text collate pg_catalog."C") as reached
      from (
        select ${auditLog.id} as id, (${othersOf(wanted)}) as is_match, ${kindNumber(wanted.columns)} as kind
        from ${auditLog}
        where ${sql.join(conditions, sql` and `)}
        order by ${auditLog.id} limit ${sql.raw(String(MAX_SLICE_ENTRIES))}
      ) as taken
    ) as looked
    order by slice.n`
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

const lookedKinds = sql.join(
  KINDS.map((kind) => sql`looked.${sql.identifier(kind)} as ${sql.identifier(kind)}`),
  sql`, `,
)

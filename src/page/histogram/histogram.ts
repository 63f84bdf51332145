import { type SQL, sql } from 'drizzle-orm'
import { checkFilter, type LogFilter } from '../../read/filter.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { readRows } from '../../read/read-rows.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { auditLog } from '../../schema/tables.ts'
import { type TimeScale, timeScale, pairs, slicesOf } from './time-scale.ts'
import { idFloor, recordedMs } from '../../ids/uuid7.ts'
import { DAY_MS, type Zone } from '../query/zone.ts'

export interface Bar {
  readonly fromMs: number
  readonly toMs: number
  readonly count: number
  /** The count was calculated from a sample, or from sequence numbers. */
  readonly isEstimate: boolean
}

export interface Histogram extends TimeScale {
  readonly bars: readonly Bar[]
}

/** The most entries read from a slice, so at most 21,350 in all from a log of any size. */
const MAX_SLICE_ENTRIES = 50
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
  { filter, zone, nowMs, allEntries, countUpTo = MAX_COUNTED_ENTRIES }: HistogramRequest,
): Promise<Histogram | undefined> {
  // The entries of a request lie within a moment. On a scale until now they would share a bar.
  if (filter.requestId !== undefined) return undefined
  const { first, others } = splitConditions(filter)
  const toMs = Math.max(1, Number(filter.to ?? nowMs + 1))
  const wanted = filter.from ?? (await firstRecordedMs(db, first, allEntries))
  if (wanted === undefined) return undefined
  const fromMs = Math.max(0, toMs - MAX_SPAN_MS, Math.min(Number(wanted), toMs - 1))
  const scale = timeScale(fromMs, toMs, zone)
  if (allEntries) return { ...scale, bars: countGiven(scale, allEntries) }
  const bars =
    (first ? undefined : await countBySeq(db, scale, countUpTo)) ??
    (await countInDatabase(db, scale, { first, others, countUpTo })) ??
    estimate(scale, await readRows(db, slicesQuery(scale, first, others)))
  return { ...scale, bars }
}

/** The condition that has an index and most likely matches the fewest entries; and the others. */
function splitConditions(filter: LogFilter): { first: SQL | undefined; others: readonly SQL[] } {
  const names = ['targetId', 'userId', 'eventId', 'action'] as const
  const given = names.filter((name) => filter[name] !== undefined)
  const conditions = given.flatMap((name) => checkFilter({ [name]: filter[name] }).conditions)
  return { first: conditions[0], others: conditions.slice(1) }
}

async function firstRecordedMs(
  db: AuditDatabase,
  condition: SQL | undefined,
  allEntries: readonly LoggedEntry[] | undefined,
): Promise<number | undefined> {
  if (allEntries) {
    const oldest = allEntries.at(-1)
    return oldest && recordedMs(oldest.id)
  }
  const [row] = await readRows(
    db,
    sql`select ${auditLog.id}::pg_catalog.text as "id" from ${auditLog}
      ${condition ? sql`where ${condition}` : sql.empty()} order by ${auditLog.id} limit 1`,
  )
  return row && recordedMs(String(row['id']))
}

function countGiven({ edges }: TimeScale, entries: readonly LoggedEntry[]): Bar[] {
  const times = entries.map(({ id }) => recordedMs(id))
  return pairs(edges).map(([fromMs, toMs]) => {
    const count = times.filter((ms) => ms >= fromMs && ms < toMs).length
    return { fromMs, toMs, count, isEstimate: false }
  })
}

/**
 * The bars of the whole log, by the difference of `seq` between their ends: one index look-up for
 * each edge.
 *
 * @returns undefined where there are few enough entries to count them
 */
async function countBySeq(
  db: AuditDatabase,
  { edges }: TimeScale,
  countUpTo: number,
): Promise<Bar[] | undefined> {
  const rows = await readRows(
    db,
    sql`
      select coalesce((
        select ${auditLog.seq} from ${auditLog} where ${auditLog.id} operator(pg_catalog.<) edge.id
        order by ${auditLog.id} desc limit 1
      ), 0)::double precision as "seq"
      from pg_catalog.unnest(${idList(edges)}) with ordinality as edge (id, n) order by edge.n`,
  )
  const seqs = rows.map(({ seq }) => Number(seq))
  if ((seqs.at(-1) ?? 0) - (seqs[0] ?? 0) < countUpTo) return undefined
  return pairs(edges).map(([fromMs, toMs], at) => {
    const count = Math.max(0, (seqs[at + 1] ?? 0) - (seqs[at] ?? 0))
    return { fromMs, toMs, count, isEstimate: true }
  })
}

/** An array literal as text, because each driver encodes arrays of ids differently. */
function idList(timesMs: readonly number[]): SQL {
  const list = `{${timesMs.map(idFloor).join(',')}}`
  return sql`${sql.param(list)}::pg_catalog.text::pg_catalog.uuid[]`
}

interface CountRequest {
  readonly first: SQL | undefined
  readonly others: readonly SQL[]
  readonly countUpTo: number
}

/**
 * Counts the entries of each bar.
 *
 * @returns undefined where more than `countUpTo` entries match the condition with the index
 */
async function countInDatabase(
  db: AuditDatabase,
  { edges, fromMs, toMs }: TimeScale,
  { first, others, countUpTo }: CountRequest,
): Promise<Bar[] | undefined> {
  const matches = others.length > 0 ? sql.join([...others], sql` and `) : sql`true`
  const rows = await readRows(
    db,
    sql`
      select pg_catalog.width_bucket(taken.id, ${idList(edges)}) as "bar",
        pg_catalog.count(*)::double precision as "looked",
        (pg_catalog.count(*) filter (where taken.is_match))::double precision as "matched"
      from (
        select ${auditLog.id} as id, (${matches}) as is_match from ${auditLog}
        where ${first ?? sql`true`} and ${auditLog.id} operator(pg_catalog.>=) ${idFloor(fromMs)}::pg_catalog.uuid
          and ${auditLog.id} operator(pg_catalog.<) ${idFloor(toMs)}::pg_catalog.uuid
        order by ${auditLog.id} limit ${sql.raw(String(countUpTo + 1))}
      ) as taken
      group by 1`,
  )
  const looked = rows.reduce((sum, row) => sum + Number(row['looked']), 0)
  if (looked > countUpTo) return undefined
  const matched = new Map(rows.map((row) => [Number(row['bar']), Number(row['matched'])]))
  return pairs(edges).map(([from, to], at) => {
    return { fromMs: from, toMs: to, count: matched.get(at + 1) ?? 0, isEstimate: false }
  })
}

/** Reads each slice in the order of the index of one condition, so that `limit` ends the scan. */
function slicesQuery(scale: TimeScale, first: SQL | undefined, others: readonly SQL[]): SQL {
  const slices = slicesOf(scale)
  const lows = idList(slices.map(({ fromMs }) => fromMs))
  const highs = idList(slices.map(({ toMs }) => toMs))
  const matches = others.length > 0 ? sql.join([...others], sql` and `) : sql`true`
  return sql`
    select looked.count::double precision as "looked",
      looked.matched::double precision as "matched",
      looked.reached as "reached"
    from rows from (pg_catalog.unnest(${lows}), pg_catalog.unnest(${highs}))
      with ordinality as slice (low, high, n)
    cross join lateral (
      select pg_catalog.count(*) as count,
        pg_catalog.count(*) filter (where taken.is_match) as matched,
        pg_catalog.max(taken.id::pg_catalog.text collate pg_catalog."C") as reached
      from (
        select ${auditLog.id} as id, (${matches}) as is_match from ${auditLog}
        where ${first ?? sql`true`} and ${auditLog.id} operator(pg_catalog.>=) slice.low
          and ${auditLog.id} operator(pg_catalog.<) slice.high
        order by ${auditLog.id} limit ${sql.raw(String(MAX_SLICE_ENTRIES))}
      ) as taken
    ) as looked
    order by slice.n`
}

function estimate(scale: TimeScale, rows: readonly Readonly<Record<string, unknown>>[]): Bar[] {
  const bars = pairs(scale.edges).map(([fromMs, toMs]) => ({
    fromMs,
    toMs,
    count: 0,
    isEstimate: false,
  }))
  for (const [at, { bar: index, fromMs, toMs }] of slicesOf(scale).entries()) {
    const { looked, matched, reached } = rows[at] ?? {}
    const bar = bars[index]
    if (bar === undefined) continue
    if (Number(looked ?? 0) < MAX_SLICE_ENTRIES) {
      bar.count += Number(matched ?? 0)
      continue
    }
    bar.isEstimate = true
    const readCount = Number(matched)
    const coveredMs = recordedMs(String(reached)) - fromMs + 1
    bar.count += Math.max(readCount, Math.round((readCount * (toMs - fromMs)) / coveredMs))
  }
  return bars
}

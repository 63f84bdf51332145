import { type SQL, sql } from 'drizzle-orm'
import { checkFilter, type LogFilter } from '../../read/filter.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { readRows } from '../../read/read-rows.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { auditLog } from '../../schema/tables.ts'
import { type Frame, frameOf, pairs, slicesOf } from './time-scale.ts'
import { idFloor, recordedMs } from '../../ids/uuid7.ts'
import { DAY_MS, type Zone } from '../query/zone.ts'

export interface Bar {
  readonly fromMs: number
  readonly toMs: number
  readonly count: number
  /** The count was worked out from a sample, not counted. */
  readonly isEstimate: boolean
}

export interface Histogram extends Frame {
  readonly bars: readonly Bar[]
}

/** Read of a slice at most: 21,000 entries in all, whatever the log's size. */
const SLICE_ENTRIES = 50
/** Up to so many are counted one by one: what most questions find, and true to the last entry. */
const COUNTED_ENTRIES = 10_000
const MAX_SPAN_MS = 20 * 366 * DAY_MS

export interface HistogramRequest {
  readonly filter: LogFilter
  readonly zone: Zone
  readonly nowMs: number
  /** The entries of the only page, where there is but one: then nothing has to be asked. */
  readonly all?: readonly LoggedEntry[] | undefined
  /** @default 10 000 */
  readonly countUpTo?: number | undefined
}

/**
 * How many entries there are, by the time of recording: the order and the bounds of the list.
 *
 * Counting a big log takes as long as reading it, so what is read is bounded. Up to 10,000 entries
 * are counted. Beyond, time is cut into slices: one with fewer entries than their bound is counted;
 * of a fuller one, the share of its time that the entries read cover gives its density. Where nothing narrows the log, no density is needed: `seq` has no gaps,
 * so the difference between the numbers at both ends is the count, but for what arrived late. Both
 * are marked as estimates.
 *
 * @returns undefined where there is nothing to draw
 */
export async function histogram(
  db: AuditDatabase,
  { filter, zone, nowMs, all, countUpTo = COUNTED_ENTRIES }: HistogramRequest,
): Promise<Histogram | undefined> {
  // A request lasts a moment: until now, its bars would be one at the left end.
  if (filter.requestId !== undefined) return undefined
  const { first, others } = byIndex(filter)
  const toMs = Math.max(1, Number(filter.to ?? nowMs + 1))
  const wanted = filter.from ?? (await firstRecordedMs(db, first, all))
  if (wanted === undefined) return undefined
  const fromMs = Math.max(0, toMs - MAX_SPAN_MS, Math.min(Number(wanted), toMs - 1))
  const frame = frameOf(fromMs, toMs, zone)
  if (all) return { ...frame, bars: countPage(frame, all) }
  const bars =
    (first ? undefined : await byNumbers(db, frame, countUpTo)) ??
    (await counted(db, frame, { first, others, countUpTo })) ??
    estimate(frame, await readRows(db, slicesQuery(frame, first, others)))
  return { ...frame, bars }
}

/** The condition that most likely leaves the fewest entries, and has an index; and the others. */
function byIndex(filter: LogFilter): { first: SQL | undefined; others: readonly SQL[] } {
  const names = ['targetId', 'userId', 'eventId', 'action'] as const
  const given = names.filter((name) => filter[name] !== undefined)
  const conditions = given.flatMap((name) => checkFilter({ [name]: filter[name] }).conditions)
  return { first: conditions[0], others: conditions.slice(1) }
}

async function firstRecordedMs(
  db: AuditDatabase,
  condition: SQL | undefined,
  all: readonly LoggedEntry[] | undefined,
): Promise<number | undefined> {
  const oldest = all?.at(-1)
  if (all) return oldest && recordedMs(oldest.id)
  const [row] = await readRows(
    db,
    sql`select ${auditLog.id}::text as "id" from ${auditLog}
      ${condition ? sql`where ${condition}` : sql.empty()} order by ${auditLog.id} limit 1`,
  )
  return row && recordedMs(String(row['id']))
}

function countPage({ edges }: Frame, all: readonly LoggedEntry[]): Bar[] {
  const times = all.map(({ id }) => recordedMs(id))
  return pairs(edges).map(([fromMs, toMs]) => {
    const count = times.filter((ms) => ms >= fromMs && ms < toMs).length
    return { fromMs, toMs, count, isEstimate: false }
  })
}

/**
 * The whole log, by the differences of `seq` between the bars' edges: one look-up for each.
 * Undefined where there are so few that they can as well be counted.
 */
async function byNumbers(
  db: AuditDatabase,
  { edges }: Frame,
  countUpTo: number,
): Promise<Bar[] | undefined> {
  const rows = await readRows(
    db,
    sql`
      select coalesce((
        select ${auditLog.seq} from ${auditLog} where ${auditLog.id} < edge.id
        order by ${auditLog.id} desc limit 1
      ), 0)::float8 as "seq"
      from unnest(${idList(edges)}::text::uuid[]) with ordinality as edge (id, n) order by edge.n`,
  )
  const seqs = rows.map(({ seq }) => Number(seq))
  if ((seqs.at(-1) ?? 0) - (seqs[0] ?? 0) < countUpTo) return undefined
  return pairs(edges).map(([fromMs, toMs], at) => {
    const count = Math.max(0, (seqs[at + 1] ?? 0) - (seqs[at] ?? 0))
    return { fromMs, toMs, count, isEstimate: true }
  })
}

/** As text, because drivers encode arrays of ids in their own ways. */
function idList(timesMs: readonly number[]): SQL {
  return sql`${sql.param(`{${timesMs.map(idFloor).join(',')}}`)}`
}

interface Counted {
  readonly first: SQL | undefined
  readonly others: readonly SQL[]
  readonly countUpTo: number
}

/** Each entry in its bar; undefined where there are too many by the one condition with the index. */
async function counted(
  db: AuditDatabase,
  { edges, fromMs, toMs }: Frame,
  { first, others, countUpTo }: Counted,
): Promise<Bar[] | undefined> {
  const matches = others.length > 0 ? sql.join([...others], sql` and `) : sql`true`
  const rows = await readRows(
    db,
    sql`
      select width_bucket(taken.id, ${idList(edges)}::text::uuid[]) as "bar",
        count(*)::float8 as "looked", (count(*) filter (where taken.is_match))::float8 as "matched"
      from (
        select ${auditLog.id} as id, (${matches}) as is_match from ${auditLog}
        where ${first ?? sql`true`} and ${auditLog.id} >= ${idFloor(fromMs)}::uuid
          and ${auditLog.id} < ${idFloor(toMs)}::uuid
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

/** A look at each slice, by the index of one condition and in its order: so the limit ends it. */
function slicesQuery(frame: Frame, first: SQL | undefined, others: readonly SQL[]): SQL {
  const slices = slicesOf(frame)
  const lows = idList(slices.map(({ fromMs }) => fromMs))
  const highs = idList(slices.map(({ toMs }) => toMs))
  const matches = others.length > 0 ? sql.join([...others], sql` and `) : sql`true`
  return sql`
    select looked.count::float8 as "looked", looked.matched::float8 as "matched",
      looked.reached as "reached"
    from unnest(${lows}::text::uuid[], ${highs}::text::uuid[])
      with ordinality as slice (low, high, n)
    cross join lateral (
      select count(*) as count, count(*) filter (where taken.is_match) as matched,
        max(taken.id::text collate "C") as reached
      from (
        select ${auditLog.id} as id, (${matches}) as is_match from ${auditLog}
        where ${first ?? sql`true`} and ${auditLog.id} >= slice.low and ${auditLog.id} < slice.high
        order by ${auditLog.id} limit ${sql.raw(String(SLICE_ENTRIES))}
      ) as taken
    ) as looked
    order by slice.n`
}

function estimate(frame: Frame, rows: readonly Readonly<Record<string, unknown>>[]): Bar[] {
  const bars = pairs(frame.edges).map(([fromMs, toMs]) => ({
    ...{ fromMs, toMs, count: 0, isEstimate: false },
  }))
  for (const [at, { bar: index, fromMs, toMs }] of slicesOf(frame).entries()) {
    const { looked, matched, reached } = rows[at] ?? {}
    const bar = bars[index]
    if (bar === undefined) continue
    if (Number(looked ?? 0) < SLICE_ENTRIES) {
      bar.count += Number(matched ?? 0)
      continue
    }
    bar.isEstimate = true
    const least = Number(matched)
    const coveredMs = recordedMs(String(reached)) - fromMs + 1
    bar.count += Math.max(least, Math.round((least * (toMs - fromMs)) / coveredMs))
  }
  return bars
}

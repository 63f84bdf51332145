import { filterInvalid } from '../errors.ts'
import { sql } from 'drizzle-orm'
import { checkFilter, type LogFilter } from '../read/filter.ts'
import { inWindow, windowsOf } from '../read/id-windows.ts'
import { partitionsNow, partitionsOf } from '../read/partitions.ts'
import { type SeqPlan, seqPlan, wholePlan } from '../read/seq-plan.ts'
import { shown } from '../read/filter-values.ts'
import { EXPORT_DEADLINE_MS, readRows } from '../read/read-rows.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { auditLog } from '../schema/tables.ts'

export interface RangeOptions {
  readonly times: Pick<LogFilter, 'from' | 'to'>
  readonly fromSeq: number | undefined
  readonly toSeq: number | undefined
}

/** The numbers between which everything lies that an export can hold. */
export interface SeqRange {
  readonly firstSeq: number
  readonly lastSeq: number
}

/** Ids looked through in one statement, so that each of them is short for any range. */
const SURVEY_IDS = 50_000

/** @throws {AuditError} `AUDIT_FILTER_INVALID` */
export function checkRange({ fromSeq, toSeq }: Omit<RangeOptions, 'times'>): void {
  for (const [name, seq] of Object.entries({ fromSeq, toSeq })) {
    if (seq === undefined || (Number.isSafeInteger(seq) && seq >= 0)) continue
    throw filterInvalid(`${name} must be a whole number from 0 on, got ${shown(seq)}.`)
  }
  if (fromSeq !== undefined && toSeq !== undefined && fromSeq > toSeq) {
    throw filterInvalid('fromSeq must not be above toSeq.')
  }
}

/**
 * Finds where an export begins and ends, as of now: what is logged later is not part of it.
 *
 * A time range is one of ids, and the number of an entry says when it was logged, which may be long
 * after. So its ids are gone through for the least and the greatest number, a stretch at a time.
 *
 * @returns undefined where there is nothing to export
 */
export async function findRange(
  db: AuditDatabase,
  { times, fromSeq = 0, toSeq = Number.MAX_SAFE_INTEGER }: RangeOptions,
): Promise<SeqRange | undefined> {
  // The times of a query may leave nothing between them.
  if (times.from !== undefined && times.to !== undefined && times.from >= times.to) return undefined
  const found =
    times.from === undefined && times.to === undefined ? await ends(db) : await survey(db, times)
  if (found === undefined) return undefined
  const firstSeq = Math.max(fromSeq, found.firstSeq)
  const lastSeq = Math.min(toSeq, found.lastSeq)
  return firstSeq <= lastSeq ? { firstSeq, lastSeq } : undefined
}

/**
 * The first and the last number. The oldest partitions may have been dropped, so the first one has
 * to be looked for. The last one is the head's, or a greater one that was written by hand.
 */
async function ends(db: AuditDatabase): Promise<SeqRange | undefined> {
  const map = await partitionsNow(db)
  const newest = wholePlan(map, { nextSeq: map.lastSeq }, true)
  if (newest.windows.length === 1 && newest.windows[0]?.stepsOver === undefined) {
    const both = await endsIn(db, newest, { nextSeq: 0 })
    return both && { firstSeq: both.first, lastSeq: Math.max(both.last, map.lastSeq) }
  }
  const { last = 0 } = (await endsIn(db, newest, { nextSeq: map.lastSeq })) ?? {}
  const lastSeq = Math.max(last, map.lastSeq)
  for (let nextSeq = 0; nextSeq <= lastSeq; ) {
    const plan = seqPlan(map, { nextSeq, lastSeq })
    const found = await endsIn(db, plan, { nextSeq, lastSeq: plan.lastSeq ?? lastSeq })
    if (found) return { firstSeq: found.first, lastSeq }
    nextSeq = (plan.lastSeq ?? lastSeq) + 1
  }
  return undefined
}

async function endsIn(
  db: AuditDatabase,
  { windows }: SeqPlan,
  { nextSeq, lastSeq }: { readonly nextSeq: number; readonly lastSeq?: number },
): Promise<{ readonly first: number; readonly last: number } | undefined> {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const window of windows) {
    const conditions = [
      sql`${auditLog.seq} operator(pg_catalog.>=) ${nextSeq}::bigint`,
      ...(lastSeq === undefined
        ? []
        : [sql`${auditLog.seq} operator(pg_catalog.<=) ${lastSeq}::bigint`]),
      ...inWindow(window),
    ]
    const [row] = await readRows(
      db,
      sql`select pg_catalog.min(${auditLog.seq})::pg_catalog.text as "first",
          pg_catalog.max(${auditLog.seq})::pg_catalog.text as "last"
        from ${auditLog} where ${sql.join(conditions, sql` and `)}`,
    )
    if (typeof row?.['first'] !== 'string') continue
    first = Math.min(first, Number(row['first']))
    last = Math.max(last, Number(row['last']))
  }
  return Number.isFinite(first) ? { first, last } : undefined
}

async function survey(
  db: AuditDatabase,
  times: Pick<LogFilter, 'from' | 'to'>,
): Promise<SeqRange | undefined> {
  const checked = checkFilter(times)
  const { conditions } = checked.bind('uuid')
  const windows = windowsOf(await partitionsOf(db), {
    ...{ range: checked.range, isDescending: false, nowMs: Date.now(), isWhole: true },
  })
  let range: SeqRange | undefined
  let beyond = sql`true`
  for (let at = 0; at < windows.length; ) {
    const within = [...conditions, beyond, ...inWindow(windows[at] ?? {})]
    // There is no max(uuid); as text they compare in the same way.
    const [row] = await readRows(
      db,
      sql`select pg_catalog.count(*)::double precision as "ids",
          pg_catalog.min(seq)::pg_catalog.text as "first",
          pg_catalog.max(seq)::pg_catalog.text as "last",
          pg_catalog.max(id::pg_catalog.text collate pg_catalog."C") as "lastId"
        from (
          select ${auditLog.id}, ${auditLog.seq} from ${auditLog}
          where ${sql.join(within, sql` and `)}
          order by ${auditLog.id} limit ${sql.raw(String(SURVEY_IDS))}
        ) as stretch`,
      EXPORT_DEADLINE_MS,
    )
    if (row === undefined || row['first'] === null) {
      at += 1
      continue
    }
    range = {
      firstSeq: Math.min(range?.firstSeq ?? Number.MAX_SAFE_INTEGER, Number(row['first'])),
      lastSeq: Math.max(range?.lastSeq ?? 0, Number(row['last'])),
    }
    if (Number(row['ids']) < SURVEY_IDS) at += 1
    beyond = sql`${auditLog.id} operator(pg_catalog.>) ${String(row['lastId'])}::pg_catalog.uuid`
  }
  return range
}

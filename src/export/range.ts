import { filterInvalid } from '../errors.ts'
import { sql } from 'drizzle-orm'
import { checkFilter, type LogFilter, shown } from '../read/filter.ts'
import { EXPORT_DEADLINE_MS, readRows } from '../read/read-rows.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { auditLog } from '../schema/tables.ts'

export interface RangeOptions {
  readonly filter: LogFilter
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
export function checkRange({ fromSeq, toSeq }: Omit<RangeOptions, 'filter'>): void {
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
  { filter, fromSeq = 0, toSeq = Number.MAX_SAFE_INTEGER }: RangeOptions,
): Promise<SeqRange | undefined> {
  const found =
    filter.from === undefined && filter.to === undefined
      ? await ends(db)
      : await survey(db, { from: filter.from, to: filter.to })
  if (found === undefined) return undefined
  const firstSeq = Math.max(fromSeq, found.firstSeq)
  const lastSeq = Math.min(toSeq, found.lastSeq)
  return firstSeq <= lastSeq ? { firstSeq, lastSeq } : undefined
}

async function ends(db: AuditDatabase): Promise<SeqRange | undefined> {
  const [row] = await readRows(
    db,
    sql`select pg_catalog.min(${auditLog.seq})::pg_catalog.text as "first",
        pg_catalog.max(${auditLog.seq})::pg_catalog.text as "last"
      from ${auditLog}`,
  )
  if (row === undefined || row['first'] === null) return undefined
  return { firstSeq: Number(row['first']), lastSeq: Number(row['last']) }
}

async function survey(
  db: AuditDatabase,
  times: Pick<LogFilter, 'from' | 'to'>,
): Promise<SeqRange | undefined> {
  const { conditions } = checkFilter(times)
  let range: SeqRange | undefined
  let beyond = sql`true`
  for (;;) {
    // There is no max(uuid); as text they compare in the same way.
    const [row] = await readRows(
      db,
      sql`select pg_catalog.count(*)::double precision as "ids",
          pg_catalog.min(seq)::pg_catalog.text as "first",
          pg_catalog.max(seq)::pg_catalog.text as "last",
          pg_catalog.max(id::pg_catalog.text collate pg_catalog."C") as "lastId"
        from (
          select ${auditLog.id}, ${auditLog.seq} from ${auditLog}
          where ${sql.join([...conditions, beyond], sql` and `)}
          order by ${auditLog.id} limit ${sql.raw(String(SURVEY_IDS))}
        ) as stretch`,
      EXPORT_DEADLINE_MS,
    )
    if (row === undefined || row['first'] === null) return range
    range = {
      firstSeq: Math.min(range?.firstSeq ?? Number.MAX_SAFE_INTEGER, Number(row['first'])),
      lastSeq: Math.max(range?.lastSeq ?? 0, Number(row['last'])),
    }
    if (Number(row['ids']) < SURVEY_IDS) return range
    beyond = sql`${auditLog.id} operator(pg_catalog.>) ${String(row['lastId'])}::pg_catalog.uuid`
  }
}

import { type SQL, sql } from 'drizzle-orm'
import { isFinalFault } from '../database/faults.ts'
import { type Batch, type BatchQuery, readBatch } from '../read/batch.ts'
import { withFilter } from '../read/bound-filter.ts'
import type { BoundFilter, CheckedFilter } from '../read/filter.ts'
import { type IdWindow, inWindow } from '../read/id-windows.ts'
import type { LogView } from '../projection/log-view.ts'
import { erasedColumn } from '../removed/erased.ts'
import { entryJson, entryRow } from '../read/logged-entry.ts'
import { partitionsNow, partitionsOf } from '../read/partitions.ts'
import { EXPORT_DEADLINE_MS, readRows } from '../read/read-rows.ts'
import { candidatesFrom, type Stretch } from '../read/search/candidates.ts'
import { type SeqPlan, seqPlan } from '../read/seq-plan.ts'
import { withRetry } from '../database/retry.ts'
import type { AuditDatabase, Row } from '../database/callers-database.ts'
import { auditLog } from '../schema/tables.ts'
import { type AboutCounts, aboutColumn, countReasons, noneFound } from './about/reasons.ts'
import type { FormatWriter } from './formats.ts'
import type { SeqRange } from './range.ts'
import { exportColumns, isReadable, toExportRow } from './rows.ts'
import { sealColumn } from './sealed/seal-column.ts'

/** Some entries of an export, written out. */
export interface ExportPage {
  /** Empty where the filter let nothing through. */
  readonly text: string
  readonly rows: number
  /** Everything up to this number has been looked at: an export can go on after it. */
  readonly throughSeq: number
  readonly firstSeq: number | undefined
  readonly lastSeq: number | undefined
  /** The earliest and the latest `occurred_at`. */
  readonly firstTime: string | undefined
  readonly lastTime: string | undefined
  /** Numbers that are not in the log, first and last of each run. Only without a filter. */
  readonly missing: readonly (readonly [number, number])[]
  /** Entries whose `metadata` or `context` is too large to be read. */
  readonly unreadable: readonly number[]
  /** How many entries name the user in each place, where the export is about one. */
  readonly found: AboutCounts | undefined
}

export interface PagesOptions {
  readonly filter: CheckedFilter
  /** The user whom the entries are about; the filter lets no others through. */
  readonly about: string | undefined
  /** Whether each row has what opens its leaf. */
  readonly proofs?: boolean | undefined
  readonly range: SeqRange
  readonly writer: FormatWriter
  readonly signal: AbortSignal
  readonly onFailure: (error: unknown) => void
}

/** Numbers looked through in one statement where a filter may leave out most of them. */
const WINDOW_SEQS = 50_000
/** The same where all of each entry's JSON is read, too. */
const ABOUT_WINDOW_SEQS = 10_000
/** Characters that a page aims at, so that memory stays the same for entries of any size. */
const PAGE_CHARACTERS = 250_000
const MIN_PAGE_ROWS = 5
const MAX_PAGE_ROWS = 4_000
/** How long a database may be away in the middle of an export, in milliseconds. */
const OUTAGE_MS = 60_000

/**
 * Reads a range in the order of `seq`, one page at a time. While a page is used, the next one is on
 * its way. Among large entries it is not, so that memory holds one page.
 */
export async function* readPages(
  db: AuditDatabase,
  options: PagesOptions,
): AsyncGenerator<ExportPage, void, undefined> {
  const { range, signal, writer } = options
  const isFiltered = !options.filter.isEmpty
  let limit = 500
  let next = range.firstSeq
  const dense = { throughSeq: 0 }
  let answer = fetchPage(db, next, { limit, isAmongLarge: false, dense }, options)
  while (next <= range.lastSeq) {
    const { rows, hasLarge, throughSeq } = await answer
    const characters = rows.reduce((sum, row) => sum + sizeOf(row), 1)
    limit = clamp((PAGE_CHARACTERS * Math.max(1, rows.length)) / characters)
    const fetchNext = () => {
      if (throughSeq >= range.lastSeq || signal.aborted) return
      answer = fetchPage(db, throughSeq + 1, { limit, isAmongLarge: hasLarge, dense }, options)
      answer.catch(() => {}) // handled where it is awaited, unless the export has ended before
    }
    if (!hasLarge) fetchNext()
    yield toPage(rows, { next, throughSeq, isFiltered, writer })
    signal.throwIfAborted()
    if (hasLarge) fetchNext()
    next = throughSeq + 1
  }
}

interface FetchedPage extends Pick<Batch, 'rows' | 'hasLarge'> {
  /** Everything up to this number is in `rows` or does not pass the filter. */
  readonly throughSeq: number
}

interface AskedPage extends Pick<BatchQuery, 'limit' | 'isAmongLarge'> {
  /** Up to this number the search leaves out too little to be asked again. */
  readonly dense: { throughSeq: number }
}

/** The last number that one page looks at. */
function windowEnd(next: number, { filter, about, range }: PagesOptions): number {
  if (filter.isEmpty) return range.lastSeq
  const seqs = about === undefined ? WINDOW_SEQS : ABOUT_WINDOW_SEQS
  return Math.min(next + seqs - 1, range.lastSeq)
}

async function fetchPage(
  db: AuditDatabase,
  next: number,
  asked: AskedPage,
  options: PagesOptions,
): Promise<FetchedPage> {
  const { filter, about, proofs, range, signal, onFailure } = options
  const startMs = performance.now()
  return await withRetry(
    async () => {
      return await withFilter(db, filter, async (bound) => {
        const { ids, view } = bound
        const { throughSeq: last, seqs } = await stretchOf(db, next, asked, bound, options)
        if (seqs?.length === 0) return { rows: [], hasLarge: false, throughSeq: last }
        const plan = await planOf(db, { next, last, range })
        const isCandidate =
          seqs &&
          sql`${auditLog.seq} operator(pg_catalog.=)
          any(${`{${seqs.join(',')}}`}::pg_catalog.text::bigint[])`
        const conditions = [...(isCandidate ? [isCandidate] : []), ...bound.conditions]
        const columns = sql.join(
          [
            sql`${exportColumns} ${view.more}`,
            erasedColumn(entryRow.seq),
            ...(about === undefined ? [] : [aboutColumn(about, ids)]),
            ...(proofs ? [sealColumn] : []),
          ],
          sql`, `,
        )
        const wanted = { next, last: plan.lastSeq ?? last, conditions, columns, view }
        return await readPlanned(db, wanted, asked, plan.windows)
      })
    },
    {
      signal,
      onFailure,
      isFinal: (error) => isFinalFault(error) || performance.now() - startMs > OUTAGE_MS,
      tearsAttempt: true,
    },
  )
}

/** What one page looks at: the candidates of the search, or where it says nothing a window of all entries. */
async function stretchOf(
  db: AuditDatabase,
  next: number,
  { dense }: AskedPage,
  bound: BoundFilter,
  options: PagesOptions,
): Promise<Stretch> {
  const throughSeq = windowEnd(next, options)
  if (next <= dense.throughSeq) return { throughSeq, seqs: undefined }
  const ask = (query: SQL) => readRows(db, query, EXPORT_DEADLINE_MS)
  const stretch = await candidatesFrom(ask, bound.needles, next, options.range.lastSeq)
  if (stretch?.seqs !== undefined) return stretch
  dense.throughSeq = stretch?.throughSeq ?? 0
  return { throughSeq: Math.min(throughSeq, stretch?.throughSeq ?? throughSeq), seqs: undefined }
}

/**
 * Which partitions hold the numbers. No entry of the range is logged any more, so a catalogue that
 * has seen all of the range is right for it from then on.
 */
async function planOf(
  db: AuditDatabase,
  { next, last, range }: { readonly next: number; readonly last: number; readonly range: SeqRange },
): Promise<SeqPlan> {
  const known = await partitionsOf(db)
  const map = known.lastSeq >= range.lastSeq ? known : await partitionsNow(db)
  const hasSeenAll = map.lastSeq >= range.lastSeq
  return seqPlan(map, { nextSeq: next, lastSeq: last }, hasSeenAll)
}

/** Reads each window of a plan. The answer is complete as far as every one of them is. */
async function readPlanned(
  db: AuditDatabase,
  wanted: Wanted,
  asked: AskedPage,
  windows: readonly IdWindow[],
): Promise<FetchedPage> {
  let throughSeq = wanted.last
  let hasLarge = false
  const found: Row[] = []
  for (const window of windows) {
    const query = pageQuery({ ...wanted, last: throughSeq }, asked, window)
    const batch = await readBatch(db, query, EXPORT_DEADLINE_MS)
    const isFull = batch.isCut || batch.rows.length === asked.limit
    if (isFull) throughSeq = Number(batch.rows.at(-1)?.['seq'])
    hasLarge ||= batch.hasLarge
    found.push(...batch.rows)
  }
  if (windows.length === 1) return { rows: found, throughSeq, hasLarge }
  const rows = found
    .filter(({ seq }) => Number(seq) <= throughSeq)
    .sort((one, other) => Number(one['seq']) - Number(other['seq']))
  return { rows, throughSeq, hasLarge }
}

interface Wanted {
  readonly next: number
  readonly last: number
  readonly conditions: readonly SQL[]
  readonly columns: SQL
  readonly view: LogView
}

function pageQuery(
  { next, last, conditions, columns, view }: Wanted,
  asked: AskedPage,
  window: IdWindow,
): BatchQuery {
  const inRange = sql`${auditLog.seq} operator(pg_catalog.>=) ${next}::bigint
    and ${auditLog.seq} operator(pg_catalog.<=) ${last}::bigint`
  const all = [inRange, ...conditions, ...inWindow(window)]
  return {
    ...asked,
    isDescending: false,
    key: sql`${entryRow.seq}`,
    ...entryJson,
    columns,
    from: (rows) => sql`(
      select ${view.selected} from ${auditLog} where ${sql.join(all, sql` and `)}
      order by ${auditLog.seq} limit ${sql.raw(String(rows))}
    ) as entry`,
  }
}

interface ReadPage {
  readonly next: number
  readonly throughSeq: number
  readonly isFiltered: boolean
  readonly writer: FormatWriter
}

function toPage(
  rows: readonly Row[],
  { next, throughSeq, isFiltered, writer }: ReadPage,
): ExportPage {
  const lines: string[] = []
  const missing: [number, number][] = []
  const unreadable: number[] = []
  let found: AboutCounts | undefined
  let expected = next
  let firstTime: string | undefined
  let lastTime: string | undefined
  for (const given of rows) {
    if (!isReadable(given)) unreadable.push(Number(given['seq']))
    const row = toExportRow(given)
    if (!isFiltered && row.seq > expected) missing.push([expected, row.seq - 1])
    expected = row.seq + 1
    // ISO 8601 in one zone: as text it compares as time.
    if (firstTime === undefined || row.occurredAt < firstTime) firstTime = row.occurredAt
    if (lastTime === undefined || row.occurredAt > lastTime) lastTime = row.occurredAt
    lines.push(writer.line(row))
    if (row.about !== undefined) found = countReasons(found ?? noneFound(), row.about)
  }
  if (!isFiltered && expected <= throughSeq) missing.push([expected, throughSeq])
  const seqAt = (row: Row | undefined) => (row ? Number(row['seq']) : undefined)
  return {
    text: lines.join(''),
    rows: rows.length,
    throughSeq,
    firstSeq: seqAt(rows[0]),
    lastSeq: seqAt(rows.at(-1)),
    firstTime,
    lastTime,
    missing,
    unreadable,
    found,
  }
}

/** About what a row takes in memory and in the file. */
function sizeOf(row: Row): number {
  return 400 + String(row['metadata']).length + String(row['context']).length
}

function clamp(rows: number): number {
  return Math.max(MIN_PAGE_ROWS, Math.min(MAX_PAGE_ROWS, Math.floor(rows)))
}

import { type SQL, sql } from 'drizzle-orm'
import { isFinalFault } from '../database/faults.ts'
import { type Batch, type BatchQuery, readBatch } from '../read/batch.ts'
import { entryJson, entryRow, logColumns } from '../read/logged-entry.ts'
import { EXPORT_DEADLINE_MS } from '../read/read-rows.ts'
import { withRetry } from '../database/retry.ts'
import type { AuditDatabase, Row } from '../database/callers-database.ts'
import { auditLog } from '../schema/tables.ts'
import type { FormatWriter } from './formats.ts'
import type { SeqRange } from './range.ts'
import { exportColumns, isReadable, toExportRow } from './rows.ts'

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
}

export interface PagesOptions {
  readonly conditions: readonly SQL[]
  readonly range: SeqRange
  readonly writer: FormatWriter
  readonly signal: AbortSignal
  readonly onFailure: (error: unknown) => void
}

/** Numbers looked through in one statement where a filter may leave out most of them. */
const WINDOW_SEQS = 50_000
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
  const isFiltered = options.conditions.length > 0
  let limit = 500
  let next = range.firstSeq
  let answer = fetchPage(db, next, { limit, isAmongLarge: false }, options)
  while (next <= range.lastSeq) {
    const { rows, isCut, hasLarge } = await answer
    const isFull = isCut || rows.length === limit
    const windowEnd = isFiltered ? Math.min(next + WINDOW_SEQS - 1, range.lastSeq) : range.lastSeq
    const throughSeq = isFull ? Number(rows.at(-1)?.['seq']) : windowEnd
    const characters = rows.reduce((sum, row) => sum + sizeOf(row), 1)
    limit = clamp((PAGE_CHARACTERS * Math.max(1, rows.length)) / characters)
    const fetchNext = () => {
      if (throughSeq >= range.lastSeq || signal.aborted) return
      answer = fetchPage(db, throughSeq + 1, { limit, isAmongLarge: hasLarge }, options)
      answer.catch(() => {}) // handled where it is awaited, unless the export has ended before
    }
    if (!hasLarge) fetchNext()
    yield toPage(rows, { next, throughSeq, isFiltered, writer })
    signal.throwIfAborted()
    if (hasLarge) fetchNext()
    next = throughSeq + 1
  }
}

async function fetchPage(
  db: AuditDatabase,
  next: number,
  asked: Pick<BatchQuery, 'limit' | 'isAmongLarge'>,
  { conditions, range, signal, onFailure }: PagesOptions,
): Promise<Batch> {
  const last =
    conditions.length > 0 ? Math.min(next + WINDOW_SEQS - 1, range.lastSeq) : range.lastSeq
  const inRange = sql`${auditLog.seq} operator(pg_catalog.>=) ${next}::bigint
    and ${auditLog.seq} operator(pg_catalog.<=) ${last}::bigint`
  const query: BatchQuery = {
    ...asked,
    isDescending: false,
    key: sql`${entryRow.seq}`,
    ...entryJson,
    columns: exportColumns,
    from: (rows) => sql`(
      select ${logColumns} from ${auditLog} where ${sql.join([inRange, ...conditions], sql` and `)}
      order by ${auditLog.seq} limit ${sql.raw(String(rows))}
    ) as entry`,
  }
  const startMs = performance.now()
  return await withRetry(() => readBatch(db, query, EXPORT_DEADLINE_MS), {
    signal,
    onFailure,
    isFinal: (error) => isFinalFault(error) || performance.now() - startMs > OUTAGE_MS,
    tearsAttempt: true,
  })
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
  }
}

/** About what a row takes in memory and in the file. */
function sizeOf(row: Row): number {
  return 400 + String(row['metadata']).length + String(row['context']).length
}

function clamp(rows: number): number {
  return Math.max(MIN_PAGE_ROWS, Math.min(MAX_PAGE_ROWS, Math.floor(rows)))
}

import { sql } from 'drizzle-orm'
import type { AuditDatabase, Row } from '../../src/database/callers-database.ts'
import { isFinalFault } from '../../src/database/faults.ts'
import { withRetry } from '../../src/database/retry.ts'
import { type ExportRow, exportColumns, isReadable, toExportRow } from '../../src/export/rows.ts'
import { type BatchQuery, readBatch } from '../../src/read/batch.ts'
import { entryJson, entryRow } from '../../src/read/logged-entry.ts'
import { EXPORT_DEADLINE_MS } from '../../src/read/read-rows.ts'
import { archiveFailed } from './files/archive-fault.ts'

/** The entries that leave a partition. */
export interface ArchiveSource {
  /** The name of a partition, or of a table that is one no more, in the schema `audit`. */
  readonly partition: string
  /** The table whose entries stay, as it will take the partition's place. Undefined: all leave. */
  readonly kept?: string | undefined
}

export interface ReadOptions {
  readonly signal: AbortSignal
  readonly onFailure: (error: unknown) => void
}

/** What stands before every number of a log and every id. */
const BEFORE_ALL = { seq: '-9223372036854775808', id: '00000000-0000-0000-0000-000000000000' }
/** Characters that a page aims at, so that memory stays the same for entries of any size. */
const PAGE_CHARACTERS = 1_000_000
const MIN_PAGE_ROWS = 5
const MAX_PAGE_ROWS = 4_000
/** How long a database may be away in the middle of an archive, in milliseconds. */
const OUTAGE_MS = 60_000

/**
 * Reads the entries that leave, in the order of (seq, id), a page at a time. While a page is
 * written, the next one is on its way.
 *
 * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` for an entry too large to be read: it cannot be
 * archived, so it must not be removed
 */
export async function* readLeaving(
  db: AuditDatabase,
  source: ArchiveSource,
  options: ReadOptions,
): AsyncGenerator<readonly ExportRow[], void, undefined> {
  let limit = 500
  let answer = readPage(db, source, BEFORE_ALL, { limit, isAmongLarge: false }, options)
  for (;;) {
    const { rows, isCut, hasLarge } = await answer
    const last = rows.at(-1)
    if (last === undefined) return
    const isLastPage = !isCut && rows.length < limit
    const characters = rows.reduce((sum, row) => sum + sizeOf(row), 1)
    limit = clamp((PAGE_CHARACTERS * rows.length) / characters)
    const after = { seq: String(last['seq']), id: String(last['id']) }
    if (!isLastPage) {
      answer = readPage(db, source, after, { limit, isAmongLarge: hasLarge }, options)
      answer.catch(() => {}) // handled where it is awaited, unless the archive has ended before
    }
    yield rows.map(toReadable)
    options.signal.throwIfAborted()
    if (isLastPage) return
  }
}

async function readPage(
  db: AuditDatabase,
  { partition, kept }: ArchiveSource,
  after: { readonly seq: string; readonly id: string },
  asked: Pick<BatchQuery, 'limit' | 'isAmongLarge'>,
  { signal, onFailure }: ReadOptions,
) {
  const query: BatchQuery = {
    ...asked,
    ...entryJson,
    isDescending: false,
    key: sql`row(${entryRow.seq}, ${entryRow.id})`,
    columns: exportColumns,
    from: (rows) => sql`audit.archive_rows(
      ${partition}::pg_catalog.text, ${kept ?? null}::pg_catalog.text, ${after.seq}::pg_catalog.int8,
      ${after.id}::pg_catalog.uuid, ${sql.raw(String(rows))}
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

function toReadable(row: Row): ExportRow {
  if (isReadable(row)) return toExportRow(row)
  throw archiveFailed(
    `The entry with the seq ${String(row['seq'])} has metadata or a context of more than 2 MiB, ` +
      'so it cannot be archived, and its partition stays.',
  )
}

/** About what a row takes in memory and in the file. */
function sizeOf(row: Row): number {
  return 400 + String(row['metadata']).length + String(row['context']).length
}

function clamp(rows: number): number {
  return Math.max(MIN_PAGE_ROWS, Math.min(MAX_PAGE_ROWS, Math.floor(rows)))
}

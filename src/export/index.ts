import type { AuditDatabase } from '../database/callers-database.ts'
import { filterInvalid } from '../errors.ts'
import { withFilter } from '../read/bound-filter.ts'
import { formatWriter } from './formats.ts'
import { checkExport, type ExportOptions } from './options.ts'
import { type ExportPage, readPages } from './pages.ts'
import { findRange, type SeqRange } from './range.ts'

export { type QueryOptions, parseQuery } from '../query/parse-query.ts'
export type { LogFilter } from '../read/filter.ts'
export type { AuditDatabase } from '../database/callers-database.ts'
export type { AboutCounts, AboutReason } from './about/reasons.ts'
export { type ExportToFileOptions, exportToFile } from './file.ts'
export { EXPORT_FORMATS, type ExportFormat } from './formats.ts'
export type { ExportManifest, ManifestAbout, ManifestGap } from './manifest.ts'
export type { ExportOptions } from './options.ts'
export type { ExportPage } from './pages.ts'
export { type ProvedEntry, proveEntries, proveEntry } from './prove-entry.ts'
export type { SeqRange } from './range.ts'
export { exportToStream } from './stream.ts'
export type { ManifestProof } from './sealed/prove-file.ts'
export type { ProvedFile } from './sealed/verify-file.ts'
export { type VerifyOptions, type VerifyResult, verifyExport } from './verify.ts'
export type { ExportProgress, ExportRequest, WriteOptions } from './write.ts'

/** An export that is about to be read. */
export interface LogExport {
  readonly mediaType: string
  /** What stands before the first entry: the header of a CSV. */
  readonly head: string
  /** Undefined where there is nothing to export. */
  readonly range: SeqRange | undefined
  /** In the order of `seq`, about a quarter of a megabyte of text each; read at the consumer's pace. */
  readonly pages: AsyncIterable<ExportPage>
}

/**
 * The log, or a part of it, as text: for a response to a browser, for instance. In the order of
 * `seq`, in constant memory, as of the moment of the call. `exportToFile` makes a file of it.
 *
 * @throws {AuditError} `AUDIT_FILTER_INVALID` for wrong options, `AUDIT_DATABASE_FAILED` or
 * `AUDIT_DEADLINE_PASSED` where the database was away for long
 */
export async function exportLog(
  db: AuditDatabase,
  options: ExportOptions = {},
): Promise<LogExport> {
  if (options.proofs) throw filterInvalid('proofs need a file: use exportToFile.')
  const asked = checkExport(options)
  const { times, about, fromSeq, toSeq, checked } = asked
  const { signal = new AbortController().signal, onFailure = () => {} } = options
  const writer = formatWriter(asked)
  // Asked here already, so that a wrong id is refused before the first page.
  await withFilter(db, checked, async () => {})
  const range = await findRange(db, { times, fromSeq, toSeq })
  const pages = range
    ? readPages(db, { filter: checked, about, range, writer, signal, onFailure })
    : nothing()
  return { mediaType: writer.mediaType, head: writer.head, range, pages }
}

async function* nothing(): AsyncGenerator<ExportPage, void, undefined> {}

import type { AuditDatabase } from '../database/callers-database.ts'
import { formatWriter } from './formats.ts'
import { checkExport, type ExportOptions } from './options.ts'
import { type ExportPage, readPages } from './pages.ts'
import { findRange, type SeqRange } from './range.ts'

export type { LogFilter } from '../read/filter.ts'
export type { AuditDatabase } from '../database/callers-database.ts'
export { type ExportToFileOptions, exportToFile } from './file.ts'
export { EXPORT_FORMATS, type ExportFormat } from './formats.ts'
export type { ExportManifest, ManifestGap } from './manifest.ts'
export type { ExportOptions } from './options.ts'
export type { ExportPage } from './pages.ts'
export type { SeqRange } from './range.ts'
export { exportToStream } from './stream.ts'
export { type VerifyResult, verifyExport } from './verify.ts'
export type { ExportProgress, WriteOptions } from './write.ts'

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
  const checked = checkExport(options)
  const { filter, fromSeq, toSeq, conditions } = checked
  const { signal = new AbortController().signal, onFailure = () => {} } = options
  const writer = formatWriter(checked)
  const range = await findRange(db, { filter, fromSeq, toSeq })
  const pages = range ? readPages(db, { conditions, range, writer, signal, onFailure }) : nothing()
  return { mediaType: writer.mediaType, head: writer.head, range, pages }
}

async function* nothing(): AsyncGenerator<ExportPage, void, undefined> {}

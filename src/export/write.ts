import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { LogFilter } from '../read/filter.ts'
import { readHistory } from '../read/history.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { type ExportFormat, formatWriter } from './formats.ts'
import {
  count,
  type ExportManifest,
  type ExportTally,
  emptyTally,
  readGaps,
  readLogEpoch,
} from './manifest.ts'
import { checkExport, type ExportOptions } from './options.ts'
import { readPages } from './pages.ts'
import { findRange, type SeqRange } from './range.ts'

export interface WriteOptions extends ExportOptions {
  /** @default false */
  readonly gzip?: boolean | undefined
  /** Called after each page. */
  readonly onProgress?: ((progress: ExportProgress) => void) | undefined
}

export interface ExportProgress {
  readonly rows: number
  readonly bytes: number
  /** How much of the range has been looked at, from 0 to 1. */
  readonly share: number
}

/** Where an export stands. Plain JSON, so that it can be kept and taken up again. */
export interface ExportState {
  readonly version: 1
  readonly request: {
    readonly format: ExportFormat
    readonly gzip: boolean
    readonly filter: Readonly<Record<string, unknown>>
    readonly fromSeq: number | null
    readonly toSeq: number | null
    readonly source: string
    readonly byteOrderMark?: boolean
  }
  readonly range: SeqRange | null
  readonly startedAt: string
  /** The number to go on from. */
  nextSeq: number
  /** How much has been written. */
  bytes: number
  readonly tally: ExportTally
}

/** Where an export goes. */
export interface Sink {
  write(bytes: Buffer): Promise<void>
  /** Called where an export could be taken up again. */
  saved?(): Promise<void>
}

const gzip = promisify(zlib.gzip)

/** @throws {AuditError} `AUDIT_FILTER_INVALID` */
export async function beginExport(db: AuditDatabase, options: WriteOptions): Promise<ExportState> {
  const { format, filter, fromSeq, toSeq, source, byteOrderMark, described } = checkExport(options)
  const startedAt = new Date().toISOString()
  const range = (await findRange(db, { filter, fromSeq, toSeq })) ?? null
  const request = {
    format,
    gzip: options.gzip ?? false,
    filter: described,
    fromSeq: fromSeq ?? null,
    toSeq: toSeq ?? null,
    source,
    byteOrderMark,
  }
  const nextSeq = range?.firstSeq ?? 0
  return { version: 1, request, range, startedAt, nextSeq, bytes: 0, tally: emptyTally() }
}

/**
 * Writes what an export still lacks. Each page is compressed by itself, which gzip allows, so that
 * it can be taken up again after any of them.
 */
export async function writePages(
  db: AuditDatabase,
  state: ExportState,
  sink: Sink,
  options: Pick<WriteOptions, 'signal' | 'onFailure' | 'onProgress'>,
): Promise<void> {
  const { signal = new AbortController().signal, onFailure = () => {}, onProgress } = options
  const { request, range, tally } = state
  const writer = formatWriter(request)
  const write = async (text: string) => {
    const bytes = request.gzip ? await gzip(text) : Buffer.from(text)
    await sink.write(bytes)
    state.bytes += bytes.length
  }
  if (state.bytes === 0 && writer.head !== '') await write(writer.head)
  if (range === null) return
  const { conditions } = checkExport({ filter: filterOf(request.filter) })
  const rest = { firstSeq: state.nextSeq, lastSeq: range.lastSeq }
  for await (const page of readPages(db, { conditions, range: rest, writer, signal, onFailure })) {
    if (page.text !== '') await write(page.text)
    count(tally, page)
    state.nextSeq = page.throughSeq + 1
    await sink.saved?.()
    const share = (state.nextSeq - range.firstSeq) / (range.lastSeq - range.firstSeq + 1)
    onProgress?.({ rows: tally.rows, bytes: state.bytes, share })
  }
}

/** A filter as its manifest describes it, as a filter again. */
function filterOf(described: Readonly<Record<string, unknown>>): LogFilter {
  const { from, to, ...rest } = described
  return {
    ...rest,
    ...(from === undefined ? {} : { from: Date.parse(String(from)) }),
    ...(to === undefined ? {} : { to: Date.parse(String(to)) }),
  }
}

export async function describeExport(
  db: AuditDatabase,
  state: ExportState,
  written: { readonly file: string | null; readonly sha256: string },
): Promise<ExportManifest> {
  const { request, range, tally, bytes, startedAt } = state
  const { missing, ...counted } = tally
  const gaps = range ? await readGaps(db, range.firstSeq, range.lastSeq) : { gaps: [], gapCount: 0 }
  return {
    version: 1,
    file: written.file,
    format: request.format,
    gzip: request.gzip,
    filter: request.filter,
    fromSeq: request.fromSeq,
    toSeq: request.toSeq,
    throughSeq: range?.lastSeq ?? 0,
    ...counted,
    bytes,
    sha256: written.sha256,
    ...gaps,
    missingSeqs: Object.keys(request.filter).length === 0 ? missing : null,
    history: await readHistory(db),
    logEpoch: await readLogEpoch(db),
    startedAt,
    finishedAt: new Date().toISOString(),
  }
}

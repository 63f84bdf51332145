import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { SQL } from 'drizzle-orm'
import { filterInvalid } from '../errors.ts'
import type { CheckedProjection } from '../projection/projection.ts'
import type { LogFilter } from '../read/filter.ts'
import { withFilter } from '../read/bound-filter.ts'
import { readHistory } from '../read/history.ts'
import { EXPORT_DEADLINE_MS, readRows } from '../read/read-rows.ts'
import { withoutRemoved } from '../removed/removed-seqs.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { noneFound } from './about/reasons.ts'
import { type ExportFormat, formatWriter } from './formats.ts'
import {
  count,
  type ExportManifest,
  type ManifestAbout,
  type ExportTally,
  emptyTally,
  readGaps,
  readRemoved,
  readLogEpoch,
} from './manifest.ts'
import { checkExport, type ExportOptions } from './options.ts'
import { readPages } from './pages.ts'
import { findRange, type SeqRange } from './range.ts'
import type { ManifestProof } from './sealed/prove-file.ts'
import { readSealedTree, type SealedTree } from './sealed/sealed-tree.ts'

export interface WriteOptions extends ExportOptions {
  /** @default false */
  readonly gzip?: boolean | undefined
  /** Called after each page. */
  readonly onProgress?: ((progress: ExportProgress) => void) | undefined
  /** Called before anything is read, also where an export is resumed. Where it rejects, nothing is. */
  readonly onBegin?: ((request: ExportRequest) => Promise<void>) | undefined
}

/** What an export was asked for. */
export interface ExportRequest {
  readonly format: ExportFormat
  readonly gzip: boolean
  readonly filter: Readonly<Record<string, unknown>>
  readonly about?: string
  readonly fromSeq: number | null
  readonly toSeq: number | null
  readonly source: string
  readonly byteOrderMark?: boolean
  readonly proofs?: boolean
}

export interface ExportProgress {
  readonly rows: number
  readonly bytes: number
  /** How much of the range has been looked at, from 0 to 1. */
  readonly share: number
}

/** A sealed tree as plain JSON. */
export interface SealedState extends Omit<SealedTree, 'root'> {
  /** In base64. */
  readonly root: string
}

/** Where an export stands. Plain JSON, so that it can be kept and taken up again. */
export interface ExportState {
  readonly version: 1
  readonly request: ExportRequest
  readonly range: SeqRange | null
  /** The tree by which its entries are proved, where that was asked for. */
  readonly sealed?: SealedState
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
  const { format, times, about, fromSeq, toSeq, source, byteOrderMark, proofs, checked } =
    checkExport(options)
  const described = await withFilter(db, checked, async (bound) => bound.described)
  const startedAt = new Date().toISOString()
  const tree = proofs ? await treeFor(db, { fromSeq, toSeq }) : undefined
  const lastSealed = tree && tree.firstSeq + tree.size - 1
  const range = (await findRange(db, { times, fromSeq, toSeq: toSeq ?? lastSealed })) ?? null
  const request = {
    format,
    gzip: options.gzip ?? false,
    filter: described,
    ...(about === undefined ? {} : { about }),
    fromSeq: fromSeq ?? null,
    toSeq: toSeq ?? null,
    source,
    byteOrderMark,
    ...(proofs ? { proofs } : {}),
  }
  const nextSeq = range?.firstSeq ?? 0
  const sealed = tree && { sealed: { ...tree, root: tree.root.toString('base64') } }
  return {
    version: 1,
    request,
    range,
    ...sealed,
    startedAt,
    nextSeq,
    bytes: 0,
    tally: emptyTally(),
  }
}

/** The tree that holds all numbers that are asked for. */
async function treeFor(
  db: AuditDatabase,
  { fromSeq = 1, toSeq }: Pick<ExportOptions, 'fromSeq' | 'toSeq'>,
): Promise<SealedTree> {
  const tree = await readSealedTree(db, toSeq)
  if (fromSeq >= tree.firstSeq) return tree
  throw filterInvalid(
    `fromSeq must be ${tree.firstSeq} or more with proofs: there ${tree.name} begins. Export what is ` +
      `older by itself, with toSeq ${tree.firstSeq - 1}.`,
  )
}

/**
 * Writes what an export still lacks. Each page is compressed by itself, which gzip allows, so that
 * it can be taken up again after any of them.
 */
export async function writePages(
  db: AuditDatabase,
  state: ExportState,
  sink: Sink,
  options: Pick<WriteOptions, 'signal' | 'onFailure' | 'onProgress' | 'onBegin'>,
): Promise<void> {
  const { signal = new AbortController().signal, onFailure = () => {}, onProgress } = options
  const { request, range, tally } = state
  const { format, about } = request
  await options.onBegin?.(request)
  const seenBy: unknown = Reflect.get(request.filter, 'seenBy')
  const hasNames = Reflect.get(Object(seenBy), 'staffAs') !== undefined
  const writer = formatWriter({ ...request, hasNames })
  const write = async (text: string) => {
    const bytes = request.gzip ? await gzip(text) : Buffer.from(text)
    await sink.write(bytes)
    state.bytes += bytes.length
  }
  if (state.bytes === 0 && writer.head !== '') await write(writer.head)
  if (range !== null) {
    const { checked: filter } = checkExport({ format, filter: filterOf(request.filter), about })
    const rest = { firstSeq: state.nextSeq, lastSeq: range.lastSeq }
    const { proofs } = request
    const pages = readPages(db, { filter, about, proofs, range: rest, writer, signal, onFailure })
    for await (const page of pages) {
      if (page.text !== '') await write(page.text)
      const ask = (query: SQL) => readRows(db, query, EXPORT_DEADLINE_MS)
      count(tally, { ...page, missing: await withoutRemoved(ask, page.missing) })
      state.nextSeq = page.throughSeq + 1
      await sink.saved?.()
      const share = (state.nextSeq - range.firstSeq) / (range.lastSeq - range.firstSeq + 1)
      onProgress?.({ rows: tally.rows, bytes: state.bytes, share })
    }
  }
  // A compressed file of no bytes at all cannot be unpacked.
  if (request.gzip && state.bytes === 0) await write('')
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

/** A file that is given away must not tell who is staff. */
function withoutStaff(described: Readonly<Record<string, unknown>>) {
  const { seenBy } = described
  if (seenBy === undefined) return described
  const { staff: _staff, ...rest }: CheckedProjection = Object(seenBy)
  return { ...described, seenBy: rest }
}

export async function describeExport(
  db: AuditDatabase,
  state: ExportState,
  written: {
    readonly file: string | null
    readonly sha256: string
    readonly letters?: ManifestAbout['letters']
    readonly proof?: ManifestProof | undefined
  },
): Promise<ExportManifest> {
  const { request, range, tally, bytes, startedAt } = state
  const { missing, found = noneFound(), ...counted } = tally
  const isFiltered = request.about !== undefined || Object.keys(request.filter).length > 0
  const gaps = range ? await readGaps(db, range.firstSeq, range.lastSeq) : { gaps: [], gapCount: 0 }
  return {
    version: state.sealed ? 2 : 1,
    file: written.file,
    format: request.format,
    gzip: request.gzip,
    filter: withoutStaff(request.filter),
    ...(request.about === undefined
      ? {}
      : { about: { id: request.about, found, letters: written.letters ?? null } }),
    fromSeq: request.fromSeq,
    toSeq: request.toSeq,
    throughSeq: range?.lastSeq ?? 0,
    ...counted,
    bytes,
    sha256: written.sha256,
    ...(state.sealed ? { checkpoint: state.sealed.note } : {}),
    ...(written.proof ? { proof: written.proof } : {}),
    ...gaps,
    ...(await readRemoved(db, request.fromSeq ?? 1, range?.lastSeq ?? request.toSeq ?? 0)),
    missingSeqs: isFiltered ? null : missing,
    history: await readHistory(db),
    logEpoch: await readLogEpoch(db),
    startedAt,
    finishedAt: new Date().toISOString(),
  }
}

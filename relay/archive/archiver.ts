import fs from 'node:fs/promises'
import path from 'node:path'
import { sql } from 'drizzle-orm'
import { Database } from '../../src/database/connection.ts'
import { readLogEpoch } from '../../src/export/manifest.ts'
import { ndjsonLine } from '../../src/export/ndjson.ts'
import type { ExportRow } from '../../src/export/rows.ts'
import { EXPORT_DEADLINE_MS } from '../../src/read/read-rows.ts'
import { archiveFailed } from './files/archive-fault.ts'
import type { ArchiveManifest } from './archive-manifest.ts'
import type { ArchiveFormat } from './files/archive-format.ts'
import { type ArchiveSource, readLeaving } from './archive-rows.ts'
import { digestOf, type FileMaker, fileMaker } from './files/file-maker.ts'
import type { LocalFile } from './files/ndjson-file.ts'
import type { ArchiveStore } from './stores/store.ts'
import { type SeqSpan, writeSalts } from './archived-salts.ts'
import { storeOne, storeWithManifest } from './store-with-manifest.ts'
import { ArchiveTally } from './tally.ts'

export interface ArchivedFile {
  readonly url: string
  readonly format: ArchiveFormat
  readonly rows: number
  readonly firstSeq: number
  readonly lastSeq: number
  /** Of the entries, as the database has computed it as well. */
  readonly digest: string
  /** Of the file. */
  readonly sha256: string
  readonly bytes: number
  readonly lockedUntil: string | null
}

/** What the entry `audit.retention` says of the archive. Plain JSON. */
export type ArchivedPartition = {
  readonly partition: string
  readonly rows: number
  readonly firstSeq: number | null
  readonly lastSeq: number | null
  readonly files: readonly ArchivedFile[]
}

export interface ArchiveProgress {
  readonly step: 'write' | 'compare' | 'store'
  readonly rows: number
  readonly bytes: number
}

export interface ArchiverOptions {
  /** Of a login that was granted audit_keeper. */
  readonly databaseUrl: string
  readonly format: ArchiveFormat
  readonly store: ArchiveStore
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ArchiveProgress) => void
  readonly onFailure?: (error: unknown) => void
  /** Entries in one file. @default 4 000 000 */
  readonly maxFileRows?: number
}

const MAX_FILE_ROWS = 4_000_000
/**
 * Of text in one file. An object store takes 5 GB in one request, and no text grows by compression
 * to more than that.
 */
const MAX_FILE_CHARACTERS = 1_000_000_000 * 4
/** The database reads and hashes all entries of a file in one statement: a minute for 4 million. */
const COMPARE_DEADLINE_MS = 3_600_000

/** A file that is written and not stored yet. */
interface Finished {
  readonly file: LocalFile
  readonly tally: ArchiveTally
  readonly firstId: string
  readonly startedAt: string
}

/** Archives partitions of the log. */
export class Archiver {
  readonly #options: ArchiverOptions
  readonly #store: ArchiveStore
  readonly #reads: Database
  readonly #compares: Database
  readonly #maker: FileMaker
  readonly #signal: AbortSignal

  constructor(options: ArchiverOptions) {
    const { databaseUrl: url, format } = options
    const login = { url, role: 'audit_keeper', applicationName: 'audit-relay archive' } as const
    this.#options = options
    this.#store = options.store
    this.#reads = new Database({ ...login, statementTimeoutMs: EXPORT_DEADLINE_MS })
    this.#compares = new Database({ ...login, statementTimeoutMs: COMPARE_DEADLINE_MS })
    this.#maker = fileMaker(format)
    this.#signal = options.signal ?? new AbortController().signal
  }

  /**
   * Writes the entries that leave a partition into files, and returns once each file is proven to
   * hold what the log holds, and was read back from where it lies. Until then nothing may be
   * removed. What was archived already is compared and stays.
   *
   * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where an archive differs or cannot be stored; as
   * `exportLog` where the database was away. The signal's own reason where it was aborted
   */
  async archive(source: ArchiveSource): Promise<ArchivedPartition> {
    const files: ArchivedFile[] = []
    let fromSeq = LEAST_SEQ
    for await (const { finished, isLast } of this.#write(source)) {
      const toSeq = isLast ? GREATEST_SEQ : String(finished.tally.lastSeq)
      files.push(await this.#keep(source, finished, { fromSeq, toSeq }))
      fromSeq = String(finished.tally.lastSeq + 1)
    }
    return {
      partition: source.partition,
      rows: files.reduce((sum, { rows }) => sum + rows, 0),
      firstSeq: files[0]?.firstSeq ?? null,
      lastSeq: files.at(-1)?.lastSeq ?? null,
      files,
    }
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    await Promise.all([this.#reads.close(), this.#compares.close()])
  }

  /** Writes the files, each one when the one before it is kept. */
  async *#write(source: ArchiveSource): AsyncGenerator<{ finished: Finished; isLast: boolean }> {
    const { maxFileRows = MAX_FILE_ROWS, onFailure = () => {} } = this.#options
    const folder = await this.#store.workFolder()
    await removeLeftovers(folder, source.partition)
    const { idType } = await this.#scopeOf(source.partition)
    const begin = async (first: ExportRow) => ({
      file: await this.#maker.begin(
        path.join(folder, `${source.partition}.${process.pid}`),
        idType,
      ),
      tally: new ArchiveTally(),
      firstId: first.id,
      startedAt: new Date().toISOString(),
    })
    let open: Awaited<ReturnType<typeof begin>> | undefined
    try {
      const pages = readLeaving(this.#reads, source, { signal: this.#signal, onFailure })
      for await (const rows of pages) {
        for (const row of rows) {
          const isFull =
            open !== undefined &&
            row.seq > open.tally.lastSeq && // no number is in two files
            (open.tally.rows >= maxFileRows || open.tally.characters > MAX_FILE_CHARACTERS)
          if (open !== undefined && isFull) {
            const finished = { ...open, file: await open.file.finish() }
            open = undefined
            yield { finished, isLast: false }
          }
          open ??= await begin(row)
          const line = ndjsonLine(row)
          open.tally.add(row, line)
          open.file.add(row, line)
        }
        await open?.file.flush()
        this.#say('write', open?.tally.rows ?? 0, 0)
      }
      if (open === undefined) return
      const finished = { ...open, file: await open.file.finish() }
      open = undefined
      yield { finished, isLast: true }
    } finally {
      await open?.file.leave()
    }
  }

  /** Proves a file, stores it, and notes both in the database. */
  async #keep(
    source: ArchiveSource,
    { file, tally, firstId, startedAt }: Finished,
    { fromSeq, toSeq }: SeqSpan,
  ): Promise<ArchivedFile> {
    const { partition, kept } = source
    try {
      const { format } = this.#options
      const { digest } = tally
      await this.#proveFile(file, digest)
      this.#say('compare', tally.rows, file.bytes)
      const number = await this.#note(
        sql`select audit.note_archive(${partition}::pg_catalog.text, ${kept ?? null}::pg_catalog.text,
          ${fromSeq}::pg_catalog.int8, ${toSeq}::pg_catalog.int8, ${digest}::pg_catalog.text,
          ${format}::pg_catalog.text)::pg_catalog.text as "number"`,
      )
      if (number === null) {
        throw archiveFailed(
          `The archive of ${partition} differs from the log: entries of it were changed or came ` +
            'while it was written. Nothing was stored. Run it again.',
        )
      }
      const manifest = await this.#describe(partition, { file, tally, startedAt })
      const name = `${folderOf(manifest.archive.fromId ?? firstId)}/${manifest.file}`
      this.#say('store', tally.rows, file.bytes)
      const stored = await storeWithManifest(this.#store, name, { file, manifest })
      const saltsUrl = await this.#keepSalts(source, { fromSeq, toSeq }, file.path, name)
      const url = this.#store.urlOf(name)
      const lockedUntil = stored.lockedUntil?.toISOString() ?? null
      await this.#compares.execute(
        sql`select audit.store_archive(${number}::pg_catalog.int8, ${url}::pg_catalog.text,
          ${stored.sha256}::pg_catalog.text, ${String(stored.bytes)}::pg_catalog.int8,
          ${lockedUntil}::pg_catalog.timestamptz, ${saltsUrl}::pg_catalog.text)`,
      )
      const { rows, firstSeq, lastSeq } = tally
      const { sha256, bytes } = stored
      return { url, format, rows, firstSeq, lastSeq, digest, sha256, bytes, lockedUntil }
    } finally {
      await fs.rm(file.path, { force: true })
    }
  }

  /** Stores the salts of a file next to it. @returns null where the log has no seal */
  async #keepSalts(
    source: ArchiveSource,
    span: SeqSpan,
    local: string,
    name: string,
  ): Promise<string | null> {
    const to = `${local}.salts`
    try {
      const salts = await writeSalts(this.#reads, source, span, { to, signal: this.#signal })
      if (salts === undefined) return null
      // The hash is in the name: an earlier archive of the same entries may have had fewer of them.
      const saltsName = `${name}-${salts.sha256.slice(0, 12)}.salts.gz`
      await storeOne(this.#store, saltsName, salts)
      return this.#store.urlOf(saltsName)
    } finally {
      await fs.rm(to, { force: true })
    }
  }

  /** Reads the finished file again: the disk, the compression or Parquet may have changed it. */
  async #proveFile(file: LocalFile, digest: string): Promise<void> {
    if ((await digestOf(this.#maker, file.path)) === digest) return
    throw archiveFailed(`${file.path} does not hold what was written to it. Is the disk sound?`)
  }

  async #note(query: ReturnType<typeof sql>): Promise<string | null> {
    const [row] = await this.#compares.execute<{ number: string | null }>(query)
    return row?.number ?? null
  }

  async #describe(
    partition: string,
    { file, tally, startedAt }: Pick<Finished, 'file' | 'tally' | 'startedAt'>,
  ): Promise<ArchiveManifest> {
    const { format } = this.#options
    const scope = await this.#scopeOf(partition)
    const counted = tally.counted()
    const { digest } = tally
    // The digest is in the name, because two archives of a partition may begin and end alike.
    const span = `${counted.firstSeq}-${counted.lastSeq}-${digest.slice(0, 12)}`
    return {
      version: 1,
      file: `${partition}-${span}.${this.#maker.ending}`,
      format,
      gzip: format === 'ndjson',
      filter: {},
      fromSeq: null,
      toSeq: null,
      ...counted,
      bytes: file.bytes,
      sha256: file.sha256,
      ...{ gaps: [], gapCount: 0, unreadableSeqs: [], unreadableCount: 0 },
      ...{ removedSeqs: [], removedCount: 0, removedBy: [] },
      history: scope.history,
      logEpoch: await readLogEpoch(this.#reads),
      startedAt,
      finishedAt: new Date().toISOString(),
      archive: {
        partition,
        fromId: scope.fromId,
        toId: scope.toId,
        digest,
        schemaVersion: scope.schemaVersion,
      },
    }
  }

  async #scopeOf(partition: string) {
    const [row] = await this.#reads.execute<Record<string, string | null>>(
      sql`select from_id::pg_catalog.text as "fromId", to_id::pg_catalog.text as "toId",
          history::pg_catalog.text as "history", schema_version::pg_catalog.text as "version",
          ids as "ids"
        from audit.archive_scope(${partition}::pg_catalog.text)`,
    )
    return {
      fromId: row?.['fromId'] ?? null,
      toId: row?.['toId'] ?? null,
      history: String(row?.['history']),
      schemaVersion: Number(row?.['version']),
      idType: row?.['ids'] === 'uuid' ? ('UUID' as const) : ('VARCHAR' as const),
    }
  }

  #say(step: ArchiveProgress['step'], rows: number, bytes: number): void {
    this.#options.onProgress?.({ step, rows, bytes })
  }
}

const LEAST_SEQ = '-9223372036854775808'
const GREATEST_SEQ = '9223372036854775807'

/** `year=2025/month=10`, as DuckDB, Athena and Trino read it, from the time in an id. */
function folderOf(id: string): string {
  const ms = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
  const at = new Date(ms)
  return `year=${at.getUTCFullYear()}/month=${String(at.getUTCMonth() + 1).padStart(2, '0')}`
}

/** Files of runs that were killed. Those of a run that goes on are younger than this. */
const LEFTOVER_MS = 6 * 3_600_000

async function removeLeftovers(folder: string, partition: string): Promise<void> {
  for (const name of await fs.readdir(folder)) {
    if (!name.startsWith(`${partition}.`)) continue
    const file = path.join(folder, name)
    const stat = await fs.stat(file).catch(() => undefined)
    if (stat && Date.now() - stat.mtimeMs > LEFTOVER_MS) await fs.rm(file, { force: true })
  }
}

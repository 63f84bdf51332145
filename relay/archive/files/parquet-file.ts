import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import fs from 'node:fs/promises'
import { ndjsonLine } from '../../../src/export/ndjson.ts'
import type { ExportRow } from '../../../src/export/rows.ts'
import { archiveFailed } from './archive-fault.ts'
import { openDuck, quoted } from './duckdb.ts'
import type { LocalFile } from './ndjson-file.ts'
import {
  csvRecord,
  exportRowOf,
  PARQUET_COLUMNS,
  textColumn,
  typedColumn,
} from './parquet-columns.ts'

/** An archive holds what only its reader may see. */
const PRIVATE = 0o600
/** Rows in a group. DuckDB holds a few groups in memory, whatever its limit says. */
const GROUP_ROWS = 10_000
/**
 * One thread writes the rows in their order and holds one group. DuckDB's own way to keep the order, with
 * several threads, collects batches until its memory is full. The content digest proves the order.
 */
const IN_ORDER = ['SET threads = 1', 'SET preserve_insertion_order = false']
/** The longest record of CSV: 2 MiB of metadata and of context each, and each quote twice. */
const MAX_RECORD_BYTES = 10_000_000
/** By itself DuckDB would take 16 records of that length, and have no memory left for two of them. */
const BUFFER_BYTES = 16_000_000

/**
 * Writes entries into a Parquet file. They go into a file of CSV first, which DuckDB then reads. Out of a
 * pipe, or without "parallel", it keeps all of the text in memory and fails at some hundred thousand
 * entries.
 */
export class ParquetFile {
  readonly #path: string
  readonly #csvPath: string
  readonly #csv: fs.FileHandle
  readonly #idType: 'UUID' | 'VARCHAR'
  #text = ''

  private constructor(path: string, csv: fs.FileHandle, idType: 'UUID' | 'VARCHAR') {
    this.#path = path
    this.#csvPath = csvOf(path)
    this.#csv = csv
    this.#idType = idType
  }

  static async begin(path: string, idType: 'UUID' | 'VARCHAR'): Promise<ParquetFile> {
    const { close } = await openDuck() // where it is missing, that is said before anything is read
    close()
    return new ParquetFile(path, await fs.open(csvOf(path), 'w', PRIVATE), idType)
  }

  add(row: ExportRow): void {
    this.#text += csvRecord(row)
  }

  async flush(): Promise<void> {
    const text = this.#text
    this.#text = ''
    if (text !== '') await this.#csv.writeFile(text)
  }

  async finish(): Promise<LocalFile> {
    await this.flush()
    await this.#csv.close()
    await fs.writeFile(this.#path, '', { mode: PRIVATE }) // so that it is private from the beginning
    await this.#copy()
    await fs.rm(this.#csvPath)
    const file = await fs.open(this.#path, 'r')
    await file.sync().finally(() => file.close())
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of createReadStream(this.#path) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
    }
    return { path: this.#path, sha256: hash.digest('hex'), bytes }
  }

  async leave(): Promise<void> {
    await this.#csv.close().catch(() => {})
    for (const path of [this.#path, this.#csvPath]) await fs.rm(path, { force: true })
  }

  async #copy(): Promise<void> {
    const { connection, close } = await openDuck()
    try {
      for (const setting of IN_ORDER) await connection.run(setting)
      await connection.run(copyStatement(this.#csvPath, this.#path, this.#idType))
    } catch (error) {
      throw this.#explained(error)
    } finally {
      close()
    }
  }

  /** DuckDB's message may quote an entry, so only its first word is told. */
  #explained(error: unknown): unknown {
    const message = String(Reflect.get(Object(error), 'message'))
    const [kind = 'unknown'] = /^[\w ]{1,40}(?= Error)/.exec(message) ?? []
    return archiveFailed(
      `DuckDB could not write ${this.#path} (${kind}). The partition stays; AUDIT_ARCHIVE=ndjson ` +
        'takes what Parquet has no type for, such as a time after the year 294246.',
    )
  }
}

function csvOf(path: string): string {
  return `${path}.csv`
}

function copyStatement(from: string, to: string, idType: 'UUID' | 'VARCHAR'): string {
  const columns = PARQUET_COLUMNS.map(({ name }) => `${quoted(name)}: 'VARCHAR'`)
  return `COPY (
    SELECT ${PARQUET_COLUMNS.map((column) => typedColumn(column, idType)).join(', ')}
    FROM read_csv(${quoted(from)}, columns = {${columns.join(', ')}}, auto_detect = false,
      header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '',
      allow_quoted_nulls = false, parallel = true, max_line_size = ${MAX_RECORD_BYTES},
      buffer_size = ${BUFFER_BYTES})
  ) TO ${quoted(to)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${GROUP_ROWS},
    USE_TMP_FILE false)`
}

/**
 * The entries of a Parquet file as lines of NDJSON, in the order of the file.
 *
 * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where the file is damaged
 */
export async function* readParquet(path: string): AsyncGenerator<string, void, undefined> {
  const duck = await openDuck()
  try {
    const result = await duck.connection.stream(
      `SELECT ${PARQUET_COLUMNS.map(textColumn).join(', ')} FROM read_parquet(${quoted(path)}, hive_partitioning = false)`,
    )
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return
      for (const row of chunk.getRows()) yield ndjsonLine(exportRowOf(row))
    }
  } catch {
    throw archiveFailed(`${path} cannot be read to its end: it is damaged, or no Parquet file.`)
  } finally {
    duck.close()
  }
}

import type { ExportRow } from '../../../src/export/rows.ts'
import type { ArchiveFormat } from './archive-format.ts'
import { ContentDigest } from './content-digest.ts'
import { type LocalFile, NdjsonFile, readLines } from './ndjson-file.ts'
import { ParquetFile, readParquet } from './parquet-file.ts'

/** A file while entries are written to it. */
export interface OpenFile {
  /** @param line of NDJSON, with its line feed */
  add(row: ExportRow, line: string): void
  /** Writes what was added. */
  flush(): Promise<void>
  finish(): Promise<LocalFile>
  /** Lets go of an unfinished file. */
  leave(): Promise<void>
}

/** How files of a format are made and read. */
export interface FileMaker {
  readonly ending: string
  /** @param idType the ids of users, events and targets in this log */
  begin(path: string, idType: 'UUID' | 'VARCHAR'): Promise<OpenFile>
  /** What a finished file holds: a line of NDJSON for each entry, from the file alone. */
  linesOf(path: string): AsyncGenerator<string | Buffer, void, undefined>
}

/** The content digest of what a finished file holds. */
export async function digestOf(maker: FileMaker, path: string): Promise<string> {
  const digest = new ContentDigest()
  for await (const line of maker.linesOf(path)) digest.add(line)
  return digest.hex()
}

const MAKERS: Readonly<Record<ArchiveFormat, FileMaker>> = {
  ndjson: {
    ending: 'ndjson.gz',
    begin: async (path) => new NdjsonFile(path),
    linesOf: readLines,
  },
  parquet: { ending: 'parquet', begin: ParquetFile.begin, linesOf: readParquet },
}

export function fileMaker(format: ArchiveFormat): FileMaker {
  return MAKERS[format]
}

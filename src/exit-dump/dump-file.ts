import fs from 'node:fs'
import path from 'node:path'
import type { DropReason } from '../entry.ts'
import type { DatabaseIdentity } from '../lanes/recorder-statements.ts'
import { type DumpFolder, fileMode, makeFolder, whyUnfit } from './dump-folder.ts'

/**
 * The first line of a dump. Each further line is a row as a recorder stages it: a JSON array of the
 * values of `ROW_COLUMNS`.
 */
export interface DumpHeader {
  readonly format: typeof DUMP_FORMAT
  readonly version: 1
  readonly recorder: string
  /** The recorder's key: with it, who recovers the dump may stage and report in its name. */
  readonly key: string
  readonly startedAt: string
  readonly endedAt: string
  readonly pid: number
  /** Null where the recorder had not reached its database yet. */
  readonly database: DatabaseIdentity | null
  /** Where the recorder's URL leads: `host:port/database as user`. */
  readonly target: string
  readonly accepted: number
  readonly staged: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  /** How many rows were to follow. Fewer follow where the disk was full. */
  readonly entries: number
}

export const DUMP_FORMAT = 'audit-outbox exit dump'
/** What a complete file's name ends with. */
export const DUMP_EXTENSION = '.ndjson'
/** A file that is being written, or that a process which was killed has left behind. */
export const UNFINISHED_EXTENSION = '.unfinished'

/** How many bytes are written in one call, at most; a longer line is written by itself. */
const CHUNK_BYTES = 256 * 1024
const MAX_BYTES_A_CHARACTER = 3
const LINE_FEED = 10

export interface Written {
  /** How many rows are in the file. */
  readonly kept: number
  /** Why the other rows are not; undefined where all of them are. */
  readonly failure: string | undefined
}

/**
 * Writes a dump, synchronously, because a process that ends waits for nothing. It does not wait for
 * the disk either: the file survives the process, not the machine.
 *
 * Where the disk is full, the rows that were written whole stay.
 */
export function writeDump(folder: DumpFolder, header: DumpHeader, rows: Iterable<string>): Written {
  let kept = 0
  try {
    makeFolder(folder)
    const unfit = whyUnfit(folder)
    if (unfit !== undefined) return { kept, failure: `${folder.path} is not used: ${unfit}` }
    const file = path.join(folder.path, `${header.recorder}-${header.pid}${DUMP_EXTENSION}`)
    const unfinished = `${file}${UNFINISHED_EXTENSION}`
    const fd = fs.openSync(unfinished, 'wx', fileMode(folder))
    let failure: string | undefined
    try {
      const out = new ChunkedFile(fd)
      try {
        out.add(JSON.stringify(header), 0)
        for (const row of rows) out.add(row, 1)
        out.flush()
      } catch (error) {
        failure = `${folder.path}: ${codeOf(error)}`
        fs.ftruncateSync(fd, out.bytes)
      }
      kept = out.rows
    } finally {
      fs.closeSync(fd)
    }
    if (kept > 0) fs.renameSync(unfinished, file)
    else fs.unlinkSync(unfinished)
    return { kept, failure }
  } catch (error) {
    return { kept: 0, failure: `${folder.path}: ${codeOf(error)}` }
  }
}

/** Writes lines in chunks, and knows how far the file is whole. */
class ChunkedFile {
  readonly #fd: number
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #filled = 0
  #rowsInChunk = 0
  /** The bytes and rows of the chunks that were written whole. */
  bytes = 0
  rows = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  add(line: string, rows: 0 | 1): void {
    const most = line.length * MAX_BYTES_A_CHARACTER + 1
    if (this.#filled + most > CHUNK_BYTES) this.flush()
    this.#rowsInChunk += rows
    if (most > CHUNK_BYTES) {
      this.#write(Buffer.from(`${line}\n`))
      return
    }
    // Into one buffer: to join the lines first took twice as long.
    this.#filled += this.#chunk.write(line, this.#filled)
    this.#chunk[this.#filled] = LINE_FEED
    this.#filled += 1
  }

  flush(): void {
    this.#write(this.#chunk.subarray(0, this.#filled))
    this.#filled = 0
  }

  #write(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at += fs.writeSync(this.#fd, chunk, at)
    this.bytes += chunk.length
    this.rows += this.#rowsInChunk
    this.#rowsInChunk = 0
  }
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'it cannot be written'
}

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import fs from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { archiveFailed } from './archive-fault.ts'

/** A finished file on this machine. */
export interface LocalFile {
  readonly path: string
  readonly sha256: string
  readonly bytes: number
}

/** An archive holds what only its reader may see. */
const PRIVATE = 0o600

/** Writes lines into a gzip file. The same lines make the same bytes. */
export class NdjsonFile {
  readonly #path: string
  readonly #gzip = createGzip()
  readonly #hash = createHash('sha256')
  readonly #written: Promise<void>
  #bytes = 0
  #text = ''

  constructor(path: string) {
    this.#path = path
    const out = createWriteStream(path, { mode: PRIVATE, flush: true })
    this.#gzip.on('data', (chunk: Buffer) => {
      this.#hash.update(chunk)
      this.#bytes += chunk.length
    })
    this.#written = finished(out)
    this.#written.catch((error) => this.#gzip.destroy(error)) // met by the next write
    this.#gzip.on('error', (error) => out.destroy(error))
    this.#gzip.pipe(out)
  }

  add(_: unknown, line: string): void {
    this.#text += line
  }

  async flush(): Promise<void> {
    const text = this.#text
    this.#text = ''
    if (this.#gzip.errored) throw this.#gzip.errored
    if (!this.#gzip.write(text)) await once(this.#gzip, 'drain')
  }

  async finish(): Promise<LocalFile> {
    await this.flush()
    this.#gzip.end()
    await this.#written
    return { path: this.#path, sha256: this.#hash.digest('hex'), bytes: this.#bytes }
  }

  /** Lets go of an unfinished file. */
  async leave(): Promise<void> {
    this.#gzip.destroy(new Error('left'))
    await this.#written.catch(() => {})
    await fs.rm(this.#path, { force: true })
  }
}

const LINE_FEED = 10
/** No line that we write is longer. Without a limit a damaged file could take all memory. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

/**
 * The lines of a gzip file, each with its line feed.
 *
 * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where the file is damaged or cut off
 */
export async function* readLines(path: string): AsyncGenerator<Buffer, void, undefined> {
  const source = createReadStream(path)
  const gunzip = createGunzip()
  source.on('error', (error) => gunzip.destroy(error))
  source.pipe(gunzip)
  let rest: Buffer[] = []
  let restBytes = 0
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      let from = 0
      for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
        const end = chunk.subarray(from, at + 1)
        yield rest.length === 0 ? end : Buffer.concat([...rest, end])
        rest = []
        restBytes = 0
        from = at + 1
      }
      if (from === chunk.length) continue
      rest.push(chunk.subarray(from))
      restBytes += chunk.length - from
      if (restBytes > MAX_LINE_BYTES) break
    }
  } catch (error) {
    if (Reflect.get(Object(error), 'syscall') !== undefined) throw error
    throw archiveFailed(`${path} cannot be unpacked to its end: it is damaged or cut off.`)
  } finally {
    source.destroy()
    gunzip.destroy()
  }
  if (rest.length > 0) throw archiveFailed(`${path} does not end with a whole line.`)
}

import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { AuditError } from '../../../src/errors.ts'
import { archiveFailed } from '../files/archive-fault.ts'
import type { LocalFile } from '../files/ndjson-file.ts'
import { askS3, type S3Answer, type S3Options, type S3Request, urlOf } from './s3-request.ts'
import type { ArchiveStore, StoredFile } from './store.ts'

export interface S3StoreOptions extends S3Options {
  /** For how long nobody can delete a file, in milliseconds. */
  readonly keepMs: number | undefined
  readonly legalHold: boolean
}

/** The longest that a stored time may differ from the one that was asked for. */
const ROUNDED_MS = 1_000

/** Files in a bucket that speaks S3: `s3://bucket/prefix`. */
export class S3Store implements ArchiveStore {
  readonly #bucket: string
  readonly #prefix: string
  readonly #options: S3StoreOptions

  constructor(url: URL, options: S3StoreOptions) {
    this.#bucket = url.host
    this.#prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '')
    this.#options = options
  }

  /** Follows TMPDIR. A file is made there in full, because its name and its hash come first. */
  async workFolder(): Promise<string> {
    const folder = path.join(os.tmpdir(), `audit-archive-${process.getuid?.() ?? 0}`)
    await fs.mkdir(folder, { recursive: true, mode: 0o700 })
    const stat = await fs.lstat(folder)
    const isOurs = stat.isDirectory() && (stat.mode & 0o077) === 0
    if (!isOurs) throw archiveFailed(`${folder} is not a folder that only this user can enter.`)
    return folder
  }

  urlOf(name: string): string {
    return urlOf(this.#at(name))
  }

  async look(name: string): Promise<StoredFile | undefined> {
    const at = this.#at(name)
    // HEAD has no body, so no word of S3 either.
    const answer = await this.#ask({
      ...{ method: 'HEAD', ...at, headers: { 'x-amz-checksum-mode': 'ENABLED' } },
    })
    if (answer.status === 404) return undefined
    if (answer.status !== 200) throw refused('HEAD', at, answer)
    const { headers } = answer
    const told = sha256Of(headers['x-amz-checksum-sha256'])
    const stored = told
      ? { sha256: told, bytes: Number(headers['content-length']) }
      : await this.#readBack(at)
    return { ...stored, lockedUntil: this.#lockOf(at, headers) }
  }

  async put(name: string, file: LocalFile): Promise<void> {
    const at = this.#at(name)
    const { keepMs, legalHold } = this.#options
    const until =
      keepMs === undefined ? undefined : Math.ceil((Date.now() + keepMs) / 1_000) * 1_000
    const headers: Record<string, string> = {
      'content-type': name.endsWith('.json') ? 'application/json' : 'application/octet-stream',
      'x-amz-checksum-sha256': Buffer.from(file.sha256, 'hex').toString('base64'),
      ...(until === undefined
        ? {}
        : {
            'x-amz-object-lock-mode': 'COMPLIANCE',
            'x-amz-object-lock-retain-until-date': new Date(until).toISOString(),
          }),
      ...(legalHold ? { 'x-amz-object-lock-legal-hold': 'ON' } : {}),
    }
    const put = { method: 'PUT', ...at, file } as const
    let answer = await this.#ask({ ...put, headers: { ...headers, 'if-none-match': '*' } })
    // A service that does not know the condition. Whether there is such a file was asked before.
    if (answer.status === 501) answer = await this.#ask({ ...put, headers })
    // 412: somebody has stored a file of this name meanwhile. What lies there is compared next.
    if (answer.status !== 200 && answer.status !== 412) throw refused('PUT', at, answer)
    if (until === undefined || answer.status === 412) return
    const lockedUntil = (await this.look(name))?.lockedUntil
    if (lockedUntil && lockedUntil.getTime() >= until - ROUNDED_MS) return
    throw archiveFailed(`${urlOf(at)} is not locked until ${new Date(until).toISOString()}.`)
  }

  async bring(name: string, to: string): Promise<boolean> {
    const at = this.#at(name)
    const answer = await askS3({ method: 'GET', ...at }, this.#options, async (body) => {
      await pipeline(body, createWriteStream(to, { mode: 0o600 }))
    })
    if (answer.status === 404) return false
    if (answer.status !== 200) throw refused('GET', at, answer)
    return true
  }

  /** For a service that keeps no checksum. */
  async #readBack(at: Pick<S3Request, 'bucket' | 'key'>) {
    let found = { sha256: '', bytes: 0 }
    const answer = await askS3({ method: 'GET', ...at }, this.#options, async (body) => {
      const hash = createHash('sha256')
      let bytes = 0
      for await (const chunk of body as AsyncIterable<Buffer>) {
        hash.update(chunk)
        bytes += chunk.length
      }
      found = { sha256: hash.digest('hex'), bytes }
    })
    if (answer.status !== 200) throw refused('GET', at, answer)
    return found
  }

  /** @throws where it lacks the lock or the hold that is asked for */
  #lockOf(at: Pick<S3Request, 'bucket' | 'key'>, headers: S3Answer['headers']): Date | undefined {
    const { keepMs, legalHold } = this.#options
    const isLocked = headers['x-amz-object-lock-mode'] === 'COMPLIANCE'
    const isHeld = headers['x-amz-object-lock-legal-hold'] === 'ON'
    if ((keepMs !== undefined && !isLocked) || (legalHold && !isHeld)) {
      const lacks = legalHold && !isHeld ? 'legal hold' : 'lock'
      throw archiveFailed(
        `${urlOf(at)} is stored without the ${lacks} that was asked for. The bucket needs object ` +
          'lock, and the key the rights s3:GetObjectRetention and s3:GetObjectLegalHold.',
      )
    }
    const until = headers['x-amz-object-lock-retain-until-date']
    return isLocked && typeof until === 'string' ? new Date(until) : undefined
  }

  #ask(request: S3Request): Promise<S3Answer> {
    return askS3(request, this.#options)
  }

  #at(name: string): Pick<S3Request, 'bucket' | 'key'> {
    return { bucket: this.#bucket, key: this.#prefix ? `${this.#prefix}/${name}` : name }
  }
}

/** A checksum of several parts ends with their number, and is none of the file. */
function sha256Of(header: string | string[] | undefined): string | undefined {
  const bytes = Buffer.from(typeof header === 'string' ? header : '', 'base64')
  return typeof header === 'string' && /^[\w+/]{43}=$/.test(header)
    ? bytes.toString('hex')
    : undefined
}

function refused(
  method: string,
  at: Pick<S3Request, 'bucket' | 'key'>,
  { status, word, headers }: S3Answer,
): AuditError {
  const region = headers['x-amz-bucket-region']
  const hint = status === 301 || status === 307 ? ` The bucket is in ${String(region)}.` : ''
  return archiveFailed(
    `${method} ${urlOf(at)} was answered with ${status}${word ? ` ${word}` : ''}.${hint}`,
  )
}

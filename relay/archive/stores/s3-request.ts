import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { withRetry } from '../../../src/database/retry.ts'
import { archiveFailed, isArchiveFault } from '../files/archive-fault.ts'
import type { LocalFile } from '../files/ndjson-file.ts'
import type { S3Settings } from './s3-settings.ts'
import { encodedPath, signed } from './sigv4.ts'

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT'
  readonly bucket: string
  readonly key: string
  readonly headers?: Readonly<Record<string, string>>
  readonly file?: LocalFile
}

export interface S3Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** The word of S3 for what went wrong, such as `AccessDenied`. */
  readonly word: string
}

export interface S3Options {
  readonly settings: S3Settings
  /** How long a store that is away is asked again. @default 120 000 */
  readonly retryMs?: number
  readonly signal?: AbortSignal | undefined
}

const RETRY_MS = 120_000
/** A connection that is silent for longer is given up. */
const SILENCE_MS = 60_000
const EMPTY_SHA256 = createHash('sha256').digest('hex')
/** Statuses that may pass by themselves: overload, faults of the server, two writers at once. */
const PASSING = new Set([408, 409, 429, 500, 502, 503, 504])

/**
 * Asks S3 until it answers, for two minutes.
 *
 * @param take reads the body of an answer with the status 200
 * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where it does not answer
 */
export async function askS3(
  request: S3Request,
  { settings, retryMs = RETRY_MS, signal = new AbortController().signal }: S3Options,
  take: (body: IncomingMessage) => Promise<void> = drain,
): Promise<S3Answer> {
  const startMs = performance.now()
  const isOver = () => performance.now() - startMs > retryMs
  try {
    return await withRetry(
      async () => {
        const answer = await askOnce(request, settings, signal, take)
        if (PASSING.has(answer.status) && !isOver()) throw new Passing(answer)
        return answer
      },
      {
        signal,
        onFailure: () => {},
        isFinal: (error) => isArchiveFault(error) || isOver(),
        tearsAttempt: true,
      },
    )
  } catch (error) {
    if (signal.aborted || isArchiveFault(error)) throw error
    const code: unknown = Reflect.get(Object(error), 'code')
    throw archiveFailed(
      `${urlOf(request)} cannot be reached: ${typeof code === 'string' ? code : 'no answer'}.`,
    )
  }
}

class Passing extends Error {
  readonly answer: S3Answer

  constructor(answer: S3Answer) {
    super(`status ${answer.status}`)
    this.answer = answer
  }
}

async function askOnce(
  { method, bucket, key, headers = {}, file }: S3Request,
  settings: S3Settings,
  signal: AbortSignal,
  take: (body: IncomingMessage) => Promise<void>,
): Promise<S3Answer> {
  const { origin, host, path } = placeOf(bucket, key, settings)
  const length = file ? { 'content-length': String(file.bytes) } : {}
  const bodySha256 = file?.sha256 ?? EMPTY_SHA256
  const unsigned = { method, host, path, headers: { ...headers, ...length }, bodySha256 }
  const { request: open } = origin.protocol === 'http:' ? http : https
  const request = open(origin, {
    method,
    path,
    headers: signed(unsigned, settings, new Date()),
    signal,
    timeout: SILENCE_MS,
  })
  request.on('timeout', () => request.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })))
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', reject)
  })
  answered.catch(() => {}) // met below
  // S3 may answer before it has read the body, and then it closes the connection.
  if (file) await pipeline(createReadStream(file.path), request).catch(() => {})
  else request.end()
  const response = await answered
  const status = response.statusCode ?? 0
  if (status === 200) {
    await take(response)
    return { status, headers: response.headers, word: '' }
  }
  const [, word = ''] = /<Code>(\w{1,60})<\/Code>/.exec(await text(response)) ?? []
  return { status, headers: response.headers, word }
}

/** AWS has a host for each bucket. Other services, and names with a dot, have it in the path. */
function placeOf(bucket: string, key: string, { endpoint, region }: S3Settings) {
  const inHost = endpoint === undefined && !bucket.includes('.')
  const origin =
    endpoint ?? new URL(`https://${inHost ? `${bucket}.` : ''}s3.${region}.amazonaws.com`)
  const base = origin.pathname.replace(/\/$/, '')
  const path = base + encodedPath(inHost ? `/${key}` : `/${bucket}/${key}`)
  return { origin, host: origin.host, path }
}

async function drain(body: IncomingMessage): Promise<void> {
  for await (const _ of body);
}

export function urlOf({ bucket, key }: Pick<S3Request, 'bucket' | 'key'>): string {
  return `s3://${bucket}/${key}`
}

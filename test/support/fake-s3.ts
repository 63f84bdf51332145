import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

/** The keys of this store. The secret is the test's own. */
const KEY = { id: 'AKIATEST', secret: 'fake/secret+of the=test', region: 'eu-central-1' }

export interface StoredObject {
  body: Buffer
  readonly sha256: string | undefined
  readonly lockedUntil: string | undefined
  readonly legalHold: boolean
}

export interface FakeS3Options {
  /** As MinIO and Ceph of some years ago: no checksum in the answer to HEAD. */
  readonly keepsChecksums?: boolean
  /** As a bucket that was made without object lock. */
  readonly hasObjectLock?: boolean
  /** As a service that does not know If-None-Match: 501. */
  readonly knowsConditions?: boolean
}

/**
 * A small S3 on the loopback: objects in memory, path style, one bucket. It checks each signature
 * from the specification and not by our code, the hash and the checksum of a body, If-None-Match and
 * the headers of object lock.
 */
export class FakeS3 {
  readonly objects = new Map<string, StoredObject>()
  /** `PUT year=2025/…` for each request that was answered. */
  readonly requests: string[] = []
  /** Answers the next requests with these statuses, without doing anything. */
  readonly failing: number[] = []
  /** Called before a request is answered. */
  onRequest: (method: string, key: string) => void = () => {}
  readonly #options: FakeS3Options
  readonly #server = http.createServer((request, response) => {
    this.#answer(request, response).catch((error) => response.destroy(error))
  })

  private constructor(options: FakeS3Options) {
    this.#options = options
  }

  /** Closed after the test. */
  static async start(t: TestContext, options: FakeS3Options = {}): Promise<FakeS3> {
    const fake = new FakeS3(options)
    fake.#server.listen(0, '127.0.0.1')
    await once(fake.#server, 'listening')
    t.after(() => {
      fake.#server.closeAllConnections()
      fake.#server.close()
    })
    return fake
  }

  get environment() {
    const { port } = this.#server.address() as AddressInfo
    return {
      AWS_ACCESS_KEY_ID: KEY.id,
      AWS_SECRET_ACCESS_KEY: KEY.secret,
      AWS_REGION: KEY.region,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    }
  }

  /** Cuts every connection and listens no more. */
  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await buffer(request)
    const [, bucket, key = ''] =
      /^\/([^/]+)\/(.*)$/.exec(decodeURIComponent(request.url ?? '')) ?? []
    const method = request.method ?? ''
    this.requests.push(`${method} ${key}`)
    this.onRequest(method, key)
    const [status, word, headers] = this.failing.length
      ? [this.failing.shift() ?? 500, 'SlowDown', {}]
      : bucket === 'audit'
        ? this.#do(request, key, body)
        : [404, 'NoSuchBucket', {}]
    const object = this.objects.get(key)
    response.writeHead(status, headers)
    if (status === 200 && method === 'GET') response.end(object?.body)
    else if (status === 200 || method === 'HEAD') response.end()
    else response.end(`<?xml version="1.0"?><Error><Code>${word}</Code></Error>`)
  }

  #do(
    request: http.IncomingMessage,
    key: string,
    body: Buffer,
  ): readonly [number, string, Record<string, string>] {
    const fault = signatureFault(request, body)
    if (fault) return [403, fault, {}]
    const object = this.objects.get(key)
    const of = (name: string) => {
      const value = request.headers[name]
      return typeof value === 'string' ? value : undefined
    }
    if (request.method !== 'PUT') {
      if (!object) return [404, 'NoSuchKey', {}]
      return [200, '', this.#headersOf(object, of('x-amz-checksum-mode') === 'ENABLED')]
    }
    const { hasObjectLock = true, knowsConditions = true } = this.#options
    if (of('content-length') !== String(body.length)) return [411, 'MissingContentLength', {}]
    if (of('if-none-match') !== undefined) {
      if (!knowsConditions) return [501, 'NotImplemented', {}]
      if (object) return [412, 'PreconditionFailed', {}]
    }
    const sha256 = of('x-amz-checksum-sha256')
    const found = createHash('sha256').update(body).digest('base64')
    if (sha256 !== undefined && sha256 !== found) return [400, 'BadDigest', {}]
    const lockedUntil = of('x-amz-object-lock-retain-until-date')
    const legalHold = of('x-amz-object-lock-legal-hold') === 'ON'
    if (lockedUntil !== undefined || legalHold) {
      if (!hasObjectLock) return [400, 'InvalidRequest', {}]
      const isWhole = lockedUntil === undefined || of('x-amz-object-lock-mode') === 'COMPLIANCE'
      if (!isWhole || sha256 === undefined) return [400, 'InvalidArgument', {}]
    }
    this.objects.set(key, { body, sha256, lockedUntil, legalHold })
    return [200, '', {}]
  }

  #headersOf(object: StoredObject, asksChecksum: boolean): Record<string, string> {
    const { keepsChecksums = true } = this.#options
    const { body, sha256, lockedUntil, legalHold } = object
    return {
      'content-length': String(body.length),
      ...(sha256 && asksChecksum && keepsChecksums ? { 'x-amz-checksum-sha256': sha256 } : {}),
      ...(lockedUntil
        ? {
            'x-amz-object-lock-mode': 'COMPLIANCE',
            'x-amz-object-lock-retain-until-date': lockedUntil,
          }
        : {}),
      ...(legalHold ? { 'x-amz-object-lock-legal-hold': 'ON' } : {}),
    }
  }
}

const hashOf = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** What is wrong with a signature, in the words of S3. Each header that it covers must be there. */
function signatureFault({ method, url, headers }: http.IncomingMessage, body: Buffer) {
  const [, id, day = '', region, names = '', given] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? []
  if (id !== KEY.id) return 'InvalidAccessKeyId'
  if (region !== KEY.region) return 'AuthorizationHeaderMalformed'
  const time = String(headers['x-amz-date'])
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? []
  const ms = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`)
  if (!(Math.abs(Date.now() - ms) < 15 * 60_000)) return 'RequestTimeTooSkewed'
  // Every header of ours that means something is signed.
  const covered = names.split(';')
  const needed = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-amz-'))
  if (needed.some((name) => !covered.includes(name))) return 'AccessDenied'
  const [path = '', query = ''] = (url ?? '').split('?')
  const canonical = `${method}\n${path}\n${query}\n${covered
    .map((name) => `${name}:${String(headers[name]).trim()}\n`)
    .join('')}\n${names}\n${headers['x-amz-content-sha256']}`
  if (headers['x-amz-content-sha256'] !== hashOf(body)) return 'XAmzContentSHA256Mismatch'
  const key = mac(mac(mac(mac(`AWS4${KEY.secret}`, day), KEY.region), 's3'), 'aws4_request')
  const text = `AWS4-HMAC-SHA256\n${time}\n${day}/${KEY.region}/s3/aws4_request\n${hashOf(canonical)}`
  return mac(key, text).toString('hex') === given ? undefined : 'SignatureDoesNotMatch'
}

import { createHash, createHmac } from 'node:crypto'

/** What a request to S3 is signed with. */
export interface S3Key {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of a temporary key. */
  readonly sessionToken: string | undefined
  readonly region: string
}

export interface Unsigned {
  readonly method: string
  readonly host: string
  /** As it is sent, by `encodedPath`. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body, in hexadecimal. */
  readonly bodySha256: string
}

/**
 * The headers of a request with its signature, AWS Signature Version 4. Written here, because the
 * small libraries for it sign what `fetch` sends, and `fetch` sends a file without its length, which
 * S3 refuses.
 */
export function signed(
  { method, host, path, headers, bodySha256 }: Unsigned,
  { accessKeyId, secretAccessKey, sessionToken, region }: S3Key,
  now: Date,
): Readonly<Record<string, string>> {
  const time = `${now.toISOString().replaceAll(/[-:]|\.\d+/g, '')}`
  const day = time.slice(0, 8)
  const all: Record<string, string> = {
    ...headers,
    host,
    'x-amz-content-sha256': bodySha256,
    'x-amz-date': time,
    ...(sessionToken ? { 'x-amz-security-token': sessionToken } : {}),
  }
  const names = Object.keys(all).sort()
  const canonical = [
    method,
    path,
    '', // no query
    ...names.map((name) => `${name}:${all[name]?.trim().replaceAll(/ +/g, ' ')}`),
    '',
    names.join(';'),
    bodySha256,
  ].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${secretAccessKey}`,
  )
  const signature = createHmac('sha256', key).update(text).digest('hex')
  return {
    ...all,
    authorization:
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, ` +
      `SignedHeaders=${names.join(';')}, Signature=${signature}`,
  }
}

/** A path as the signature wants it: every character but A-Z a-z 0-9 - . _ ~ and / as its codes. */
export function encodedPath(path: string): string {
  return encodeURIComponent(path)
    .replaceAll('%2F', '/')
    .replaceAll(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

import { optionInvalid } from '../../../src/errors.ts'
import type { Environment } from '../../config.ts'
import type { S3Key } from './sigv4.ts'

export interface S3Settings extends S3Key {
  /** Of another service than AWS. Undefined: AWS. */
  readonly endpoint: URL | undefined
}

/**
 * Reads the variables that every program for S3 reads. There is no option for a secret.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function readS3Settings(environment: Environment): S3Settings {
  const value = (name: string) => environment[name]?.trim() || undefined
  const accessKeyId = value('AWS_ACCESS_KEY_ID')
  const secretAccessKey = value('AWS_SECRET_ACCESS_KEY')
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw optionInvalid('s3:// needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.')
  }
  const name = ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'].find((one) => value(one) !== undefined)
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken: value('AWS_SESSION_TOKEN'),
    region: value('AWS_REGION') ?? value('AWS_DEFAULT_REGION') ?? 'us-east-1',
    endpoint: name === undefined ? undefined : readEndpoint(name, value(name) ?? ''),
  }
}

function readEndpoint(name: string, text: string): URL {
  try {
    const url = new URL(text)
    const isPlain = !url.username && !url.password && !url.search && !url.hash
    if (/^https?:$/.test(url.protocol) && isPlain) return url
  } catch {
    // No URL: said below.
  }
  throw optionInvalid(`${name} must be a URL such as https://minio.example:9000, without a login.`)
}

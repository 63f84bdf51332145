import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { type AuditId, MAX_TEXT_CHARACTERS } from '../../entry.ts'
import { optionInvalid } from '../../errors.ts'
import { digitsOf } from '../../ids/digits.ts'
import { refuseUnknownOptions } from '../../options.ts'
import { type Denied, type Viewer, type ViewerFields, viewerProblem } from './viewer.ts'

interface LinkOptions {
  /**
   * At least 32 characters that nobody can guess. Of several the first signs, and a link of any of them is
   * taken, so that a secret can be replaced.
   */
  readonly secret: string | readonly string[]
  /** The longest time that a link may hold, up to 30 days. @default 86 400 000: a day */
  readonly maxAgeMs?: number | undefined
}

export interface ViewerLinkOptions extends LinkOptions {
  /** The id of the only event (tenant, project, site) whose entries the link opens. */
  readonly tenant: AuditId
  /** When the link ends. A `Date`, or Unix milliseconds. */
  readonly until: Date | number
  /** Who reads with it. Their name is in each `audit.read` entry. */
  readonly viewer: ViewerFields
  /** Where the page is mounted, such as `/audit`. The link opens no other path. */
  readonly path: string
}

export interface VerifyLinkOptions extends LinkOptions {
  /**
   * Where the page is mounted, if its server hides that from it, as Express does. Default: what the
   * request's path has in front of the link.
   */
  readonly path?: string | undefined
}

const OPTION_NAMES = ['secret', 'maxAgeMs', 'tenant', 'until', 'viewer', 'path']
const VERIFY_NAMES = ['secret', 'maxAgeMs', 'path']
const MIN_SECRET_CHARACTERS = 32
const MIN_DIFFERENT = 8
const DAY_MS = 86_400_000
const MAX_AGE_MS = 30 * DAY_MS
/** Clocks of the two servers may differ by this. */
const CLOCK_SKEW_MS = 60_000
const MAX_PAYLOAD_CHARACTERS = 4_000
/** `~payload.signature`, at the end of the path. */
const LINK = /^(.*)\/~([\w-]{1,4000})\.([\w-]{43})\/?$/
/** As the tokens begin that are censored in entries, so that a link in one is. */
const PREFIX = 'eyJ'
const CIPHER = 'aes-256-ctr'
const IV_BYTES = 16

/**
 * A link that opens the page for one tenant, until a time, without a session: for a frame in another
 * site, where browsers send no cookies. It returns a path, such as `/audit/~eyJ….c2ln`, so that every
 * link in the page keeps it. Anyone who has the link can read until then. What it says of the viewer, such
 * as who is staff, is encrypted.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`; the message never contains the secret
 */
export function signViewerLink(options: ViewerLinkOptions): string {
  refuseUnknownOptions(options, OPTION_NAMES)
  const { tenant, until, viewer } = options
  const [secret = ''] = secretsOf(options)
  const path = pathOf(options.path)
  const onlyEventId = typeof tenant === 'string' ? tenant : (digitsOf(tenant) ?? '')
  if (onlyEventId === '' || onlyEventId.length > MAX_TEXT_CHARACTERS) {
    throw optionInvalid('tenant must be the id of an event.')
  }
  const untilMs = until instanceof Date ? until.getTime() : until
  const leftMs = untilMs - Date.now()
  const maxAgeMs = maxAgeOf(options)
  if (!(leftMs > 0 && leftMs <= maxAgeMs)) {
    const most = `${maxAgeMs} ms from now (maxAgeMs)`
    throw optionInvalid(`until must be a time in the future, at most ${most}.`)
  }
  const opened = { ...viewer, onlyEventId }
  const problem = viewerProblem(opened)
  if (problem !== undefined) throw optionInvalid(`viewer is none: ${problem}.`)
  const payload = encoded({ until: Math.floor(untilMs / 1_000), viewer: opened }, secret)
  if (payload.length > MAX_PAYLOAD_CHARACTERS) {
    throw optionInvalid(
      `viewer is longer than a link can be (${MAX_PAYLOAD_CHARACTERS} characters).`,
    )
  }
  return `${path}/~${payload}.${signature(secret, path, payload).toString('base64url')}`
}

/**
 * The viewer of a link that `signViewerLink` made, for `authorize`.
 *
 * @returns undefined where the address has no link, so that `authorize` can go on to its sessions;
 * a refusal where the link is another one, belongs to another path, or has ended
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 *
 * @example
 * ```ts
 * const authorize = (request: Request) => verifyViewerLink(request, { secret })
 * ```
 */
export function verifyViewerLink(
  request: Request,
  options: VerifyLinkOptions,
): Viewer | Denied | undefined {
  refuseUnknownOptions(options, VERIFY_NAMES)
  const secrets = secretsOf(options)
  const maxAgeMs = maxAgeOf(options)
  const { pathname } = new URL(request.url)
  if (!hasViewerLink(pathname)) return undefined
  const [, before = '', payload = '', signed = ''] = LINK.exec(pathname) ?? []
  const path = options.path === undefined ? before : pathOf(options.path)
  const given = Buffer.from(signed, 'base64url')
  let signer: string | undefined
  for (const secret of secrets) {
    const own = signature(secret, path, payload)
    if (own.length === given.length && timingSafeEqual(own, given)) signer = secret
  }
  if (signer === undefined) return { denied: 'unknown link' }
  const { until, viewer } = decoded(payload, signer)
  const leftMs = until * 1_000 - Date.now()
  if (!(leftMs > 0)) return { denied: 'expired link' }
  return leftMs > maxAgeMs + CLOCK_SKEW_MS ? { denied: 'link for too long' } : viewer
}

/** Whether a path ends as a signed link does, so that anyone who has it can read. */
export function hasViewerLink(path: string): boolean {
  return /\/~[^/]*\/?$/.test(path)
}

function secretsOf({ secret }: LinkOptions): readonly string[] {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  const isGood = (one: unknown) =>
    typeof one === 'string' &&
    one.length >= MIN_SECRET_CHARACTERS &&
    new Set(one).size >= MIN_DIFFERENT
  if (secrets.length > 0 && secrets.every(isGood)) return secrets as readonly string[]
  throw optionInvalid(
    `secret must have at least ${MIN_SECRET_CHARACTERS} characters that nobody can guess ` +
      '(make one with: openssl rand -hex 32).',
  )
}

function maxAgeOf({ maxAgeMs = DAY_MS }: LinkOptions): number {
  if (Number.isInteger(maxAgeMs) && maxAgeMs >= 1_000 && maxAgeMs <= MAX_AGE_MS) return maxAgeMs
  throw optionInvalid(`maxAgeMs must be a whole number from 1000 to ${MAX_AGE_MS}.`)
}

/** Without a slash at its end. */
function pathOf(given: string): string {
  const isPath = typeof given === 'string' && /^\/[\w\-.!$&'()*+,;=:@/%]{0,500}$/.test(given)
  if (isPath && !given.includes('//')) return given.replace(/\/$/, '')
  throw optionInvalid('path must be the path that the page is mounted at, such as /audit.')
}

function signature(secret: string, path: string, payload: string): Buffer {
  const text = `audit-outbox viewer link 1\0${path}\0${payload}`
  return createHmac('sha256', secret).update(text).digest()
}

interface Payload {
  /** In Unix seconds. */
  readonly until: number
  readonly viewer: Viewer
}

/** Encrypted, because it says what the viewer is not to see. The signature keeps it from being changed. */
function encoded(payload: Payload, secret: string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, keyOf(secret), iv)
  const bytes = [iv, cipher.update(JSON.stringify(payload), 'utf8'), cipher.final()]
  return PREFIX + Buffer.concat(bytes).toString('base64url')
}

/** Only of a payload whose signature is of this secret. */
function decoded(text: string, secret: string): Payload {
  const bytes = Buffer.from(text.slice(PREFIX.length), 'base64url')
  const decipher = createDecipheriv(CIPHER, keyOf(secret), bytes.subarray(0, IV_BYTES))
  const json = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES)), decipher.final()])
  return JSON.parse(json.toString())
}

/** Another key than that of the signature. */
function keyOf(secret: string): Buffer {
  return createHmac('sha256', secret).update('audit-outbox viewer link key 1').digest()
}

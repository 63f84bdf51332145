import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { type AuditError, optionInvalid } from '../../errors.ts'
import { cookieHeader, hostCookieName, isTls, readCookie } from '../http/cookies.ts'
import { redirectResponse, textResponse } from '../http/responses.ts'
import { href } from '../query/address.ts'
import { readQuery } from '../query/query.ts'
import { tokenWeakness } from './token-strength.ts'
import type { Authorize, Denied, Viewer } from './viewer.ts'

const COOKIE = 'audit_page'
const COOKIE_MAX_AGE_S = 30 * 86_400

export interface TokenHolder {
  readonly name: string
  readonly token: string
}

/**
 * Reads `ada:token1,grace:token2`, one token for each viewer.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`; the message never contains a token
 */
export function readTokens(text: string): readonly TokenHolder[] {
  const holders = text
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map((pair, at) => readPair(pair, at + 1))
  const names = new Set(holders.map(({ name }) => name))
  const tokens = new Set(holders.map(({ token }) => token))
  if (names.size < holders.length) throw invalid('must not give two tokens to one name')
  // With a shared token, the reads of one viewer would be recorded under the other's name.
  if (tokens.size < holders.length) throw invalid('must not give one token to two names')
  if (holders.length === 0) throw invalid('must hold at least one name:token')
  return holders
}

function readPair(pair: string, number: number): TokenHolder {
  const colon = pair.indexOf(':')
  const name = pair.slice(0, Math.max(colon, 0)).trim()
  const token = pair.slice(colon + 1).trim()
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,63}$/u.test(name)) {
    throw invalid(`must be name:token,name:token; pair ${number} has no valid name`)
  }
  const weakness = tokenWeakness(token)
  if (weakness !== undefined) {
    throw invalid(`${weakness}; pair ${number} does not (make one with: openssl rand -hex 16)`)
  }
  return { name, token }
}

function invalid(problem: string): AuditError {
  return optionInvalid(`AUDIT_PAGE_TOKEN ${problem}.`)
}

export interface TokenOptions {
  /** Whether to believe `X-Forwarded-Proto`: only behind a proxy that sets it. Default: false. */
  readonly trustsProxy?: boolean
}

/**
 * Lets viewers in by token. The first request carries the token in its address. It is answered with
 * a cookie and a redirect to the address without the token, so that no browser history and no
 * `Referer` keeps it. Later requests carry the cookie, which is a signature made with the token.
 * Changing a viewer's token ends that viewer's cookies.
 */
export function tokenAuthorize(
  holders: readonly TokenHolder[],
  now = Date.now,
  { trustsProxy = false }: TokenOptions = {},
): Authorize {
  return (request) => {
    const { searchParams } = new URL(request.url)
    const token = searchParams.get('token')
    const secure = isTls(request, trustsProxy)
    const name = hostCookieName(COOKIE, secure)
    if (token === null) return holderOfCookie(holders, readCookie(request, name), now())
    const holder = holderOfToken(holders, token)
    if (!holder) return { denied: 'unknown token', response: textResponse('Unknown token.', 401) }
    searchParams.delete('token')
    const until = Math.floor(now() / 1_000) + COOKIE_MAX_AGE_S
    const value = signedValue(holder, until)
    const cookie = cookieHeader({ name, value, maxAgeS: COOKIE_MAX_AGE_S, secure })
    return redirectResponse(href(readQuery(searchParams).given), { 'set-cookie': cookie })
  }
}

/** Takes the cookie away. A copy of it opens the page until its end, or until the token changes. */
export function tokenSignOut({ trustsProxy = false }: TokenOptions = {}) {
  return (request: Request): Response => {
    const secure = isTls(request, trustsProxy)
    const name = hostCookieName(COOKIE, secure)
    const cookie = cookieHeader({ name, value: '', maxAgeS: 0, secure })
    return redirectResponse('?', { 'set-cookie': cookie })
  }
}

/** Compares every holder, by hashes of one length, so that the time taken tells nothing. */
function holderOfToken(holders: readonly TokenHolder[], given: string): TokenHolder | undefined {
  let found: TokenHolder | undefined
  for (const holder of holders) {
    if (isSame(given, holder.token)) found = holder
  }
  return found
}

function holderOfCookie(
  holders: readonly TokenHolder[],
  cookie: string | undefined,
  nowMs: number,
): Viewer | Denied | undefined {
  if (cookie === undefined || cookie === '') return undefined
  const [, until = ''] = /^(\d{1,12})\.[\w-]{43}$/.exec(cookie) ?? []
  let found: Viewer | undefined
  for (const holder of holders) {
    if (isSame(cookie, signedValue(holder, Number(until)))) {
      found = { name: holder.name, sees: 'everything' }
    }
  }
  if (found === undefined) return { denied: 'unknown cookie' }
  return Number(until) * 1_000 > nowMs ? found : undefined
}

function signedValue({ name, token }: TokenHolder, until: number): string {
  const signature = createHmac('sha256', token).update(`audit page\0${name}\0${until}`)
  return `${until}.${signature.digest('base64url')}`
}

function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}

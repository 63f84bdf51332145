import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { type AuditError, optionInvalid } from '../../errors.ts'
import { cookieHeader, readCookie } from '../http/cookies.ts'
import { redirectResponse, textResponse } from '../http/responses.ts'
import { href } from '../query/address.ts'
import { readQuery } from '../query/query.ts'
import type { Authorize, Viewer } from './viewer.ts'

const COOKIE = 'audit_page'
const MIN_TOKEN_LENGTH = 16
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
  if (token.length < MIN_TOKEN_LENGTH || !/^[\x21-\x7e]+$/.test(token)) {
    throw invalid(
      `must have at least ${MIN_TOKEN_LENGTH} printable characters in each token; ` +
        `pair ${number} does not (make one with: openssl rand -hex 16)`,
    )
  }
  return { name, token }
}

function invalid(problem: string): AuditError {
  return optionInvalid(`AUDIT_PAGE_TOKEN ${problem}.`)
}

/**
 * Lets viewers in by token. The first request carries the token in its address. It is answered with
 * a cookie and a redirect to the address without the token, so that no browser history and no
 * `Referer` keeps it. Later requests carry the cookie, which is a signature made with the token.
 * Changing a viewer's token ends that viewer's cookies.
 */
export function tokenAuthorize(holders: readonly TokenHolder[], now = Date.now): Authorize {
  return (request) => {
    const { searchParams } = new URL(request.url)
    const token = searchParams.get('token')
    if (token === null) return holderOfCookie(holders, readCookie(request, COOKIE), now())
    const holder = holderOfToken(holders, token)
    if (!holder) return textResponse('Unknown token.', 401)
    searchParams.delete('token')
    const until = Math.floor(now() / 1_000) + COOKIE_MAX_AGE_S
    const cookie = cookieHeader(request, {
      name: COOKIE,
      value: signedValue(holder, until),
      maxAgeS: COOKIE_MAX_AGE_S,
    })
    return redirectResponse(href(readQuery(searchParams).given), { 'set-cookie': cookie })
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
): Viewer | undefined {
  const [, until = ''] = /^(\d{1,12})\.[\w-]{43}$/.exec(cookie ?? '') ?? []
  let found: Viewer | undefined
  for (const holder of holders) {
    if (isSame(cookie ?? '', signedValue(holder, Number(until)))) found = { name: holder.name }
  }
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

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { type AuditError, optionInvalid } from '../../errors.ts'
import { plain, redirect } from '../http/responses.ts'
import { cookieOf, setCookie } from '../http/cookies.ts'
import { href } from '../query/address.ts'
import { readQuery } from '../query/query.ts'
import type { Authorize, Viewer } from './viewer.ts'

const COOKIE = 'audit_page'
const MIN_TOKEN_CHARACTERS = 16
const MAX_AGE_S = 30 * 86_400

export interface Keyholder {
  readonly name: string
  readonly token: string
}

/**
 * Reads `ada:token1,grace:token2`: a token for each viewer's name.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`; a token is never quoted
 */
export function readTokens(text: string): readonly Keyholder[] {
  const holders = text
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map((pair, at) => readPair(pair, at + 1))
  const names = new Set(holders.map(({ name }) => name))
  const tokens = new Set(holders.map(({ token }) => token))
  if (names.size < holders.length) throw invalid('gives two tokens to one name')
  // Otherwise what one of them reads could be written down as the other's.
  if (tokens.size < holders.length) throw invalid('gives one token to two names')
  if (holders.length === 0) throw invalid('names nobody')
  return holders
}

function readPair(pair: string, number: number): Keyholder {
  const colon = pair.indexOf(':')
  const name = pair.slice(0, Math.max(colon, 0)).trim()
  const token = pair.slice(colon + 1).trim()
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,63}$/u.test(name)) {
    throw invalid(`must be name:token,name:token; number ${number} has no good name`)
  }
  if (token.length < MIN_TOKEN_CHARACTERS || !/^[\x21-\x7e]+$/.test(token)) {
    throw invalid(
      `needs at least ${MIN_TOKEN_CHARACTERS} printable characters in each token; ` +
        `number ${number} has not (try: openssl rand -hex 16)`,
    )
  }
  return { name, token }
}

function invalid(problem: string): AuditError {
  return optionInvalid(`AUDIT_PAGE_TOKEN ${problem}.`)
}

/**
 * Lets in who brings a token: in the address of a first visit, which is answered with a cookie and
 * a way on to the address without it, so that it stays in no history and no `Referer`; then by that
 * cookie, which is made of the token and is not it. Another token ends the cookies of the old one.
 */
export function tokenAuthorize(holders: readonly Keyholder[], now = Date.now): Authorize {
  return (request) => {
    const { searchParams } = new URL(request.url)
    const token = searchParams.get('token')
    if (token === null) return holderOfCookie(holders, cookieOf(request, COOKIE), now())
    const holder = holderOfToken(holders, token)
    if (!holder) return plain('This token opens nothing.', 401)
    searchParams.delete('token')
    const until = Math.floor(now() / 1_000) + MAX_AGE_S
    const cookie = setCookie(request, [COOKIE, sealed(holder, until)], {
      maxAgeS: MAX_AGE_S,
      isHttpOnly: true,
    })
    return redirect(href(readQuery(searchParams).given), { 'set-cookie': cookie })
  }
}

/** Every holder is compared, and hashes of one length, so that time tells nothing of any token. */
function holderOfToken(holders: readonly Keyholder[], given: string): Keyholder | undefined {
  let found: Keyholder | undefined
  for (const holder of holders) {
    if (isSame(given, holder.token)) found = holder
  }
  return found
}

function holderOfCookie(
  holders: readonly Keyholder[],
  cookie: string | undefined,
  nowMs: number,
): Viewer | undefined {
  const [, until = ''] = /^(\d{1,12})\.[\w-]{43}$/.exec(cookie ?? '') ?? []
  let found: Viewer | undefined
  for (const holder of holders) {
    if (isSame(cookie ?? '', sealed(holder, Number(until)))) found = { name: holder.name }
  }
  return Number(until) * 1_000 > nowMs ? found : undefined
}

function sealed({ name, token }: Keyholder, until: number): string {
  const seal = createHmac('sha256', token).update(`audit page\0${name}\0${until}`)
  return `${until}.${seal.digest('base64url')}`
}

function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}

import {
  ASKING,
  CALL_TOKENS,
  CODES,
  DESCRIBING,
  FOREIGN_PASSWORD,
  HARMLESS,
  HARMLESS_TOKENS,
  IDENTIFYING,
  OPENING_CODES,
  OPENING_KEYS,
  OWNERS,
  PASSWORD_PLURALS,
  PASSWORDS,
  PLURALS,
  TOKENS,
  VALUES,
} from './secret-words.ts'

/**
 * What a name says about its value. The kinds differ in which values are no secret all the same,
 * see `secret-values.ts`.
 *
 * - `password`: any text or number
 * - `passwords`: any text; a number is a count
 * - `code`: a PIN or a one-time code
 * - `token`: a token, a secret, a key that opens
 * - `many`: the plural, which is often a count or a list of names
 * - `pass`, `cookie`: also an ordinary word
 * - `session`: the id of a session
 * - `maybe`: only if the value looks as if a machine had made it
 */
export type SecretKind =
  | 'password'
  | 'passwords'
  | 'code'
  | 'token'
  | 'many'
  | 'pass'
  | 'cookie'
  | 'session'
  | 'maybe'

/** A name holds more than a secret's own words only in front, so its end is enough. */
const MAX_NAME_CHARACTERS = 96

// Every name that `kindOf` knows contains one of these. Most names contain none.
export const MAY_NAME =
  /pass|pw|psw|secret|segret|token|cred|auth|cookie|key|pin|puk|otp|cv[vnc]|csc|code|jwt|jeton|bearer|sess|sid|saml|hmac|sas|geheim|contra|kennw|mdp|mot|senha|wacht|woord|seno|adgang|kodeo|hasl|hesl|parol|paro|jelsz|sala|sifre|slap|geslo|lozin|connect|number|clave|sandi|khau|mima|losen|kod|[^\0-\x7f]/i

/** Whether the name has to be taken apart, which costs about 1 µs. */
export function mayName(name: string): boolean {
  return MAY_NAME.test(name)
}

/** What the name says about its value. Undefined: nothing secret. */
export function secretKindOf(name: string): SecretKind | undefined {
  const end = name.length > MAX_NAME_CHARACTERS ? name.slice(-MAX_NAME_CHARACTERS) : name
  return mayName(end) ? kindOf(end) : undefined
}

/**
 * Whether the name is one of those that identify or describe: `id`, `createdAt`, `userName`, `scopes`.
 * Under a secret name, what is under these stays.
 */
export function identifies(name: string): boolean {
  if (!/^[A-Za-z]{1,24}$/.test(name)) return endsIdentifying(name)
  let known = identifying.get(name)
  if (known === undefined) {
    known = endsIdentifying(name)
    if (identifying.size >= MAX_REMEMBERED) identifying.clear()
    identifying.set(name, known)
  }
  return known
}

const MAX_REMEMBERED = 256
const identifying = new Map<string, boolean>()

function endsIdentifying(name: string): boolean {
  const last = wordsOf(name.slice(-MAX_NAME_CHARACTERS))
    .filter((word) => !/^\d+$/.test(word))
    .at(-1)
  return last !== undefined && IDENTIFYING.has(last)
}

/** Whether the value under this name is an id: `orderId`, `order_ref`. An id is no card number. */
export function namesId(name: string): boolean {
  return ID.test(name)
}

const ID =
  /(?:^|[a-z\d_.\s-])(?:Ids?|IDs?|Uid|Guid|Ref|Reference|Seq|Sequence|Hash|Sha|Digest|Etag|Version|Offset|Nonce|Timestamp)$|(?:^|[_.\s-])(?:ids?|uid|guid|ref|reference|seq|sequence|hash|sha\d*|digest|checksum|etag|version|commit|arn|offset|nonce|timestamp|ts)$|^(?:ID|IDS|SEQ|REF)$/

function kindOf(name: string): SecretKind | undefined {
  if (FOREIGN_PASSWORD.test(name.toLowerCase())) return 'password'
  const words = wordsOf(name)
  if (/client_token$/i.test(name)) return 'token'
  for (let at = words.length - 1; at >= 0; at -= 1) {
    const core = coreAt(words, at)
    if (core === undefined) continue
    if (core === 'harmless') return undefined
    return afterCore(core, words, at)
  }
  return undefined
}

type Core = SecretKind | 'harmless'

/** What the words up to this one say. */
function coreAt(words: readonly string[], at: number): Core | undefined {
  const word = words[at] ?? ''
  const before = at === 0 ? undefined : words[at - 1]
  if (PASSWORDS.has(word)) return harmlessBefore(words, at) ?? 'password'
  if (PASSWORD_PLURALS.has(word)) return harmlessBefore(words, at) ?? 'passwords'
  if (word === 'passe' && words.includes('mot')) return 'password'
  if (word === 'sena' && before === 'contra') return 'password'
  if (word === 'code' || word === 'codes') {
    return before !== undefined && OPENING_CODES.has(before) ? 'code' : undefined
  }
  if (word === 'verifier' && before === 'code') return 'token'
  if (word === 'number' && before === 'card') return 'code'
  if (CODES.has(word)) return harmlessBefore(words, at) ?? 'code'
  if (word === 'token' || word === 'tokens') return tokenAt(words, at)
  if (word === 'credential' && (before === 'amz' || before === 'goog')) return 'harmless'
  if (TOKENS.has(word)) return harmlessBefore(words, at) ?? 'token'
  if (PLURALS.has(word)) return harmlessBefore(words, at) ?? 'many'
  if (word === 'key' || word === 'keys') return keyAt(words, at)
  if (word === 'pass') return at === 0 ? 'pass' : OWNERS.has(before ?? '') ? 'password' : undefined
  if (word === 'cookie' || word === 'cookies') return harmlessBefore(words, at) ?? 'cookie'
  if (word === 'id' && (before === 'session' || before === 'sess')) return 'session'
  if (word === 'sid') return before === 'connect' ? 'token' : at === 0 ? 'maybe' : undefined
  if (word === 'session' || word === 'auth') return at === words.length - 1 ? 'maybe' : undefined
  if ((word === 'response' || word === 'assertion') && words.includes('saml')) return 'token'
  return undefined
}

function harmlessBefore(words: readonly string[], at: number): 'harmless' | undefined {
  for (let n = 0; n < at; n += 1) if (HARMLESS.has(words[n] ?? '')) return 'harmless'
  return at > 0 && ASKING.has(words[0] ?? '') ? 'harmless' : undefined
}

function tokenAt(words: readonly string[], at: number): Core {
  const before = words[at - 1] ?? ''
  if (HARMLESS_TOKENS.has(before)) return 'harmless'
  // `clientToken` and `clientRequestToken`, but not `oauth_request_token`.
  if (CALL_TOKENS.has(before) && words.slice(0, at).every((word) => CALL_TOKENS.has(word))) {
    return before === 'request' && at === 1 ? 'token' : 'harmless'
  }
  return harmlessBefore(words, at) ?? (words[at] === 'tokens' ? 'many' : 'token')
}

function keyAt(words: readonly string[], at: number): Core | undefined {
  const before = words[at - 1]
  if (before === undefined) return undefined
  if (before === 'primary' || before === 'secondary') return at === 1 ? 'maybe' : undefined
  if (!OPENING_KEYS.has(before)) return undefined
  return harmlessBefore(words, at) ?? (words[at] === 'keys' ? 'many' : 'token')
}

/** What the words after the secret word make of it: `passwordNew`, `passwordChangedAt`. */
function afterCore(core: SecretKind, words: readonly string[], at: number): SecretKind | undefined {
  let kind: SecretKind | undefined = core
  for (let n = at + 1; n < words.length; n += 1) {
    const word = words[n] ?? ''
    if (/^\d+$/.test(word) || VALUES.has(word)) continue
    if (word === 'number' && core === 'code') continue
    if (DESCRIBING.has(word) && !isValue(words.at(-1))) return undefined
    kind = core === 'password' || core === 'passwords' ? 'pass' : 'maybe'
  }
  return kind
}

const isValue = (word: string | undefined) =>
  /^(?:val|value|plaintext|cleartext)s?$/.test(word ?? '')

const PART = /[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|\d+/g

/** A name's words in lower case: `X-API-Key`, `dbPasswordNew`, `client_secret`, `accesstoken`. */
function wordsOf(name: string): string[] {
  const ascii = /^[\0-\x7f]*$/.test(name) ? name : asAscii(name)
  const words: string[] = []
  for (const part of ascii.match(PART) ?? []) split(part.toLowerCase(), words)
  return words
}

export const LOOKALIKES: Readonly<Record<string, string>> = {
  ...{ а: 'a', е: 'e', о: 'o', р: 'p', с: 'c', х: 'x', у: 'y', і: 'i', ѕ: 's', к: 'k', т: 't' },
  ...{ ԁ: 'd', ѡ: 'w', ո: 'n', ο: 'o', α: 'a', ν: 'v', ł: 'l', ø: 'o', ß: 'ss', ı: 'i', æ: 'ae' },
}

/** Without accents, invisible characters, and letters of other scripts that look like Latin ones. */
function asAscii(name: string): string {
  const bare = name.normalize('NFKD').replaceAll(/[\p{M}\p{Cf}]/gu, '')
  return bare.replaceAll(/[^\0-\x7f]/g, (letter) => LOOKALIKES[letter.toLowerCase()] ?? letter)
}

/** The longest first, because `passwords` ends with `s` and begins with `pass`. */
export const STEMS = [
  ...['authorization', 'passphrase', 'credentials', 'credential', 'passwords', 'password'],
  ...['passcode', 'kennwort', 'passwort', 'cookies', 'secrets', 'passwd', 'tokens', 'cookie'],
  ...['secret', 'token', 'pwd', 'otp'],
]

/** Takes apart what was written in one: `accesstoken`, `passwordnew`, `apikey`. */
function split(word: string, into: string[]): void {
  if (word.length > 5 && !PASSWORDS.has(word) && !TOKENS.has(word)) {
    for (const stem of STEMS) {
      if (word.length === stem.length) continue
      const rest = word.slice(stem.length)
      if (word.startsWith(stem) && (VALUES.has(rest) || DESCRIBING.has(rest))) {
        into.push(stem, rest)
        return
      }
      if (word.endsWith(stem)) {
        split(word.slice(0, -stem.length), into)
        into.push(stem)
        return
      }
    }
    if (splitEnd(word, 'keys', OPENING_KEYS, into)) return
    if (splitEnd(word, 'key', OPENING_KEYS, into)) return
    if (splitEnd(word, 'codes', OPENING_CODES, into)) return
    if (splitEnd(word, 'code', OPENING_CODES, into)) return
    if (splitEnd(word, 'pass', OWNERS, into)) return
    if (splitEnd(word, 'id', ID_OWNERS, into)) return
    if (splitEnd(word, 'number', CARDS, into)) return
    if (splitEnd(word, 'response', SAML, into)) return
    if (splitEnd(word, 'verifier', VERIFIED, into)) return
  }
  into.push(word)
}

export const ID_OWNERS: ReadonlySet<string> = new Set([
  'session',
  'sess',
  'token',
  'secret',
  'accesskey',
])
export const CARDS: ReadonlySet<string> = new Set(['card', 'creditcard'])
export const SAML: ReadonlySet<string> = new Set(['saml'])
export const VERIFIED: ReadonlySet<string> = new Set(['code'])

function splitEnd(word: string, end: string, known: ReadonlySet<string>, into: string[]): boolean {
  if (!word.endsWith(end)) return false
  const rest = word.slice(0, -end.length)
  if (!known.has(rest) && !TOKENS.has(rest) && !PASSWORDS.has(rest)) {
    // `dbaccesskey` and `awssecretkey` have a word more in front.
    const found = [...known].find((other) => other.length > 3 && rest.endsWith(other))
    if (found === undefined) return false
    into.push(rest.slice(0, -found.length), found, end)
    return true
  }
  if (rest === 'creditcard') into.push('credit', 'card', end)
  else if (rest === 'accesskey') into.push('access', 'key', end)
  else into.push(rest, end)
  return true
}

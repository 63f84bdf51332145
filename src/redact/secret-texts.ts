import { hasLongNumber, replaceCards } from './card-numbers.ts'
import { mayHoldCommand, replaceInCommands } from './command-texts.ts'
import { replaceNamed, STEMS } from './named-texts.ts'
import { replaceMatches, type Search } from './search.ts'
import {
  hasLongRun,
  mayHoldToken,
  replaceHooks,
  replaceJwts,
  replaceTokens,
} from './token-forms.ts'

/** Shorter texts hold nothing but a name and a value, see `mayHoldSecret`. */
export const MIN_FORM_CHARACTERS = 13
/** `pin=123`: a name, a sign and a value of three characters each. */
const MIN_PAIR_CHARACTERS = 7

/** Whether the text is too short for a name and a value. Nearly half of all texts are. */
export function isTooShort(text: string): boolean {
  if (text.length !== MIN_PAIR_CHARACTERS) return text.length < MIN_PAIR_CHARACTERS
  const sign = text.charCodeAt(3)
  return sign !== EQUALS && sign !== COLON
}

const EQUALS = 61
const COLON = 58

// Every secret that is neither a number nor a token contains one of these. Most texts contain none of
// them. Measured in hotpath-parts.md, "a hint of a secret".
const HINT = /[="':<@J%|]| -|[Bb](?:earer|asic|EARER|ASIC)[ \t]|PRIVATE KEY|DENTIFIED|dentified|^-/
/** Up to this length the pattern is faster than several native searches for one character each. */
const MAX_HINT_CHARACTERS = 256
const SHORT_HINT = /[=:"'<|]|asic |^-/

/**
 * Whether a text may hold a secret. The check is cheap: it can be wrong about a text without a
 * secret, but it never misses a text with one.
 *
 * Every string of every entry is checked. The pattern costs 10 ns and about 1 ns for each character.
 * A native search for one character costs 5 ns and almost nothing for each character.
 *
 * @param stem matches a part of every name whose value is a secret
 */
export function mayHoldSecret(text: string, stem: RegExp = STEM): boolean {
  if (text.length < MIN_FORM_CHARACTERS) {
    return !isTooShort(text) && SHORT_HINT.test(text) && hasForm(text, stem)
  }
  const hinted = text.length > MAX_HINT_CHARACTERS || HINT.test(text)
  return (
    (hinted && hasForm(text, stem)) ||
    (hasLongRun(text) && mayHoldToken(text)) ||
    hasLongNumber(text)
  )
}

const STEM = new RegExp(STEMS)

function hasForm(text: string, stem: RegExp): boolean {
  if (hasNames(text, stem)) return true
  return FORM.test(text) || hasUserInfo(text) || mayHoldCommand(text)
}

// One pass for all of them: a native search is slow for what begins with a frequent letter.
const FORM = /[Bb](?:earer|asic)[ \t]|B(?:EARER|ASIC)[ \t]|eyJ|hook|\/bot|PRIVATE KEY/
const SCHEME_NAME = /(?:[Bb]earer|BEARER|[Bb]asic|BASIC)[ \t]/
const hasScheme = (text: string) => SCHEME_NAME.test(text)
const hasUserInfo = (text: string) => text.includes('@') && text.includes('://')
const MARKS = ['=', ':', '"', "'", '<', '|', '%3', 'dentified by', 'DENTIFIED BY']
const hasMark = (text: string) => MARKS.some((mark) => text.includes(mark)) || OPTION.test(text)
const OPTION = /(?:^| )-{1,2}[A-Za-z]/
const hasNames = (text: string, stem: RegExp) => hasMark(text) && stem.test(text)
const KEY_BLOCK = 'PRIVATE KEY'

/**
 * Replaces every secret in the text and keeps the text around it: `Bearer [Redacted]`,
 * `postgres://app:[Redacted]@db`. Returns the same string if there is no secret.
 *
 * Every pattern takes time in proportion to the text, or is bounded by a small count, because a
 * stranger may have typed the text.
 */
export function replaceSecrets(text: string, search: Search): string {
  let clean = text
  if (clean.includes(KEY_BLOCK)) {
    clean = replaceMatches(clean, PRIVATE_KEY, search, ([block]) => search.replace(block))
  }
  if (hasMark(clean)) clean = replaceNamed(clean, search)
  for (const step of STEPS) {
    // The rest of the text was replaced, and what is in front of it was looked through.
    if (search.left < 0) return clean
    clean = step(clean, search)
  }
  return clean
}

const STEPS: readonly ((text: string, search: Search) => string)[] = [
  replaceHooks,
  replaceJwts,
  (text, search) => (hasLongRun(text) ? replaceTokens(text, search) : text),
  replaceSchemes,
  replaceInUrls,
  replaceInCommands,
  replaceCards,
]

function replaceSchemes(text: string, search: Search): string {
  if (!hasScheme(text)) return text
  return replaceMatches(text, SCHEME, search, ([match, scheme = '', space = '', token = '']) =>
    isCredential(scheme, token, match.length === text.length)
      ? scheme + space + search.replace(token)
      : undefined,
  )
}

function replaceInUrls(text: string, search: Search): string {
  if (!hasUserInfo(text)) return text
  return replaceMatches(text, URL_WORD, search, ([word]) => replaceInUrl(word, search))
}

// A block without an end was cut, so it reaches to the end of the text.
const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|$)/g

const SCHEME = /\b([Bb]earer|BEARER|[Bb]asic|BASIC)([ \t]{1,8})([\w.~+/=-]{4,})/g

/** `Bearer bonds` and `Basic plan` are words. A credential looks like one, or is the whole text. */
function isCredential(scheme: string, token: string, alone: boolean): boolean {
  if (scheme.toLowerCase() === 'bearer') {
    if (alone || token.length >= 20) return token.length >= 6
    return token.length >= 8 && /[\d.~+/=]|[a-z][A-Z]/.test(token)
  }
  if (/[^A-Za-z0-9+/=_-]|^(?:realm|charset)=/.test(token)) return false
  const decoded = Buffer.from(token, 'base64').toString('latin1')
  return decoded.includes(':') || token.endsWith('=') || (alone && token.length >= 16)
}

const URL_WORD = /[^\s"'<>:]{1,64}:\/\/[^\s"'<>]+/g
const PORT = /^\d{1,5}(?:[/?#]|$)/

/**
 * Replaces the password of `scheme://user:password@host`. RFC 3986 allows no `/`, `?` or `#` in it,
 * but a URL that was put together by hand may contain them. So everything up to the last `@` is the
 * password, unless a port follows the colon.
 */
function replaceInUrl(word: string, search: Search): string {
  const end = word.lastIndexOf('@')
  for (let at = word.indexOf('://'); at !== -1 && at < end; at = word.indexOf('://', at + 3)) {
    let colon = at + 3
    while (colon < end && !':@/?#[]'.includes(word.charAt(colon))) colon += 1
    const start = colon + 1
    if (word[colon] !== ':' || start >= end || PORT.test(word.slice(start, start + 6))) continue
    return word.slice(0, start) + search.replace(word.slice(start, end)) + word.slice(end)
  }
  return word
}

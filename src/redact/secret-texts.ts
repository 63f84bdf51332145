/** Shorter texts hold no credential, because `Bearer`, a space and six characters are this long. */
export const MIN_SECRET_CHARACTERS = 13

// Every secret that is not a number contains one of these. Most texts contain none of them. Measured
// in hotpath-parts.md, "a hint of a secret".
const HINT = /[="@J]|[Bb](?:earer|asic|EARER|ASIC)[ \t]|PRIVATE KEY/
/** Up to this length the pattern is faster than several native searches for one character each. */
const MAX_HINT_CHARACTERS = 256

/**
 * Whether a text may hold a secret. The check is cheap: it can be wrong about a text without a
 * secret, but it never misses a text with one.
 *
 * Every string of every entry is checked. The pattern costs 10 ns and 0.6 ns for each character. A
 * native search for one character costs 5 ns and almost nothing for each character.
 */
export function mayHoldSecret(text: string): boolean {
  if (text.length < MIN_SECRET_CHARACTERS) return false
  const hinted = text.length > MAX_HINT_CHARACTERS || HINT.test(text)
  return (hinted && hasForm(text)) || hasLongNumber(text)
}

function hasForm(text: string): boolean {
  return (
    hasScheme(text) ||
    hasUserInfo(text) ||
    text.includes('=') ||
    hasJsonPair(text) ||
    hasJwt(text) ||
    text.includes(KEY_BLOCK)
  )
}

const SCHEME_NAME = /(?:[Bb]earer|BEARER|[Bb]asic|BASIC)[ \t]/
const hasScheme = (text: string) => SCHEME_NAME.test(text)
const hasUserInfo = (text: string) => text.includes('@') && text.includes('://')
const hasJsonPair = (text: string) => text.includes('"') && text.includes(':')
const hasJwt = (text: string) => text.includes('J') && text.includes('eyJ')
const KEY_BLOCK = 'PRIVATE KEY'

const MIN_CARD_DIGITS = 13
/** 19 digits and a space or dash after each. */
const MAX_CARD_CHARACTERS = 38

/** Whether 13 digits stand in a row, with nothing but spaces and dashes between them. */
function hasLongNumber(text: string): boolean {
  // Any such run covers one of every 13 positions, so only those are checked. Measured in
  // hotpath-parts.md, "every 13th character for long numbers".
  for (let at = MIN_CARD_DIGITS - 1; at < text.length; at += MIN_CARD_DIGITS) {
    const unit = text.charCodeAt(at)
    // In prose this position holds a letter, or a space before a letter.
    if (!isNumberPart(unit) || (unit < ZERO && !isDigit(text.charCodeAt(at + 1)))) continue
    const first = Math.max(0, at - MAX_CARD_CHARACTERS)
    const end = Math.min(text.length, at + MAX_CARD_CHARACTERS)
    let digits = 0
    for (let left = at; left >= first && isNumberPart(text.charCodeAt(left)); left -= 1) {
      if (text.charCodeAt(left) >= ZERO) digits += 1
    }
    for (let right = at + 1; right < end && isNumberPart(text.charCodeAt(right)); right += 1) {
      if (text.charCodeAt(right) >= ZERO) digits += 1
    }
    if (digits >= MIN_CARD_DIGITS) return true
  }
  return false
}

const ZERO = 48

function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= 57
}

function isNumberPart(unit: number): boolean {
  return isDigit(unit) || unit === 32 || unit === 45
}

/** Returns the replacement of one secret. */
export type Replace = (secret: string) => string

/**
 * Replaces every secret in the text and keeps the text around it: `Bearer [Redacted]`,
 * `postgres://app:[Redacted]@db`. Returns the same string if there is no secret.
 *
 * Every pattern takes time in proportion to the text, or is bounded by a small count, because a
 * stranger may have typed the text.
 *
 * @param isSecretName decides whether the value of `name=value` and `"name": "value"` is a secret
 */
export function replaceSecrets(
  text: string,
  replace: Replace,
  isSecretName: (name: string) => boolean,
): string {
  let clean = text
  if (hasJwt(clean)) clean = clean.replace(JWT, (token) => replaceJwt(token, replace))
  if (clean.includes(KEY_BLOCK)) {
    clean = clean.replace(PRIVATE_KEY, (block) => replace(block))
  }
  if (hasScheme(clean)) {
    const whole = clean
    clean = clean.replace(SCHEME, (match, scheme: string, space: string, token: string) =>
      isCredential(scheme, token, match.length === whole.length)
        ? scheme + space + replace(token)
        : match,
    )
  }
  if (hasUserInfo(clean)) clean = clean.replace(WORD, (word) => replaceInUrl(word, replace))
  if (clean.includes('=')) {
    clean = clean.replace(NAME_VALUE, (match, name: string, equals: string, value: string) =>
      isSecretName(name) ? name + equals + replace(value) : match,
    )
  }
  if (hasJsonPair(clean)) clean = replaceInJson(clean, replace, isSecretName)
  if (hasLongNumber(clean)) {
    clean = clean.replace(CARD, (match, _dash, _space, at: number, whole: string) =>
      isCardNumber(match.replaceAll(/\D/g, '')) &&
      !isInHash(whole, at, match.length) &&
      !isInUuid(whole, at, match.length)
        ? replace(match)
        : match,
    )
  }
  return clean
}

// Matches the whole run, so that `eyJeyJeyJ…` is read once and not again from each `eyJ`.
const JWT = /eyJ[\w-]*(?:\.[\w-]*)*/g
const MIN_JWT_CHARACTERS = 20

function replaceJwt(token: string, replace: Replace): string {
  return token.length >= MIN_JWT_CHARACTERS && token.includes('.') ? replace(token) : token
}

// A block without an end was cut, so it reaches to the end of the text.
const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|$)/g

const SCHEME = /\b([Bb]earer|BEARER|[Bb]asic|BASIC)([ \t]{1,8})([\w.~+/=-]{4,})/g

/** `Bearer bonds` and `Basic plan` are words. A credential looks like one, or is the whole text. */
function isCredential(scheme: string, token: string, alone: boolean): boolean {
  if (scheme.toLowerCase() === 'bearer') {
    if (alone || token.length >= 20) return token.length >= 6
    return token.length >= 8 && /[\d._~+/=-]/.test(token)
  }
  if (/[^A-Za-z0-9+/=_-]/.test(token)) return false
  const decoded = Buffer.from(token, 'base64').toString('latin1')
  return decoded.includes(':') || token.endsWith('=') || (alone && token.length >= 16)
}

const WORD = /[^\s"'<>]+/g
const PORT = /^\d{1,5}(?:[/?#]|$)/

/**
 * Replaces the password of `scheme://user:password@host`. RFC 3986 allows no `/`, `?` or `#` in it,
 * but a URL that was put together by hand may contain them. So everything up to the last `@` is the
 * password, unless a port follows the colon.
 */
function replaceInUrl(word: string, replace: Replace): string {
  const end = word.lastIndexOf('@')
  for (let at = word.indexOf('://'); at !== -1 && at < end; at = word.indexOf('://', at + 3)) {
    let colon = at + 3
    while (colon < end && !':@/?#[]'.includes(word.charAt(colon))) colon += 1
    const start = colon + 1
    if (word[colon] !== ':' || start >= end || PORT.test(word.slice(start, start + 6))) continue
    return word.slice(0, start) + replace(word.slice(start, end)) + word.slice(end)
  }
  return word
}

// Forms nest fields as `user[password]=…`.
const NAME_VALUE = /(?<![\w.-])([A-Za-z_][\w.-]{0,63})((?:\]|%5D)?=)("[^"]*"?|[^\s&;,"')}\]]+)/gi

// A key in JSON inside a text, also with escaped quotes: \"password\":\"…\".
const JSON_KEY = /"([^"\\]{1,64})\\{0,4}"\s{0,8}:\s{0,8}/g
const JSON_VALUE = /\\{1,4}"[^"\\]*|"(?:[^"\\]|\\.)*"?|[^\s,}\]"[{]+/y
const JSON_WORD = /^(?:null|true|false)$/

/** Replaces the values of secret keys, of any type, and searches the values of all other keys. */
function replaceInJson(
  text: string,
  replace: Replace,
  isSecretName: (name: string) => boolean,
): string {
  let clean = ''
  let done = 0
  JSON_KEY.lastIndex = 0
  for (let key = JSON_KEY.exec(text); key !== null; key = JSON_KEY.exec(text)) {
    if (!isSecretName(key[1] ?? '')) continue
    const start = JSON_KEY.lastIndex
    const end = endOfJsonValue(text, start)
    const value = text.slice(start, end)
    if (value === '' || JSON_WORD.test(value)) continue
    const quote = /^\\*"/.exec(value)?.[0] ?? '"'
    // A value with escaped quotes was matched without its closing quote, which stays in the text.
    clean += text.slice(done, start) + quote + replace(value) + (quote === '"' ? '"' : '')
    done = end
    JSON_KEY.lastIndex = end
  }
  return clean + text.slice(done)
}

function endOfJsonValue(text: string, start: number): number {
  const first = text[start]
  if (first !== '{' && first !== '[') {
    JSON_VALUE.lastIndex = start
    return JSON_VALUE.test(text) ? JSON_VALUE.lastIndex : start
  }
  // Brackets inside strings are counted too. If they leave one open, the rest of the text is
  // replaced.
  let open = 0
  for (let at = start; at < text.length; at += 1) {
    const letter = text[at]
    if (letter === '{' || letter === '[') open += 1
    else if (letter === '}' || letter === ']') open -= 1
    if (open === 0) return at + 1
  }
  return text.length
}

const CARD =
  /(?<!\d)(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5})(?!\d)/g

// The first digits and the lengths of Visa, Mastercard, American Express, Discover, Diners Club,
// JCB and UnionPay. Milliseconds since 1970 have 13 digits too, but start with none of these before
// the year 2096.
const BRANDS =
  /^(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12,15}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12,15}|62\d{14,17})$/

/**
 * Whether these digits have the first digits and length of a known brand, and a valid check digit.
 */
export function isCardNumber(digits: string): boolean {
  if (!BRANDS.test(digits)) return false
  let sum = 0
  for (let at = 0; at < digits.length; at += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - at) - ZERO
    const doubled = digit * 2
    sum += at % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/**
 * Whether the number is a part of a hash. One hash in a few thousand holds a card number by chance.
 */
function isInHash(text: string, at: number, length: number): boolean {
  const before = /[0-9a-f]*$/i.exec(text.slice(Math.max(0, at - 128), at))?.[0].length ?? 0
  const after = /^[0-9a-f]*/i.exec(text.slice(at + length, at + length + 128))?.[0].length ?? 0
  return before + after > 0 && before + length + after >= 24
}

const UUID = /(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])/gi
const UUID_CHARACTERS = 36

/**
 * Whether the number is a part of a UUID. One UUID in some 300,000 holds a card number by chance,
 * and replacing it would destroy the id.
 */
function isInUuid(text: string, at: number, length: number): boolean {
  // One more character on either side shows the pattern where a UUID ends.
  const first = Math.max(0, at - UUID_CHARACTERS - 1)
  const near = text.slice(first, at + length + UUID_CHARACTERS + 1)
  for (const { index, 0: uuid } of near.matchAll(UUID)) {
    const begins = first + index
    if (begins <= at && begins + uuid.length >= at + length) return true
  }
  return false
}

import { replaceMatches, type Search } from './search.ts'

const MIN_CARD_DIGITS = 13
/** 19 digits and a space or dash after each. */
const MAX_CARD_CHARACTERS = 38

/** Whether 13 digits stand in a row, with nothing but spaces and dashes between them. */
export function hasLongNumber(text: string): boolean {
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

/** Replaces every card number in the text. */
export function replaceCards(text: string, search: Search): string {
  if (!hasLongNumber(text)) return text
  return replaceMatches(text, CARD, search, ({ 0: match, index }) =>
    isCardNumber(match.replaceAll(/\D/g, '')) &&
    !isInHash(text, index, match.length) &&
    !isInId(text, index, match.length) &&
    !isInUuid(text, index, match.length)
      ? search.replace(match)
      : undefined,
  )
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
  let from = at
  while (from > at - 128 && isHexDigit(text.charCodeAt(from - 1))) from -= 1
  let to = at + length
  while (to < at + length + 128 && isHexDigit(text.charCodeAt(to))) to += 1
  return to - from > length && to - from >= 24
}

function isHexDigit(unit: number): boolean {
  return isDigit(unit) || (unit >= 97 && unit <= 102) || (unit >= 65 && unit <= 70)
}

/**
 * Whether the number is a part of an id: letters on both sides (a ULID, a nano id), or a name and an
 * underscore in front of it (`order_4539578763621486`).
 */
function isInId(text: string, at: number, length: number): boolean {
  const near = text.slice(Math.max(0, at - 32), at)
  const before = /[A-Za-z][\w-]*$/.exec(near)?.[0] ?? ''
  const after = /^[\w-]*/.exec(text.slice(at + length, at + length + 32))?.[0] ?? ''
  if (/[A-Za-z]$/.test(before) && /^[A-Za-z]/.test(after)) return true
  return /^(?!(?:card|pan|cc|visa|amex|number|num|no)[_-])[A-Za-z]\w*[_-]$/i.test(before)
}

const UUID_CHARACTERS = 36
const UUID = /(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])/gi

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

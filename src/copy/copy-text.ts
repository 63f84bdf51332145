import type { Copying } from './copying.ts'
import { MAX_BIGINT } from '../ids/digits.ts'
import { isCardNumber } from '../redact/card-numbers.ts'
import { namesId } from '../redact/secret-keys.ts'
import { cutMark, cutMarkOf, headOf, sha256Of } from '../engine-text.ts'

/** Longer keys are cut to this length. */
export const MAX_KEY_CHARACTERS = 1_024
/**
 * How many characters after a cut are read, so that a secret that crosses the cut is recognised.
 */
const LOOK_AHEAD_CHARACTERS = 1_024

/** The text without its secrets. If there were any, the path of the text is noted. */
export function cleanText(copying: Copying, text: string, key: string | number, depth: number) {
  // An id is no secret, even if its digits pass for a card number.
  if (typeof key === 'string' && /^\d{13,19}$/.test(text) && namesId(key)) return text
  const path = () => copying.notes.pathOf(key, depth)
  const clean = copying.redactor.cleanText(text, path, copying.lookUps)
  if (clean === text) return text
  if (copying.lookUps.left < 0) {
    copying.notes.mark('truncated')
    copying.spend(Math.max(0, copying.room))
  }
  copying.notes.noteRedacted(path())
  copying.spend(Math.max(0, clean.length - text.length))
  return clean
}

/**
 * The beginning of a text that is longer than the room. It may take half of the room, so that the
 * keys after it get some too.
 */
export function cutText(
  copying: Copying,
  text: string,
  key: string | number,
  depth: number,
): string {
  copying.notes.mark('truncated')
  const room = Math.max(0, (copying.room >> 1) - 100)
  const window = headOf(text, room + LOOK_AHEAD_CHARACTERS)
  const clean = copying.mayHide(window) ? cleanText(copying, window, key, depth) : window
  const earlier = copying.isAgain ? cutMarkOf(text) : undefined
  const mark = earlier ?? cutMark(text.length, clean === window ? hashOf(copying, text) : undefined)
  const cut = headOf(clean, room) + mark
  copying.spend(cut.length + 2)
  return cut
}

/** The SHA-256 of a text. Undefined if the text is longer than what this entry may still hash. */
function hashOf(copying: Copying, text: string): string | undefined {
  return copying.spendHash(text.length) ? sha256Of(text) : undefined
}

/** The form in which a key is stored that is too long or holds a secret itself. */
export function cutKey(copying: Copying, given: string, unclean: boolean, depth: number): string {
  if (!unclean && given.length <= MAX_KEY_CHARACTERS) return given
  let key = headOf(given, MAX_KEY_CHARACTERS + LOOK_AHEAD_CHARACTERS)
  if (copying.mayHide(key)) {
    const path = () => copying.notes.pathOf('', depth)
    const clean = copying.redactor.cleanText(key, path, copying.lookUps)
    if (clean !== key) copying.notes.noteRedacted(copying.notes.pathOf(clean, depth))
    key = clean
  }
  if (given.length <= MAX_KEY_CHARACTERS) return key
  copying.notes.mark('truncated')
  return headOf(key, MAX_KEY_CHARACTERS) + cutMark(given.length, undefined)
}

/**
 * Copies a number that is not a small integer. It becomes text if JSON, or JavaScript when it
 * parses that JSON, cannot hold the same number.
 */
export function copyOddNumber(
  copying: Copying,
  value: number,
  key: string | number,
  depth: number,
): number | string {
  copying.spend(12)
  if (!Number.isFinite(value) || Object.is(value, -0)) {
    copying.notes.mark('number')
    return Object.is(value, -0) ? '-0' : String(value)
  }
  if (!Number.isInteger(value)) return value
  const digits = String(value)
  if (copying.isActive && isCardNumber(digits)) {
    const clean = cleanText(copying, digits, key, depth)
    if (clean !== digits) return clean
  }
  if (Number.isSafeInteger(value)) return value
  // Postgres would keep every digit, but JavaScript would read another number.
  copying.notes.mark('number')
  return digits
}

export function copyBigint(
  copying: Copying,
  value: bigint,
  key: string | number,
  depth: number,
): string {
  copying.notes.mark('bigint')
  if (value < MAX_BIGINT && value > -MAX_BIGINT) return copying.text(String(value), key, depth)
  copying.notes.mark('truncated')
  copying.spend(10)
  return '[BigInt]'
}

import { createHash } from 'node:crypto'

/** `entity.verb`: names of letters, digits, `_` and `-`, joined by dots. */
const ACTION = /^[\w-]+(?:\.[\w-]+)+$/

export function isActionName(text: string): boolean {
  return ACTION.test(text)
}

/** Longest `action`, as the log's own check has it. */
export const MAX_ACTION_CHARACTERS = 128
/** Longest `entityType` and `requestId`, likewise; also what is kept of an id that is no UUID. */
export const MAX_TEXT_CHARACTERS = 256

/** Hashing happens in the call: at about 1 ms for a mebibyte, this is what one entry may spend. */
export const MAX_HASHED_CHARACTERS = 256 * 1024

/**
 * Beyond this nothing of a string is kept, so that it is never looked into. Text that was put
 * together by repeating or adding has no characters yet, and taking the first one makes them all:
 * 300 MB for one `slice`.
 */
const MAX_OPENED_CHARACTERS = 1024 * 1024

export const UUID_CHARACTERS = 36
const DASH = 45

/**
 * Whether Postgres reads it as a uuid in its usual form. Runs of digits without a branch in between:
 * two thirds of what asking at each place costs, and half of a pattern.
 */
export function isUuid(text: string): boolean {
  if (text.length !== UUID_CHARACTERS) return false
  return (
    text.charCodeAt(8) === DASH &&
    text.charCodeAt(13) === DASH &&
    text.charCodeAt(18) === DASH &&
    text.charCodeAt(23) === DASH &&
    hexRun(text, 0, 8) === 1 &&
    hexRun(text, 9, 13) === 1 &&
    hexRun(text, 14, 18) === 1 &&
    hexRun(text, 19, 23) === 1 &&
    hexRun(text, 24, UUID_CHARACTERS) === 1
  )
}

/** 1 where each of these characters is a hexadecimal digit, else 0. */
function hexRun(text: string, from: number, to: number): number {
  let run = 1
  for (let at = from; at < to; at += 1) run &= HEX[text.charCodeAt(at)] ?? 0
  return run
}

const HEX = new Uint8Array(2 ** 16)
for (const digit of '0123456789abcdefABCDEF') HEX[digit.charCodeAt(0)] = 1

/**
 * The first characters of a text, as a string of its own. A plain `slice` is a view that keeps the
 * whole of a 300 MB text alive for as long as its first line is buffered. Half of a surrogate pair
 * is not left at the end.
 */
export function headOf(text: string, characters: number): string {
  if (text.length > MAX_OPENED_CHARACTERS) return ''
  if (text.length <= characters) return text
  const end = characters - (isHighSurrogate(text.charCodeAt(characters - 1)) ? 1 : 0)
  return ownCopy(text.slice(0, end))
}

/** The same characters, sharing memory with no other string that is longer by more than one. */
export function ownCopy(text: string): string {
  // Adding makes a new string, taking the rest of it writes that out: the old one is let go.
  return ` ${text}`.slice(1)
}

/**
 * The same text, as the engine keeps the names of properties and the program's own literals: one of
 * each, on its own. Comparing one with another is comparing two addresses.
 */
export function internal(text: string): string {
  return Object.keys({ [text]: undefined })[0] ?? text
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

/** What stands in the place of what was cut: how long the text was and, if known, its hash. */
export function cutMark(length: number, sha256: string | undefined): string {
  return sha256 === undefined
    ? `…[cut: ${length} characters]`
    : `…[cut: ${length} characters, sha256 ${sha256}]`
}

/** The mark at the end of a text that was cut before. */
export function cutMarkOf(text: string): string | undefined {
  return /…\[cut: \d{1,12} characters(?:, sha256 [0-9a-f]{64})?\]$/.exec(text.slice(-128))?.[0]
}

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

// U+0000 to U+001F, and halves of surrogate pairs: no name has them, and Postgres refuses some.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const UNFIT = /[\u0000-\u001f]|\p{Surrogate}/gu
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const MAYBE_UNFIT = /[\u0000-\u001f\ud800-\udfff]/

/** One line of well-formed text: control characters and lone surrogates become U+FFFD. */
export function plainLine(text: string): string {
  return MAYBE_UNFIT.test(text) ? text.replace(UNFIT, '\ufffd') : text
}

// JSON.stringify writes a lone surrogate and NUL as escapes, lower case; whole pairs it writes as
// they are. The second branch eats every other escape, so that in `\\u0000` the backslash that is
// itself escaped is not taken for the beginning of one.
const ESCAPE = /\\(?:(u(?:0000|d[89a-f][0-9a-f]{2}))|.)/g

/**
 * JSON text without what jsonb refuses: U+0000 and lone surrogates become U+FFFD.
 * The same string when there is nothing to mend.
 */
export function mendJson(json: string): string {
  if (!json.includes('\\u')) return json
  return json.replace(ESCAPE, (whole, refused: string | undefined) =>
    refused === undefined ? whole : '\ufffd',
  )
}

import { createHash } from 'node:crypto'

/** Hashing happens in the call: at about 1 ms for a mebibyte, this is what one entry may spend. */
export const MAX_HASHED_CHARACTERS = 256 * 1024

/**
 * Beyond this nothing of a string is kept, so that it is never looked into. Text that was put
 * together by repeating or adding has no characters yet, and taking the first one makes them all:
 * 300 MB for one `slice`.
 */
const MAX_OPENED_CHARACTERS = 1024 * 1024

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

import { createHash } from 'node:crypto'

/**
 * Most characters of one entry that are hashed. Hashing runs inside `record()` and takes about 1 ms
 * for a mebibyte.
 */
export const MAX_HASHED_CHARACTERS = 256 * 1024

/**
 * Nothing is kept of a longer string, because reading its first character can cost too much. The
 * engine writes out a repeated or concatenated string only when a part of it is read: one `slice`
 * can then allocate 300 MB.
 */
const MAX_OPENED_CHARACTERS = 1024 * 1024

/**
 * The first characters of a text, as a separate string; '' for a text of more than 1,048,576
 * characters. A plain `slice` is a view, which keeps the whole of a 300 MB text alive while its
 * first line is buffered. A surrogate pair is never split at the end.
 */
export function headOf(text: string, characters: number): string {
  if (text.length > MAX_OPENED_CHARACTERS) return ''
  if (text.length <= characters) return text
  const end = characters - (isHighSurrogate(text.charCodeAt(characters - 1)) ? 1 : 0)
  return ownCopy(text.slice(0, end))
}

/** A copy that keeps no longer string alive, except one that is longer by a single character. */
export function ownCopy(text: string): string {
  // The concatenation makes a new string and `slice` writes it out, so the old one can be
  // collected. Measured in hotpath-parts.md, "ownCopy".
  return ` ${text}`.slice(1)
}

/**
 * The same text as an interned string, which is how the engine keeps property names and literals.
 * Two interned strings are compared by their addresses, and it keeps no longer string alive. Measured
 * in hotpath-parts.md, "internal names" and in hotpath-parts.md, "internal names, not copies".
 */
export function internal(text: string): string {
  return Object.keys({ [text]: undefined })[0] ?? text
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

/** The mark that replaces the cut part: the full length of the text and, if known, its SHA-256. */
export function cutMark(length: number, sha256: string | undefined): string {
  return sha256 === undefined
    ? `…[cut: ${length} characters]`
    : `…[cut: ${length} characters, sha256 ${sha256}]`
}

/** The mark at the end of a text that was cut earlier; undefined for any other text. */
export function cutMarkOf(text: string): string | undefined {
  return /…\[cut: \d{1,12} characters(?:, sha256 [0-9a-f]{64})?\]$/.exec(text.slice(-128))?.[0]
}

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

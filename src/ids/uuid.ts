export const UUID_CHARACTERS = 36
const DASH = 45
const LAST = 2n ** 128n - 1n

/**
 * Whether the text is a UUID in its usual form: any version, in upper or lower case. Postgres reads
 * exactly these as a uuid of 36 characters.
 *
 * Not by a regular expression, which costs more: hotpath-parts.md, "isUuid by runs of digits".
 */
export function isUuid(text: string): boolean {
  if (text.length !== UUID_CHARACTERS) return false
  return (
    text.charCodeAt(8) === DASH &&
    text.charCodeAt(13) === DASH &&
    text.charCodeAt(18) === DASH &&
    text.charCodeAt(23) === DASH &&
    isHexRun(text, 0, 8) &&
    isHexRun(text, 9, 13) &&
    isHexRun(text, 14, 18) &&
    isHexRun(text, 19, 23) &&
    isHexRun(text, 24, UUID_CHARACTERS)
  )
}

/** Whether every character from `from` up to, not including, `to` is a hexadecimal digit. */
function isHexRun(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    if (HEX[text.charCodeAt(at)] !== 1) return false
  }
  return true
}

const HEX = new Uint8Array(2 ** 16)
for (const digit of '0123456789abcdefABCDEF') HEX[digit.charCodeAt(0)] = 1

/** The 32 hexadecimal digits of a UUID, without its dashes. */
export function hexOfUuid(uuid: string): string {
  return uuid.replaceAll('-', '')
}

/** The UUID with these 32 hexadecimal digits. */
export function uuidOfHex(hex: string): string {
  return (
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-` +
    `${hex.slice(16, 20)}-${hex.slice(20)}`
  )
}

/**
 * The UUID just before (-1) or just after (1) this one, among all possible values. The first UUID
 * has none before it and the last has none after it, so they are returned unchanged.
 */
export function neighbourOf(uuid: string, step: 1 | -1): string {
  const number = BigInt(`0x${hexOfUuid(uuid)}`) + BigInt(step)
  const inRange = number < 0n ? 0n : number > LAST ? LAST : number
  return uuidOfHex(inRange.toString(16).padStart(32, '0'))
}

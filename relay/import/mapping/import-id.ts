import { createHash } from 'node:crypto'
import { isUuid, uuidOfHex } from '../../../src/ids/uuid.ts'

/** Makes the id of an old entry from its key and the Unix millisecond in which it happened. */
export type ImportId = (key: string, ms: number) => string

const NUMBER = /^\d{1,15}$/
const TWO_TO_32 = 2 ** 32

/**
 * UUIDv7 (RFC 9562) of the true time, so that an entry is in its own month of the log. The rest is made
 * of the import's name and the row's key, so that the same row gets the same id each time, and is
 * logged once however often it is read.
 *
 * Of a key that is a number the lowest 32 bits come first: 12 behind the version and 20 behind the
 * variant. So entries of one millisecond have the order of their keys. 42 bits of a SHA-256 follow. Of
 * another key all 74 bits are of the SHA-256, and the order within a millisecond means nothing.
 */
export function importIds(name: string): ImportId {
  const begun = createHash('sha256').update(`${name}\0`)
  return (key, ms) => {
    const hash = begun.copy().update(key).digest('hex')
    const time = ms.toString(16).padStart(12, '0')
    if (!NUMBER.test(key)) {
      const variant = 0x8000 | (Number.parseInt(hash.slice(3, 7), 16) & 0x3fff)
      return uuidOfHex(`${time}7${hash.slice(0, 3)}${hex(variant, 4)}${hash.slice(7, 19)}`)
    }
    const order = Number(key) % TWO_TO_32
    const high = Math.floor(order / 2 ** 20)
    const low = order % 2 ** 20
    const variant = 0x8000 | (low >> 6)
    const last = ((low & 0x3f) << 2) | (Number.parseInt(hash.slice(0, 1), 16) & 3)
    return uuidOfHex(`${time}7${hex(high, 3)}${hex(variant, 4)}${hex(last, 2)}${hash.slice(1, 11)}`)
  }
}

/** A UUIDv8 (RFC 9562) of a SHA-256, for what is no UUID: the same for the same value each time. */
export function namespacedUuid(namespace: string, value: string): string {
  if (isUuid(value)) return value
  const hash = createHash('sha256').update(`${namespace}\0${value}`).digest('hex')
  const variant = 0x8000 | (Number.parseInt(hash.slice(16, 20), 16) & 0x3fff)
  return uuidOfHex(
    `${hash.slice(0, 12)}8${hash.slice(13, 16)}${hex(variant, 4)}${hash.slice(20, 32)}`,
  )
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0')
}

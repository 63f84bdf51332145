import { randomFillSync } from 'node:crypto'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const MAX_COUNTER = 0xfff
const POOL_BYTES = 8 * 512

/**
 * Makes UUIDv7 (RFC 9562, section 5.7) for given milliseconds, each greater than the one before.
 *
 * Within a millisecond, or when the clock goes back, `rand_a` counts (section 6.2, method 1); when
 * its 12 bits are used up, the millisecond is counted on.
 */
export function createIdGenerator(): (unixMs: number) => string {
  // Random bytes cost the same for one id as for five hundred.
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  let lastMs = -1
  let counter = 0
  let timePart = ''
  return (unixMs) => {
    if (used === POOL_BYTES) {
      randomFillSync(pool)
      used = 0
    }
    if (unixMs > lastMs) {
      lastMs = unixMs
      counter = 0
      timePart = timeOf(unixMs)
    } else if (counter === MAX_COUNTER) {
      lastMs += 1
      counter = 0
      timePart = timeOf(lastMs)
    } else {
      counter += 1
    }
    const hex = (at: number) => HEX[pool[used + at] as number] as string
    const variant = HEX[((pool[used] as number) & 0x3f) | 0x80] as string
    const id =
      `${timePart}-7${HEX[counter >> 8]?.[1]}${HEX[counter & 0xff]}-${variant}${hex(1)}-` +
      `${hex(2)}${hex(3)}${hex(4)}${hex(5)}${hex(6)}${hex(7)}`
    used += 8
    return id
  }
}

function timeOf(unixMs: number): string {
  const hex = unixMs.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

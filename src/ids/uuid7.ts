import { randomFillSync } from 'node:crypto'
import { isUuid } from './uuid.ts'

/** Makes an id for an event at this Unix millisecond. The ids of one generator only grow. */
export type IdGenerator = (ms: number) => string

/** Fills the array with random words. Tests pass their own. */
export type FillRandom = (words: Uint16Array) => void

/** The last Unix millisecond that an id can hold, in 48 bits. */
export const MAX_RECORDED_MS = 2 ** 48 - 1
/** Random words fetched in one call. Measured in hotpath-parts.md, "random words in batches". */
const BATCHED_WORDS = 4_096
/** Random words for one id. A word is four hexadecimal digits. */
const WORDS_AN_ID = 6
/**
 * The first of an id's random words. The counter may begin with them; the rest of the id follows.
 */
const COUNTER_WORDS = 2
const DIGITS = Array.from({ length: 4_096 }, (_, n) => n.toString(16).padStart(3, '0'))
const VARIANTS = ['8', '9', 'a', 'b']

/**
 * UUIDv7 (RFC 9562): 48 bits of milliseconds, a counter of 26 bits, 48 random bits.
 *
 * The counter fills `rand_a` and the top of `rand_b`, as in method 1 of the RFC. In each
 * millisecond it begins at a random value whose highest bit is clear, so 33 million ids fit after
 * any beginning. When the clock stands still or goes back, the generator keeps the last millisecond
 * and goes on counting. If the counter runs out, the generator uses the next millisecond early.
 */
export function createIdGenerator(fillRandom: FillRandom = randomFillSync): IdGenerator {
  const random = new Uint16Array(BATCHED_WORDS)
  const bytes = Buffer.from(random.buffer)
  let digits = '' // the same words in hexadecimal, because slicing is cheaper than formatting
  let used = BATCHED_WORDS
  let lastMs = -1
  let upper = -1
  let prefix = '' // the time without its last 12 bits; it changes every four seconds
  let time = ''
  let high = 0 // the upper 12 bits of the counter, after the version
  let low = 0 // the lower 14 bits of the counter, after the variant

  function begin(ms: number): void {
    lastMs = ms
    if (upper !== Math.floor(ms / 2 ** 12)) {
      upper = Math.floor(ms / 2 ** 12)
      const nine = upper.toString(16).padStart(9, '0')
      prefix = `${nine.slice(0, 8)}-${nine.slice(8)}`
    }
    time = `${prefix}${DIGITS[ms % 2 ** 12]}-7`
    high = (random[used] ?? 0) & 0x7ff
    low = (random[used + 1] ?? 0) & 0x3fff
  }

  function count(): void {
    low += 1
    if (low <= 0x3fff) return
    low = 0
    high += 1
    if (high > 0xfff) begin(lastMs + 1)
  }

  return (ms) => {
    if (used + WORDS_AN_ID > BATCHED_WORDS) {
      fillRandom(random)
      digits = bytes.toString('hex')
      used = 0
    }
    const wanted = ms > 0 ? Math.min(Math.trunc(ms), MAX_RECORDED_MS) : 0
    if (wanted > lastMs) begin(wanted)
    else count()
    const rest = (used + COUNTER_WORDS) * 4
    const id =
      `${time}${DIGITS[high]}-${VARIANTS[low >> 12]}${DIGITS[low & 0xfff]}-` +
      digits.slice(rest, rest + 12)
    used += WORDS_AN_ID
    return id
  }
}

/** Whether the text is a UUID whose version field is 7. */
export function isUuid7(text: string): boolean {
  return text.charAt(14) === '7' && isUuid(text)
}

/** The Unix milliseconds in the first 48 bits of a UUIDv7 (RFC 9562, section 5.7). */
export function recordedMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

/** Whether an id can hold this time: a whole number from 0 to `MAX_RECORDED_MS`. */
export function isRecordable(ms: number): boolean {
  return Number.isInteger(ms) && ms >= 0 && ms <= MAX_RECORDED_MS
}

/**
 * The smallest id that an entry recorded at or after this Unix millisecond can have (RFC 9562,
 * section 5.7). It computes what `audit.id_floor` does, but without the server, so that the planner
 * can exclude partitions.
 */
export function idFloor(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}

import { randomFillSync } from 'node:crypto'
import { isUuid } from './uuid.ts'

/** Makes an id for something that happened at this millisecond. Ids of one generator only grow. */
export type IdGenerator = (ms: number) => string

/** Fills with randomness; given from outside in tests. */
export type FillRandom = (words: Uint16Array) => void

/** The last millisecond that an id can hold: 48 bits. */
export const MAX_RECORDED_MS = 2 ** 48 - 1
/** Random words got at once: asking the system costs more than a hundred ids. */
const BATCHED_WORDS = 4_096
/** What an id takes: four hexadecimal digits a word. */
const WORDS_AN_ID = 6
/** Of an id's words, those that the counter may begin with: they come before the others. */
const COUNTER_WORDS = 2
const DIGITS = Array.from({ length: 4_096 }, (_, n) => n.toString(16).padStart(3, '0'))
const VARIANTS = ['8', '9', 'a', 'b']

/**
 * UUIDv7 (RFC 9562): 48 bits of milliseconds, a counter of 26 bits, 48 random bits.
 *
 * The counter stands where the RFC's method 1 puts it, at the top of `rand_a` and on into `rand_b`.
 * It begins at random in each millisecond with its highest bit clear, so 33 million ids fit behind
 * any beginning. When the clock stands still or goes back, the last millisecond is kept and the
 * counter goes on; should it ever run out, the next millisecond is taken before its time.
 */
export function createIdGenerator(fillRandom: FillRandom = randomFillSync): IdGenerator {
  const random = new Uint16Array(BATCHED_WORDS)
  const bytes = Buffer.from(random.buffer)
  let digits = '' // the same words, in hexadecimal: cutting out twelve digits is cheaper than making them
  let used = BATCHED_WORDS
  let lastMs = -1
  let upper = -1
  let prefix = '' // the time but for its last 12 bits, which stays for four seconds
  let time = ''
  let high = 0 // 12 bits of the counter, after the version
  let low = 0 // 14 bits of it, after the variant

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

/** Whether it is a UUID that says of itself that it is of version 7. */
export function isUuid7(text: string): boolean {
  return text.charAt(14) === '7' && isUuid(text)
}

/** The Unix milliseconds that a UUIDv7 begins with (RFC 9562, section 5.7). */
export function recordedMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

/** Whether it is a moment that an entry can have been recorded at. */
export function isRecordable(ms: number): boolean {
  return Number.isInteger(ms) && ms >= 0 && ms <= MAX_RECORDED_MS
}

/**
 * The smallest id that an entry recorded at or after this moment can have (RFC 9562, section 5.7):
 * what `audit.id_floor` does, without asking the server, so that a plan can leave out partitions.
 */
export function idFloor(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}

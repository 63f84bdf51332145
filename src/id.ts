import { randomFillSync } from 'node:crypto'

/** Makes an id for something that happened at this millisecond. Ids of one generator only grow. */
export type IdGenerator = (ms: number) => string

/** Fills with randomness; given from outside in tests. */
export type FillRandom = (words: Uint16Array) => void

const MAX_MS = 2 ** 48 - 1
/** Random words got at once: asking the system costs more than a hundred ids. */
const BATCHED_WORDS = 4_096
const WORDS_AN_ID = 6
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
  let used = BATCHED_WORDS
  let lastMs = -1
  let time = ''
  let high = 0 // 12 bits of the counter, after the version
  let low = 0 // 14 bits of it, after the variant

  const twelve = (word: number): string => DIGITS[(random[word] ?? 0) & 0xfff] ?? '000'

  function begin(ms: number): void {
    lastMs = ms
    const upper = Math.floor(ms / 2 ** 24)
    const lower = ms % 2 ** 24
    const hex = (n: number): string => DIGITS[n & 0xfff] ?? '000'
    const digits = hex(upper >> 12) + hex(upper) + hex(lower >> 12) + hex(lower)
    time = `${digits.slice(0, 8)}-${digits.slice(8)}-7`
    high = (random[used + 4] ?? 0) & 0x7ff
    low = (random[used + 5] ?? 0) & 0x3fff
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
      used = 0
    }
    const wanted = ms > 0 ? Math.min(Math.trunc(ms), MAX_MS) : 0
    if (wanted > lastMs) begin(wanted)
    else count()
    const counter = `${DIGITS[high]}-${VARIANTS[low >> 12]}${DIGITS[low & 0xfff]}`
    const rest = twelve(used) + twelve(used + 1) + twelve(used + 2) + twelve(used + 3)
    used += WORDS_AN_ID
    return `${time}${counter}-${rest}`
  }
}

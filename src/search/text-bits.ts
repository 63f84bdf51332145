import { fold } from './fold.ts'

// A text stands in the search as bits: those of each run of 3, 5 and 8 characters in it. A text that holds
// another one has all of its bits, so who looks for bits misses nothing, and finds a little too much. Which
// words they were cannot be read from them.
//
// A bit is a whole number of 32 digits with a sign, which is what the engine keeps without an object. Who
// keeps fewer bits takes its last digits.

/** Run lengths, and how many bits each run has. Short runs have more, because a short word has few runs. */
const SHORT = { length: 3, bits: 4 } as const
const MIDDLE = { length: 5, bits: 3 } as const
const LONG = { length: 8, bits: 2 } as const
/** Bits of a whole id. A word can be one, so with few of them half of the groups would have each word. */
const ID_BITS = 12
/**
 * Of a longer word so many of its long runs are looked for. Reading a hundred slices costs as much as one group
 * that is looked at without a match.
 */
const MOST_LONG_RUNS = 16
/** A word with fewer long runs than this is looked for by its shorter ones, too. */
const FEW_LONG_RUNS = 6
const ID_SEED = 0x5bd1e995

/** A row of bits, as many as its mask says. */
export interface BitRow {
  readonly bytes: Uint8Array
  /** Where it begins. */
  readonly from: number
  /** A power of two less one. */
  readonly mask: number
}

/** Sets the bits of a text that is kept. */
export function markText(row: BitRow, text: string): void {
  const folded = fold(text)
  for (const { length, bits } of [SHORT, MIDDLE, LONG]) {
    for (let at = 0; at + length <= folded.length; at += 1) {
      mark(row, hashOf(folded, at, length, length), bits)
    }
  }
}

/** Sets the bits of an id that is kept. It is found as a whole only. */
export function markId(row: BitRow, id: string): void {
  const folded = fold(id)
  mark(row, hashOf(folded, 0, folded.length, ID_SEED), ID_BITS)
}

function mark({ bytes, from, mask }: BitRow, hash: number, bits: number): void {
  const step = stepOf(hash)
  let bit = hash
  for (let n = 0; n < bits; n += 1) {
    const place = bit & mask
    const at = from + (place >> 3)
    bytes[at] = (bytes[at] as number) | (1 << (place & 7))
    bit = (bit + step) | 0
  }
}

/** Bits that each text has that holds this one. Undefined: it is too short to have any. */
export function bitsToFind(text: string): readonly number[] | undefined {
  const folded = fold(text)
  if (folded.length < SHORT.length) return undefined
  const long = runsOf(folded, LONG, MOST_LONG_RUNS)
  if (folded.length < LONG.length) {
    return [...runsOf(folded, SHORT), ...runsOf(folded, MIDDLE)]
  }
  return folded.length - LONG.length < FEW_LONG_RUNS - 1
    ? [...long, ...runsOf(folded, MIDDLE)]
    : long
}

/** The bits of the runs of one length, or of so many of them, which lie apart. */
function runsOf(
  folded: string,
  { length, bits }: { readonly length: number; readonly bits: number },
  most = Number.POSITIVE_INFINITY,
): readonly number[] {
  const last = folded.length - length
  const runs = Math.max(0, Math.min(most, last + 1))
  return Array.from({ length: runs }, (_, n) => {
    const at = runs === 1 ? 0 : Math.round((n * last) / (runs - 1))
    return spread(hashOf(folded, at, length, length), bits)
  }).flat()
}

/** The bits of an id that is looked for. */
export function bitsToFindId(id: string): readonly number[] {
  const folded = fold(id)
  return spread(hashOf(folded, 0, folded.length, ID_SEED), ID_BITS)
}

function spread(hash: number, bits: number): readonly number[] {
  return Array.from({ length: bits }, (_, n) => (hash + Math.imul(n, stepOf(hash))) | 0)
}

/** By the first digits: of two runs that share their last ones, which are the place, the others tell them apart. */
function stepOf(hash: number): number {
  return Math.imul(hash >>> 14, 0x9e3779b1) | 1
}

/** FNV-1a over UTF-16 units, with a last mix, because its low digits alone are poor. */
function hashOf(text: string, from: number, length: number, seed: number): number {
  let hash = 0x811c9dc5 ^ seed
  for (let at = from; at < from + length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

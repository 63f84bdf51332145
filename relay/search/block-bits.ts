import { recordedMs } from '../../src/ids/uuid7.ts'
import {
  BLOCK_GROUPS,
  firstSeqOf,
  GROUP_ENTRIES,
  MEMBERS_BYTES,
  SLICE_BYTES,
  TIMES_BYTES,
} from '../../src/search/layout.ts'
import { markId, markText } from '../../src/search/text-bits.ts'
import type { FollowedEntry } from '../follow/followed-entry.ts'
import { idsOf, textsOf } from './entry-texts.ts'

/** Bits of a group at the most and at the least, as powers of two. */
const MOST_LOG2 = 18
const LEAST_LOG2 = 12
const GROUP_BYTES = 2 ** MOST_LOG2 / 8
/** A group should have no more of its bits than this, so that it is seldom read without a match in it. */
const MOST_FULL = 0.45

/** A block or a run of them as it is stored: a slice of each bit, one behind the other. */
export interface Slices {
  readonly blocks: number
  readonly log2: number
  readonly bytes: Buffer
}

/** The groups of a block or a run of them. */
export interface RunGroups {
  /** The first and the last moment of each group, six bytes each. */
  readonly times: Buffer
  /** Which entries each group has, two bytes each. */
  readonly members: Buffer
  /** Infinite where it has no entry. */
  readonly minMs: number
  readonly maxMs: number
}

/** What is kept of an entry until its group is known. */
interface WaitingEntry {
  readonly place: number
  readonly ms: number
  readonly action: string
  /** Undefined: it cannot be read. */
  readonly texts: readonly string[] | undefined
  readonly ids: readonly string[]
}

/** Characters of the texts that wait for their groups. With more of them entries are sorted some at a time. */
const MOST_WAITING = 8 * 1024 * 1024

/** The bits of a block's groups, made from its entries. */
export class BlockBits {
  readonly #firstSeq: number
  readonly #bits = new Uint8Array(GROUP_BYTES * BLOCK_GROUPS)
  // The greatest moment and 0, for each group.
  readonly #times = Buffer.alloc(TIMES_BYTES * BLOCK_GROUPS, 'ffffffffffff000000000000', 'hex')
  readonly #members = Buffer.alloc(MEMBERS_BYTES * BLOCK_GROUPS, 0xff)
  readonly #isFull = new Set<number>()
  #waiting: WaitingEntry[] = []
  #waitingCharacters = 0
  /** Entries that have their group. */
  #placed = 0
  /** Most texts of a group are there several times. */
  readonly #texts = new Set<string>()
  #minMs = Number.POSITIVE_INFINITY
  #maxMs = 0

  constructor(block: number) {
    this.#firstSeq = firstSeqOf(block)
  }

  add(entry: FollowedEntry): void {
    const texts: string[] = []
    const ids: string[] = []
    if (!entry.isUnreadable) {
      textsOf(entry, (text) => {
        texts.push(text)
        this.#waitingCharacters += text.length
      })
      idsOf(entry, (id) => ids.push(id))
    }
    this.#waiting.push({
      place: entry.seq - this.#firstSeq,
      ms: recordedMs(entry.id),
      action: entry.action,
      texts: entry.isUnreadable ? undefined : texts,
      ids,
    })
    if (this.#waitingCharacters > MOST_WAITING) this.#placeAll()
  }

  /** Entries of one action next to each other, so that few groups have it. In it they are in their order. */
  #placeAll(): void {
    const inOrder = this.#waiting.sort((one, other) =>
      one.action === other.action ? one.place - other.place : one.action < other.action ? -1 : 1,
    )
    for (const entry of inOrder) this.#place(entry)
    this.#waiting = []
    this.#waitingCharacters = 0
  }

  #place({ place, ms, texts, ids }: WaitingEntry): void {
    const group = Math.floor(this.#placed / GROUP_ENTRIES)
    if (this.#placed % GROUP_ENTRIES === 0) this.#texts.clear()
    this.#members.writeUInt16BE(place, 2 * this.#placed)
    this.#placed += 1
    this.#noteTime(group, ms)
    if (texts === undefined) this.#isFull.add(group)
    if (texts === undefined || this.#isFull.has(group)) return
    const row = { bytes: this.#bits, from: group * GROUP_BYTES, mask: 2 ** MOST_LOG2 - 1 }
    for (const text of texts) {
      if (this.#texts.has(text)) continue
      this.#texts.add(text)
      markText(row, text)
    }
    for (const id of ids) markId(row, id)
  }

  #noteTime(group: number, ms: number): void {
    this.#minMs = Math.min(this.#minMs, ms)
    this.#maxMs = Math.max(this.#maxMs, ms)
    const at = group * TIMES_BYTES
    this.#times.writeUIntBE(Math.min(ms, this.#times.readUIntBE(at, 6)), at, 6)
    this.#times.writeUIntBE(Math.max(ms, this.#times.readUIntBE(at + 6, 6)), at + 6, 6)
  }

  /** The bits of all entries that were added, and which of them the groups have. */
  finish(): { readonly slices: Slices; readonly groups: RunGroups } {
    this.#placeAll()
    const [times, members, minMs, maxMs] = [this.#times, this.#members, this.#minMs, this.#maxMs]
    return { slices: this.#slices(), groups: { times, members, minMs, maxMs } }
  }

  /** As few bits of each group as are not too full. */
  #slices(): Slices {
    let bytes = GROUP_BYTES
    const groups = Array.from({ length: BLOCK_GROUPS }, (_, group) =>
      this.#bits.subarray(group * GROUP_BYTES, (group + 1) * GROUP_BYTES),
    )
    let rows: readonly Uint8Array[] = groups
    let log2 = MOST_LOG2
    while (log2 > LEAST_LOG2) {
      const half = bytes / 2
      const narrower = rows.map((row) => folded(row, half))
      if (fullnessOf(narrower) > MOST_FULL) break
      rows = narrower
      bytes = half
      log2 -= 1
    }
    for (const group of this.#isFull) rows[group]?.fill(0xff)
    return { blocks: 1, log2, bytes: turned(rows, 2 ** log2) }
  }
}

const ONES = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte.toString(2).replaceAll('0', '').length,
)

/** The share of bits that are set, of groups that have any. */
function fullnessOf(rows: readonly Uint8Array[]): number {
  let [ones, bits] = [0, 0]
  for (const row of rows) {
    let own = 0
    for (let at = 0; at < row.length; at += 1) own += ONES[row[at] as number] as number
    if (own > 0) bits += row.length * 8
    ones += own
  }
  return bits === 0 ? 0 : ones / bits
}

/** A row of half as many bits, each of which stands for two. */
function folded(row: Uint8Array, half: number): Uint8Array {
  const narrower = row.slice(0, half)
  for (let at = 0; at < half; at += 1) {
    narrower[at] = (narrower[at] as number) | (row[at + half] as number)
  }
  return narrower
}

/** A slice for each bit: bit `g` of it is that of group `g`. */
function turned(rows: readonly Uint8Array[], bits: number): Buffer {
  const slices = Buffer.alloc(bits * SLICE_BYTES)
  for (const [group, row] of rows.entries()) {
    const [at, mark] = [group >>> 3, 1 << (group & 7)]
    for (let byte = 0; byte < row.length; byte += 1) {
      let rest = row[byte] ?? 0
      while (rest !== 0) {
        const bit = 31 - Math.clz32(rest & -rest)
        rest &= rest - 1
        const place = (byte * 8 + bit) * SLICE_BYTES + at
        slices[place] = (slices[place] ?? 0) | mark
      }
    }
  }
  return slices
}

/** Blocks that follow each other, as one run. One with fewer bits has each of them several times. */
export function joined(blocks: readonly Slices[]): Slices {
  const log2 = Math.max(...blocks.map((block) => block.log2))
  const width = SLICE_BYTES * blocks.length
  const bytes = Buffer.alloc(2 ** log2 * width)
  for (const [n, block] of blocks.entries()) {
    const mask = 2 ** block.log2 - 1
    for (let bit = 0; bit < 2 ** log2; bit += 1) {
      const from = (bit & mask) * SLICE_BYTES
      block.bytes.copy(bytes, bit * width + n * SLICE_BYTES, from, from + SLICE_BYTES)
    }
  }
  return { blocks: blocks.length, log2, bytes }
}

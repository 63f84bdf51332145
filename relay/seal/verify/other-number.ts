import { leafHash, leafText } from '../../../src/seal/leaf.ts'
import { TILE_WIDTH } from '../../../src/seal/tiles.ts'
import { HASH_BYTES } from '../../../src/seal/tree.ts'
import type { Asked } from './ask.ts'
import { rowOpening } from './entry-leaf.ts'
import type { Findings } from './finding.ts'
import { readSalts, SALTED_SEQS } from './seal-tables.ts'
import type { SealedOrigin } from './sealed-origin.ts'
import type { StoredEntry } from './stretch-rows.ts'

/** Entries that are kept until the end, to find out under which number they were sealed. */
const MOST_KEPT = 100
/** A longer line is not tried under other numbers. */
const MOST_CHARACTERS = 65_536
/** Rows of salts that are kept in memory, of 4 KiB each. */
const MOST_SALTS = 64

interface Kept extends StoredEntry {
  readonly origin: SealedOrigin
  readonly text: string
}

/**
 * Finds out whether an entry that is not the one of its number was sealed under another number: two
 * entries were swapped, or those behind a deleted one were numbered again.
 */
export class OtherNumbers {
  readonly #asked: Asked
  readonly #findings: Findings
  readonly #kept: Kept[] = []
  readonly #salts = new Map<number, Buffer>()
  /** How far the last entry that was found lay from its number: the next one often lies as far. */
  #shift = 1
  #isFlood = false

  constructor(asked: Asked, findings: Findings) {
    this.#asked = asked
    this.#findings = findings
  }

  /** @param text the finding's words, for the case that no other number fits */
  async explain(origin: SealedOrigin, entry: StoredEntry, text: string): Promise<void> {
    const { seq } = entry
    for (const shift of new Set([this.#shift, 1, -1])) {
      if (!(await this.#fits(origin, entry, seq + shift))) continue
      this.#shift = shift
      this.#swapped(seq, seq + shift)
      return
    }
    const isSmall = (entry.line?.length ?? 0) <= MOST_CHARACTERS
    if (this.#kept.length === MOST_KEPT) {
      // In a flood nobody looks for each entry's own number. The first ones are named first.
      await this.settle()
      this.#isFlood = true
    }
    if (isSmall && !this.#isFlood) this.#kept.push({ ...entry, origin, text })
    else this.#findings.add('changed', seq, text)
  }

  /** Tries each entry that is left under the numbers of the others. */
  async settle(): Promise<void> {
    for (const entry of this.#kept) {
      const other = await this.#otherOf(entry)
      if (other === undefined) this.#findings.add('changed', entry.seq, entry.text)
      else this.#swapped(entry.seq, other)
    }
    this.#kept.length = 0
  }

  async #otherOf(entry: Kept): Promise<number | undefined> {
    for (const { seq } of this.#kept) {
      if (seq !== entry.seq && (await this.#fits(entry.origin, entry, seq))) return seq
    }
    return undefined
  }

  #swapped(seq: number, other: number): void {
    this.#findings.add(
      'swapped',
      seq,
      `seq ${seq} carries the content that was sealed as ${other}.`,
    )
  }

  async #fits(origin: SealedOrigin, { line }: StoredEntry, seq: number): Promise<boolean> {
    const index = seq - origin.firstSeq
    if (line === undefined || index < 0 || index >= origin.size) return false
    const opening = rowOpening(await this.#saltsOf(seq), seq)
    if (opening === undefined) return false
    const place = index % TILE_WIDTH
    const tile = await origin.tree.read({ level: 0, n: Math.floor(index / TILE_WIDTH) }, place + 1)
    const sealed = tile.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES)
    try {
      const text = leafText(line.replace(/^\{"seq":\d+/, `{"seq":${seq}`), opening)
      return leafHash(text).equals(sealed)
    } catch (error) {
      if (Reflect.get(Object(error), 'code') === 'AUDIT_NOT_PROVED') return false
      throw error
    }
  }

  async #saltsOf(seq: number): Promise<Buffer | undefined> {
    const n = Math.floor(seq / SALTED_SEQS)
    const known = this.#salts.get(n)
    if (known !== undefined) return known
    const salts = (await readSalts(this.#asked, seq, seq)).get(n)
    const [oldest] = this.#salts.keys()
    if (this.#salts.size >= MOST_SALTS && oldest !== undefined) this.#salts.delete(oldest)
    if (salts !== undefined) this.#salts.set(n, salts)
    return salts
  }
}

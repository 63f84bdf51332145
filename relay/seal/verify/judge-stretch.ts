import { leafHash, missingText } from '../../../src/seal/leaf.ts'
import { TILE_WIDTH } from '../../../src/seal/tiles.ts'
import { HASH_BYTES } from '../../../src/seal/tree.ts'
import type { Asked } from './ask.ts'
import { erasedFields, fieldIn, leafOf } from './entry-leaf.ts'
import type { Finding } from './finding.ts'
import type { Clock, Said } from './said.ts'
import { type Erasure, readErasures, readSalts, readTiles, SALTED_SEQS } from './seal-tables.ts'
import type { SealedOrigin } from './sealed-origin.ts'
import type { StoredEntry, StretchReader } from './stretch-rows.ts'

/** A run of leaves, and all that is stored of them. */
export interface Stretch {
  readonly origin: SealedOrigin
  /** The first leaf and the one behind the last. */
  readonly from: number
  readonly to: number
  readonly entries: readonly StoredEntry[]
  readonly tiles: ReadonlyMap<number, Buffer>
  readonly salts: ReadonlyMap<number, Buffer>
  readonly erasures: ReadonlyMap<number, Erasure>
}

/** What the entries of a stretch came to. */
export interface Judged {
  /** Entries that are as they were sealed. */
  readonly rows: number
  /** Numbers whose entries a policy removed. */
  readonly expired: number
  /** Entries of which something was erased. */
  readonly erased: number
  /** Erasures whose entry is still on its way. */
  readonly pending: number
  readonly findings: readonly Finding[]
  /** Entries that are not those of their seal: each may have been sealed under another number. */
  readonly changed: readonly StoredEntry[]
}

/** Reads everything that is stored of a run of leaves. */
export async function loadStretch(
  asked: Asked,
  reader: StretchReader,
  origin: SealedOrigin,
  [from, to]: readonly [number, number],
): Promise<Stretch> {
  const [first, last] = [origin.firstSeq + from, origin.firstSeq + to - 1]
  const tile = Math.floor(from / TILE_WIDTH)
  const count = Math.ceil(to / TILE_WIDTH) - tile
  const [entries, tiles, salts, erasures] = await Promise.all([
    reader.read(first, last),
    readTiles(asked, origin.origin, { level: 0, n: tile }, count),
    readSalts(asked, first, last),
    readErasures(asked, first, last),
  ])
  return { origin, from, to, entries, tiles, salts, erasures }
}

/** Compares each entry of a stretch with its leaf. */
export function judgeStretch(stretch: Stretch, said: Said, clock: Clock): Judged {
  const judge = new Judge(stretch, said, clock)
  const { from, to, origin, entries } = stretch
  let at = 0
  for (let index = from; index < to; index += 1) {
    const seq = origin.firstSeq + index
    const own: StoredEntry[] = []
    for (let entry = entries[at]; entry?.seq === seq; entry = entries[at]) {
      own.push(entry)
      at += 1
    }
    judge.take(seq, own, sealedLeaf(stretch, index))
  }
  return judge.judged
}

/** Undefined where the tile does not hold it. */
function sealedLeaf({ tiles }: Stretch, index: number): Buffer | undefined {
  const place = (index % TILE_WIDTH) * HASH_BYTES
  const leaf = tiles.get(Math.floor(index / TILE_WIDTH))?.subarray(place, place + HASH_BYTES)
  return leaf?.length === HASH_BYTES ? leaf : undefined
}

class Judge {
  readonly #stretch: Stretch
  readonly #said: Said
  readonly #clock: Clock
  readonly #findings: Finding[] = []
  readonly #changed: StoredEntry[] = []
  #rows = 0
  #expired = 0
  #erased = 0
  #pending = 0

  constructor(stretch: Stretch, said: Said, clock: Clock) {
    this.#stretch = stretch
    this.#said = said
    this.#clock = clock
  }

  get judged(): Judged {
    return {
      rows: this.#rows,
      expired: this.#expired,
      erased: this.#erased,
      pending: this.#pending,
      findings: this.#findings,
      changed: this.#changed,
    }
  }

  /** @param sealed undefined where its tile is damaged, which is a finding of its own */
  take(seq: number, entries: readonly StoredEntry[], sealed: Buffer | undefined): void {
    const [entry, ...others] = entries
    if (entry === undefined) {
      this.#gone(seq, sealed)
      return
    }
    if (others.length > 0) {
      this.#add('duplicate', seq, `seq ${seq} has ${entries.length} entries.`)
    }
    const erasure = this.#stretch.erasures.get(seq)
    for (const one of entries) this.#compare(one, erasure, sealed)
  }

  #gone(seq: number, sealed: Buffer | undefined): void {
    if (this.#said.isRemoved(seq)) {
      this.#expired += 1
    } else if (sealed?.equals(leafHash(missingText(seq)))) {
      this.#add('missing-before-seal', seq, `seq ${seq} was gone before it was sealed.`)
    } else {
      this.#add('deleted', seq, `seq ${seq} was sealed and is gone.`)
    }
  }

  #compare(entry: StoredEntry, erasure: Erasure | undefined, sealed: Buffer | undefined): void {
    const { seq } = entry
    if (erasure !== undefined && !this.#isErasedByTheBook(entry, erasure)) return
    const salts = this.#stretch.salts.get(Math.floor(seq / SALTED_SEQS))
    const found = leafOf(entry, salts, seq, erasure)
    if (!('leaf' in found)) {
      if (found.why === 'misfit') this.#change(entry, found.text)
      else this.#add(found.why, seq, `seq ${seq}: ${found.text}`)
    } else if (sealed !== undefined && !found.leaf.equals(sealed)) {
      this.#change(entry, 'It is not what was sealed.')
    } else if (sealed !== undefined) {
      this.#rows += 1
    }
  }

  /** Each erased field must be empty, and a sealed entry must say that it was erased. */
  #isErasedByTheBook({ seq, row }: StoredEntry, erasure: Erasure): boolean {
    const fields = erasedFields(erasure)
    const filled = fields.filter((field) => fieldIn(row, field) !== null)
    if (filled.length > 0) {
      const text = `seq ${seq}: ${filled.join(', ')} was erased, and holds a value again.`
      this.#add('written-back', seq, text)
      return false
    }
    this.#erased += 1
    const unsaid = fields.filter((field) => !this.#said.isErased(seq, field))
    if (unsaid.length === 0 && fields.length > 0) return true
    const { nowMs, patienceMs } = this.#clock
    if (erasure.erasedMs <= nowMs && erasure.erasedMs > nowMs - patienceMs) {
      this.#pending += 1
      return true
    }
    const what = unsaid.length > 0 ? unsaid.join(', ') : 'something'
    this.#add('erased-unsaid', seq, `seq ${seq}: ${what} was erased, and no sealed entry says so.`)
    return true
  }

  #change(entry: StoredEntry, text: string): void {
    this.#changed.push(entry)
    this.#add('changed', entry.seq, `seq ${entry.seq}: ${text}`)
  }

  #add(kind: Finding['kind'], seq: number, text: string): void {
    this.#findings.push({ kind, seq, text })
  }
}

import { leafHash, readLeaf } from './leaf.ts'
import { type Subtree, subtreesBetween, TreeFold } from './many-leaves.ts'
import { altered } from './not-proved.ts'
import { splitSeal } from './proof.ts'

/** The tree in which the entries of a file are looked for. */
export interface WalkedTree {
  /** The number of its first leaf. */
  readonly firstSeq: number
  readonly size: number
}

/** What the lines of a file say of themselves. */
export interface Walked {
  readonly rows: number
  /** Lines without a seal. Nothing proves them. */
  readonly unsealed: number
  readonly firstSeq: number | undefined
  readonly lastSeq: number | undefined
  /** How many numbers between the first and the last entry the file does not have. */
  readonly leftOut: number
  /** Which entries do not show a field: it was erased, or left out. */
  readonly withErased: number
}

/** Lines of one piece of a file, without their line feeds. */
export type Lines = AsyncIterable<readonly Buffer[]>

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Walks over a tree from left to right, with the entries of a file at their places and other hashes
 * for all that lies between. One who has the tiles makes a proof in this way, and one who has the
 * proof checks it: the root is the same.
 */
export class TreeWalk {
  readonly #tree: WalkedTree
  readonly #beside: (at: Subtree) => Promise<Buffer>
  readonly #fold = new TreeFold()
  #rows = 0
  #unsealed = 0
  #withErased = 0
  #firstSeq: number | undefined
  #lastSeq: number | undefined

  /** @param beside gives the hash of each subtree without an entry of the file, from left to right */
  constructor(tree: WalkedTree, beside: (at: Subtree) => Promise<Buffer>) {
    this.#tree = tree
    this.#beside = beside
  }

  get walked(): Walked {
    const [first, last] = [this.#firstSeq, this.#lastSeq]
    const between = first === undefined || last === undefined ? 0 : last - first + 1
    return {
      rows: this.#rows,
      unsealed: this.#unsealed,
      firstSeq: first,
      lastSeq: last,
      leftOut: between - this.#rows,
      withErased: this.#withErased,
    }
  }

  /**
   * The next entry of the file.
   *
   * @returns its place in the tree and its leaf's hash; undefined where the line has no seal
   * @throws {NotProvedError} `AUDIT_NOT_PROVED` where the line is none, or not in order
   */
  async line(
    bytes: Buffer,
  ): Promise<{ readonly index: number; readonly leaf: Buffer } | undefined> {
    const text = decoded(bytes)
    if (!text.includes(',"seal":')) {
      this.#count(Number(/^\{"seq":(\d{1,16}),/.exec(text)?.[1] ?? Number.NaN))
      this.#unsealed += 1
      return undefined
    }
    const { body, opening } = splitSeal(text)
    const { seq, text: leafText } = readLeaf(body, opening)
    this.#count(seq)
    if (!('salt' in opening)) this.#withErased += 1
    const index = seq - this.#tree.firstSeq
    if (index < 0 || index >= this.#tree.size) {
      throw altered(`Entry ${seq} is not one of the ${this.#tree.size} that were sealed.`)
    }
    await this.#skipTo(index)
    const leaf = leafHash(leafText)
    this.#fold.push(1, leaf)
    return { index, leaf }
  }

  /** Walks to the end of the tree. @returns its root, as the file and the other hashes make it */
  async root(): Promise<Buffer> {
    await this.#skipTo(this.#tree.size)
    return this.#fold.root()
  }

  async #skipTo(index: number): Promise<void> {
    for (const subtree of subtreesBetween(this.#fold.size, index)) {
      this.#fold.push(subtree.width, await this.#beside(subtree))
    }
  }

  #count(seq: number): void {
    if (Number.isNaN(seq)) throw altered(`Line ${this.#rows + 1} does not begin with its seq.`)
    if (this.#lastSeq !== undefined && seq <= this.#lastSeq) {
      throw altered(`Entry ${seq} stands after entry ${this.#lastSeq}.`)
    }
    this.#firstSeq ??= seq
    this.#lastSeq = seq
    this.#rows += 1
  }
}

function decoded(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw altered('The file is not UTF-8.')
  }
}

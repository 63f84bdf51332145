import { emptyRoot, nodeHash } from './tree.ts'

/** A full subtree: `width` leaves, a power of two, from a multiple of it on. */
export interface Subtree {
  readonly start: number
  readonly width: number
}

/** The greatest full subtrees that together are the leaves from one place to another, the end excluded. */
export function* subtreesBetween(from: number, to: number): Generator<Subtree, void, undefined> {
  for (let start = from; start < to; ) {
    let width = 1
    while (start % (2 * width) === 0 && start + 2 * width <= to) width *= 2
    yield { start, width }
    start += width
  }
}

/** Makes the root of a tree from its leaves and subtrees, from left to right, in little memory. */
export class TreeFold {
  readonly #nodes: { width: number; hash: Buffer }[] = []
  #size = 0

  /** How many leaves there are so far. */
  get size(): number {
    return this.#size
  }

  /** Adds a subtree on the right: one of `subtreesBetween`, or a leaf, whose width is 1. */
  push(width: number, subtree: Buffer): void {
    let hash = subtree
    let grown = width
    for (let last = this.#nodes.at(-1); last?.width === grown; last = this.#nodes.at(-1)) {
      this.#nodes.pop()
      hash = nodeHash(last.hash, hash)
      grown *= 2
    }
    this.#nodes.push({ width: grown, hash })
    this.#size += width
  }

  root(): Buffer {
    const hashes = this.#nodes.map(({ hash }) => hash)
    return hashes.length === 0
      ? emptyRoot()
      : hashes.reduceRight((right, left) => nodeHash(left, right))
  }
}

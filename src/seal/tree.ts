import { hash } from 'node:crypto'

/** Bytes of a hash. */
export const HASH_BYTES = 32

/** RFC 6962: SHA-256 of the byte 1 and both children. */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  return hash('sha256', Buffer.concat([Buffer.of(1), left, right]), 'buffer')
}

/** The root of a tree without leaves: SHA-256 of nothing. */
export function emptyRoot(): Buffer {
  return hash('sha256', '', 'buffer')
}

/** The greatest power of two below `size`, which is at least 2. */
export function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

/** The root as RFC 6962 defines it, from all leaf hashes at once: for small trees. */
export function rootOfLeaves(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves
  if (only === undefined) return emptyRoot()
  if (leaves.length === 1) return only
  const split = splitOf(leaves.length)
  return nodeHash(rootOfLeaves(leaves.slice(0, split)), rootOfLeaves(leaves.slice(split)))
}

export interface InclusionProof {
  /** The leaf's hash. */
  readonly leaf: Buffer
  /** Its place in the tree, from 0. */
  readonly index: number
  /** How many leaves the tree has. */
  readonly size: number
  /** From the leaf's neighbour up to the root's child. */
  readonly path: readonly Buffer[]
  readonly root: Buffer
}

/** Whether the leaf stands at that place of the tree with that root: RFC 9162, section 2.1.3.2. */
export function verifyInclusion({ leaf, index, size, path, root }: InclusionProof): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false
  if (!areHashes([leaf, root, ...path])) return false
  let [at, last, node] = [index, size - 1, leaf]
  for (const beside of path) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      node = nodeHash(beside, node)
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)]
    } else {
      node = nodeHash(node, beside)
    }
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && node.equals(root)
}

export interface ConsistencyProof {
  /** How many leaves the older tree has. */
  readonly from: number
  /** How many the newer one has. */
  readonly to: number
  readonly fromRoot: Buffer
  readonly toRoot: Buffer
  readonly path: readonly Buffer[]
}

/**
 * Whether the newer tree begins with all of the older one: RFC 9162, section 2.1.4.2. Every tree
 * begins with the empty one.
 */
export function verifyConsistency(proof: ConsistencyProof): boolean {
  const { from, to, fromRoot, toRoot, path } = proof
  if (!isCount(from) || !isCount(to) || from > to) return false
  if (!areHashes([fromRoot, toRoot, ...path])) return false
  if (from === to) return path.length === 0 && fromRoot.equals(toRoot)
  if (from === 0) return path.length === 0 && fromRoot.equals(emptyRoot())
  let [at, last] = [from - 1, to - 1]
  while (at % 2 === 1) [at, last] = [half(at), half(last)]
  // A tree of 2^n leaves is a node of the newer one, so its root is not sent again.
  const [first, ...rest] = at === 0 ? [fromRoot, ...path] : path
  if (first === undefined) return false
  let [older, newer] = [first, first]
  for (const beside of rest) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      older = nodeHash(beside, older)
      newer = nodeHash(beside, newer)
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)]
    } else {
      newer = nodeHash(newer, beside)
    }
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && older.equals(fromRoot) && newer.equals(toRoot)
}

/** Numbers of the log go beyond 2^31, where the operators for bits end. */
function half(value: number): number {
  return Math.floor(value / 2)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function areHashes(hashes: readonly Buffer[]): boolean {
  return hashes.every((one) => one.length === HASH_BYTES)
}

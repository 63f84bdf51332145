import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { keyId, WITNESS_KEY } from '../../src/seal/key.ts'
import { leafHash, leafText } from '../../src/seal/leaf.ts'
import { newKey, signCheckpoint, signerOfKey, vkeyOf } from '../../src/seal/note.ts'
import { printProof, printSeal } from '../../src/seal/proof.ts'
import { grownTiles, inclusionPath, type ReadTile, rootOfTiles } from '../../src/seal/tiles.ts'
import { goldenLeaves } from './golden-leaves.ts'

/** The root as RFC 6962 words it, by code that shares nothing with src/seal. */
export function naiveRoot(leaves: readonly Buffer[]): Buffer {
  const sha = (...parts: readonly Uint8Array[]) => {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
  const root = (from: number, to: number): Buffer => {
    if (to - from === 1) return leaves[from] as Buffer
    let left = 1
    while (left < to - from - left) left += left
    return sha(Uint8Array.of(1), root(from, from + left), root(from + left, to))
  }
  return leaves.length === 0 ? sha() : root(0, leaves.length)
}

/** Leaf hashes that are as good as any. */
export function someLeaves(count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_, at) => leafHash(`leaf ${at}`))
}

/** Tiles in memory, as the sealer keeps them in a table. */
export class TileShelf {
  readonly tiles = new Map<string, Buffer>()
  size = 0
  /** How many hashes were asked for. */
  reads = 0

  readonly read: ReadTile = async ({ level, n }, width) => {
    this.reads += width
    return this.tiles.get(`${level}/${n}`) ?? Buffer.alloc(0)
  }

  async add(leaves: readonly Buffer[]): Promise<void> {
    for (const { at, hashes } of await grownTiles(this.size, leaves, this.read)) {
      this.tiles.set(`${at.level}/${at.n}`, hashes)
    }
    this.size += leaves.length
  }
}

export const ORIGIN = 'example.com/audit'

export interface ProofCase {
  /** With its seal and its line feed. */
  readonly line: string
  readonly proof: string
  readonly policy: string
}

/** A golden entry at a place in a tree, with its proof under a new key. */
export async function proofOfGolden(
  name: string,
  { index = 4, size = 700 } = {},
): Promise<ProofCase & { readonly key: string; readonly vkey: string; readonly note: string }> {
  const entry = goldenLeaves.entries.find((one) => one.name === name)
  if (entry === undefined) throw new Error(`no golden entry "${name}"`)
  const leaves = [...someLeaves(size)]
  leaves[index] = leafHash(leafText(entry.line, { salt: entry.salt }))
  const shelf = new TileShelf()
  await shelf.add(leaves)
  const { key, vkey } = newKey(ORIGIN)
  const root = await rootOfTiles(size, shelf.read)
  const note = await signCheckpoint({ origin: ORIGIN, size, root }, signerOfKey(key))
  return {
    line: `${entry.line.slice(0, -1)}${printSeal({ salt: entry.salt })}\n`,
    proof: printProof({ index, path: await inclusionPath(index, size, shelf.read), note }),
    policy: `log ${vkey}\nquorum none\n`,
    key,
    vkey,
    note,
  }
}

/** A witness that signs what it is asked to, by code of the tests. */
export function cosignature(name: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(12)
  const line = (text: string, seconds = 1_793_000_000n) => {
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(seconds)
    const signed = sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`), privateKey)
    const id = Buffer.from(keyId(name, WITNESS_KEY, raw), 'hex')
    return `— ${name} ${Buffer.concat([id, time, signed]).toString('base64')}\n`
  }
  return { vkey: vkeyOf(name, raw, WITNESS_KEY), line }
}

import { hash } from 'node:crypto'
import { consistencyPath, grownTiles, type ReadTile, rootOfTiles } from '../../src/seal/tiles.ts'
import { newKey, type Signer, signCheckpoint, signerOfKey } from '../../src/seal/note.ts'

export interface TestKey {
  readonly signer: Signer
  readonly vkey: string
  /** The text of the key file. */
  readonly key: string
}

export function testKey(name = 'example.com/log'): TestKey {
  const { key, vkey } = newKey(name)
  return { signer: signerOfKey(key), vkey, key }
}

/** A tree of made-up leaves, in memory. */
export class MemoryTree {
  readonly #tiles = new Map<string, Buffer>()
  readonly #seed: string
  #size = 0

  /** @param seed trees of other seeds have other leaves */
  constructor(seed = '') {
    this.#seed = seed
  }

  readonly read: ReadTile = async ({ level, n }) => {
    return this.#tiles.get(`${level}/${n}`) ?? Buffer.alloc(0)
  }

  async grow(size: number): Promise<void> {
    const leaves = Array.from({ length: size - this.#size }, (_, at) =>
      hash('sha256', `${this.#seed}${this.#size + at}`, 'buffer'),
    )
    for (const { at, hashes } of await grownTiles(this.#size, leaves, this.read)) {
      this.#tiles.set(`${at.level}/${at.n}`, hashes)
    }
    this.#size = size
  }

  async note({ signer }: TestKey, size = this.#size): Promise<string> {
    const root = await rootOfTiles(size, this.read)
    return await signCheckpoint({ origin: signer.name, size, root }, signer)
  }

  proofTo(size: number): (from: number) => Promise<Buffer[]> {
    return (from) => consistencyPath(from, size, this.read)
  }
}

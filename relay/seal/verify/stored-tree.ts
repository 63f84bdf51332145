import { HASH_BYTES, nodeHash } from '../../../src/seal/tree.ts'
import { type ReadTile, rootOfTiles, TILE_WIDTH, type TileAt } from '../../../src/seal/tiles.ts'
import type { Asked } from './ask.ts'
import type { Findings } from './finding.ts'
import { readTiles } from './seal-tables.ts'

/** Tiles that are kept in memory, of 8 KiB each. */
const MOST_KEPT = 512
const FULL_BYTES = TILE_WIDTH * HASH_BYTES

/**
 * The tree of one origin as the database stores it. Nothing of a tile is trusted before it was
 * compared with the tile above it, and that one with the one above it, up to a root that was signed.
 */
export class StoredTree {
  readonly origin: number
  /** How many leaves the tree has. */
  readonly size: number
  readonly #asked: Asked
  readonly #findings: Findings
  readonly #kept = new Map<string, Buffer>()
  readonly #checked = new Set<string>()

  constructor(origin: number, size: number, asked: Asked, findings: Findings) {
    this.origin = origin
    this.size = size
    this.#asked = asked
    this.#findings = findings
  }

  /** The first `width` hashes of a tile, or fewer where the database has no more. */
  readonly read: ReadTile = async (at, width) => {
    const name = nameOf(at)
    const known = this.#kept.get(name)
    if (known !== undefined && known.length >= width * HASH_BYTES) return known
    const found = await readTiles(this.#asked, this.origin, at, 1)
    const hashes = found.get(at.n) ?? Buffer.alloc(0)
    this.keep(at, hashes)
    return hashes
  }

  keep(at: TileAt, hashes: Buffer): void {
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(nameOf(at), hashes)
  }

  /** Has the next reader ask the database again. */
  forget(): void {
    this.#kept.clear()
  }

  /** The root of the first leaves. Undefined where tiles are missing for it. */
  async rootAt(size: number): Promise<Buffer | undefined> {
    try {
      return await rootOfTiles(size, this.read)
    } catch (error) {
      if (Reflect.get(Object(error), 'code') !== 'AUDIT_NOT_PROVED') throw error
      return undefined
    }
  }

  /** How many hashes of a tile belong to the tree. */
  widthOf({ level, n }: TileAt): number {
    const count = Math.floor(this.size / TILE_WIDTH ** level)
    return Math.max(0, Math.min(TILE_WIDTH, count - n * TILE_WIDTH))
  }

  /**
   * Compares a tile with what stands above it, on all levels, each of them once. A tile that is not
   * full is part of the root itself.
   */
  async check(at: TileAt): Promise<void> {
    const name = nameOf(at)
    if (this.#checked.has(name)) return
    // Tiles of leaves are gone through in order, each once.
    if (at.level > 0) this.#checked.add(name)
    const width = this.widthOf(at)
    const hashes = await this.read(at, width)
    if (hashes.length < width * HASH_BYTES) {
      const held = Math.floor(hashes.length / HASH_BYTES)
      this.#findings.add('tree', null, `Tile ${name} holds ${held} hashes of ${width}.`)
      return
    }
    if (width < TILE_WIDTH) return
    const above = { level: at.level + 1, n: Math.floor(at.n / TILE_WIDTH) }
    const place = (at.n % TILE_WIDTH) * HASH_BYTES
    const parent = await this.read(above, (at.n % TILE_WIDTH) + 1)
    const root = parent.subarray(place, place + HASH_BYTES)
    if (root.length === HASH_BYTES && !rootOfFull(hashes).equals(root)) {
      this.#findings.add(
        'tree',
        null,
        `Tile ${name} is not what the tile ${nameOf(above)} was made of: hashes were changed.`,
      )
    }
    await this.check(above)
  }
}

export function nameOf({ level, n }: TileAt): string {
  return `${level}/${n}`
}

/** The root of a full tile. */
function rootOfFull(hashes: Buffer): Buffer {
  let row: Buffer[] = []
  for (let at = 0; at < FULL_BYTES; at += HASH_BYTES) row.push(hashes.subarray(at, at + HASH_BYTES))
  while (row.length > 1) {
    const parents: Buffer[] = []
    for (let at = 0; at + 1 < row.length; at += 2) {
      const [left, right] = [row[at], row[at + 1]]
      if (left && right) parents.push(nodeHash(left, right))
    }
    row = parents
  }
  return row[0] ?? Buffer.alloc(0)
}

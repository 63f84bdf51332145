import { altered } from './not-proved.ts'
import { type Subtree, subtreesBetween, TreeFold } from './many-leaves.ts'
import { HASH_BYTES, nodeHash, splitOf } from './tree.ts'

/** Hashes in a full tile, as in c2sp.org/tlog-tiles. */
export const TILE_WIDTH = 256
/** Levels of the tree that lie between two levels of tiles: 2^8 hashes have one root. */
const TILE_HEIGHT = 8

/** Which tile. Level 0 holds the leaf hashes, level k the roots of the full tiles of level k - 1. */
export interface TileAt {
  readonly level: number
  /** Its number in the level, from 0. */
  readonly n: number
}

/** Reads the first `width` hashes of a tile, 32 bytes each. The answer may be longer. */
export type ReadTile = (at: TileAt, width: number) => Promise<Buffer>

export interface GrownTile {
  readonly at: TileAt
  /** All hashes of the tile. */
  readonly hashes: Buffer
}

/** A run of leaves, the end excluded, whose start is a multiple of its greatest power of two. */
interface Span {
  readonly start: number
  readonly end: number
}

/** The root of the tree of the first `size` leaves. */
export async function rootOfTiles(size: number, read: ReadTile): Promise<Buffer> {
  return await spanRoot({ start: 0, end: size }, remembering(read))
}

/**
 * What proves that the leaf at `index` is in the tree of `size` leaves: RFC 9162, section 2.1.3.1.
 * At most 53 hashes, from the leaf's neighbour up.
 */
export async function inclusionPath(
  index: number,
  size: number,
  read: ReadTile,
): Promise<Buffer[]> {
  if (index < 0 || index >= size) throw new RangeError(`No leaf ${index} in a tree of ${size}.`)
  const tiles = remembering(read)
  const beside: Span[] = []
  let span: Span = { start: 0, end: size }
  while (span.end - span.start > 1) {
    const middle = span.start + splitOf(span.end - span.start)
    const [left, right] = [
      { start: span.start, end: middle },
      { start: middle, end: span.end },
    ]
    beside.push(index < middle ? right : left)
    span = index < middle ? left : right
  }
  return await spanRoots(beside.reverse(), tiles)
}

/**
 * What proves that the tree of `to` leaves begins with the tree of `from` leaves: RFC 9162, section
 * 2.1.4.1. Empty where `from` is 0 or `to`.
 */
export async function consistencyPath(from: number, to: number, read: ReadTile): Promise<Buffer[]> {
  if (from < 0 || from > to) throw new RangeError(`No tree of ${from} in a tree of ${to}.`)
  if (from === 0 || from === to) return []
  const tiles = remembering(read)
  const spans: Span[] = []
  let span: Span = { start: 0, end: to }
  while (span.end !== from) {
    const middle = span.start + splitOf(span.end - span.start)
    if (from <= middle) {
      spans.push({ start: middle, end: span.end })
      span = { start: span.start, end: middle }
    } else {
      spans.push({ start: span.start, end: middle })
      span = { start: middle, end: span.end }
    }
  }
  // Where the older tree is a node of the newer one, the reader of the proof knows its root.
  if (span.start > 0) spans.push(span)
  return await spanRoots(spans.reverse(), tiles)
}

/**
 * The tiles that change when leaves are added to a tree of `from` leaves, on all levels, each with its
 * whole new contents. Only tiles that are not full yet are read.
 */
export async function grownTiles(
  from: number,
  leaves: readonly Buffer[],
  read: ReadTile,
): Promise<GrownTile[]> {
  const grown: GrownTile[] = []
  let [count, added] = [from, leaves]
  for (let level = 0; added.length > 0; level += 1) {
    const tiles = await grownLevel({ level, count, added, read })
    grown.push(...tiles)
    count = Math.floor(count / TILE_WIDTH)
    added = tiles
      .filter(({ hashes }) => hashes.length === TILE_WIDTH * HASH_BYTES)
      .map(({ hashes }) => rootOfRow(hashes))
  }
  return grown
}

async function grownLevel({
  level,
  count,
  added,
  read,
}: {
  readonly level: number
  readonly count: number
  readonly added: readonly Buffer[]
  readonly read: ReadTile
}): Promise<GrownTile[]> {
  const tiles: GrownTile[] = []
  const kept = count % TILE_WIDTH
  const firstTile = Math.floor(count / TILE_WIDTH)
  const before = kept === 0 ? [] : [await readRow(read, { level, n: firstTile }, kept)]
  for (let at = 0, n = firstTile; at < added.length; n += 1) {
    const prefix = n === firstTile ? before : []
    const room = n === firstTile ? TILE_WIDTH - kept : TILE_WIDTH
    tiles.push({
      at: { level, n },
      hashes: Buffer.concat([...prefix, ...added.slice(at, at + room)]),
    })
    at += room
  }
  return tiles
}

/** A tile is asked for again at most where more of it is needed than was read. */
function remembering(read: ReadTile): ReadTile {
  const known = new Map<string, Buffer>()
  return async (at, width) => {
    const name = `${at.level}/${at.n}`
    const found = known.get(name)
    if (found && found.length >= width * HASH_BYTES) return found
    const hashes = await readRow(read, at, width)
    known.set(name, hashes)
    return hashes
  }
}

async function readRow(read: ReadTile, at: TileAt, width: number): Promise<Buffer> {
  const hashes = await read(at, width)
  const bytes = width * HASH_BYTES
  if (hashes.length >= bytes) return hashes.subarray(0, bytes)
  throw altered(`Tile ${at.level}/${at.n} of the seal has ${hashes.length} of ${bytes} bytes.`)
}

async function spanRoots(spans: readonly Span[], tiles: ReadTile): Promise<Buffer[]> {
  const roots: Buffer[] = []
  for (const span of spans) roots.push(await spanRoot(span, tiles))
  return roots
}

async function spanRoot({ start, end }: Span, tiles: ReadTile): Promise<Buffer> {
  const fold = new TreeFold()
  for (const subtree of subtreesBetween(start, end)) {
    fold.push(subtree.width, await subtreeRoot(subtree, tiles))
  }
  return fold.root()
}

/** The root of a full subtree. It reads one tile. */
export async function subtreeRoot({ start, width }: Subtree, read: ReadTile): Promise<Buffer> {
  let [level, at, row] = [0, start, width]
  while (row >= TILE_WIDTH) {
    ;[level, at, row] = [level + 1, at / TILE_WIDTH, row / TILE_WIDTH]
  }
  const offset = at % TILE_WIDTH
  const hashes = await readRow(read, { level, n: Math.floor(at / TILE_WIDTH) }, offset + row)
  return rootOfRow(hashes.subarray(offset * HASH_BYTES, (offset + row) * HASH_BYTES))
}

/** The root of 2^n hashes that lie next to each other. */
function rootOfRow(hashes: Buffer): Buffer {
  let row = hashes
  for (let height = 0; row.length > HASH_BYTES && height < TILE_HEIGHT; height += 1) {
    const parents: Buffer[] = []
    for (let at = 0; at < row.length; at += 2 * HASH_BYTES) {
      const middle = at + HASH_BYTES
      parents.push(nodeHash(row.subarray(at, middle), row.subarray(middle, middle + HASH_BYTES)))
    }
    row = Buffer.concat(parents)
  }
  return row
}

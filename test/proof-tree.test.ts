import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consistencyPath, grownTiles, inclusionPath, rootOfTiles } from '../src/seal/tiles.ts'
import { nodeHash, rootOfLeaves, verifyConsistency, verifyInclusion } from '../src/seal/tree.ts'
import { naiveRoot, someLeaves, TileShelf } from './support/proofs.ts'

const leaves = someLeaves(70_000)
const roots = Array.from({ length: 601 }, (_, size) => naiveRoot(leaves.slice(0, size)))
const rootAt = (size: number) => roots[size] ?? naiveRoot(leaves.slice(0, size))

// assert.ok() would look for its own words in this file, which takes minutes.
const holds = (isTrue: boolean, of?: string) => assert.equal(isTrue, true, of)
const refuses = (isTrue: boolean, of?: string) => assert.equal(isTrue, false, of)

/** All tiles of the first leaves, added in steps that end at odd places. */
async function shelfOf(size: number): Promise<TileShelf> {
  const shelf = new TileShelf()
  const steps = [1, 2, 253, 1, 255, 257, 3, 512, 5_000]
  for (let at = 0, step = 0; at < size; step += 1) {
    const end = Math.min(size, at + (steps[step % steps.length] ?? 1))
    await shelf.add(leaves.slice(at, end))
    at = end
  }
  return shelf
}

test('the root is the one of RFC 6962 at every size up to 600 and at 70,000', async () => {
  const shelf = await shelfOf(70_000)
  for (const size of [...roots.keys(), 65_535, 65_536, 65_537, 70_000]) {
    assert.deepEqual(await rootOfTiles(size, shelf.read), rootAt(size), `size ${size}`)
  }
  for (const size of [0, 1, 2, 3, 255, 256, 257, 600]) {
    assert.deepEqual(rootOfLeaves(leaves.slice(0, size)), rootAt(size), `size ${size}`)
  }
})

test('a tile holds its hashes in whatever steps the leaves were added', async () => {
  const inSteps = await shelfOf(70_000)
  const atOnce = new TileShelf()
  await atOnce.add(leaves)
  assert.deepEqual(inSteps.tiles, atOnce.tiles)
  assert.deepEqual(
    [0, 1, 2].map(
      (level) => [...atOnce.tiles.keys()].filter((name) => name.startsWith(`${level}/`)).length,
    ),
    [274, 2, 1],
  )
  assert.equal(atOnce.tiles.get('0/273')?.length, (70_000 % 256) * 32)
  assert.deepEqual(atOnce.tiles.get('1/0')?.subarray(32, 64), naiveRoot(leaves.slice(256, 512)))
  assert.deepEqual(atOnce.tiles.get('2/0'), naiveRoot(leaves.slice(0, 65_536)))
})

test('adding leaves reads what is not full of a tile and nothing else', async () => {
  const shelf = await shelfOf(1_000)
  shelf.reads = 0
  await shelf.add(leaves.slice(1_000, 1_001))
  assert.equal(shelf.reads, 1_000 % 256)
  await shelf.add(leaves.slice(1_001, 1_024))
  assert.equal(shelf.reads, (1_000 % 256) + (1_001 % 256) + 3)
  shelf.reads = 0
  await shelf.add(leaves.slice(1_024, 1_030))
  assert.equal(shelf.reads, 0)
  assert.deepEqual(await grownTiles(1_030, [], shelf.read), [])
})

// All 45,150 leaves of the sizes up to 300 were proved in this way, which takes a minute.
test('every leaf of small trees is proved, and at no other place', async () => {
  const shelf = await shelfOf(600)
  const sizes = [...Array.from({ length: 40 }, (_, at) => at + 1), 63, 64, 65, 255, 256, 257, 300]
  let proofs = 0
  for (const size of [...sizes, 511, 512, 513, 600]) {
    const root = rootAt(size)
    for (let index = 0; index < size; index += size <= 300 ? 1 : 7) {
      const path = await inclusionPath(index, size, shelf.read)
      const leaf = leaves[index] as Buffer
      const proof = { leaf, index, size, path, root }
      holds(verifyInclusion(proof), `${index} of ${size}`)
      if (size > 1) refuses(verifyInclusion({ ...proof, index: (index + 1) % size }))
      refuses(verifyInclusion({ ...proof, leaf: leaves[index + 1] as Buffer }))
      proofs += 1
    }
  }
  assert.ok(proofs > 2_000, `${proofs} proofs`)
})

test('leaves of a tree of 70,000 are proved', async () => {
  const shelf = await shelfOf(70_000)
  const root = rootAt(70_000)
  for (const index of [0, 1, 255, 256, 511, 4_095, 65_535, 65_536, 69_887, 69_888, 69_999]) {
    const path = await inclusionPath(index, 70_000, shelf.read)
    assert.ok(path.length <= 17)
    const leaf = leaves[index] as Buffer
    holds(verifyInclusion({ leaf, index, size: 70_000, path, root }), `leaf ${index}`)
  }
})

test('an inclusion proof with one thing changed is refused', async () => {
  const shelf = await shelfOf(600)
  for (const [index, size] of [
    [4, 7],
    [6, 7],
    [0, 8],
    [299, 300],
    [256, 600],
    [599, 600],
  ] as const) {
    const path = await inclusionPath(index, size, shelf.read)
    const leaf = leaves[index] as Buffer
    const proof = { leaf, index, size, path, root: rootAt(size) }
    holds(verifyInclusion(proof))
    for (const at of path.keys()) {
      const changed = path.map((hash, place) => (place === at ? nodeHash(hash, hash) : hash))
      refuses(verifyInclusion({ ...proof, path: changed }), `hash ${at} changed`)
      refuses(verifyInclusion({ ...proof, path: path.filter((_, place) => place !== at) }))
    }
    const extra = leaves[0] as Buffer
    refuses(verifyInclusion({ ...proof, path: [...path, extra] }))
    refuses(verifyInclusion({ ...proof, path: [extra, ...path] }))
    refuses(verifyInclusion({ ...proof, path: [] }))
    refuses(verifyInclusion({ ...proof, root: rootAt(size - 1) }))
    for (const wrong of [-1, size, 0.5, Number.NaN, 2 ** 53]) {
      refuses(verifyInclusion({ ...proof, index: wrong }), `index ${wrong}`)
    }
    for (const wrong of [0, index, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      refuses(verifyInclusion({ ...proof, size: wrong }), `size ${wrong}`)
    }
    refuses(verifyInclusion({ ...proof, leaf: leaf.subarray(1) }))
  }
})

// A node of the tree is a hash of two hashes. Without its own first byte it could be shown as a leaf.
test('a node cannot be shown as a leaf', () => {
  const [a, b, c, d] = leaves as readonly [Buffer, Buffer, Buffer, Buffer]
  const root = naiveRoot([a, b, c, d])
  const asLeaf = { leaf: nodeHash(a, b), index: 0, size: 2, path: [nodeHash(c, d)] }
  holds(verifyInclusion({ ...asLeaf, root }))
  assert.notDeepEqual(nodeHash(a, b), naiveRoot([Buffer.concat([a, b])]))
  refuses(verifyInclusion({ ...asLeaf, size: 4, root }))
})

test('each tree begins with each smaller one', async () => {
  const shelf = await shelfOf(600)
  let proofs = 0
  for (const to of [
    ...Array.from({ length: 66 }, (_, at) => at + 1),
    255,
    256,
    257,
    511,
    513,
    600,
  ]) {
    for (let from = 0; from <= to; from += to < 66 ? 1 : 3) {
      const path = await consistencyPath(from, to, shelf.read)
      const proof = { from, to, fromRoot: rootAt(from), toRoot: rootAt(to), path }
      holds(verifyConsistency(proof), `${from} in ${to}`)
      proofs += 1
    }
  }
  assert.ok(proofs > 2_500, `${proofs} proofs`)
  const large = await shelfOf(70_000)
  for (const from of [1, 256, 600]) {
    const path = await consistencyPath(from, 70_000, large.read)
    const roots = { fromRoot: rootAt(from), toRoot: rootAt(70_000) }
    holds(verifyConsistency({ from, to: 70_000, ...roots, path }))
  }
})

test('a consistency proof with one thing changed is refused', async () => {
  const shelf = await shelfOf(600)
  for (const [from, to] of [
    [3, 7],
    [4, 7],
    [6, 8],
    [256, 600],
    [255, 300],
    [599, 600],
  ] as const) {
    const path = await consistencyPath(from, to, shelf.read)
    const proof = { from, to, fromRoot: rootAt(from), toRoot: rootAt(to), path }
    holds(verifyConsistency(proof))
    for (const at of path.keys()) {
      const changed = path.map((hash, place) => (place === at ? nodeHash(hash, hash) : hash))
      refuses(verifyConsistency({ ...proof, path: changed }), `hash ${at} of ${from} in ${to}`)
      refuses(verifyConsistency({ ...proof, path: path.filter((_, place) => place !== at) }))
    }
    refuses(verifyConsistency({ ...proof, path: [...path, leaves[0] as Buffer] }))
    refuses(verifyConsistency({ ...proof, fromRoot: rootAt(from - 1) }))
    refuses(verifyConsistency({ ...proof, toRoot: rootAt(to - 1) }))
    refuses(verifyConsistency({ ...proof, from: to, to: from }))
    refuses(verifyConsistency({ ...proof, from: from - 1 }))
    refuses(verifyConsistency({ ...proof, path: [] }))
  }
  const same = { from: 5, to: 5, fromRoot: rootAt(5), path: [] }
  holds(verifyConsistency({ ...same, toRoot: rootAt(5) }))
  refuses(verifyConsistency({ ...same, toRoot: rootAt(6) }), 'two roots of one size are a fork')
  const empty = { from: 0, to: 5, toRoot: rootAt(5), path: [] }
  holds(verifyConsistency({ ...empty, fromRoot: rootAt(0) }))
  refuses(verifyConsistency({ ...empty, fromRoot: rootAt(1) }))
})

test('a tile that is shorter than its tree is named', async () => {
  const shelf = await shelfOf(600)
  shelf.tiles.set('0/1', Buffer.alloc(255 * 32))
  await assert.rejects(
    rootOfTiles(550, async (at) => (await shelf.read(at, 0)).subarray(0, 1_000)),
    {
      code: 'AUDIT_NOT_PROVED',
      message: /Tile \d\/\d of the seal has \d+ of \d+ bytes/,
    },
  )
  await assert.rejects(inclusionPath(300, 600, shelf.read), { message: /Tile 0\/1 / })
  await assert.rejects(inclusionPath(600, 600, shelf.read), RangeError)
  await assert.rejects(consistencyPath(601, 600, shelf.read), RangeError)
})

// Numbers beyond 2^31 wrap around in operators for bits.
test('places beyond 2^31 are proved', () => {
  const [leaf, beside] = leaves as readonly [Buffer, Buffer]
  const size = 2 ** 40
  const path = Array.from({ length: 40 }, () => beside)
  for (const index of [0, size - 1, 2 ** 31, 2 ** 39 + 5]) {
    let root = leaf
    for (let level = 0; level < 40; level += 1) {
      const isRight = Math.floor(index / 2 ** level) % 2 === 1
      root = isRight ? nodeHash(beside, root) : nodeHash(root, beside)
    }
    holds(verifyInclusion({ leaf, index, size, path, root }), `index ${index}`)
    refuses(verifyInclusion({ leaf, index: index === 0 ? 2 ** 32 : 0, size, path, root }))
  }
})

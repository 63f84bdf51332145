import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import fs from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { altered } from '../../seal/not-proved.ts'
import { type ReadTile, subtreeRoot } from '../../seal/tiles.ts'
import { HASH_BYTES } from '../../seal/tree.ts'
import { type Walked, TreeWalk } from '../../seal/walk.ts'
import { linesOf } from './lines.ts'
import type { SealedTree } from './sealed-tree.ts'

/** What a manifest says of the proof of its file. */
export interface ManifestProof {
  /** The number of the tree's first leaf. */
  readonly firstSeq: number
  /** How many hashes there are beside the entries, from left to right. */
  readonly hashes: number
  /** Of the hashes as lines of base64. */
  readonly sha256: string
  /** The hashes, where there are up to 1,000. Otherwise they are in FILE.proof, one on each line. */
  readonly list?: readonly string[]
}

const MAX_LISTED = 1_000
const PRIVATE = 0o600

export interface FileToProve {
  /** An NDJSON export whose lines end in seals. */
  readonly file: string
  readonly gzip: boolean
  /** Where the hashes go. It is removed where the manifest lists them. */
  readonly proofFile: string
  readonly tree: SealedTree
  readonly read: ReadTile
  readonly signal: AbortSignal
  /** Called after each piece of the file. */
  readonly onProgress: (walked: Walked) => void
}

/**
 * Reads an export from the disk and makes its proof: the hashes that its entries need to come to the root
 * of the checkpoint. Each entry is compared with its leaf on the way.
 *
 * @throws {NotProvedError} `AUDIT_NOT_PROVED` where an entry is not what was sealed; it names it
 */
export async function proveFile({
  file,
  gzip,
  proofFile,
  tree,
  read,
  signal,
  onProgress,
}: FileToProve): Promise<ManifestProof> {
  const hash = createHash('sha256')
  const list: string[] = []
  const handle = await fs.open(proofFile, 'w', PRIVATE)
  let hashes = 0
  let waiting = ''
  const flush = async () => {
    hash.update(waiting)
    await handle.appendFile(waiting)
    waiting = ''
  }
  try {
    const walk = new TreeWalk(tree, async (subtree) => {
      const beside = await subtreeRoot(subtree, read)
      const text = beside.toString('base64')
      hashes += 1
      waiting += `${text}\n`
      if (list.length < MAX_LISTED) list.push(text)
      return beside
    })
    await eachLine({ file, gzip }, async (lines) => {
      signal.throwIfAborted()
      for (const line of lines) {
        const found = await walk.line(line)
        if (found !== undefined) await compare(found, tree, read)
      }
      await flush()
      onProgress(walk.walked)
    })
    const root = await walk.root()
    await flush()
    if (!root.equals(tree.root)) {
      throw altered(
        `The tiles of ${tree.name} do not lead to its checkpoint of ${tree.size}: ` +
          '"audit-relay verify" tells more.',
      )
    }
    await handle.sync()
  } catch (error) {
    await handle.close()
    await fs.rm(proofFile, { force: true })
    throw error
  }
  await handle.close()
  const said = { firstSeq: tree.firstSeq, hashes, sha256: hash.digest('hex') }
  if (hashes > MAX_LISTED) return said
  await fs.rm(proofFile, { force: true })
  return { ...said, list }
}

/** Reads a file, compressed or not, a few lines at a time. */
export async function eachLine(
  { file, gzip }: { readonly file: string; readonly gzip: boolean },
  take: (lines: readonly Buffer[]) => Promise<void>,
): Promise<void> {
  const sink = async (chunks: AsyncIterable<Buffer>) => {
    for await (const lines of linesOf(chunks)) await take(lines)
  }
  const source = createReadStream(file)
  if (gzip) await pipeline(source, createGunzip(), sink)
  else await pipeline(source, sink)
}

async function compare(
  { index, leaf }: { readonly index: number; readonly leaf: Buffer },
  { name, firstSeq }: SealedTree,
  read: ReadTile,
): Promise<void> {
  const place = index % 256
  const tile = await read({ level: 0, n: Math.floor(index / 256) }, place + 1)
  if (tile.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES).equals(leaf)) return
  throw altered(
    `Entry ${firstSeq + index} is not what ${name} sealed: "audit-relay verify" tells more.`,
  )
}

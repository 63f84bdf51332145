import type postgres from 'postgres'
import { grownTiles, type ReadTile, rootOfTiles } from '../../src/seal/tiles.ts'
import { type Signer, signCheckpoint } from '../../src/seal/note.ts'

export interface SealRequest {
  readonly signer: Signer
  /** How many leaves the tree has afterwards. Default: all that the log has. */
  readonly size?: number
  /** Which tree. Default: the first. */
  readonly origin?: number
}

/**
 * Seals a log by the functions of the schema, as a sealer does that has no memory and no doubts.
 *
 * @returns the signed checkpoint
 */
export async function sealLog(
  sql: postgres.Sql | postgres.ReservedSql,
  { signer, size, origin = 1 }: SealRequest,
): Promise<string> {
  await sql`select audit.begin_seal(${origin}::smallint, ${signer.name})`
  const [state] = await sql`
    select s.head::float8 as head, s.first_seq::float8 as first, coalesce(s.size, 0)::float8 as size
    from audit.seal_state(1) as s`
  const { head, first, size: from } = state as { head: number; first: number; size: number }
  const to = size ?? head - first + 1
  const stored: ReadTile = async ({ level, n }) => {
    const [row] =
      await sql`select audit.read_tile(${origin}::smallint, ${level}::smallint, ${n}) as t`
    return (row?.['t'] as Buffer | null) ?? Buffer.alloc(0)
  }
  const hashes: Buffer[] = []
  for (let at = first + from; at < first + to; at += 10_000) {
    const last = Math.min(first + to - 1, at + 9_999)
    const [row] = await sql`select s.leaves from audit.seal_leaves(${at}, ${last}) as s`
    hashes.push(row?.['leaves'] as Buffer)
  }
  const all = Buffer.concat(hashes)
  const leaves = Array.from({ length: to - from }, (_, n) => all.subarray(n * 32, (n + 1) * 32))
  const grown = await grownTiles(from, leaves, stored)
  const tiles = new Map(grown.map(({ at, hashes: bytes }) => [`${at.level}/${at.n}`, bytes]))
  const read: ReadTile = async (at, width) =>
    tiles.get(`${at.level}/${at.n}`) ?? (await stored(at, width))
  const root = await rootOfTiles(to, read)
  const note = await signCheckpoint({ origin: signer.name, size: to, root }, signer)
  const given = grown.map(({ at, hashes: bytes }) => ({ ...at, hashes: bytes.toString('base64') }))
  const [put] = await sql`
    select audit.put_seal(${origin}::smallint, ${from}, ${to}, ${root}, ${note},
      ${JSON.stringify(given)}::text::json) as is_put`
  if (put?.['is_put'] !== true) throw new Error('Another sealer was faster.')
  return note
}

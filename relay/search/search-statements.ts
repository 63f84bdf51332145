import { type SQL, sql } from 'drizzle-orm'
import { SLICE_BYTES, slicesInPart } from '../../src/search/layout.ts'
import type { FollowStatements } from '../follow/follow-statements.ts'
import type { RunGroups, Slices } from './block-bits.ts'

/** Blocks whose words were taken out, or single ones that may become a run. */
export interface SearchWork {
  readonly firstBlock: number
  readonly blocks: number
  /** Whether their bits are there. */
  readonly isMade: boolean
}

/**
 * The expression that puts a run. False: its entries have changed, so that it has to be made again.
 *
 * @param groups null: they stay as they are
 */
export function putSearch(
  firstBlock: number,
  { blocks, log2, bytes }: Slices,
  groups: RunGroups | null,
  changes: number,
): SQL {
  const partBytes = slicesInPart(blocks) * SLICE_BYTES * blocks
  const { minMs, maxMs } = groups ?? { minMs: 0, maxMs: 0 }
  const bytea = (given: Buffer | undefined) =>
    sql`pg_catalog.decode(${given?.toString('base64') ?? null}::pg_catalog.text, 'base64')`
  return sql`audit.put_search(
    ${firstBlock}::bigint, ${blocks}::smallint, ${log2}::smallint, ${bytea(bytes)},
    ${partBytes}::integer, ${bytea(groups?.times)}, ${bytea(groups?.members)},
    ${Math.min(minMs, maxMs)}::bigint, ${maxMs}::bigint, ${changes}::bigint)`
}

type Ask = Pick<FollowStatements, 'execute'>

export async function searchWork({ execute }: Ask): Promise<SearchWork | undefined> {
  const [row] = await execute<SearchWork>(sql`/* audit-relay search work */
    select w.first_block::double precision as "firstBlock", w.blocks::integer as blocks,
      w.is_made as "isMade"
    from audit.search_work() as w`)
  return row
}

/** The bits of a single block. Undefined: it is not there, or not as one. */
export async function slicesOfBlock({ execute }: Ask, block: number): Promise<Slices | undefined> {
  const [row] = await execute<{ log2: number | null; slices: string | null }>(
    sql`/* audit-relay search slices */
      select s.log2::integer as log2, pg_catalog.encode(s.slices, 'base64') as slices
      from audit.search_slices(${block}::bigint) as s`,
  )
  if (row?.log2 == null || row.slices === null) return undefined
  return { blocks: 1, log2: row.log2, bytes: Buffer.from(row.slices, 'base64') }
}

export async function putRun(
  { execute }: Ask,
  firstBlock: number,
  slices: Slices,
  groups: RunGroups | null,
  changes: number,
): Promise<boolean> {
  const [row] = await execute<{ isPut: boolean }>(sql`/* audit-relay search run */
    select ${putSearch(firstBlock, slices, groups, changes)} as "isPut"`)
  return row?.isPut === true
}

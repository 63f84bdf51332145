import { type SQL, sql } from 'drizzle-orm'
import { auditSearchBlock, auditSearchRun, auditSearchSlice } from '../../schema/tables.ts'
import { MEMBERS_BYTES, placeOfSlice, TIMES_BYTES } from '../../search/layout.ts'
import type {
  GroupBytes,
  GroupPlace,
  SearchRun,
  SearchSource,
  SlicesOf,
} from '../../search/open-runs.ts'
import type { Ask, SearchVersion } from './search-state.ts'

/** Reads the bits and the groups of runs as they were at this version. */
export function sourceOf(ask: Ask, version: SearchVersion): SearchSource {
  return {
    slices: (runs, bits) => readSlices(ask, version, runs, bits),
    groups: (asked) => readGroups(ask, version, asked),
  }
}

/**
 * Nothing was emptied, removed or brought back since: a group that was made again may have other members than
 * the one whose bits were read.
 */
function isStill({ begunAt, changes }: SearchVersion): SQL {
  return sql`exists (
    select from audit.follow_state() as f
    where f.consumer operator(pg_catalog.=) 'search'::pg_catalog.text
      and f.changes operator(pg_catalog.=) ${changes}::pg_catalog.text::bigint
      and extract(epoch from f.begun_at)::pg_catalog.text
        operator(pg_catalog.=) ${begunAt}::pg_catalog.text
  )`
}

/** The slices lie in rows of their tables, and one statement reads them for the runs as they were. */
async function readSlices(
  ask: Ask,
  version: SearchVersion,
  runs: readonly SearchRun[],
  bits: readonly number[],
): Promise<SlicesOf | undefined> {
  if (runs.length === 0) return new Map()
  const places = runs.flatMap(({ firstBlock, blocks, log2 }) =>
    bits.map((bit) => {
      const { part, offset, bytes } = placeOfSlice(bit, { blocks, log2: log2 ?? 0 })
      return [firstBlock, blocks, log2 ?? 0, part, offset, bytes] as const
    }),
  )
  const column = (at: number) => numbers(places.map((place) => place[at] ?? 0))
  const rows = await ask(
    sql`select asked.first_block::pg_catalog.text as "firstBlock", pg_catalog.encode(
        pg_catalog.string_agg(pg_catalog.substr(${auditSearchSlice.slices},
          asked.at_byte::integer operator(pg_catalog.+) 1, asked.bytes::integer),
          ''::pg_catalog.bytea order by asked.n),
        'base64'::pg_catalog.text) as "slices"
    from rows from (
      pg_catalog.unnest(${column(0)}), pg_catalog.unnest(${column(1)}), pg_catalog.unnest(${column(2)}),
      pg_catalog.unnest(${column(3)}), pg_catalog.unnest(${column(4)}), pg_catalog.unnest(${column(5)})
    ) with ordinality as asked (first_block, blocks, log2, part, at_byte, bytes, n)
    join ${auditSearchRun} on ${auditSearchRun.firstBlock} operator(pg_catalog.=) asked.first_block
      and ${auditSearchRun.blocks} operator(pg_catalog.=) asked.blocks
      and ${auditSearchRun.log2} operator(pg_catalog.=) asked.log2
    join ${auditSearchSlice} on ${auditSearchSlice.firstBlock} operator(pg_catalog.=) asked.first_block
      and ${auditSearchSlice.part} operator(pg_catalog.=) asked.part
    where ${isStill(version)}
    group by asked.first_block`,
  )
  const found = new Map<number, readonly Buffer[]>()
  for (const row of rows) {
    const run = runs.find(({ firstBlock }) => firstBlock === Number(row['firstBlock']))
    const all = Buffer.from(String(row['slices']), 'base64')
    const width = all.length / bits.length
    if (run === undefined || width !== placeOfSlice(0, { blocks: run.blocks, log2: 1 }).bytes) {
      return undefined
    }
    found.set(
      run.firstBlock,
      bits.map((_, n) => all.subarray(n * width, (n + 1) * width)),
    )
  }
  return found.size === runs.length ? found : undefined
}

async function readGroups(
  ask: Ask,
  version: SearchVersion,
  asked: readonly GroupPlace[],
): Promise<readonly GroupBytes[] | undefined> {
  const part = (bytes: SQL, length: number) => sql`pg_catalog.substr(${bytes},
    asked.at::integer operator(pg_catalog.*) ${sql.raw(String(length))} operator(pg_catalog.+) 1,
    ${sql.raw(String(length))})`
  const rows = await ask(
    sql`select asked.block::pg_catalog.text as "block", pg_catalog.encode(
        pg_catalog.string_agg(${part(sql`${auditSearchBlock.times}`, TIMES_BYTES)}
            operator(pg_catalog.||) ${part(sql`${auditSearchBlock.members}`, MEMBERS_BYTES)},
          ''::pg_catalog.bytea order by asked.n),
        'base64'::pg_catalog.text) as "groups"
    from rows from (
      pg_catalog.unnest(${numbers(asked.map(({ block }) => block))}),
      pg_catalog.unnest(${numbers(asked.map(({ group }) => group))})
    ) with ordinality as asked (block, at, n)
    join ${auditSearchBlock} on ${auditSearchBlock.block} operator(pg_catalog.=) asked.block
    where ${isStill(version)}
    group by asked.block`,
  )
  const byBlock = new Map(
    rows.map((row) => [Number(row['block']), Buffer.from(String(row['groups']), 'base64')]),
  )
  const width = TIMES_BYTES + MEMBERS_BYTES
  const read = new Map<number, number>()
  const found = asked.flatMap((place): readonly GroupBytes[] => {
    const at = read.get(place.block) ?? 0
    read.set(place.block, at + width)
    const bytes = byBlock.get(place.block)?.subarray(at, at + width)
    if (bytes?.length !== width) return []
    const [times, members] = [bytes.subarray(0, TIMES_BYTES), bytes.subarray(TIMES_BYTES)]
    return [{ ...place, times, members }]
  })
  return found.length === asked.length ? found : undefined
}

function numbers(given: readonly number[]): SQL {
  return sql`${`{${given.join(',')}}`}::pg_catalog.text::bigint[]`
}

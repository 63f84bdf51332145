import { type SQL, sql } from 'drizzle-orm'
import { type AuditDatabase, isTrue } from '../database/callers-database.ts'
import { idFloor, MAX_RECORDED_MS, recordedMs } from '../ids/uuid7.ts'
import { neighbourOf } from '../ids/uuid.ts'
import { auditLog, auditSearchRun, auditSearchSlice, auditSearchTimes } from '../schema/tables.ts'
import { BLOCK_SEQS, placeOfSlice } from '../search/layout.ts'
import { askedRange, endOf } from '../search/page-range.ts'
import {
  type FoundId,
  type SearchRun,
  type SearchSource,
  type SeqRange,
  runsOfSeqs,
  type SlicesOf,
  unknownRanges,
  walk,
} from '../search/walk.ts'
import type { BoundFilter } from './filter.ts'
import { type IdRange, idText, inWindow, windowsOf } from './id-windows.ts'
import { type AskedPage, type PageRows, readWindows } from './page-windows.ts'
import { partitionsOf } from './partitions.ts'
import { readRows } from './read-rows.ts'

/** With more entries than this behind it the search is not used, because all of them have to be looked at. */
const MOST_BEHIND = 16_384

interface Search {
  readonly runs: readonly SearchRun[]
  /** It has every entry with these numbers. */
  readonly sinceSeq: number
  readonly seq: number
  readonly head: number
  /** No entry before `sinceSeq` has a greater id. Null: there is none. */
  readonly beforeId: string | null
}

/**
 * Reads the rows of a page by the search: the same rows that are found without it.
 *
 * @returns undefined where it is off, does not go so far, or was changed meanwhile
 */
export async function readSearched(
  db: AuditDatabase,
  asked: AskedPage,
  bound: BoundFilter,
  isLate: () => boolean,
): Promise<PageRows | undefined> {
  const search = await readSearch(db)
  if (search === undefined) return undefined
  const { isDescending, filter, limit } = asked
  const place = { ...search, range: filter.range, position: asked.position?.id, isDescending }
  const range = askedRange(place)
  if (range === undefined) return undefined
  const walked = await walk(sourceOf(db, bound, range), {
    runs: search.runs,
    others: unknownRanges(search.seq + 1, search.head),
    needles: bound.needles,
    isDescending,
    minMs: range.fromId === undefined ? 0 : recordedMs(range.fromId),
    maxMs: range.toId === undefined ? MAX_RECORDED_MS : recordedMs(range.toId),
    wanted: limit + 1,
    isLate,
  })
  if (walked === undefined) return undefined
  const endId = endOf(walked, place)
  if (endId === 'nowhere') return undefined
  const { ids } = walked
  const found = await readFound(db, asked, bound, ids.slice(0, limit + 1))
  if (found.hasMore || found.endId !== undefined) return found
  // Where one of them is gone by now, the page ends at the last one, and the next page begins there.
  return { ...found, endId: ids[limit] ?? endId }
}

async function readSearch(db: AuditDatabase): Promise<Search | undefined> {
  const [row] = await readRows(
    db,
    sql`select f.since_seq::pg_catalog.text as "sinceSeq", f.seq::pg_catalog.text as "seq",
      f.head::pg_catalog.text as "head", f.before_id::pg_catalog.text as "beforeId",
      f.history operator(pg_catalog.=) f.log_history as "isSame", (
        select pg_catalog.json_agg(pg_catalog.json_build_array(
          ${auditSearchRun.firstBlock}, ${auditSearchRun.blocks}, ${auditSearchRun.log2},
          ${auditSearchRun.minMs}, ${auditSearchRun.maxMs}
        ))::pg_catalog.text from ${auditSearchRun}
      ) as "runs"
    from audit.follow_state() as f where f.consumer operator(pg_catalog.=) 'search'::pg_catalog.text`,
  )
  if (row === undefined || !isTrue(row['isSame'])) return undefined
  const [sinceSeq, seq, head] = [row['sinceSeq'], row['seq'], row['head']].map(Number)
  if (sinceSeq === undefined || seq === undefined || head === undefined) return undefined
  if (seq > head || head - seq > MOST_BEHIND) return undefined
  const listed = JSON.parse(String(row['runs'] ?? '[]')) as readonly (readonly number[])[]
  const runs = listed.map(([firstBlock = 0, blocks = 0, log2, minMs = 0, maxMs = 0]) => {
    return { firstBlock, blocks, log2: log2 ?? null, minMs, maxMs }
  })
  // A caller's older snapshot sees no run of a search that was turned off since, because that truncates.
  const blocks = runs.reduce((sum, run) => sum + run.blocks, 0)
  if (blocks * BLOCK_SEQS !== seq - sinceSeq + 1) return undefined
  const beforeId = row['beforeId'] === null ? null : String(row['beforeId'])
  return { runs, sinceSeq, seq, head, beforeId }
}

/** The rows of these entries, which are in the order of the page. */
async function readFound(
  db: AuditDatabase,
  asked: AskedPage,
  bound: BoundFilter,
  ids: readonly string[],
): Promise<PageRows> {
  const [first, last] = [ids[0], ids.at(-1)]
  if (first === undefined || last === undefined) {
    return { rows: [], hasMore: false, endId: undefined }
  }
  const [fromId, behind] = asked.isDescending ? [last, first] : [first, last]
  const range = { fromId, toId: neighbourOf(behind, 1) }
  const isIn = sql`${auditLog.id} operator(pg_catalog.=) any(array[${sql.join(ids.map(idText), sql`, `)}])`
  const found = { ...bound, conditions: [...bound.conditions, isIn, ...inWindow(range)] }
  const page = { ...asked, isBounded: false, filter: { ...asked.filter, range } }
  return await readWindows(db, page, found)
}

function sourceOf(db: AuditDatabase, bound: BoundFilter, range: IdRange): SearchSource {
  return {
    slices: (runs, bits) => readSlices(db, runs, bits),
    async times(blocks) {
      const rows = await readRows(
        db,
        sql`select ${auditSearchTimes.block}::pg_catalog.text as "block",
          pg_catalog.encode(${auditSearchTimes.times}, 'base64'::pg_catalog.text) as "times"
        from ${auditSearchTimes}
        where ${auditSearchTimes.block} operator(pg_catalog.=) any(${numbers(blocks)})`,
      )
      return new Map(
        rows.map((row) => [Number(row['block']), Buffer.from(String(row['times']), 'base64')]),
      )
    },
    matching: (ranges) => readMatching(db, bound, range, ranges),
  }
}

/** The slices lie in rows of their tables, and one statement reads them for the runs as they were. */
async function readSlices(
  db: AuditDatabase,
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
  const rows = await readRows(
    db,
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

/** One window of partitions after the other, each by the numbers: constants lead to few partitions. */
async function readMatching(
  db: AuditDatabase,
  bound: BoundFilter,
  { fromId, toId }: IdRange,
  ranges: readonly SeqRange[],
): Promise<readonly FoundId[]> {
  const least = idFloor(Math.min(...ranges.map(({ minMs }) => minMs)))
  const most = Math.max(...ranges.map(({ maxMs }) => maxMs))
  const own: IdRange = {
    fromId: fromId !== undefined && fromId > least ? fromId : least,
    ...(most < MAX_RECORDED_MS ? { toId: idFloor(most + 1) } : {}),
  }
  const limits: IdRange = {
    fromId: own.fromId,
    toId: toId !== undefined && (own.toId === undefined || toId < own.toId) ? toId : own.toId,
  }
  const windows = windowsOf(await partitionsOf(db), {
    ...{ range: limits, isDescending: true, nowMs: Date.now(), isWhole: true },
  })
  const runs = runsOfSeqs(ranges)
  const column = (at: 'fromSeq' | 'toSeq') => numbers(runs.map((run) => run[at]))
  const found: FoundId[] = []
  for (const window of windows) {
    const conditions = [...inWindow(window), ...inWindow(limits), ...bound.conditions]
    // One run after the other, each by the index on seq. As one condition the server may compare each entry
    // with each number.
    const rows = await readRows(
      db,
      sql`select found.id::pg_catalog.text as "id"
      from rows from (pg_catalog.unnest(${column('fromSeq')}), pg_catalog.unnest(${column('toSeq')}))
        as run (from_seq, to_seq)
      cross join lateral (
        select ${auditLog.id} from ${auditLog}
        where ${auditLog.seq} operator(pg_catalog.>=) run.from_seq
          and ${auditLog.seq} operator(pg_catalog.<=) run.to_seq
          and ${sql.join(conditions, sql` and `)}
        offset 0
      ) as found`,
    )
    for (const row of rows) {
      const id = String(row['id'])
      found.push({ id, ms: recordedMs(id) })
    }
  }
  return found
}

function numbers(given: readonly number[]): SQL {
  return sql`${`{${given.join(',')}}`}::pg_catalog.text::bigint[]`
}

import { type SQL, sql } from 'drizzle-orm'
import { isTrue, type Row } from '../../database/callers-database.ts'
import { auditSearchRun } from '../../schema/tables.ts'
import { BLOCK_SEQS } from '../../search/layout.ts'
import type { SearchRun } from '../../search/open-runs.ts'

/** Runs a statement with the reader's role. */
export type Ask = (query: SQL) => Promise<readonly Row[]>

/** With more entries than this behind it the search is not used, because all of them have to be looked at. */
const MOST_BEHIND = 16_384

/** The search as one statement has seen it. */
export interface SearchState {
  readonly runs: readonly SearchRun[]
  /** It has every entry with these numbers. */
  readonly sinceSeq: number
  readonly seq: number
  readonly head: number
  /** No entry before `sinceSeq` has a greater id. Null: there is none. */
  readonly beforeId: string | null
  /** Another one: what was read of the search before may be of other entries. */
  readonly version: SearchVersion
}

export interface SearchVersion {
  readonly begunAt: string
  readonly changes: string
}

/** @returns undefined where it is off, too far behind, or of another history of the log */
export async function readSearch(ask: Ask): Promise<SearchState | undefined> {
  const [row] = await ask(
    sql`select f.since_seq::pg_catalog.text as "sinceSeq", f.seq::pg_catalog.text as "seq",
      f.head::pg_catalog.text as "head", f.before_id::pg_catalog.text as "beforeId",
      f.history operator(pg_catalog.=) f.log_history as "isSame",
      extract(epoch from f.begun_at)::pg_catalog.text as "begunAt",
      f.changes::pg_catalog.text as "changes", (
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
  const version = { begunAt: String(row['begunAt']), changes: String(row['changes']) }
  return { runs, sinceSeq, seq, head, beforeId, version }
}

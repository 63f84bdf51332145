import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'

/** How far the search is. */
export interface SearchState {
  /** The first number that it has. What is before it is looked through. */
  readonly sinceSeq: number
  /** It has everything up to this number. */
  readonly seq: number
  /** Entries behind that. Fewer than 4,096 always are, and are looked through. */
  readonly waiting: number
  /** Entries whose words were taken out and that are looked through until the relay has made them again. */
  readonly unmade: number
  readonly bytes: number
  /** When it came further, ISO 8601, in UTC. Null: it has not begun. */
  readonly movedAt: string | null
}

/** A number of the log, or a moment. */
export type SearchSince = { readonly seq: number } | { readonly at: Date }

/** @returns the first number that it has, also where it was on already */
export async function searchOn(database: Database, since: SearchSince): Promise<number> {
  const seq = 'seq' in since ? since.seq : null
  const at = 'at' in since ? since.at.toISOString() : null
  const [row] = await database.execute<{ since: number }>(sql`
    select audit.search_on(${seq}::bigint, ${at}::pg_catalog.text::timestamptz)::double precision as since`)
  return Number(row?.since)
}

/** @returns whether it was on */
export async function searchOff(database: Database): Promise<boolean> {
  const [row] = await database.execute<{ was: boolean }>(sql`select audit.search_off() as was`)
  return row?.was === true
}

/** Undefined: it is off. */
export async function searchState(
  database: Pick<Database, 'execute'>,
): Promise<SearchState | undefined> {
  const [row] = await database.execute<SearchState>(sql`
    select s.since_seq::double precision as "sinceSeq", s.seq::double precision as seq,
      (s.head operator(pg_catalog.-) s.seq)::double precision as waiting,
      (s.unmade operator(pg_catalog.*) 4096)::double precision as unmade,
      s.bytes::double precision as bytes,
      pg_catalog.to_char(s.moved_at at time zone 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "movedAt"
    from audit.search_state() as s`)
  return row
}

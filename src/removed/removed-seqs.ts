import { type SQL, sql } from 'drizzle-orm'
import type { Row } from '../database/callers-database.ts'

/** Numbers from the first to the last. */
export type Run = readonly [first: number, last: number]

/** Runs one statement that reads. */
export type Ask = (query: SQL) => Promise<readonly Row[]>

/** Numbers that a policy removed, and the entries `audit.retention` that say so. */
export interface RemovedSeqs {
  /** Up to so many runs as were asked for. */
  readonly runs: readonly Run[]
  /** How many numbers they are in all. */
  readonly count: number
  /** Ids of entries of the log. */
  readonly entries: readonly string[]
}

/**
 * The numbers of a range that a policy removed. Runs that meet are one, however many removals made
 * them.
 */
export async function removedIn(
  ask: Ask,
  [first, last]: Run,
  maxRuns: number,
): Promise<RemovedSeqs> {
  const [row] = await ask(sql`
    with removed as (
      select pg_catalog.range_agg(${runOf(first, last)}) as runs,
        pg_catalog.json_agg(distinct r.by_entry)::pg_catalog.text as entries
      from audit.audit_removed as r where ${overlaps(first, last)}
    ),
    run as (
      select pg_catalog.lower(u) as first, pg_catalog.upper(u) operator(pg_catalog.-) 1 as last
      from removed as r, pg_catalog.unnest(r.runs) as u
    )
    select r.entries as "entries",
      (select pg_catalog.sum(u.last operator(pg_catalog.-) u.first operator(pg_catalog.+) 1)
        from run as u)::double precision as "count",
      (select pg_catalog.json_agg(pg_catalog.json_build_array(u.first, u.last) order by u.first)
        from (select * from run as u order by u.first limit ${sql.raw(String(maxRuns))}) as u
      )::pg_catalog.text as "runs"
    from removed as r`)
  return {
    runs: JSON.parse(String(row?.['runs'] ?? '[]')) as Run[],
    count: Number(row?.['count'] ?? 0),
    entries: JSON.parse(String(row?.['entries'] ?? '[]')) as string[],
  }
}

/** What is left of these holes in the log without the numbers that a policy removed. */
export async function withoutRemoved(ask: Ask, holes: readonly Run[]): Promise<readonly Run[]> {
  const [first] = holes[0] ?? [0]
  const [, last] = holes.at(-1) ?? [0, 0]
  if (holes.length === 0) return []
  const [row] = await ask(sql`
    with hole as (
      select pg_catalog.range_agg(pg_catalog.int8range(
        (h.hole operator(pg_catalog.->>) 0)::bigint, (h.hole operator(pg_catalog.->>) 1)::bigint, '[]'
      )) as runs
      from pg_catalog.json_array_elements(${JSON.stringify(holes)}::pg_catalog.json) as h (hole)
    ),
    removed as (
      select coalesce(pg_catalog.range_agg(${runOf(first, last)}), '{}'::pg_catalog.int8multirange)
        as runs
      from audit.audit_removed as r where ${overlaps(first, last)}
    )
    select pg_catalog.json_agg(pg_catalog.json_build_array(
      pg_catalog.lower(u), pg_catalog.upper(u) operator(pg_catalog.-) 1
    ) order by pg_catalog.lower(u))::pg_catalog.text as "runs"
    from hole as h, removed as r,
      pg_catalog.unnest(h.runs operator(pg_catalog.-) r.runs) as u`)
  return JSON.parse(String(row?.['runs'] ?? '[]')) as Run[]
}

/** Whether a policy removed the entry of a number: as a condition. */
export function isRemoved(seq: number): SQL {
  return sql`exists (select from audit.audit_removed as r where ${overlaps(seq, seq)})`
}

function overlaps(first: number, last: number): SQL {
  return sql`r.last_seq operator(pg_catalog.>=) ${first}::bigint
    and r.first_seq operator(pg_catalog.<=) ${last}::bigint`
}

/** A run of audit_removed, cut to a range. */
function runOf(first: number, last: number): SQL {
  return sql`pg_catalog.int8range(
    greatest(r.first_seq, ${first}::bigint), least(r.last_seq, ${last}::bigint), '[]')`
}

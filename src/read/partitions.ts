import { type SQL, sql } from 'drizzle-orm'
import type { AuditDatabase } from '../database/callers-database.ts'
import { auditPartition } from '../schema/tables.ts'
import { readRows } from './read-rows.ts'

/** A partition of the log, as the catalogue has it. DEFAULT is none of them. */
export interface LogPartition {
  /** The smallest id in it. */
  readonly fromId: string
  /** The smallest id behind it. */
  readonly toId: string
  /** No entry in it has a smaller `seq`. Undefined: not known. */
  readonly minSeq: number | undefined
  /** No entry in it has a greater `seq`. Undefined: not known. */
  readonly maxSeq: number | undefined
  /** How many entries it held when it was closed. */
  readonly rows: number | undefined
  /**
   * Whether it had never held an entry when the catalogue was read. False where `maxSeq` is known,
   * because nobody needs it then.
   */
  readonly isEmpty: boolean
}

export interface PartitionMap {
  /** In the order of ids. */
  readonly partitions: readonly LogPartition[]
  /** The log's last `seq` in the same snapshot. */
  readonly lastSeq: number
}

/**
 * The most partitions that a window touches. A statement also touches DEFAULT, and a tail's that of
 * the entry that it read last. Postgres locks each of them with each of its indexes before it reads
 * anything, at present 13 locks for a partition, so a statement takes fewer than 300. All sessions of
 * a server share one table of locks, and who finds it full fails.
 */
export const MAX_PARTITIONS = 18

/**
 * How long a map is used. An old one only costs time: a reader who reads by it covers every id, or
 * proves in the same statement that what is left out holds nothing.
 */
const KEPT_MS = 60_000

const maps = new WeakMap<AuditDatabase, { readonly map: PartitionMap; readonly atMs: number }>()

/** The log's partitions, of at most a minute ago. */
export async function partitionsOf(db: AuditDatabase): Promise<PartitionMap> {
  const known = maps.get(db)
  if (known !== undefined && performance.now() - known.atMs < KEPT_MS) return known.map
  return await partitionsNow(db)
}

/** The log's partitions as they are now. */
export async function partitionsNow(db: AuditDatabase): Promise<PartitionMap> {
  const map = await readPartitions(db)
  maps.set(db, { map, atMs: performance.now() })
  return map
}

/** Has the next reader ask again. */
export function forgetPartitions(db: AuditDatabase): void {
  maps.delete(db)
}

async function readPartitions(db: AuditDatabase): Promise<PartitionMap> {
  const [row] = await readRows(
    db,
    sql`select audit.last_seq()::pg_catalog.text as "lastSeq", (
      select pg_catalog.json_agg(pg_catalog.json_build_array(
        ${auditPartition.fromId}, ${auditPartition.toId}, ${auditPartition.minSeq},
        ${auditPartition.maxSeq}, ${auditPartition.rows},
        case when ${auditPartition.maxSeq} is null then ${isEmpty} else false end
      ) order by ${auditPartition.fromId})::pg_catalog.text from ${auditPartition}
    ) as "partitions"`,
  )
  const listed: unknown = row?.['partitions']
  const rows: readonly (readonly unknown[])[] = typeof listed === 'string' ? JSON.parse(listed) : []
  return { partitions: rows.map(toPartition), lastSeq: Number(row?.['lastSeq'] ?? 0) }
}

/**
 * Whether a partition of the catalogue has never held an entry. Its file grows before an entry can
 * be seen, so a file without a page is a proof for the snapshot of the statement. It takes a lock
 * for the moment of the look only.
 */
export const isEmpty: SQL = sql`coalesce(pg_catalog.pg_relation_size(pg_catalog.to_regclass(
  pg_catalog.format('audit.%I'::pg_catalog.text, ${auditPartition.name})::pg_catalog.text
)) operator(pg_catalog.=) 0::bigint, false)`

function toPartition([
  fromId,
  toId,
  minSeq,
  maxSeq,
  rows,
  empty,
]: readonly unknown[]): LogPartition {
  const number = (given: unknown) => (typeof given === 'number' ? given : undefined)
  return {
    fromId: String(fromId),
    toId: String(toId),
    minSeq: number(minSeq),
    maxSeq: number(maxSeq),
    rows: number(rows),
    isEmpty: empty === true,
  }
}

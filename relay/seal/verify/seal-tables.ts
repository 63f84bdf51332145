import { sql } from 'drizzle-orm'
import type { Row } from '../../../src/database/callers-database.ts'
import type { Opening } from '../../../src/seal/leaf.ts'
import type { TileAt } from '../../../src/seal/tiles.ts'
import { type Asked, bytesOf } from './ask.ts'

/** A tree of the log. A restored log begins another one. */
export interface OriginRow {
  readonly origin: number
  readonly name: string
  /** The number of the entry of leaf 0. */
  readonly firstSeq: number
}

export interface CheckpointRow {
  readonly size: number
  /** The size of the checkpoint before it; 0 for the first one. */
  readonly previous: number
  readonly root: Buffer
  readonly note: string
}

export interface CosignatureRow {
  readonly size: number
  readonly name: string
  readonly line: string
}

/** What is known of an entry of which something was erased. */
export interface Erasure {
  readonly fields: readonly string[]
  /** Undefined where it was erased before it was sealed. */
  readonly opening: Opening | undefined
  readonly erasedMs: number
}

/** Numbers of entries that share a row of salts. */
export const SALTED_SEQS = 256
export const SALT_BYTES = 16
const CHECKPOINTS_AT_ONCE = 500
const CHECKPOINT = sql`c.size::pg_catalog.text as "size", c.previous::pg_catalog.text as "previous",
  pg_catalog.encode(c.root, 'hex') as "root", c.note as "note"`

function toCheckpoint({ size, previous, root, note }: Row): CheckpointRow {
  return {
    size: Number(size),
    previous: Number(previous ?? 0),
    root: bytesOf(root),
    note: String(note),
  }
}

export async function readOrigins(asked: Asked): Promise<readonly OriginRow[]> {
  const rows = await asked.rows(sql`
    select o.origin::pg_catalog.text as "origin", o.name as "name",
      o.first_seq::pg_catalog.text as "firstSeq"
    from audit.audit_origin as o order by o.origin`)
  return rows.map(({ origin, name, firstSeq }) => ({
    origin: Number(origin),
    name: String(name),
    firstSeq: Number(firstSeq),
  }))
}

/** Origins that have checkpoints, as their numbers. */
export async function originsWithCheckpoints(asked: Asked): Promise<readonly number[]> {
  const rows = await asked.rows(sql`
    select distinct c.origin::pg_catalog.text as "origin" from audit.audit_checkpoint as c`)
  return rows.map(({ origin }) => Number(origin))
}

/** The checkpoints of an origin behind a size, the smallest first. */
export async function* readCheckpoints(
  asked: Asked,
  origin: number,
  afterSize: number,
): AsyncGenerator<CheckpointRow, void, undefined> {
  for (let after = afterSize; ; ) {
    const rows = await asked.rows(sql`
      select ${CHECKPOINT} from audit.audit_checkpoint as c
      where c.origin operator(pg_catalog.=) ${origin}::smallint
        and c.size operator(pg_catalog.>) ${after}::bigint
      order by c.size limit ${sql.raw(String(CHECKPOINTS_AT_ONCE))}`)
    for (const row of rows.map(toCheckpoint)) {
      after = row.size
      yield row
    }
    if (rows.length < CHECKPOINTS_AT_ONCE) return
  }
}

/** The newest checkpoints of an origin, the newest first. */
export async function newestCheckpoints(
  asked: Asked,
  origin: number,
  most: number,
): Promise<readonly CheckpointRow[]> {
  const rows = await asked.rows(sql`
    select ${CHECKPOINT} from audit.audit_checkpoint as c
    where c.origin operator(pg_catalog.=) ${origin}::smallint
    order by c.size desc limit ${sql.raw(String(most))}`)
  return rows.map(toCheckpoint)
}

/** The newest checkpoints of an origin that have a cosignature. */
export async function newestCosigned(
  asked: Asked,
  origin: number,
  most: number,
): Promise<readonly CheckpointRow[]> {
  const rows = await asked.rows(sql`
    select ${CHECKPOINT} from audit.audit_checkpoint as c
    where c.origin operator(pg_catalog.=) ${origin}::smallint and exists (
      select from audit.audit_cosignature as s
      where s.origin operator(pg_catalog.=) c.origin and s.size operator(pg_catalog.=) c.size
    )
    order by c.size desc limit ${sql.raw(String(most))}`)
  return rows.map(toCheckpoint)
}

/** The cosignatures of checkpoints of some sizes. There are a few for each that was published. */
export async function readCosignatures(
  asked: Asked,
  origin: number,
  sizes: readonly number[],
): Promise<readonly CosignatureRow[]> {
  const rows = await asked.rows(sql`
    select c.size::pg_catalog.text as "size", c.name as "name", c.line as "line"
    from audit.audit_cosignature as c
    where c.origin operator(pg_catalog.=) ${origin}::smallint 
      and c.size operator(pg_catalog.=) any (${`{${sizes.join(',')}}`}::bigint[])
    order by c.size, c.name`)
  return rows.map(({ size, name, line }) => ({
    size: Number(size),
    name: String(name),
    line: String(line),
  }))
}

/** Tiles of a level that lie next to each other, by their number. */
export async function readTiles(
  asked: Asked,
  origin: number,
  { level, n }: TileAt,
  count: number,
): Promise<ReadonlyMap<number, Buffer>> {
  const rows = await asked.rows(sql`
    select t.n::pg_catalog.text as "n", pg_catalog.encode(t.hashes, 'hex') as "hashes"
    from audit.audit_tile as t
    where t.origin operator(pg_catalog.=) ${origin}::smallint
      and t.level operator(pg_catalog.=) ${level}::smallint
      and t.n operator(pg_catalog.>=) ${n}::bigint
      and t.n operator(pg_catalog.<) ${n + count}::bigint`)
  return new Map(rows.map((row) => [Number(row['n']), bytesOf(row['hashes'])]))
}

/** The salts of the entries from one number to another, by number divided by 256. */
export async function readSalts(
  asked: Asked,
  firstSeq: number,
  lastSeq: number,
): Promise<ReadonlyMap<number, Buffer>> {
  const rows = await asked.rows(sql`
    select s.n::pg_catalog.text as "n", pg_catalog.encode(s.salts, 'hex') as "salts"
    from audit.audit_salt as s
    where s.n operator(pg_catalog.>=) ${Math.floor(firstSeq / SALTED_SEQS)}::bigint
      and s.n operator(pg_catalog.<=) ${Math.floor(lastSeq / SALTED_SEQS)}::bigint`)
  return new Map(rows.map((row) => [Number(row['n']), bytesOf(row['salts'])]))
}

/** What was erased of the entries from one number to another, by number. */
export async function readErasures(
  asked: Asked,
  firstSeq: number,
  lastSeq: number,
): Promise<ReadonlyMap<number, Erasure>> {
  const rows = await asked.rows(sql`
    select e.seq::pg_catalog.text as "seq",
      pg_catalog.array_to_json(e.fields)::pg_catalog.text as "fields",
      e.opening::pg_catalog.text as "opening",
      (extract(epoch from e.erased_at) operator(pg_catalog.*) 1000)::double precision as "erasedMs"
    from audit.audit_erasure as e
    where e.seq operator(pg_catalog.>=) ${firstSeq}::bigint
      and e.seq operator(pg_catalog.<=) ${lastSeq}::bigint`)
  return new Map(
    rows.map(({ seq, fields, opening, erasedMs }) => [
      Number(seq),
      {
        fields: JSON.parse(String(fields ?? '[]')) as string[],
        opening: typeof opening === 'string' ? openingOf(opening) : undefined,
        erasedMs: Number(erasedMs),
      },
    ]),
  )
}

/** jsonb's own text may hold anything; what is no object opens nothing. */
function openingOf(text: string): Opening | undefined {
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? (value as Opening) : undefined
}

/** The last number of the log, and the database's clock, in Unix milliseconds. */
export async function readHead(
  asked: Asked,
): Promise<{ readonly lastSeq: number; readonly nowMs: number }> {
  const [row] = await asked.rows(sql`
    select audit.last_seq()::pg_catalog.text as "lastSeq",
      (extract(epoch from pg_catalog.clock_timestamp()) operator(pg_catalog.*) 1000
      )::double precision as "nowMs"`)
  return { lastSeq: Number(row?.['lastSeq'] ?? 0), nowMs: Number(row?.['nowMs'] ?? 0) }
}

import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { unproved } from '../../seal/not-proved.ts'
import type { ReadTile } from '../../seal/tiles.ts'
import { readRows } from '../../read/read-rows.ts'

/** A tree of the seal under one of its checkpoints. */
export interface SealedTree {
  readonly origin: number
  readonly name: string
  /** The number of its first leaf. */
  readonly firstSeq: number
  /** How many leaves are below the checkpoint. */
  readonly size: number
  readonly root: Buffer
  /** The checkpoint, with all signatures that are known of it. */
  readonly note: string
}

/** Tiles that are kept while a walk needs them again: one or two of each level. */
const KEPT_TILES = 64

/**
 * The tree below whose checkpoint an entry is, or the newest one of all: under the newest checkpoint that
 * a witness cosigned, or else under the newest.
 *
 * @throws {NotProvedError} `AUDIT_NOT_PROVED` of the kind `unproved` where there is none
 */
export async function readSealedTree(db: AuditDatabase, seq?: number): Promise<SealedTree> {
  const least = seq ?? 0
  const [row] = await readRows(
    db,
    sql`
      select o.origin::pg_catalog.text as "origin", o.name,
        o.first_seq::pg_catalog.text as "firstSeq", c.size::pg_catalog.text as "size",
        pg_catalog.encode(c.root, 'base64') as "root", c.note, (
          select pg_catalog.json_agg(k.line order by k.at, k.name)::pg_catalog.text
          from audit.audit_cosignature as k
          where k.origin operator(pg_catalog.=) c.origin and k.size operator(pg_catalog.=) c.size
        ) as "lines"
      from audit.audit_origin as o
      cross join lateral (
        select coalesce(
          (
            select pg_catalog.max(k.size) from audit.audit_cosignature as k
            where k.origin operator(pg_catalog.=) o.origin
              and k.size operator(pg_catalog.>) (${least}::bigint operator(pg_catalog.-) o.first_seq)
          ),
          (
            select pg_catalog.max(p.size) from audit.audit_checkpoint as p
            where p.origin operator(pg_catalog.=) o.origin
              and p.size operator(pg_catalog.>) (${least}::bigint operator(pg_catalog.-) o.first_seq)
          )
        ) as size
      ) as newest
      join audit.audit_checkpoint as c
        on c.origin operator(pg_catalog.=) o.origin and c.size operator(pg_catalog.=) newest.size
      where o.first_seq operator(pg_catalog.<=) ${seq ?? Number.MAX_SAFE_INTEGER}::bigint
      order by o.origin desc limit 1`,
  )
  if (row === undefined) throw await notSealed(db, seq)
  const lines = JSON.parse(String(row['lines'] ?? '[]')) as readonly string[]
  return {
    origin: Number(row['origin']),
    name: String(row['name']),
    firstSeq: Number(row['firstSeq']),
    size: Number(row['size']),
    root: Buffer.from(String(row['root']), 'base64'),
    note: `${row['note']}${lines.map((line) => `${line.trimEnd()}\n`).join('')}`,
  }
}

async function notSealed(db: AuditDatabase, seq: number | undefined): Promise<Error> {
  const [row] = await readRows(
    db,
    sql`select pg_catalog.max(c.size operator(pg_catalog.+) o.first_seq)::pg_catalog.text as "next"
      from audit.audit_origin as o join audit.audit_checkpoint as c
        on c.origin operator(pg_catalog.=) o.origin`,
  )
  const next = row?.['next']
  if (typeof next !== 'string') {
    return unproved('The log is not sealed. Run a relay, or "audit-relay seal", with a seal key.')
  }
  return unproved(
    seq === undefined || seq >= Number(next)
      ? `Entry ${seq} is not sealed yet: the log is sealed through ${Number(next) - 1}.`
      : `Entry ${seq} is older than the seal of the log.`,
  )
}

/** Reads tiles of a tree, and keeps those that were read last. */
export function tileReader(db: AuditDatabase, { origin }: Pick<SealedTree, 'origin'>): ReadTile {
  const kept = new Map<string, Buffer>()
  return async ({ level, n }, width) => {
    const name = `${level}/${n}`
    const known = kept.get(name)
    if (known !== undefined && known.length >= width * 32) return known
    const [row] = await readRows(
      db,
      sql`select pg_catalog.encode(t.hashes, 'base64') as "hashes" from audit.audit_tile as t
        where t.origin operator(pg_catalog.=) ${origin}::smallint
          and t.level operator(pg_catalog.=) ${level}::smallint
          and t.n operator(pg_catalog.=) ${n}::bigint`,
    )
    const hashes = Buffer.from(String(row?.['hashes'] ?? ''), 'base64')
    kept.delete(name)
    kept.set(name, hashes)
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT_TILES) break
      kept.delete(oldest)
    }
    return hashes
  }
}

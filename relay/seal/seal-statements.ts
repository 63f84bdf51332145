import { sql } from 'drizzle-orm'
import { Database, type DatabaseOptions } from '../../src/database/connection.ts'
import type { GrownTile, TileAt } from '../../src/seal/tiles.ts'

/** What `audit.seal_state` says of the log and of the newest tree of its seal. */
export interface SealState {
  /** The last number of the log. */
  readonly head: number
  readonly history: string
  /** Whether a person began the history by `audit-relay restored`. */
  readonly isDeclared: boolean
  /** Undefined where nothing was ever sealed. */
  readonly tree: SealedTree | undefined
  /** Rows that wait in the lanes, as far as they were counted. */
  readonly waiting: number
}

export interface SealedTree {
  /** Its number: 1, and one more with each restore. */
  readonly origin: number
  readonly name: string
  readonly firstSeq: number
  /** The history of the log in which it was begun. */
  readonly history: string
  /** How many leaves are below the newest checkpoint; 0 where there is none. */
  readonly size: number
  readonly root: Buffer | undefined
  /** The newest checkpoint as it was signed. */
  readonly note: string | undefined
}

export interface Leaves {
  readonly hashes: readonly Buffer[]
  /** Numbers without an entry that no policy removed: the first 100 of them, and how many. */
  readonly missing: readonly number[]
  readonly missingCount: number
}

export interface NewCheckpoint {
  readonly origin: number
  /** The size of the checkpoint that it stands on; 0 for the first one. */
  readonly from: number
  readonly size: number
  readonly root: Buffer
  readonly note: string
  readonly tiles: readonly GrownTile[]
}

/** A cosignature line of a witness. */
export interface NewCosignature {
  readonly origin: number
  readonly size: number
  readonly name: string
  readonly line: string
}

/** All statements that a sealer sends to a database. */
export interface SealStatements {
  /** @param maxWaiting so many rows of the lanes are counted at most, of both together */
  look(maxWaiting: number): Promise<SealState>
  /** Begins the first tree of this database; does nothing where there is one. */
  begin(origin: number, name: string): Promise<void>
  /** The leaf hashes of these numbers. Their salts are made where they are missing. */
  leaves(fromSeq: number, toSeq: number): Promise<Leaves>
  /** The hashes of a tile, empty where there is none. */
  readTile(origin: number, at: TileAt): Promise<Buffer>
  /** @returns false where another sealer was faster */
  put(checkpoint: NewCheckpoint): Promise<boolean>
  putCosignature(cosignature: NewCosignature): Promise<void>
  close(): Promise<void>
}

const HASH_BYTES = 32

interface StateRow {
  readonly head: number
  readonly history: string
  readonly isDeclared: boolean
  readonly origin: number | null
  readonly name: string
  readonly firstSeq: number
  readonly originHistory: string
  readonly size: number | null
  readonly root: string | null
  readonly note: string | null
  readonly waiting: number
}

/** Sends the statements over a connection of its own, as a login that was granted `audit_relay`. */
export function openSealStatements(
  options: Pick<DatabaseOptions, 'url' | 'statementTimeoutMs'>,
): SealStatements {
  const database = new Database({
    ...options,
    role: 'audit_relay',
    applicationName: 'audit-relay seal',
  })
  return {
    async look(maxWaiting) {
      const [row] = await database.execute<StateRow>(sql`/* audit-relay seal look */
        select s.head::double precision as head, s.history::pg_catalog.text as history,
          s.is_declared as "isDeclared", s.origin::integer as origin, s.name,
          s.first_seq::double precision as "firstSeq",
          s.origin_history::pg_catalog.text as "originHistory", s.size::double precision as size,
          pg_catalog.encode(s.root, 'base64') as root, s.note, s.waiting
        from audit.seal_state(${maxWaiting}::integer) as s`)
      if (row === undefined) throw new TypeError('a log without a head cannot be sealed')
      return toState(row)
    },
    async begin(origin, name) {
      await database.execute(sql`/* audit-relay seal begin */
        select audit.begin_seal(${origin}::smallint, ${name}::pg_catalog.text)`)
    },
    async leaves(fromSeq, toSeq) {
      const [row] = await database.execute<{
        leaves: string
        missing: readonly number[]
        missingCount: number
      }>(sql`/* audit-relay seal leaves */
        select pg_catalog.encode(l.leaves, 'base64') as leaves, l.missing,
          l.missing_count as "missingCount"
        from audit.seal_leaves(${fromSeq}::bigint, ${toSeq}::bigint) as l`)
      const { leaves = '', missing = [], missingCount = 0 } = row ?? {}
      return { hashes: hashesOf(Buffer.from(leaves, 'base64')), missing, missingCount }
    },
    async readTile(origin, { level, n }) {
      const [row] = await database.execute<{ hashes: string | null }>(
        sql`/* audit-relay seal tile */
        select pg_catalog.encode(
          audit.read_tile(${origin}::smallint, ${level}::smallint, ${n}::bigint), 'base64'
        ) as hashes`,
      )
      return Buffer.from(row?.hashes ?? '', 'base64')
    },
    async put({ origin, from, size, root, note, tiles }) {
      const grown = tiles.map(({ at: { level, n }, hashes }) => {
        return { level, n, hashes: hashes.toString('base64') }
      })
      const [row] = await database.execute<{ isPut: boolean }>(sql`/* audit-relay seal */
        select audit.put_seal(
          ${origin}::smallint, ${from}::bigint, ${size}::bigint,
          pg_catalog.decode(${root.toString('base64')}::pg_catalog.text, 'base64'),
          ${note}::pg_catalog.text, ${JSON.stringify(grown)}::pg_catalog.text::pg_catalog.json
        ) as "isPut"`)
      return row?.isPut === true
    },
    async putCosignature({ origin, size, name, line }) {
      await database.execute(sql`/* audit-relay seal cosignature */
        select audit.put_cosignature(
          ${origin}::smallint, ${size}::bigint, ${name}::pg_catalog.text, ${line}::pg_catalog.text)`)
    },
    close: () => database.close(),
  }
}

function toState({ head, history, isDeclared, waiting, origin, ...tree }: StateRow): SealState {
  const log = { head, history, isDeclared, waiting }
  if (origin === null) return { ...log, tree: undefined }
  const { name, firstSeq, originHistory, size, root, note } = tree
  return {
    ...log,
    tree: {
      ...{ origin, name, firstSeq, history: originHistory, size: size ?? 0 },
      root: root === null ? undefined : Buffer.from(root, 'base64'),
      note: note ?? undefined,
    },
  }
}

function hashesOf(bytes: Buffer): readonly Buffer[] {
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  )
}

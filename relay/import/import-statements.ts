import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import type { IdKind } from '../../src/entry.ts'

/** How far an import is. */
export interface ImportState {
  readonly ids: IdKind
  /** The smallest id that an import may bring in. */
  readonly oldest: string
  /** Null where there is no import of this name yet; so are the next three. */
  readonly mapping: string | null
  readonly recorderId: string | null
  /** As ISO 8601. */
  readonly begunAt: string | null
  readonly lastKey: string | null
  readonly read: number
  readonly refused: number
}

export interface RefusedByServer {
  readonly number: number
  readonly sqlstate: string
  readonly reason: string
}

export interface EndedImport {
  readonly read: number
  readonly refused: number
  readonly logged: number
  readonly repeated: number
  readonly deadLetters: number
}

/** All that an import says to the database of the log. */
export class ImportStatements {
  readonly #database: Pick<Database, 'execute'>
  readonly #name: string

  constructor(database: Pick<Database, 'execute'>, name: string) {
    this.#database = database
    this.#name = name
  }

  async state(): Promise<ImportState> {
    const [row] = await this.#database.execute<ImportState>(sql`/* audit-relay import */
      select
        i.ids, i.oldest::pg_catalog.text as oldest, i.mapping,
        i.recorder::pg_catalog.text as "recorderId",
        pg_catalog.to_char(i.begun_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "begunAt", i.last_key as "lastKey",
        coalesce(i.read, 0)::double precision as read,
        coalesce(i.refused, 0)::double precision as refused
      from audit.read_import(${this.#name}::pg_catalog.text) as i`)
    return answered(row)
  }

  /** @returns whether it goes on with an import that was begun before */
  async begin(source: string, mapping: string): Promise<boolean> {
    const [row] = await this.#database.execute<{ goesOn: boolean }>(sql`/* audit-relay import */
      select audit.begin_import(
        ${this.#name}::pg_catalog.text, ${source}::pg_catalog.text, ${mapping}::pg_catalog.text
      ) as "goesOn"`)
    return answered(row).goesOn
  }

  /** Makes the partitions for entries of this time. A call makes some of them. */
  async ensurePartitions(fromMs: number, toMs: number): Promise<void> {
    const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString())
    for (let made = 1; made > 0; ) {
      const [row] = await this.#database.execute<{ made: number }>(sql`/* audit-relay import */
        select audit.ensure_partitions_between(
          ${from}::timestamp with time zone, ${to}::timestamp with time zone) as made`)
      made = answered(row).made
    }
  }

  async stage(
    plain: readonly string[],
    odd: readonly string[],
  ): Promise<{ readonly epoch: string; readonly refused: readonly RefusedByServer[] }> {
    const [row] = await this.#database.execute<{ epoch: string; refused: string }>(
      sql`/* audit-relay import */
        select s.epoch::pg_catalog.text as epoch, s.refused::pg_catalog.text as refused
        from audit.stage_import(
          ${this.#name}::pg_catalog.text, ${slice(plain)}, ${slice(odd)}) as s`,
    )
    const { epoch, refused } = answered(row)
    return { epoch, refused: JSON.parse(refused) }
  }

  async settle(
    epoch: string,
    { lastKey, read, refused }: { lastKey: string; read: number; refused: number },
  ): Promise<'settled' | 'waiting' | 'emptied'> {
    const [row] = await this.#database.execute<{ state: 'settled' | 'waiting' | 'emptied' }>(
      sql`/* audit-relay import */
        select audit.settle_import(
          ${this.#name}::pg_catalog.text, ${epoch}::pg_catalog.uuid, ${lastKey}::pg_catalog.text,
          ${read}::bigint, ${refused}::bigint) as state`,
    )
    return answered(row).state
  }

  async end(): Promise<EndedImport> {
    const [row] = await this.#database.execute<EndedImport>(sql`/* audit-relay import */
      select
        e.read::double precision as read, e.refused::double precision as refused,
        e.logged::double precision as logged, e.repeated::double precision as repeated,
        e.dead_letters::double precision as "deadLetters"
      from audit.end_import(${this.#name}::pg_catalog.text) as e`)
    return answered(row)
  }
}

function slice(rows: readonly string[]) {
  if (rows.length === 0) return sql`'{}'::pg_catalog.text[]`
  return sql`array[${`[${rows.join(',')}]`}::pg_catalog.text]::pg_catalog.text[]`
}

function answered<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new TypeError('a function with OUT parameters answers with one row')
  return row
}

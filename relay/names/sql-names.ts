import { type SQL, sql } from 'drizzle-orm'
import { Database } from '../../src/database/connection.ts'
import { faultKind } from '../../src/database/faults.ts'
import { AuditError, databaseFault, optionInvalid } from '../../src/errors.ts'
import { isUuid } from '../../src/ids/uuid.ts'
import type { NameSource, NameViewer } from '../../src/names/name-source.ts'
import { type SettingName, whyRefused } from './refused-setting.ts'

export interface SqlNamesOptions {
  /** The URL of the reader's login. */
  readonly url: string
  /** `select id, name from users where id = any($1)`. */
  readonly namesSql: string | undefined
  /** `select id from users where name ilike '%' || $1 || '%'`. */
  readonly findSql: string | undefined
}

/** Also the page's bound for names. */
const TIMEOUT_MS = 1_000
/** More wait for the one connection than can be answered in time. */
const MAX_IN_FLIGHT = 30
/** One more than the page takes, so that it sees that there are too many. */
const MOST_FOUND = 21
/** The text is no value of the type, or one that is too large for it. */
const MISFITS: ReadonlySet<string> = new Set(['22P02', '22003'])
const NO_ID = '00000000-0000-0000-0000-000000000000'

type Fits = (id: string) => boolean
/** What the column of ids may be, by an id that it takes: the log's ids need not all be of its kind. */
const KINDS: readonly (readonly [id: string, fits: Fits])[] = [
  ['no id', () => true],
  [NO_ID, isUuid],
  ['9'.repeat(18), (id) => /^\d{1,18}$/.test(id)], // bigint
  ['9'.repeat(9), (id) => /^\d{1,9}$/.test(id)], // integer
]

/**
 * Names from tables of the application, by one statement in a setting for each direction. They run on a
 * connection that cannot write, as the login that reads the log, with the search_path of that login.
 */
export class SqlNames implements NameSource {
  readonly #namesSql: string | undefined
  readonly #findSql: string | undefined
  readonly #database: Database
  #fits: Fits | undefined
  #inFlight = 0

  constructor({ url, namesSql, findSql }: SqlNamesOptions) {
    this.#namesSql = namesSql && withoutEnd(namesSql)
    this.#findSql = findSql && withoutEnd(findSql)
    this.#database = new Database({
      url,
      applicationName: 'audit-relay names',
      statementTimeoutMs: TIMEOUT_MS,
      readsApplication: true,
    })
    this.names = this.names.bind(this)
    this.find = this.find.bind(this)
  }

  /**
   * Tries both statements without an id. A database that does not answer is no mistake of theirs.
   *
   * @throws {AuditError} `AUDIT_OPTION_INVALID`, which says what is wrong with a statement
   */
  async check(): Promise<void> {
    for (const [setting, text] of [
      ['AUDIT_NAMES_SQL', this.#namesSql],
      ['AUDIT_FIND_SQL', this.#findSql],
    ] as const) {
      if (text !== undefined && !/\$1(?!\d)/.test(text)) {
        throw optionInvalid(`${setting} must use $1, which stands for ${MEANINGS[setting]}.`)
      }
    }
    try {
      await this.#checkReadOnly()
      if (this.#findSql !== undefined) {
        await this.#tried('AUDIT_FIND_SQL', () => this.#findRows('', {}, 0))
      }
      if (this.#namesSql !== undefined) this.#fits = await this.#kindOfIds()
    } catch (error) {
      if (faultKind(error) !== 'connection' || isInvalid(error)) throw error
    }
  }

  async names(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (this.#namesSql === undefined || this.#inFlight >= MAX_IN_FLIGHT) return new Map()
    return await this.#counted(async () => {
      this.#fits ??= await this.#kindOfIds()
      const fit = ids.filter(this.#fits)
      const rows = fit.length === 0 ? [] : await this.#nameRows(fit, fit.length)
      return new Map(rows.flatMap(({ id, name }) => (id && name ? [[id, name] as const] : [])))
    })
  }

  /** A viewer of one event finds nothing, unless the statement is told the event: `$2`. */
  async find(text: string, viewer: NameViewer): Promise<readonly string[]> {
    const isOpen = viewer.onlyEventId === undefined || usesEvent(this.#findSql)
    if (this.#findSql === undefined || !isOpen || this.#inFlight >= MAX_IN_FLIGHT) return []
    const rows = await this.#counted(() => this.#findRows(text, viewer, MOST_FOUND))
    return rows.flatMap(({ id }) => (id ? [id] : []))
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  async #counted<T>(ask: () => Promise<T>): Promise<T> {
    this.#inFlight += 1
    try {
      return await ask()
    } finally {
      this.#inFlight -= 1
    }
  }

  async #checkReadOnly(): Promise<void> {
    const [row] = await this.#database.execute<{ isReadOnly: string }>(
      sql`select pg_catalog.current_setting('transaction_read_only') as "isReadOnly"`,
    )
    if (row?.isReadOnly === 'on') return
    throw optionInvalid(
      'AUDIT_NAMES_SQL and AUDIT_FIND_SQL run on a connection that cannot write, and a pooler does not ' +
        'let this one say so. Run, for the login of the reader: alter role … set ' +
        'default_transaction_read_only = on',
    )
  }

  /** By the first id that the statement takes. */
  async #kindOfIds(): Promise<Fits> {
    for (const [id, fits] of KINDS) {
      try {
        await this.#tried('AUDIT_NAMES_SQL', () => this.#nameRows([id], 0))
        return fits
      } catch (error) {
        if (!MISFITS.has(databaseFault(error).code)) throw error
      }
    }
    throw optionInvalid('AUDIT_NAMES_SQL must compare $1, a list, with ids: where id = any($1)')
  }

  async #tried(setting: SettingName, ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask()
    } catch (error) {
      const isKnown = MISFITS.has(databaseFault(error).code) && setting === 'AUDIT_NAMES_SQL'
      if (isKnown || faultKind(error) === 'connection') throw error
      throw optionInvalid(whyRefused(setting, databaseFault(error).code))
    }
  }

  /**
   * The application's own text names its parameters. They are numbered where they stand first, which is
   * in a comment, because they may stand anywhere in that text, and more than once.
   */
  #nameRows(ids: readonly string[], limit: number) {
    return this.#database.execute<{ id: string | null; name: string | null }>(
      sql`/* audit-relay names ${arrayText(ids)} */
        select q.id::pg_catalog.text as id, q.name::pg_catalog.text as name
        from (${sql.raw(this.#namesSql ?? '')}
        ) as q (id, name) limit ${sql.raw(String(limit))}`,
    )
  }

  #findRows(text: string, { onlyEventId = undefined }: NameViewer, limit: number) {
    const params: SQL = usesEvent(this.#findSql)
      ? sql`${text} ${onlyEventId ?? null}`
      : sql`${text}`
    return this.#database.execute<{ id: string | null }>(
      sql`/* audit-relay find ${params} */
        select q.id::pg_catalog.text as id
        from (${sql.raw(this.#findSql ?? '')}
        ) as q (id) limit ${sql.raw(String(limit))}`,
    )
  }
}

const MEANINGS: Readonly<Record<SettingName, string>> = {
  AUDIT_NAMES_SQL: 'the list of ids',
  AUDIT_FIND_SQL: 'the text that is looked for',
}

function usesEvent(text: string | undefined): boolean {
  return text !== undefined && /\$2(?!\d)/.test(text)
}

function isInvalid(error: unknown): boolean {
  return error instanceof AuditError && error.code === 'AUDIT_OPTION_INVALID'
}

/** It becomes a part of another statement. */
function withoutEnd(text: string): string {
  return text.trim().replace(/;+$/, '')
}

/** A list as Postgres reads it, of whatever type. This driver cannot send lists. */
function arrayText(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}

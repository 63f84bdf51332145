import type { SQL } from 'drizzle-orm'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { AuditError, databaseFault, safeError } from './errors.ts'
import { faultKind } from './retry.ts'

export interface DatabaseOptions {
  readonly url: string
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** Wall-clock limit of one statement, in milliseconds. */
  readonly statementTimeoutMs: number
  /** The connection is closed after this long without a statement. Default: 30 s. */
  readonly idleTimeoutMs?: number
  /** A connection that only reads: see `READER_SETTINGS`. Default: false. */
  readonly isReader?: boolean
}

/**
 * What a reading connection asks of the server at its start. The server itself ends a statement a
 * little before our own deadline, because only it can stop the work; and it plans for reading a
 * page in order, because a sort that looks cheap is not where the statistics are behind.
 */
const READER_SETTINGS = {
  default_transaction_read_only: 'on',
  enable_bitmapscan: 'off',
  enable_sort: 'off',
}
const SERVER_SHARE = 0.9
/** protocol_violation: a pooler that lets no settings through at the start. */
const SETTINGS_REFUSED = '08P01'

interface Client {
  readonly sql: postgres.Sql
  readonly db: PostgresJsDatabase
}

/**
 * One disposable connection of our own.
 *
 * Statements run one at a time, each in autocommit: with this driver a backend that dies inside
 * `begin` can lose rows or hang for good, and a single statement cannot. Every statement has a
 * deadline on this side of the wire, because a half-open socket outlasts every option of the
 * driver. After a missed deadline or an error of the connection the client is thrown away and the
 * next statement makes a new one; the statement itself may have run, so callers repeat only what
 * is safe to repeat.
 *
 * The client is never shared: Drizzle rewires the one that it is given.
 */
export class Database {
  readonly #options: DatabaseOptions
  #client: Client | undefined
  #closed = false
  #settingsRefused = false

  constructor(options: DatabaseOptions) {
    this.#options = options
  }

  /**
   * Runs one statement in autocommit.
   *
   * @throws {AuditError} `AUDIT_DATABASE_FAILED` with the fault, or `AUDIT_DEADLINE_PASSED`
   */
  async execute<Row extends object>(query: SQL): Promise<readonly Row[]> {
    try {
      return await this.#execute<Row>(query)
    } catch (error) {
      const canDoWithout = this.#options.isReader === true && !this.#settingsRefused
      if (!canDoWithout || databaseFault(error).code !== SETTINGS_REFUSED) throw error
      this.#settingsRefused = true // then our own deadline has to do
      return await this.#execute<Row>(query)
    }
  }

  async #execute<Row extends object>(query: SQL): Promise<readonly Row[]> {
    const client = this.#connected()
    const { statementTimeoutMs } = this.#options
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `No answer from the database within ${statementTimeoutMs} ms.`
        reject(new AuditError('AUDIT_DEADLINE_PASSED', message))
      }, statementTimeoutMs)
    })
    // Subscribes, which is what makes the driver send it; and whichever loses the race below must
    // not become an unhandled rejection.
    const answer = Promise.resolve(client.db.execute(query))
    answer.catch(() => {})
    try {
      const rows: readonly unknown[] = await Promise.race([answer, deadline])
      return rows as readonly Row[]
    } catch (error) {
      if (faultKind(error) === 'connection') this.#discard(client)
      throw safeError(error)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Safe to call twice. Statements after it are refused. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#client) await this.#discard(this.#client)
  }

  #connected(): Client {
    if (this.#closed) throw new AuditError('AUDIT_DATABASE_FAILED', 'The connection is closed.')
    if (this.#client) return this.#client
    const { url, applicationName, statementTimeoutMs, idleTimeoutMs = 30_000 } = this.#options
    const sql = postgres(url, {
      max: 1,
      prepare: false, // PgBouncer in transaction mode
      fetch_types: false,
      onnotice: () => {},
      connect_timeout: Math.max(1, Math.ceil(statementTimeoutMs / 1_000)),
      idle_timeout: Math.max(1, Math.ceil(idleTimeoutMs / 1_000)),
      backoff: () => 0.25, // its own reconnecting, between our deadline's start and end
      connection: { application_name: applicationName, ...this.#settings() },
    })
    this.#client = { sql, db: drizzle(sql) }
    return this.#client
  }

  #settings(): Readonly<Record<string, string>> {
    const { isReader = false, statementTimeoutMs } = this.#options
    if (!isReader || this.#settingsRefused) return {}
    const statement_timeout = String(Math.ceil(statementTimeoutMs * SERVER_SHARE))
    return { ...READER_SETTINGS, statement_timeout }
  }

  /** Lets go at once; the socket's own end is bounded and waited for by nobody but `close`. */
  async #discard(client: Client): Promise<void> {
    if (this.#client === client) this.#client = undefined
    const ended = client.sql.end({ timeout: 1 }).catch(() => {})
    let timer: NodeJS.Timeout | undefined
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, 2_000) // end() can hang past its own timeout
    })
    await Promise.race([ended, bound])
    clearTimeout(timer)
  }
}

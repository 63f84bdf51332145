import type { SQL } from 'drizzle-orm'
import { Client } from './client.ts'
import { AuditError, databaseFault, safeError } from '../errors.ts'
import { faultKind } from './faults.ts'
import { within } from '../within.ts'

export interface DatabaseOptions {
  readonly url: string
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** Wall-clock limit of one statement, in milliseconds. */
  readonly statementTimeoutMs: number
  /** A connection that only reads: see `READER_SETTINGS`. Default: false. */
  readonly isReader?: boolean
  /** Told of each statement that ended, with the error where it failed. */
  readonly onStatement?: (error: AuditError | undefined) => void
}

/**
 * The server itself ends a statement a little before our own deadline, because only it can: one that
 * waits for a lock does not notice that its client has gone, and behind an ALTER TABLE that waits
 * too each of our attempts would leave a connection.
 */
const SERVER_SHARE = 0.9
/**
 * What a reading connection asks for besides. It plans for reading a page in order, because a sort
 * that looks cheap is not where the statistics are behind. And it plans for blocks in memory, where
 * most of those are that somebody looks at: else, to find 5,000 entries of a busy event, it goes
 * through 60,000 of all events because these lie side by side, which took four times as long.
 */
const READER_SETTINGS = {
  default_transaction_read_only: 'on',
  enable_bitmapscan: 'off',
  enable_sort: 'off',
  seq_page_cost: '0.1',
  random_page_cost: '0.11',
}
/**
 * What every connection asks for. Compiling a plan takes longer than any of our statements runs, and
 * before PostgreSQL 18 a plan with a discouraged step counts as dear enough to be compiled each time:
 * the page's queries took a second where they take 20 ms.
 *
 * The search path holds nothing of a stranger's, because Postgres takes an operator or a function that
 * fits a statement exactly, whoever made it, and runs it with our rights. A pooler may refuse it, so
 * statements name schemas as well.
 */
const SETTINGS = { jit: 'off', search_path: 'pg_catalog, pg_temp' }
/** The connection is closed after this long without a statement. */
const IDLE_TIMEOUT_MS = 30_000
/** protocol_violation: a pooler that lets no settings through at the start. */
const SETTINGS_REFUSED = '08P01'

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
  #underWay = 0
  #idleTimer: NodeJS.Timeout | undefined
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
    const asks = !this.#settingsRefused
    try {
      return await this.#execute<Row>(query)
    } catch (error) {
      if (!asks || databaseFault(error).code !== SETTINGS_REFUSED) throw error
      this.#settingsRefused = true // then our own deadline has to do
      return await this.#execute<Row>(query)
    }
  }

  async #execute<Row extends object>(query: SQL): Promise<readonly Row[]> {
    const client = this.#begin()
    const { statementTimeoutMs, onStatement } = this.#options
    try {
      const rows = await within(statementTimeoutMs, client.execute(query), () => {
        const message = `No answer from the database within ${statementTimeoutMs} ms.`
        throw new AuditError('AUDIT_DEADLINE_PASSED', message)
      })
      onStatement?.(undefined)
      return rows as readonly Row[]
    } catch (error) {
      if (faultKind(error) === 'connection') this.#discard(client)
      const safe = safeError(error)
      onStatement?.(safe)
      throw safe
    } finally {
      this.#end(client)
    }
  }

  /** Safe to call twice. Statements after it are refused. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idleTimer)
    const client = this.#client
    this.#client = undefined
    await client?.end()
  }

  #begin(): Client {
    if (this.#closed) throw new AuditError('AUDIT_DATABASE_FAILED', 'The connection is closed.')
    clearTimeout(this.#idleTimer)
    const { url, applicationName, statementTimeoutMs } = this.#options
    const settings = { application_name: applicationName, ...this.#settings() }
    this.#client ??= new Client(url, settings, statementTimeoutMs)
    this.#client.isBusy = true
    this.#underWay += 1
    return this.#client
  }

  #settings(): Readonly<Record<string, string>> {
    const { isReader = false, statementTimeoutMs } = this.#options
    if (this.#settingsRefused) return {}
    const statement_timeout = String(Math.ceil(statementTimeoutMs * SERVER_SHARE))
    return { ...SETTINGS, ...(isReader && READER_SETTINGS), statement_timeout }
  }

  #end(client: Client): void {
    this.#underWay -= 1
    if (this.#underWay > 0 || client !== this.#client) return
    client.isBusy = false
    this.#idleTimer = setTimeout(() => {
      this.#client = undefined
      void client.end()
    }, IDLE_TIMEOUT_MS)
    this.#idleTimer.unref()
  }

  #discard(client: Client): void {
    if (this.#client === client) this.#client = undefined
    client.discard()
  }
}

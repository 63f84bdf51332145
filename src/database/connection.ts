import { type SQL, sql } from 'drizzle-orm'
import { Client } from './client.ts'
import { AuditError, databaseFault, safeError } from '../errors.ts'
import { faultKind } from './faults.ts'
import { grantHint, lacksRight, refusalHint } from './refusal.ts'
import type { Role } from './roles.ts'
import { TLS_NOT_OFFERED, tlsHint } from './tls.ts'
import { within } from '../within.ts'

export interface DatabaseOptions {
  readonly url: string
  /** The role that the login should have. A refusal says whether it has it. Default: none. */
  readonly role?: Role
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** Wall-clock limit of one statement, in milliseconds. */
  readonly statementTimeoutMs: number
  /** Whether the connection is read-only, with `READER_SETTINGS`. Default: false. */
  readonly isReader?: boolean
  /**
   * Whether it reads tables of the application: read-only, with the search_path of its login. What it
   * runs is the operator's own text. Default: false.
   */
  readonly readsApplication?: boolean
  /** Called after each statement, with its error if it failed. */
  readonly onStatement?: (error: AuditError | undefined) => void
}

/**
 * The server cancels a statement after this share of our own deadline. Only the server can cancel
 * it: a statement that waits for a lock does not notice that its client has gone. Behind an ALTER
 * TABLE that also waits, each of our attempts would leave another connection open.
 */
const SERVER_SHARE = 0.9
/**
 * Further settings of a read-only connection. The planner then reads a page in index order, because
 * a sort that looks cheap is expensive if the statistics are out of date. The low page costs say
 * that blocks are in memory, as most blocks are that somebody reads. With the default costs the
 * planner scanned 60,000 neighbouring entries of all events to find 5,000 entries of a busy event,
 * which took four times as long.
 */
const READER_SETTINGS = {
  default_transaction_read_only: 'on',
  enable_bitmapscan: 'off',
  enable_sort: 'off',
  seq_page_cost: '0.1',
  random_page_cost: '0.11',
}
/**
 * Settings of every connection. To compile a plan takes longer than any of our statements. Before
 * PostgreSQL 18 a plan with a disabled step counts as so expensive that the server compiles it each
 * time. The page's queries then took a second instead of 20 ms.
 */
const SETTINGS = {
  jit: 'off',
  // Postgres takes an operator or a function that fits a statement exactly, also one of another
  // login, and runs it with our rights. A pooler may refuse this setting, so statements name schemas
  // as well.
  search_path: 'pg_catalog, pg_temp',
  // Settings of a login or a database that would stop our statements.
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read committed',
  idle_session_timeout: '0',
}
/** The connection is closed after this long without a statement. */
const IDLE_TIMEOUT_MS = 30_000
/** protocol_violation: the answer of a pooler that refuses settings at the start. */
const SETTINGS_REFUSED = '08P01'

/**
 * A connection to the database that is replaced after a failure.
 *
 * Statements run one at a time, each in autocommit. With this driver a transaction can lose rows or
 * hang forever when its backend dies, and a single statement cannot. Every statement has a deadline
 * in this process, because a half-open socket outlasts every timeout of the driver. After a missed
 * deadline or a connection error the client is discarded, and the next statement makes a new one.
 * The failed statement may have run, so callers repeat only statements that are safe to repeat.
 */
export class Database {
  readonly #options: DatabaseOptions
  #client: Client | undefined
  #underWay = 0
  #idleTimer: NodeJS.Timeout | undefined
  #closed = false
  #settingsRefused = false
  #hasAnswered = false

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
      // Another statement that waited for the same connection was not sent either.
      const wasRefused = this.#settingsRefused && !this.#hasAnswered
      if (!asks || !wasRefused || faultKind(error) !== 'connection') throw error
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
      this.#hasAnswered = true
      onStatement?.(undefined)
      return rows as readonly Row[]
    } catch (error) {
      // Without `statement_timeout` only our own deadline holds.
      if (databaseFault(error).code === SETTINGS_REFUSED) this.#settingsRefused = true
      if (faultKind(error) === 'connection') this.#discard(client)
      const safe = await this.#explained(error, client)
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

  /** With what only the database can tell about it. */
  async #explained(error: unknown, client: Client): Promise<AuditError> {
    const { role, url } = this.#options
    if (role && lacksRight(error)) {
      const ask = async (text: string) => (await client.execute(sql.raw(text)))[0]
      return safeError(error, (await refusalHint(role, ask)) ?? grantHint(role))
    }
    // A server that has answered before offers what the URL asks for.
    const hint = this.#hasAnswered ? undefined : await tlsHint(url, error)
    return hint ? safeError({ code: TLS_NOT_OFFERED }, hint) : safeError(error)
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
    const { isReader = false, readsApplication = false, statementTimeoutMs } = this.#options
    if (this.#settingsRefused) return {}
    const statement_timeout = String(Math.ceil(statementTimeoutMs * SERVER_SHARE))
    if (readsApplication) {
      const { search_path: _ours, ...settings } = SETTINGS
      return { ...settings, default_transaction_read_only: 'on', statement_timeout }
    }
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

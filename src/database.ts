import type { SQL } from 'drizzle-orm'
import { Client } from './client.ts'
import { AuditError, safeError } from './errors.ts'
import { faultKind } from './retry.ts'

export interface DatabaseOptions {
  readonly url: string
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** Wall-clock limit of one statement, in milliseconds. */
  readonly statementTimeoutMs: number
  /** The connection is closed after this long without a statement. Default: 30 s. */
  readonly idleTimeoutMs?: number
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
  #underWay = 0
  #idleTimer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: DatabaseOptions) {
    this.#options = options
  }

  /**
   * Runs one statement in autocommit.
   *
   * @throws {AuditError} `AUDIT_DATABASE_FAILED` with the fault, or `AUDIT_DEADLINE_PASSED`
   */
  async execute<Row extends object>(query: SQL): Promise<readonly Row[]> {
    const client = this.#begin()
    const { statementTimeoutMs } = this.#options
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `No answer from the database within ${statementTimeoutMs} ms.`
        reject(new AuditError('AUDIT_DEADLINE_PASSED', message))
      }, statementTimeoutMs)
    })
    // Awaiting is what makes the driver send it; and whichever loses the race below must
    // not become an unhandled rejection.
    const answer = (async () => client.db.execute(query))()
    answer.catch(() => {})
    try {
      const rows: readonly unknown[] = await Promise.race([answer, deadline])
      return rows as readonly Row[]
    } catch (error) {
      if (faultKind(error) === 'connection') this.#discard(client)
      throw safeError(error)
    } finally {
      clearTimeout(timer)
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
    this.#client ??= new Client(url, applicationName, statementTimeoutMs)
    this.#client.isBusy = true
    this.#underWay += 1
    return this.#client
  }

  #end(client: Client): void {
    this.#underWay -= 1
    if (this.#underWay > 0 || client !== this.#client) return
    client.isBusy = false
    const { idleTimeoutMs = 30_000 } = this.#options
    this.#idleTimer = setTimeout(() => {
      this.#client = undefined
      void client.end()
    }, idleTimeoutMs)
    this.#idleTimer.unref()
  }

  #discard(client: Client): void {
    if (this.#client === client) this.#client = undefined
    client.discard()
  }
}

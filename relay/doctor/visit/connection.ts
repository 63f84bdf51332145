import type { QueryHandle } from '../../../src/database/callers-database.ts'
import { AuditError, databaseFault, safeError } from '../../../src/errors.ts'
import type { DatabaseRole } from '../../../src/options.ts'
import {
  connectDirectly,
  type DirectConnection,
  type DirectTransaction,
  readOnly,
} from '../../../src/schema/direct-connection.ts'
import { within } from '../../../src/within.ts'

export type Row = Readonly<Record<string, unknown>>

/** Who a connection is, as the server sees it. */
export interface Identity {
  readonly login: string
  readonly isSuperuser: boolean
  /** Whether it may see what the sessions of other logins do. */
  readonly seesSessions: boolean
  /** Whether settings of the session reached the server. A pooler refuses or ignores them. */
  readonly keepsSettings: boolean
  readonly pid: number
}

/** The server refuses settings at the start of a connection: a pooler does. */
const SETTINGS_REFUSED = '08P01'
/** A setting by which a pooler gives itself away. */
const PROBE = { extra_float_digits: '2', default_transaction_read_only: 'on' }
const END_MS = 1_000
/** The server ends a statement before our own deadline does. */
const SERVER_SHARE = 0.9

/** One connection of `doctor`, for all roles that have its URL. It cannot write. */
export class DoctorConnection implements QueryHandle {
  readonly roles: readonly DatabaseRole[]
  /** The variables that its URL came from. */
  readonly variables: readonly string[]
  readonly #url: string
  readonly #timeoutMs: number
  #client: DirectConnection
  #identity: Identity | undefined

  constructor(
    url: string,
    roles: readonly DatabaseRole[],
    variables: readonly string[],
    timeoutMs: number,
  ) {
    this.roles = roles
    this.variables = variables
    this.#url = url
    this.#timeoutMs = timeoutMs
    this.#client = connectDirectly(url, 'audit-relay doctor', PROBE)
  }

  get identity(): Identity | undefined {
    return this.#identity
  }

  /** The host of its URL, without login and password. */
  get host(): string {
    return new URL(this.#url).hostname
  }

  /** @throws {AuditError} where it cannot connect */
  async open(): Promise<Identity> {
    try {
      this.#identity = await this.#whoAmI()
    } catch (error) {
      if (databaseFault(error).code !== SETTINGS_REFUSED) throw error
      await this.close()
      this.#client = connectDirectly(this.#url, 'audit-relay doctor', {})
      this.#identity = await this.#whoAmI()
    }
    return this.#identity
  }

  /** Runs one query in a read-only transaction. Throws as {@link read} does. */
  async rows(query: string, params: readonly string[] = []): Promise<readonly Row[]> {
    return await this.read(async (tx) => await tx.unsafe(query, [...params]))
  }

  /**
   * Runs statements in a read-only transaction.
   *
   * @throws {AuditError} `AUDIT_DATABASE_FAILED` with the fault, or `AUDIT_DEADLINE_PASSED`
   */
  async read<T>(work: (tx: DirectTransaction) => Promise<T>): Promise<T> {
    const timeoutMs = this.#timeoutMs
    try {
      return await within(timeoutMs, readOnly(this.#client, timeoutMs * SERVER_SHARE, work), () => {
        const message = `No answer from the database within ${timeoutMs} ms.`
        throw new AuditError('AUDIT_DEADLINE_PASSED', message)
      })
    } catch (error) {
      throw safeError(error)
    }
  }

  async row(query: string, params: readonly string[] = []): Promise<Row> {
    return (await this.rows(query, params))[0] ?? {}
  }

  /** For what reads on a database of the caller's. */
  async query(text: string, params: unknown[]): Promise<{ readonly rows: readonly Row[] }> {
    return { rows: await this.rows(text, params.map(String)) }
  }

  async close(): Promise<void> {
    const ended = this.#client.end({ timeout: END_MS / 1_000 }).catch(() => {})
    await within(END_MS, ended, () => {})
  }

  async #whoAmI(): Promise<Identity> {
    const row = await this.row(`
      select current_user::text as login, r.rolsuper as is_superuser,
        r.rolsuper or pg_has_role('pg_read_all_stats', 'usage') as sees_sessions,
        current_setting('extra_float_digits') = '2' as keeps_settings,
        pg_backend_pid() as pid
      from pg_roles as r where r.rolname = current_user`)
    return {
      login: String(row['login']),
      isSuperuser: row['is_superuser'] === true,
      seesSessions: row['sees_sessions'] === true,
      keepsSettings: row['keeps_settings'] === true,
      pid: Number(row['pid']),
    }
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { AuditError, databaseFault } from '../errors.ts'
import type { AuditLogger } from '../logger.ts'
import type { DirectConnection } from './direct-connection.ts'
import { BOOKKEEPING, LOCK_TABLE, makeLockTable } from './series.ts'

const LOOK_EVERY_MS = 200
/** Longest wait for a lock. Another session may have made the schema and not committed it. */
const LOCK_TIMEOUT = '1s'
const SAID_AFTER_LOOKS = 5
/** Another session made the schema or the table at the same moment. */
const MADE_MEANWHILE = new Set(['23505', '42710', '42P06', '42P07'])
const LOCK_HELD = '55P03'
const TABLE_GONE = '42P01'

/**
 * Lets one migration of a database run at a time. Drizzle's migrator takes no lock, and three
 * migrations at once fail.
 *
 * It locks a table, because any login can take an advisory lock and hold it without end. No
 * migration touches this table, so a migration never waits for its own lock. A transaction on a
 * connection of its own holds the lock.
 */
export class MigrationLock {
  readonly #client: DirectConnection

  /** @param client one connection straight to the server, which nothing else uses */
  constructor(client: DirectConnection) {
    this.#client = client
  }

  /** @throws {AuditError} `AUDIT_DEADLINE_PASSED`, naming the session that holds the lock */
  async take(logger: AuditLogger, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    for (let look = 0; ; look += 1) {
      const isTaken = await this.#tryTake()
      if (isTaken) return
      if (look === SAID_AFTER_LOOKS) {
        logger.info({ behind: await this.#holder() }, 'waiting for another migration to end')
      }
      if (performance.now() > deadlineMs) {
        throw new AuditError(
          'AUDIT_DEADLINE_PASSED',
          `Another migration of this database has not ended within ${timeoutMs} ms. ` +
            `The lock is held by ${await this.#holder()}.`,
        )
      }
      await sleep(LOOK_EVERY_MS)
    }
  }

  /**
   * Makes the schema's owner the table's owner, so that every login that may act as it can take the
   * lock.
   */
  async giveTo(owner: string): Promise<void> {
    const [row] = await this.#client`
      select pg_catalog.pg_get_userbyid(relowner)::pg_catalog.text as owner from pg_catalog.pg_class
      where oid operator(pg_catalog.=) ${LOCK_TABLE}::pg_catalog.text::pg_catalog.regclass::pg_catalog.oid`
    if (row?.['owner'] === owner) return
    await this.#client.unsafe(`alter table ${LOCK_TABLE} owner to ${owner}`)
  }

  /** Drops the table. A migration that waits for the lock makes the table again. */
  async remove(): Promise<void> {
    await this.#client.unsafe(`drop table ${LOCK_TABLE}`)
  }

  /** Ends the transaction and with it the lock. */
  async release(): Promise<void> {
    await this.#client.unsafe('commit')
  }

  async #tryTake(): Promise<boolean> {
    try {
      await this.#client.unsafe(`set lock_timeout = '${LOCK_TIMEOUT}'`)
      await this.#make()
    } catch (error) {
      if (databaseFault(error).code === LOCK_HELD) return false
      throw error
    }
    await this.#client.unsafe('begin')
    try {
      // The migration may take longer than this server lets a transaction idle.
      await this.#client.unsafe('set local idle_in_transaction_session_timeout = 0')
      await this.#client.unsafe(`lock table ${LOCK_TABLE} in access exclusive mode nowait`)
      return true
    } catch (error) {
      await this.#client.unsafe('rollback')
      const { code } = databaseFault(error)
      if (code === LOCK_HELD || code === TABLE_GONE) return false
      throw error
    }
  }

  async #make(): Promise<void> {
    const { migrationsSchema } = BOOKKEEPING
    for (let attempt = 1; ; attempt += 1) {
      try {
        const [found] = await this.#client`
          select exists (
            select from pg_catalog.pg_namespace
            where nspname operator(pg_catalog.=) ${migrationsSchema}::pg_catalog.name
          ) as schema, exists (
            select from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n
              on n.oid operator(pg_catalog.=) c.relnamespace
            where n.nspname operator(pg_catalog.=) ${migrationsSchema}::pg_catalog.name
              and c.relname operator(pg_catalog.=) ${LOCK_TABLE.split('.')[1] ?? ''}::pg_catalog.name
          ) as table`
        if (!found?.['schema']) {
          await this.#client.unsafe(`create schema if not exists ${migrationsSchema}`)
        }
        if (!found?.['table'])
          await this.#client.unsafe(
            `set search_path = pg_catalog, pg_temp; ${makeLockTable.join(';')}`,
          )
        return
      } catch (error) {
        if (!MADE_MEANWHILE.has(databaseFault(error).code) || attempt === 10) throw error
      }
    }
  }

  /** The session that holds the lock. Postgres hides most about the sessions of other logins. */
  async #holder(): Promise<string> {
    const [row] = await this.#client`
      select a.pid, a.usename::pg_catalog.text as login, a.application_name as name
      from pg_catalog.pg_locks as l join pg_catalog.pg_class as c
        on c.oid operator(pg_catalog.=) l.relation
      join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
      join pg_catalog.pg_stat_activity as a on a.pid operator(pg_catalog.=) l.pid
      where l.granted and n.nspname operator(pg_catalog.=) ${BOOKKEEPING.migrationsSchema}::pg_catalog.name
        and c.relname operator(pg_catalog.=) ${LOCK_TABLE.split('.')[1] ?? ''}::pg_catalog.name
        and a.datname operator(pg_catalog.=) pg_catalog.current_database()
      limit 1`
    if (row === undefined) return 'nobody any more'
    const name = row['name'] ? `, ${row['name']}` : ''
    return `process ${row['pid']} of the login ${row['login'] ?? 'unknown'}${name}`
  }
}

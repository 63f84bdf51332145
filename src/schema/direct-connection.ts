import postgres from 'postgres'
import { within } from '../within.ts'

/** One connection straight to the server, for what changes the schema. */
export type DirectConnection = postgres.Sql
export type DirectTransaction = postgres.TransactionSql

/**
 * They win over what the database's owner has set for all sessions. A migration waits between its statements,
 * and it writes. The zeros are texts, because the driver leaves the number 0 out.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  search_path: 'pg_catalog, pg_temp',
  default_transaction_read_only: 'off',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
}

/**
 * The one place besides the client that uses the driver, and the only one that uses the driver's
 * transactions. The migrator needs them, and a migration that dies half-way loses no rows.
 *
 * @param applicationName shown in `pg_stat_activity`
 * @param settings of the session. Default: those that a migration needs
 */
export function connectDirectly(
  url: string,
  applicationName: string,
  settings: Readonly<Record<string, string>> = SETTINGS,
): DirectConnection {
  return postgres(url, {
    max: 1,
    prepare: false,
    fetch_types: false, // the driver's own query names no schemas
    onnotice: () => {},
    connect_timeout: 10,
    // As settings of the start, so that a connection that was made again has them, too.
    connection: { application_name: applicationName, ...settings },
  })
}

/** Longer than one attempt to connect. */
const REACH_TIMEOUT_MS = 15_000

/**
 * Fails where the other side takes connections and closes them, as a program that is no server
 * does. The driver alone would connect again without end.
 */
export async function reach(client: DirectConnection): Promise<void> {
  await within(REACH_TIMEOUT_MS, client`select 1`, () => {
    throw Object.assign(new Error('The connection is closed before it is ready'), {
      code: 'CONNECTION_CLOSED',
    })
  })
}

/**
 * Runs statements with a search path that holds only Postgres' own objects. The server or a pooler
 * may have ignored or changed the search path that the connection asked for.
 */
export async function pinned<T>(
  client: DirectConnection,
  work: (tx: DirectTransaction) => Promise<T>,
): Promise<T> {
  const answer = await client.begin(async (tx) => {
    await tx`set local search_path = pg_catalog, pg_temp`
    return { found: await work(tx) }
  })
  return answer.found
}

/**
 * Runs statements in a transaction that cannot write, with a search path that holds only Postgres'
 * own objects. Unlike settings of the connection, both also hold behind a pooler.
 *
 * @param timeoutMs the server ends a statement after this time
 */
export async function readOnly<T>(
  client: DirectConnection,
  timeoutMs: number,
  work: (tx: DirectTransaction) => Promise<T>,
): Promise<T> {
  const answer = await client.begin('read only', async (tx) => {
    const timeout = Math.ceil(timeoutMs)
    await tx.unsafe(
      `set local search_path = pg_catalog, pg_temp; set local statement_timeout = ${timeout}`,
    )
    return { found: await work(tx) }
  })
  return answer.found
}

/** Postgres' own hint, where its error has one. */
export function serverHint(error: unknown): string | undefined {
  return error instanceof postgres.PostgresError ? error.hint : undefined
}

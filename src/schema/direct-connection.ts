import postgres from 'postgres'

/** One connection straight to the server, for what changes the schema. */
export type DirectConnection = postgres.Sql
export type DirectTransaction = postgres.TransactionSql

/**
 * The one place besides the client where the driver is used, and the only one with a transaction of
 * the driver's: Drizzle's migrator cannot do without, and a migration that dies half-way has moved no
 * rows.
 *
 * @param applicationName shown in `pg_stat_activity`
 */
export function connectDirectly(url: string, applicationName: string): DirectConnection {
  return postgres(url, {
    max: 1,
    prepare: false,
    fetch_types: false, // asks with whatever the search path holds
    onnotice: () => {},
    connect_timeout: 10,
    // At the start, so that a connection that was made again has it too.
    connection: { application_name: applicationName, search_path: 'pg_catalog, pg_temp' },
  })
}

/**
 * Runs statements with nothing of a stranger's in the search path, whatever the server or a pooler
 * made of the connection's own.
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

/** What Postgres itself advises. */
export function serverHint(error: unknown): string | undefined {
  return error instanceof postgres.PostgresError ? error.hint : undefined
}

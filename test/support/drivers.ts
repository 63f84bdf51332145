import type { TestContext } from 'node:test'
import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres'
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js'
import pg from 'pg'
import postgres from 'postgres'
import type { DrizzleHandle } from '../../src/index.ts'

/** The part of an application's Drizzle that the tests use. */
export interface ApplicationDatabase extends DrizzleHandle {
  transaction<T>(
    work: (tx: ApplicationTransaction) => Promise<T>,
    config?: { readonly accessMode?: 'read only' },
  ): Promise<T>
}

export interface ApplicationTransaction extends DrizzleHandle {
  transaction<T>(work: (tx: ApplicationTransaction) => Promise<T>): Promise<T>
  rollback(): never
}

export const DRIVERS = ['postgres-js', 'node-postgres'] as const
export type Driver = (typeof DRIVERS)[number]

/** Makes Drizzle on a driver with its own connections. Closed after the test. */
export function applicationDatabase(
  t: TestContext,
  driver: Driver,
  url: string,
  { prepare = true, max = 4 } = {},
): ApplicationDatabase {
  if (driver === 'postgres-js') {
    const client = postgres(url, { max, prepare, onnotice: () => {} })
    t.after(() => client.end({ timeout: 1 }))
    return drizzlePostgresJs(client)
  }
  const pool = new pg.Pool({ connectionString: url, max })
  pool.on('error', () => {}) // a connection that is killed on purpose
  t.after(() => pool.end())
  return drizzleNodePostgres(pool)
}

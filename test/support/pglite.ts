import { PGlite } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import { migrate } from 'drizzle-orm/pglite/migrator'
import { fileURLToPath } from 'node:url'
import type { ApplicationDatabase } from './drivers.ts'

const MIGRATIONS = fileURLToPath(new URL('../../src/schema/migrations', import.meta.url))

export interface PgliteDatabase {
  /** With exactly the rights of `audit_app`. */
  readonly app: ApplicationDatabase
  /** As the superuser. */
  admin(statements: string): Promise<readonly Record<string, unknown>[]>
  close(): Promise<void>
}

/** A migrated Postgres inside this process. It has one session, so `admin` switches its role. */
export async function pgliteDatabase(): Promise<PgliteDatabase> {
  const client = await PGlite.create()
  const app = drizzle(client)
  await migrate(app, { migrationsFolder: MIGRATIONS, migrationsSchema: 'audit' })
  await client.exec('create role app in role audit_app; set role app')
  return {
    app,
    async admin(statements) {
      await client.exec('reset role')
      try {
        return (await client.exec(statements)).at(-1)?.rows ?? []
      } finally {
        await client.exec('set role app')
      }
    },
    close: () => client.close(),
  }
}

import type { TestContext } from 'node:test'
import postgres from 'postgres'
import type { ScratchDatabase } from './database.ts'
import type { TestRole } from './server.ts'

/** Opens one connection as a login with the role. Closed after the test. */
export function connectAs(t: TestContext, scratch: ScratchDatabase, role: TestRole): postgres.Sql {
  return connect(t, scratch.urlAs(role))
}

/** Opens one connection. Closed after the test. */
export function connect(
  t: TestContext,
  url: string,
  onnotice: (notice: postgres.Notice) => void = () => {},
): postgres.Sql {
  const sql = postgres(url, { max: 1, onnotice })
  t.after(() => sql.end({ timeout: 1 }))
  return sql
}

/** The error of a statement that Postgres refuses, or undefined if it succeeds. */
export async function refusalOf(
  statement: PromiseLike<unknown>,
): Promise<{ code: string; message: string } | undefined> {
  try {
    await statement
    return undefined
  } catch (error) {
    if (error instanceof postgres.PostgresError) return { code: error.code, message: error.message }
    throw error
  }
}

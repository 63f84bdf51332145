import { createHash } from 'node:crypto'
import postgres from 'postgres'

/** Each is a role of the schema; a test gets a login that is a member of it. */
export const TEST_ROLES = ['audit_app', 'audit_relay', 'audit_reader', 'audit_owner'] as const
export type TestRole = (typeof TEST_ROLES)[number]

/** Everything that tests make on a server starts like this, so that leftovers can be told. */
export const TEST_PREFIX = 'audit_test_'
export const TEMPLATE_DATABASE = `${TEST_PREFIX}template`

/** The URL of the server under test: of a superuser, or of a login with CREATEDB and CREATEROLE. */
export function serverUrl(): string {
  const url = process.env['AUDIT_TEST_DATABASE_URL']
  if (url) return url
  throw new Error('No server to test on. `npm test -- <part of the file name>` starts one.')
}

/** The same server and login, another database. */
export function databaseUrl(name: string, server = serverUrl()): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/**
 * The name and password of a role's login. The password follows from the server's own URL, so
 * that every process can work it out, and nobody who could not log in anyway.
 */
export function testLogin(role: TestRole, server = serverUrl()) {
  const { username, password } = new URL(server)
  const key = createHash('sha256').update(`${username}:${password}:${role}`)
  return { name: role.replace('audit_', TEST_PREFIX), password: key.digest('base64url') }
}

/** Runs statements on a connection of their own, in the database that the URL names. */
export async function withClient<T>(
  url: string,
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** 14, 15 … of the server under test. */
export async function serverMajor(): Promise<number> {
  const [row] = await withClient(
    serverUrl(),
    (sql) => sql`select current_setting('server_version_num')::integer / 10000 as major`,
  )
  return Number(row?.['major'])
}

import { createHash } from 'node:crypto'
import postgres from 'postgres'

/** The roles of the schema. A test gets a login that is a member of the role. */
export const TEST_ROLES = [
  'audit_app',
  'audit_relay',
  'audit_reader',
  'audit_keeper',
  'audit_eraser',
  'audit_owner',
] as const
export type TestRole = (typeof TEST_ROLES)[number]

/**
 * The names of everything that tests make on a server start with this, so leftovers can be found.
 */
export const TEST_PREFIX = 'audit_test_'
export const TEMPLATE_DATABASE = `${TEST_PREFIX}template`

/** The URL of the server under test. Its login is a superuser or has CREATEDB and CREATEROLE. */
export function serverUrl(): string {
  const url = process.env['AUDIT_TEST_DATABASE_URL']
  if (url) return url
  throw new Error('No server to test on. `npm test -- <part of the file name>` starts one.')
}

/** The URL of another database, with the same server and login. */
export function databaseUrl(name: string, server = serverUrl()): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/**
 * The name and password of a role's login. The password is derived from the server's URL. So every
 * test process can compute it, and nobody else can who does not know that URL.
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

/** The major version of the server under test, such as 14. */
export async function serverMajor(): Promise<number> {
  const [row] = await withClient(
    serverUrl(),
    (sql) => sql`select current_setting('server_version_num')::integer / 10000 as major`,
  )
  return Number(row?.['major'])
}

import type { TestContext } from 'node:test'
import type postgres from 'postgres'
import { ownServer } from './own-server.ts'
import { databaseUrl, withClient } from './server.ts'

/** A server of its own, with logins that a test makes, and nothing of ours. */
export interface LoginServer {
  /** The server's major version, such as 14. */
  readonly major: number
  /** The URL of a database, as its superuser or as a login that `login` made. */
  urlOf(database: string, login?: string): string
  /** Runs statements as a superuser. */
  asDba<T>(database: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T>
  /** Makes a database. */
  database(name: string): Promise<void>
  /** Makes a login without any right. */
  login(name: string, attributes?: string): Promise<void>
}

export async function loginServer(t: TestContext): Promise<LoginServer> {
  const { server, remove } = await ownServer()
  t.after(remove)
  const urlOf = (database: string, login?: string) => {
    const url = new URL(databaseUrl(database, server.url))
    return login ? Object.assign(url, { username: login, password: 'secret' }).href : url.href
  }
  const asDba = <T>(database: string, work: (sql: postgres.Sql) => Promise<T>) =>
    withClient(urlOf(database), work)
  const [row] = await asDba(
    'postgres',
    (sql) => sql`select current_setting('server_version_num')::integer / 10000 as major`,
  )
  return {
    major: Number(row?.['major']),
    urlOf,
    asDba,
    async database(name) {
      await asDba('postgres', (sql) => sql.unsafe(`create database "${name}"`))
    },
    async login(name, attributes = '') {
      const text = `create role "${name}" login password 'secret' ${attributes}`
      await asDba('postgres', (sql) => sql.unsafe(text))
    },
  }
}

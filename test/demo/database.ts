import { randomBytes } from 'node:crypto'
import path from 'node:path'
import postgres from 'postgres'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { DemoFailure, messageOf } from './failures.ts'
import { tail } from './terminal.ts'

export interface DemoDatabase {
  /** "Postgres 18.4 on 127.0.0.1:40123". */
  readonly what: string
  /** Migrates, and makes the site's tables. */
  readonly ownerUrl: string
  /** Whether the demo started it, and so may make logins on it and show their passwords. */
  readonly isOwn: boolean
  readonly logFiles: readonly string[]
  /** Rejects when the demo's own server ends by itself. Never settles for a given database. */
  readonly died: Promise<never>
  stop(): Promise<void>
}

/** A URL for each part of the demo. */
export interface RoleUrls {
  readonly app: string
  readonly relay: string
  readonly reader: string
}

/** Starts a real Postgres from npm. Only this machine can connect to it. */
export async function startOwnDatabase(
  dataDir: string,
  say: (line: string) => void,
): Promise<DemoDatabase> {
  const folder = path.join(dataDir, 'postgres')
  const server = await start(folder, say)
  const logFile = path.relative('', server.logFile)
  const watch = watchOver(server, logFile)
  return {
    what: `${await serverName(server.url)} on 127.0.0.1:${server.port}`,
    ownerUrl: server.url,
    isOwn: true,
    logFiles: [logFile],
    died: watch.died,
    stop: () => {
      watch.end()
      return server.stop()
    },
  }
}

const WATCH_INTERVAL_MS = 200

function isRunning(server: Postgres): boolean {
  try {
    return server.pid > 0
  } catch {
    return false
  }
}

function watchOver(server: Postgres, logFile: string) {
  let timer: NodeJS.Timeout | undefined
  const died = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (isRunning(server)) return
      clearInterval(timer)
      reject(new DemoFailure(`Postgres ended. ${tail(logFile)}`))
    }, WATCH_INTERVAL_MS)
  })
  died.catch(() => {}) // handled where `died` is awaited
  return { died, end: () => clearInterval(timer) }
}

async function start(folder: string, say: (line: string) => void) {
  try {
    return await startPostgres({ dataDir: folder, say })
  } catch (error) {
    const message = messageOf(error)
    if (!message.startsWith('Another Postgres')) throw new DemoFailure(message)
    const [, owner] = /started by process (\d+)/.exec(message) ?? []
    throw new DemoFailure(
      owner === undefined
        ? message
        : `${folder} is in use by another \`npm start\` (process ${owner}).\n` +
            `Stop it first, with Ctrl-C or \`kill ${owner}\`, or use another folder:\n` +
            '  npm start -- --data .data/second',
    )
  }
}

/** Uses the database that the user gave, as it is. */
export async function connectToDatabase(url: string): Promise<DemoDatabase> {
  try {
    const { host, pathname } = new URL(url)
    return {
      what: `${await serverName(url)} of DATABASE_URL: ${host}${pathname}`,
      ownerUrl: url,
      isOwn: false,
      logFiles: [],
      died: new Promise(() => {}),
      stop: async () => {},
    }
  } catch (error) {
    throw new DemoFailure(`The database of DATABASE_URL cannot be used: ${reasonOf(error)}`)
  }
}

function reasonOf(error: unknown): string {
  const code: unknown = Reflect.get(Object(error), 'code')
  const message = messageOf(error) // of an AggregateError it is empty
  return [message, typeof code === 'string' && !message.includes(code) ? `(${code})` : '']
    .filter(Boolean)
    .join(' ')
}

async function serverName(url: string): Promise<string> {
  return withOwner(url, async (sql) => {
    const [row] = await sql`select current_setting('server_version') as version`
    return `Postgres ${String(row?.['version']).split(' ')[0]}`
  })
}

const LOGINS = {
  app: { name: 'demo_site', role: 'audit_app' },
  relay: { name: 'demo_relay', role: 'audit_relay' },
  reader: { name: 'demo_support', role: 'audit_reader' },
} as const

/**
 * Makes a login for each role of the schema, so that the demo has no more rights than production.
 * Each start sets new passwords.
 */
export async function makeLogins(ownerUrl: string): Promise<RoleUrls> {
  return withOwner(ownerUrl, async (sql) => {
    const makeLogin = async ({ name, role }: { name: string; role: string }) => {
      const password = randomBytes(12).toString('base64url')
      const [found] = await sql`select from pg_roles where rolname = ${name}`
      if (!found) await sql`create role ${sql(name)} login`
      // base64url needs no quoting, and a statement about a role takes no parameters.
      await sql`alter role ${sql(name)} password ${sql.unsafe(`'${password}'`)}`
      await sql`grant ${sql(role)} to ${sql(name)}`
      return Object.assign(new URL(ownerUrl), { username: name, password }).href
    }
    return {
      app: await makeLogin(LOGINS.app),
      relay: await makeLogin(LOGINS.relay),
      reader: await makeLogin(LOGINS.reader),
    }
  })
}

/** The login that the site's own tables are granted to. */
export const SITE_LOGIN = LOGINS.app.name

/** Runs `work` with one connection as the owner, then closes the connection. */
export async function withOwner<T>(
  url: string,
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 5,
    onnotice: () => {},
    connection: { application_name: 'audit-outbox demo' },
  })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

import { once } from 'node:events'
import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { createRecorder, type Recorder } from 'audit-outbox'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { pino } from 'pino'
import type { RoleUrls } from './database.ts'
import { DemoFailure } from './failures.ts'
import { createSite } from './site.ts'
import { plain } from './terminal.ts'
import { readTimeline, timelineTable } from './timeline.ts'

const HOST = '127.0.0.1'
const DATABASE_CONNECTIONS = 6
const DATABASE_END_MS = 1_000
/** How long a running request may take before its connection is closed. */
const REQUESTS_END_MS = 1_000

/** The site as its own team would start it, with a recorder, a database and a server. */
export interface RunningSite {
  readonly origin: string
  readonly audit: Recorder
  /** Connected as the site's own login. */
  readonly db: NodePgDatabase
  /** Connected as the login of support, which may read the log. */
  readonly reader: NodePgDatabase
  closeHttp(): Promise<void>
  closeDatabase(): Promise<void>
}

export async function openSite(
  urls: RoleUrls,
  port: number,
  logFile: string,
): Promise<RunningSite> {
  const logger = pino({ name: 'site' }, pino.destination({ dest: logFile, append: false }))
  const audit = createRecorder({ databaseUrl: urls.app, logger })

  const own = connect(urls.app, 'demo site')
  const support = connect(urls.reader, 'demo support')
  const db = drizzle(own)
  const reader = drizzle(support)
  const timeline = async (eventId: string) =>
    `${timelineTable(await readTimeline(reader, eventId), plain)}\n`

  const app = createSite({ audit, db, timeline })
  const server = await listen(app.fetch, port)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('no port')
  return {
    origin: `http://${HOST}:${address.port}`,
    audit,
    db,
    reader,
    closeHttp: () => closeHttp(server),
    closeDatabase: async () => {
      // A pool also waits for borrowed connections that broke, so the wait has a limit.
      await Promise.race([Promise.all([own.end(), support.end()]), sleep(DATABASE_END_MS)])
    },
  }
}

/**
 * Makes the site's own connections. It does not use the recorder's driver, because with that driver
 * a database that goes away in the middle of a transaction ends the whole process.
 */
export function connect(url: string, name: string): pg.Pool {
  const connectionString = new URL(url)
  // With this parameter `sslmode=require` means the same as in every other client.
  if (connectionString.searchParams.has('sslmode')) {
    connectionString.searchParams.set('uselibpqcompat', 'true')
  }
  const pool = new pg.Pool({
    connectionString: connectionString.href,
    application_name: name,
    max: DATABASE_CONNECTIONS,
    connectionTimeoutMillis: 5_000,
    query_timeout: 20_000,
  })
  // An idle connection may break. The next query reports that, or makes a new connection.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

type Fetch = Parameters<typeof serve>[0]['fetch']

async function listen(fetch: Fetch, port: number): Promise<Server> {
  const server = serve({ fetch, port, hostname: HOST }) as Server
  try {
    await once(server, 'listening')
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'EADDRINUSE') throw error
    throw new DemoFailure(`DEMO_PORT=${port} is in use. Set another port, or unset DEMO_PORT.`)
  }
  return server
}

/** Also closes idle connections, because a client could keep one open without end. */
async function closeHttp(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const escalate = setTimeout(() => server.closeAllConnections(), REQUESTS_END_MS)
  await closed
  clearTimeout(escalate)
}

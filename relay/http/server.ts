import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { BoundedConnections } from './bounded-connections.ts'
import { AuditError } from '../../src/errors.ts'
import type { AuditLogger } from '../../src/logger.ts'
import type { Handler } from './health-routes.ts'
import type { HttpConfig } from './config.ts'
import { createServedPage } from './served-page.ts'

export interface HttpServer {
  readonly url: string
  /** Closes every connection, because a live view would never close its own. */
  stop(): Promise<void>
}

/** A client that is slow to ask is let go, so that it takes no place of another one. */
const TIMEOUTS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
}
/** Neither side sent anything. A live view sends a heartbeat more often. */
const IDLE_TIMEOUT_MS = 60_000
const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/
const NO_TLS =
  'the page is served without TLS; put a proxy in front of it that does TLS and sets ' +
  'X-Forwarded-Proto, and set AUDIT_PAGE_TRUST_PROXY=on'

/**
 * Serves the routes over HTTP, and the page at `/` if it is configured.
 *
 * @param routes handlers by path; each is called for every method
 * @throws {AuditError} `AUDIT_OPTION_INVALID` if it cannot listen on the host and port
 */
export async function serveHttp(
  config: HttpConfig,
  logger: AuditLogger,
  routes: Readonly<Record<string, Handler>> = {},
): Promise<HttpServer> {
  const app = new Hono()
  app.notFound((c) => c.text('Not found.\n', 404))
  for (const [path, handle] of Object.entries(routes)) app.all(path, (c) => handle(c.req.raw))
  const page = config.page && (await createServedPage(config.page, logger))
  if (page) {
    app.all('/', (c) => page.fetch(c.req.raw, c.env))
    app.all('/openapi.json', (c) => page.fetch(c.req.raw, c.env))
  }
  const server = createServer(
    TIMEOUTS,
    getRequestListener(app.fetch, { overrideGlobalObjects: false }),
  )
  server.setTimeout(IDLE_TIMEOUT_MS)
  new BoundedConnections(server)
  try {
    await listen(server, config)
  } catch (error) {
    await page?.close()
    throw error
  }
  // For example, no file descriptor is left for a connection. The relay itself goes on.
  server.on('error', (error) =>
    logger.warn({ code: Reflect.get(error, 'code') }, 'HTTP server failed'),
  )
  const url = urlOf(server)
  const paths = Object.keys(routes)
  if (paths.length > 0) logger.info({ url, paths }, 'serving health and metrics')
  const viewers = config.page?.holders.map(({ name }) => name)
  if (viewers) logger.info({ url, viewers }, 'serving the timeline page; open it with ?token=')
  if (config.page && !config.page.trustsProxy && !LOOPBACK.test(config.host)) {
    logger.warn({ host: config.host }, NO_TLS)
  }
  return {
    url,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      await page?.close()
    },
  }
}

const LISTEN_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another process uses the port. Set AUDIT_HTTP_PORT to a free one.',
  EACCES: 'This process may not use the port. Set AUDIT_HTTP_PORT to one above 1023.',
  EADDRNOTAVAIL: 'This machine does not have the address. Check AUDIT_HTTP_HOST.',
  ENOTFOUND: 'The host name is unknown. Check AUDIT_HTTP_HOST.',
}

async function listen(server: Server, { host, port }: HttpConfig): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const code = String(Reflect.get(Object(error), 'code') ?? 'unknown')
    const message = `Cannot listen on ${host}:${port} (${code}). ${LISTEN_HINTS[code] ?? ''}`
    throw new AuditError('AUDIT_OPTION_INVALID', message.trimEnd())
  }
}

function urlOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new TypeError('the server has no TCP port')
  const { address: host, port, family } = address
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}/`
}

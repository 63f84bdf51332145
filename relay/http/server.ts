import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { AuditError } from '../../src/errors.ts'
import type { AuditLogger } from '../../src/logger.ts'
import type { Handler } from './health-routes.ts'
import type { HttpConfig } from './config.ts'
import { createServedPage } from './served-page.ts'

export interface HttpServer {
  readonly url: string
  /** Ends every connection: a live view would otherwise keep it open for ever. */
  stop(): Promise<void>
}

/**
 * What the relay answers over HTTP: the page at `/`, where somebody was given a token, and the routes.
 *
 * @param routes by path; each answers every method
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where it cannot listen there
 */
export async function serveHttp(
  config: HttpConfig,
  logger: AuditLogger,
  routes: Readonly<Record<string, Handler>> = {},
): Promise<HttpServer> {
  const app = new Hono()
  app.notFound((c) => c.text('Nothing is here.\n', 404))
  for (const [path, handle] of Object.entries(routes)) app.all(path, (c) => handle(c.req.raw))
  const page = config.page && createServedPage(config.page, logger)
  if (page) app.all('/', (c) => page.fetch(c.req.raw))
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }))
  try {
    await listen(server, config)
  } catch (error) {
    await page?.close()
    throw error
  }
  // No file descriptor left for a connection, for one: the relay itself goes on.
  server.on('error', (error) => logger.warn({ code: Reflect.get(error, 'code') }, 'HTTP failed'))
  const url = urlOf(server)
  const paths = Object.keys(routes)
  if (paths.length > 0) logger.info({ url, paths }, 'health and metrics are served')
  const viewers = config.page?.holders.map(({ name }) => name)
  if (viewers) logger.info({ url, viewers }, 'the timeline page is served: open it with ?token=')
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
  EADDRINUSE: 'Another process has that port: set AUDIT_HTTP_PORT to a free one.',
  EACCES: 'That port needs more rights: set AUDIT_HTTP_PORT to one above 1023.',
  EADDRNOTAVAIL: 'This machine does not have that address: check AUDIT_HTTP_HOST.',
  ENOTFOUND: 'That host name is unknown: check AUDIT_HTTP_HOST.',
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
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has both')
  const { address: host, port, family } = address
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}/`
}

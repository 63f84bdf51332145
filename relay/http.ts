import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { AuditError } from '../src/errors.ts'
import type { AuditLogger } from '../src/logger.ts'
import type { HttpConfig } from './http-config.ts'
import { createServedPage } from './page/served-page.ts'

export interface HttpServer {
  readonly url: string
  /** Ends every connection: a live view would otherwise keep it open for ever. */
  stop(): Promise<void>
}

/**
 * What the relay answers over HTTP.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where it cannot listen there
 */
export async function serveHttp(config: HttpConfig, logger: AuditLogger): Promise<HttpServer> {
  const app = new Hono()
  app.notFound((c) => c.text('Nothing is here.\n', 404))
  const page = config.page && createServedPage(config.page, logger)
  if (page) app.all('/', (c) => page.fetch(c.req.raw))
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }))
  try {
    await listen(server, config)
  } catch (error) {
    await page?.close()
    throw error
  }
  const url = urlOf(server)
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

async function listen(server: Server, { host, port }: HttpConfig): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const code = String(Reflect.get(Object(error), 'code') ?? 'unknown')
    throw new AuditError('AUDIT_OPTION_INVALID', `Cannot listen on ${host}:${port} (${code}).`)
  }
}

function urlOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has both')
  const { address: host, port, family } = address
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}/`
}

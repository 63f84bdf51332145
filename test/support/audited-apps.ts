import http from 'node:http'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import type { AuditEntry, Recorder } from 'audit-outbox'
import { expressAudit } from 'audit-outbox/express'
import { fastifyAudit } from 'audit-outbox/fastify'
import { honoAudit } from 'audit-outbox/hono'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { listen } from './http.ts'

declare global {
  namespace Express {
    interface Request {
      testUser?: string
    }
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    testUser: string | undefined
  }
}

/** The same small application in each framework: a route `/events/:eventId/<name>` per handler. */
export interface AppSetup {
  readonly recorder: Recorder
  readonly handlers: Readonly<Record<string, Handler>>
  /** Called with the user that authentication found. Authentication runs after the plugin. */
  readonly user?: (found: string | undefined) => string | null | undefined
  /** Called with the header `x-test-actor`. */
  readonly actor?: (found: string | undefined) => string | null | undefined
  /** Called before authentication. */
  readonly early?: (audit: Recorder) => void
  readonly requestIdHeader?: string | false
  readonly asyncContext?: boolean
  readonly denied?: boolean | (() => AuditEntry | null)
}

/**
 * Its result is sent as JSON. `audit` is read from the request each time, as a handler would do.
 */
export type Handler = (request: {
  readonly audit: Recorder
  readonly eventId: string
  readonly body: unknown
}) => unknown

/** Slow enough that other requests run in between. */
const lookUpUser = (header: unknown) =>
  sleep(Math.random() * 5, typeof header === 'string' ? header : undefined)

const textOf = (header: unknown) => (typeof header === 'string' ? header : undefined)

const AS_FOUND = {
  user: (found: string | undefined) => found,
  actor: (found: string | undefined) => found,
} satisfies Partial<AppSetup>

export const FRAMEWORKS = { express: expressApp, fastify: fastifyApp, hono: honoApp }

export async function expressApp(t: TestContext, setup: AppSetup): Promise<string> {
  const { recorder, handlers, early, user, actor, ...options } = { ...AS_FOUND, ...setup }
  const app = express()
  app.use(
    expressAudit({
      recorder,
      user: (req) => user(req.testUser),
      actor: (req) => actor(textOf(req.headers['x-test-actor'])),
      ...options,
    }),
  )
  app.use((req, _res, next) => {
    early?.(req.audit)
    next()
  })
  app.use(express.json())
  app.use(async (req, _res, next) => {
    const found = await lookUpUser(req.headers['x-test-user'])
    if (found) req.testUser = found
    next()
  })
  for (const [name, handle] of Object.entries(handlers)) {
    app.all(`/events/:eventId/${name}`, async (req, res) => {
      const { audit, params, body } = req
      res.json((await handle({ audit, eventId: params['eventId'] ?? '', body })) ?? null)
    })
  }
  return await listen(t, http.createServer(app))
}

export async function fastifyApp(t: TestContext, setup: AppSetup): Promise<string> {
  const { recorder, handlers, early, user, actor, ...options } = { ...AS_FOUND, ...setup }
  const app = fastify()
  await app.register(fastifyAudit, {
    recorder,
    user: (request) => user(request.testUser),
    actor: (request) => actor(textOf(request.headers['x-test-actor'])),
    ...options,
  })
  app.decorateRequest('testUser', undefined)
  app.addHook('onRequest', async (request) => early?.(request.audit))
  app.addHook('preHandler', async (request) => {
    request.testUser = await lookUpUser(request.headers['x-test-user'])
  })
  for (const [name, handle] of Object.entries(handlers)) {
    app.all<{ Params: { eventId: string } }>(`/events/:eventId/${name}`, async (request) => {
      const { audit, params, body } = request
      return (await handle({ audit, eventId: params.eventId, body })) ?? null
    })
  }
  await app.ready()
  t.after(() => app.close())
  return await listen(t, app.server)
}

export async function honoApp(t: TestContext, setup: AppSetup): Promise<string> {
  const { recorder, handlers, early, user, actor, ...options } = { ...AS_FOUND, ...setup }
  const app = new Hono<{ Variables: { testUser?: string } }>()
  app.use(
    honoAudit({
      recorder,
      user: (c) => user(c.get('testUser')),
      actor: (c) => actor(c.req.header('x-test-actor')),
      ...options,
    }),
  )
  app.use((c, next) => {
    early?.(c.var.audit)
    return next()
  })
  app.use(async (c, next) => {
    const found = await lookUpUser(c.req.header('x-test-user'))
    if (found) c.set('testUser', found)
    await next()
  })
  for (const [name, handle] of Object.entries(handlers)) {
    app.all(`/events/:eventId/${name}`, async (c) => {
      const body: unknown = c.req.method === 'POST' ? await c.req.json() : undefined
      const { audit } = c.var
      return c.json((await handle({ audit, eventId: c.req.param('eventId'), body })) ?? null)
    })
  }
  return await listen(t, http.createServer(getRequestListener(app.fetch)))
}

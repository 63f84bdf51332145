import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import { createRecorder, type Recorder } from 'audit-outbox'
import { expressAudit } from 'audit-outbox/express'
import { fastifyAudit } from 'audit-outbox/fastify'
import { honoAudit } from 'audit-outbox/hono'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { assertRows, logged, lookUp, PEOPLE } from './support/people.ts'

declare global {
  namespace Express {
    interface Request {
      found?: Found
    }
  }
}
declare module 'fastify' {
  interface FastifyRequest {
    found: Found | undefined
  }
}

/** Whom authentication found, after some time. */
type Found = readonly [userId: string | undefined, actorId: string | undefined]
const find = (header: (name: string) => unknown): Promise<Found> =>
  Promise.all([lookUp(header('x-test-user')), lookUp(header('x-test-actor'))])

/** Records before and after a wait. */
async function rename(audit: Recorder, targetId: string): Promise<void> {
  audit.record({ action: 'plugin.begin', targetId })
  await lookUp('')
  audit.record({ action: 'plugin.end', targetId })
}

const FRAMEWORKS: Readonly<Record<string, (recorder: Recorder) => Promise<http.Server>>> = {
  async Express(recorder) {
    const app = express()
    app.use(
      expressAudit({ recorder, user: (req) => req.found?.[0], actor: (req) => req.found?.[1] }),
    )
    app.use(async (req, _res, next) => {
      req.found = await find((name) => req.headers[name])
      next()
    })
    app.put('/things/:id', async (req, res) => {
      await rename(req.audit, req.params.id)
      res.sendStatus(204)
    })
    return http.createServer(app)
  },
  async Fastify(recorder) {
    const app = fastify()
    await app.register(fastifyAudit, {
      recorder,
      user: (request) => request.found?.[0],
      actor: (request) => request.found?.[1],
    })
    app.decorateRequest('found', undefined)
    app.addHook('preHandler', async (request) => {
      request.found = await find((name) => request.headers[name])
    })
    app.put<{ Params: { id: string } }>('/things/:id', async (request, reply) => {
      await rename(request.audit, request.params.id)
      return reply.code(204).send()
    })
    await app.ready()
    return app.server
  },
  async Hono(recorder) {
    const app = new Hono<{ Variables: { found: Found } }>()
    app.use(
      honoAudit({ recorder, user: (c) => c.get('found')?.[0], actor: (c) => c.get('found')?.[1] }),
    )
    app.use(async (c, next) => {
      c.set('found', await find((name) => c.req.header(name)))
      await next()
    })
    app.put('/things/:id', async (c) => {
      await rename(c.var.audit, c.req.param('id'))
      return c.body(null, 204)
    })
    return http.createServer(getRequestListener(app.fetch))
  },
}

for (const [name, make] of Object.entries(FRAMEWORKS)) {
  test(`${name}: of 100 concurrent users each row names the right one`, async (t) => {
    const recorder = createRecorder()
    const server = await make(recorder)
    t.after(() => {
      server.close()
      server.closeAllConnections()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await Promise.all(
      PEOPLE.map(async ({ thingId, headers }) => {
        const url = `http://127.0.0.1:${port}/things/${thingId}?token=secret`
        assert.equal((await fetch(url, { method: 'PUT', headers })).status, 204)
      }),
    )
    await recorder.close()
    const rows = await logged('plugin.')
    assertRows(rows, ['plugin.begin', 'plugin.end'], () => ({
      ip: '127.0.0.1',
      method: 'PUT',
      route: '/things/:id',
    }))
    for (const { target_id, request_id } of rows) {
      const person = PEOPLE.find(({ requestId }) => requestId === request_id)
      assert.equal(target_id, person?.thingId)
    }
  })
}

import assert from 'node:assert/strict'
import http from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { initTRPC } from '@trpc/server'
import { createTRPCClient, httpBatchLink, httpLink } from '@trpc/client'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import { createHTTPServer } from '@trpc/server/adapters/standalone'
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { createRecorder, record } from 'audit-outbox'
import { expressAudit } from 'audit-outbox/express'
import { trpcAudit } from 'audit-outbox/trpc'
import express from 'express'
import { getRequestListener } from '@hono/node-server'
import { assertRows, logged, lookUp, PEOPLE } from './support/people.ts'

type Actions = {
  'trpc.rename': { readonly name: string }
  'trpc.deep': undefined
}
interface Context {
  readonly req: { readonly headers: Headers | http.IncomingHttpHeaders }
  readonly userId: string | undefined
  readonly actorId: string | undefined
}

const headerOf = ({ headers }: Context['req'], name: string) =>
  headers instanceof Headers ? headers.get(name) : headers[name]

async function createContext({ req }: { req: Context['req'] }): Promise<Context> {
  const [userId, actorId] = await Promise.all([
    lookUp(headerOf(req, 'x-test-user')),
    lookUp(headerOf(req, 'x-test-actor')),
  ])
  return { req, userId, actorId }
}

function routerOf(recorder: ReturnType<typeof createRecorder<Actions>>) {
  const t = initTRPC.context<Context>().create()
  const withAudit = trpcAudit({
    recorder,
    user: (ctx: Context) => ctx.userId,
    actor: (ctx: Context) => ctx.actorId,
    asyncContext: true,
  })
  const audited = t.procedure.use((call) =>
    withAudit(call, (audit) => call.next({ ctx: { audit } })),
  )
  return t.router({
    things: t.router({
      rename: audited
        .input((input) => String(input))
        .mutation(async ({ ctx, input }) => {
          ctx.audit.record({ action: 'trpc.rename', metadata: { name: input } })
          // @ts-expect-error: not one of the actions
          ctx.audit.record.bind(ctx.audit, { action: 'trpc.renam' })
          // @ts-expect-error: metadata of another type
          ctx.audit.record.bind(ctx.audit, { action: 'trpc.rename', metadata: { name: 1 } })
          await lookUp('')
          record({ action: 'trpc.deep' })
          // What createContext made is still there, with its type.
          return ctx.userId satisfies string | undefined
        }),
      silent: audited.query(() => 'nothing'),
    }),
  })
}
type AppRouter = ReturnType<typeof routerOf>

/** Starts the router behind each of tRPC's adapters. @returns the URL */
const ADAPTERS = {
  async standalone(router: AppRouter) {
    const server = createHTTPServer({ router, createContext })
    return await listen(server)
  },
  async express(router: AppRouter, recorder: ReturnType<typeof createRecorder<Actions>>) {
    const app = express()
    app.use(expressAudit({ recorder }))
    app.use('/trpc', createExpressMiddleware({ router, createContext }))
    return `${await listen(http.createServer(app))}trpc/`
  },
  async fetch(router: AppRouter) {
    const handle = (req: Request) =>
      fetchRequestHandler({ endpoint: '/', req, router, createContext })
    return await listen(http.createServer(getRequestListener(handle)))
  },
}

const servers: http.Server[] = []
async function listen(server: http.Server): Promise<string> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

for (const [name, start] of Object.entries(ADAPTERS)) {
  test(`tRPC, ${name}: of 100 concurrent users each row names the right one`, async (t) => {
    const recorder = createRecorder<Actions>()
    t.after(async () => {
      for (const server of servers) server.close()
      await recorder.close()
    })
    const url = await start(routerOf(recorder), recorder)
    await Promise.all(
      PEOPLE.map(async ({ userId, headers }, at) => {
        const client = createTRPCClient<AppRouter>({ links: [httpLink({ url, headers })] })
        assert.equal(await client.things.rename.mutate(`name-${at}`), userId)
        assert.equal(await client.things.silent.query(), 'nothing')
      }),
    )
    await recorder.flush()
    const rows = await logged('trpc.')
    assertRows(rows, ['trpc.rename', 'trpc.deep'], () => ({
      method: 'POST',
      route: 'things.rename',
      procedureType: 'mutation',
      ...(name !== 'fetch' && { ip: '127.0.0.1' }),
    }))
    for (const { action, request_id, metadata } of rows) {
      const at = PEOPLE.findIndex(({ requestId }) => requestId === request_id)
      assert.deepEqual(metadata, action === 'trpc.rename' ? { name: `name-${at}` } : {})
    }

    // A batch is one request, and so are its calls, with an id that was made here.
    const client = createTRPCClient<AppRouter>({ links: [httpBatchLink({ url })] })
    await Promise.all([client.things.rename.mutate('one'), client.things.rename.mutate('two')])
    await recorder.flush()
    const all = await logged('trpc.')
    const batch = all.filter(({ action }) => action === 'trpc.rename')
    assert.equal(batch.length, 2)
    assert.equal(batch[0]?.request_id, batch[1]?.request_id)
    assert.match(String(batch[0]?.request_id), /^[\da-f-]{36}$/)
  })
}

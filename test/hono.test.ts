import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { honoAudit } from 'audit-outbox/hono'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { type Context, Hono } from 'hono'
import { requestId } from 'hono/request-id'

const record = (c: Context) => c.text(String(c.get('audit').record({ action: 'a.b' })))

test('a Response of the handler’s own making carries the request id too', async () => {
  const app = new Hono().use(honoAudit({ recorder: createMemoryRecorder() }))
  app.get('/raw', () => new Response('raw'))
  app.get('/redirect', () => Response.redirect('http://localhost/', 302)) // its headers are immutable
  app.get('/throw', () => {
    throw new Error('no')
  })
  app.onError((_error, c) => c.text('sorry', 500))

  for (const path of ['/raw', '/redirect', '/throw', '/nowhere']) {
    const { headers } = await app.request(path, { headers: { 'x-request-id': 'one' } })
    assert.equal(headers.get('x-request-id'), 'one', path)
  }
})

test('the route is the pattern of the handler, also in middleware and sub-applications', async () => {
  const recorder = createMemoryRecorder()
  const app = new Hono().use(honoAudit({ recorder }))
  app.use('/orgs/*', async (c, next) => {
    c.var.audit.record({ action: 'before.handler' })
    await next()
    c.var.audit.record({ action: 'after.handler' })
  })
  app.route('/orgs/:orgId', new Hono().get('/events/:eventId', record))
  app.get('/orgs/*', (c) => c.text('fallback'))
  app.all('/any/:id', record)
  app.notFound(record)

  await app.request('/orgs/1/events/2?token=secret')
  await app.request('/any/1')
  await app.request('/nowhere/secret')

  assert.deepEqual(
    recorder.entries.map(({ action, context }) => [action, context['route']]),
    [
      ['before.handler', '/orgs/:orgId/events/:eventId'],
      ['a.b', '/orgs/:orgId/events/:eventId'],
      ['after.handler', '/orgs/:orgId/events/:eventId'],
      ['a.b', '/any/:id'],
      ['a.b', undefined],
    ],
  )
})

test('the user and the event of a request may have ids of any kind', async () => {
  const recorder = createMemoryRecorder({ ids: 'text' })
  const users = [42, 42n, 'auth0|5f7c', { userId: 7, plan: 'pro' }, { userId: 7n }]
  for (const user of users) {
    const app = new Hono().use(honoAudit({ recorder, user: () => user, eventId: () => 9n }))
    await app.get('/', record).request('/')
  }
  assert.deepEqual(
    recorder.entries.map(({ userId }) => userId),
    ['42', '42', 'auth0|5f7c', '7', '7'],
  )
  for (const { eventId, context } of recorder.entries) {
    assert.deepEqual([eventId, context['degraded']], ['9', undefined])
  }
})

test('the address is asked for where the runtime does not show it', async () => {
  const recorder = createMemoryRecorder()
  const behindProxy = new Hono().use(
    honoAudit({ recorder, ip: (c) => c.req.header('fly-client-ip') }),
  )
  const elsewhere = new Hono().use(honoAudit({ recorder }))
  behindProxy.get('/', record)
  elsewhere.get('/', record)

  await behindProxy.request('/', { headers: { 'fly-client-ip': '192.0.2.7' } })
  await elsewhere.request('/', { headers: { 'x-forwarded-for': '192.0.2.7' } })

  assert.equal(recorder.entries[0]?.context['ip'], '192.0.2.7')
  assert.equal(recorder.entries[1]?.context['ip'], undefined)
})

test("an id of Hono's own request id middleware is kept, if it is fit", async () => {
  const recorder = createMemoryRecorder()
  const own = randomUUID()
  const app = new Hono().use(requestId({ generator: () => own })).use(honoAudit({ recorder }))
  app.get('/', record)
  const { headers } = await app.request('/')

  assert.equal(headers.get('x-request-id'), own)
  assert.equal(recorder.entries[0]?.requestId, own)
})

test('the user is typed by the application’s own environment', async () => {
  type Env = { Variables: { session?: { userId: string } } }
  const recorder = createMemoryRecorder()
  const userId = randomUUID()
  const app = new Hono<Env>()
    .use(honoAudit({ recorder, user: (c: Context<Env>) => c.get('session')?.userId }))
    .use(async (c, next) => {
      c.set('session', { userId })
      await next()
    })
    .get('/', record)
  await app.request('/')
  assert.equal(recorder.entries[0]?.userId, userId)
})

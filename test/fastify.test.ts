import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import auditPlugin, { fastifyAudit } from 'audit-outbox/fastify'
import { createMemoryRecorder } from 'audit-outbox/testing'
import fastify from 'fastify'

test('routes of every scope see the recorder, and the default export is the plugin', async (t) => {
  const recorder = createMemoryRecorder()
  const app = fastify()
  t.after(() => app.close())
  app.register(auditPlugin, { recorder, prefix: '/ignored', logLevel: 'warn' })
  app.register(
    async (scope) => {
      scope.get('/:id', async (request) => request.audit.record({ action: 'a.b' }))
    },
    { prefix: '/nested' },
  )
  const { body, headers } = await app.inject('/nested/7?token=secret')

  assert.equal(body, 'true')
  assert.equal(recorder.entries[0]?.requestId, headers['x-request-id'])
  assert.equal(recorder.entries[0]?.context['route'], '/nested/:id')
  assert.equal(app.hasPlugin('audit-outbox'), true)
})

// Goal: the application's log and the audit log name a request alike, where that is possible.
test("Fastify's own id is used where the application makes it, and only if it is fit", async (t) => {
  const own = randomUUID()
  const cases = [
    { genReqId: () => own, requestId: own },
    { genReqId: () => 'x y', requestId: 'incoming' },
    { genReqId: () => 'x'.repeat(10_000), requestId: 'incoming' },
    { requestId: 'incoming' }, // its default: req-1, req-2 …
  ]
  for (const { requestId, ...options } of cases) {
    const recorder = createMemoryRecorder()
    const app = fastify(options)
    t.after(() => app.close())
    await app.register(fastifyAudit, { recorder })
    app.get('/', async (request) => request.audit.record({ action: 'a.b' }))
    const { headers } = await app.inject({ url: '/', headers: { 'x-request-id': 'incoming' } })

    assert.equal(headers['x-request-id'], requestId)
    assert.equal(recorder.entries[0]?.requestId, requestId)
  }
})

test('the address is the one that Fastify trusts', async (t) => {
  const recorder = createMemoryRecorder()
  for (const trustProxy of [false, true]) {
    const app = fastify({ trustProxy })
    t.after(() => app.close())
    await app.register(fastifyAudit, { recorder })
    app.get('/', async (request) => request.audit.record({ action: 'a.b' }))
    await app.inject({ url: '/', headers: { 'x-forwarded-for': '192.0.2.7' } })
  }
  assert.deepEqual(
    recorder.entries.map(({ context }) => context['ip']),
    ['127.0.0.1', '192.0.2.7'],
  )
})

test('a hook from before the plugin, an error and a late hook see the same request', async (t) => {
  const recorder = createMemoryRecorder()
  const app = fastify()
  t.after(() => app.close())
  app.addHook('onRequest', async (request) => {
    request.audit.record({ action: 'hook.before' })
  })
  await app.register(fastifyAudit, { recorder })
  app.setErrorHandler(async (_error, request, reply) => {
    request.audit.record({ action: 'request.fail' })
    return reply.code(500).send('sorry')
  })
  app.addHook('onResponse', async (request) => {
    request.audit.record({ action: 'hook.after' })
  })
  app.get('/', () => {
    throw new Error('no')
  })
  const { headers } = await app.inject('/')

  assert.deepEqual(
    recorder.entries.map(({ action, requestId }) => [action, requestId]),
    ['hook.before', 'request.fail', 'hook.after'].map((action) => [
      action,
      headers['x-request-id'],
    ]),
  )
})

test('a wrong option, or a second registration, stops the application from starting', async (t) => {
  const recorder = createMemoryRecorder()
  const wrong = fastify()
  const twice = fastify()
  t.after(() => Promise.all([wrong.close(), twice.close()]))

  wrong.register(fastifyAudit, { recorder, requestIdHeader: '' })
  await assert.rejects(async () => await wrong.ready(), { code: 'AUDIT_OPTION_INVALID' })
  twice.register(fastifyAudit, { recorder })
  twice.register(fastifyAudit, { recorder })
  await assert.rejects(async () => await twice.ready(), { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
})

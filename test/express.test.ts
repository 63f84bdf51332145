import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import http from 'node:http'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { AuditError } from 'audit-outbox'
import { type AuditedRequest, type ExpressAuditOptions, expressAudit } from 'audit-outbox/express'
import { createMemoryRecorder } from 'audit-outbox/testing'
import express from 'express'
import { listen, send } from './support/http.ts'

test('under plain node:http a request has a recorder too', async (t) => {
  const recorder = createMemoryRecorder()
  const audited = expressAudit({ recorder })
  const server = http.createServer((req, res) =>
    audited(req, res, () => {
      const { audit } = req as AuditedRequest
      res.end(String(audit.record({ action: 'plain.request' })))
    }),
  )
  const { body, headers } = await send(`${await listen(t, server)}/any?token=secret`)

  assert.equal(body, 'true')
  const [entry] = recorder.entries
  assert.equal(entry?.requestId, headers['x-request-id'])
  assert.deepEqual(entry?.context, { ip: '127.0.0.1', method: 'GET' })
})

test('the address is the one that Express trusts', async (t) => {
  const recorder = createMemoryRecorder()
  const app = express()
  app.use(expressAudit({ recorder }))
  app.get('/', (req, res) => res.send(req.audit.record({ action: 'a.b' })))
  const url = await listen(t, http.createServer(app))
  const headers = { 'x-forwarded-for': '::ffff:1.2.3.4%eth0, 10.0.0.1' }

  await send(url, headers)
  app.set('trust proxy', 1)
  await send(url, headers)
  app.set('trust proxy', true)
  await send(url, headers)

  assert.deepEqual(
    recorder.entries.map(({ context }) => context['ip']),
    ['127.0.0.1', '10.0.0.1', '::ffff:1.2.3.4%eth0'],
  )
})

test('the route is the pattern, also behind routers', async (t) => {
  const recorder = createMemoryRecorder()
  const app = express()
  const record: express.RequestHandler = (req, res) => {
    res.send(req.audit.record({ action: 'a.b' }))
  }
  const shared = express.Router({ mergeParams: true }).get('/branding/:part', record)
  const root = express.Router().get('/', record)
  app.use(expressAudit({ recorder }))
  app.use('/api/events/:eventId', shared)
  app.use('/api/root', root)
  app.get(['/one', '/two'], record)
  app.get(/^\/like.*/, record)
  const url = await listen(t, http.createServer(app))

  for (const path of ['/api/events/a%20b:c/branding/api', '/api/root/', '/two', '/likely']) {
    await send(url + path)
  }
  assert.deepEqual(
    recorder.entries.map(({ context }) => context['route']),
    ['/api/events/:eventId/branding/:part', '/api/root', '/one,/two', '/^\\/like.*/'],
  )
})

test('mounted twice, the request keeps its id and the inner recorder takes the entry', async (t) => {
  const outer = createMemoryRecorder()
  const inner = createMemoryRecorder()
  const app = express()
  app.use(expressAudit({ recorder: outer }))
  app.use((req, _res, next) => {
    req.audit.record({ action: 'of.outer' })
    next()
  })
  app.use(expressAudit({ recorder: inner }))
  app.get('/', (req, res) => res.send(req.audit.record({ action: 'of.inner' })))
  const { headers } = await send(await listen(t, http.createServer(app)))

  assert.equal(outer.entries[0]?.requestId, headers['x-request-id'])
  assert.equal(inner.entries[0]?.requestId, headers['x-request-id'])
})

test('an id that the application has sent already is kept', async (t) => {
  const recorder = createMemoryRecorder()
  const app = express()
  app.use((_req, res, next) => {
    res.setHeader('X-Request-Id', 'given')
    next()
  })
  app.use(expressAudit({ recorder }))
  app.get('/', (req, res) => res.send(req.audit.record({ action: 'a.b' })))
  const url = await listen(t, http.createServer(app))

  const { headers } = await send(url, { 'x-request-id': 'incoming' })
  assert.equal(headers['x-request-id'], 'given')
  assert.equal(recorder.entries[0]?.requestId, 'given')
})

test('mounted after the response has begun, it still records', async (t) => {
  const recorder = createMemoryRecorder()
  const app = express()
  app.use((_req, res, next) => {
    res.flushHeaders()
    next()
  })
  app.use(expressAudit({ recorder }))
  app.get('/', (req, res) => res.end(String(req.audit.record({ action: 'a.b' }))))
  const { body } = await send(await listen(t, http.createServer(app)))
  assert.equal(body, 'true')
})

test('a request that records nothing is asked nothing', async (t) => {
  const recorder = createMemoryRecorder()
  let asked = 0
  const app = express()
  app.use(expressAudit({ recorder, user: () => String(asked++), eventId: () => String(asked++) }))
  app.get('/', (_req, res) => res.sendStatus(204))
  await send(await listen(t, http.createServer(app)))
  assert.equal(asked, 0)
})

/** Records once for a request, with these options. */
async function recordWith(t: TestContext, options: Omit<ExpressAuditOptions, 'recorder'>) {
  const recorder = createMemoryRecorder()
  const app = express()
  app.use(expressAudit({ recorder, ...options }))
  app.get('/', (req, res) => res.send(req.audit.record({ action: 'a.b' })))
  const { status } = await send(await listen(t, http.createServer(app)))
  assert.equal(status, 200)
  return recorder.entries
}

test('a user may be more than an id', async (t) => {
  const userId = randomUUID()
  const eventId = randomUUID()
  const [entry] = await recordWith(t, {
    user: () => ({ userId, impersonatorId: 'support-7', ip: 'hidden' }),
    eventId: () => eventId,
  })
  assert.equal(entry?.userId, userId)
  assert.equal(entry?.eventId, eventId)
  assert.equal(entry?.context['impersonatorId'], 'support-7')
  assert.equal(entry?.context['ip'], 'hidden')
})

// Goal: a callback's mistake costs what it was asked for, and says so; nothing else.
// Method: each mistake, past the types that forbid it; rejections would fail the test run.
const MISTAKES: Record<string, () => unknown> = {
  'is async': async () => randomUUID(),
  'rejects later': async () => {
    await turn()
    throw new Error('no session')
  },
  'answers with a query that was not awaited': () => ({
    userId: 'x',
    // biome-ignore lint/suspicious/noThenProperty: that is what a query builder is
    then: () => assert.fail('it was run'),
  }),
  'answers with an entity without an id': () => ({ name: 'ada', passwordHash: 'secret' }),
  'answers with a number': () => 7,
  'answers with a getter that throws': () => ({
    get userId() {
      throw new Error('no session')
    },
  }),
}
for (const [mistake, user] of Object.entries(MISTAKES)) {
  test(`a user callback that ${mistake} is marked`, async (t) => {
    const entries = await recordWith(t, {
      user: user as unknown as NonNullable<ExpressAuditOptions['user']>,
    })
    await turn()
    assert.equal(entries.length, 1)
    assert.equal(entries[0]?.userId, null)
    assert.match(String(entries[0]?.context['degraded']), /\buserId\.invalid\b/)
    assert.equal(JSON.stringify(entries).includes('secret'), false)
  })
}

test('a user callback that answers with an entity gives its id, and is marked', async (t) => {
  const id = randomUUID()
  const user = () => ({ id, passwordHash: 'secret' })
  const entries = await recordWith(t, {
    user: user as unknown as NonNullable<ExpressAuditOptions['user']>,
  })
  assert.equal(entries[0]?.userId, id)
  assert.match(String(entries[0]?.context['degraded']), /\buserId\.object\b/)
  assert.equal(JSON.stringify(entries).includes('secret'), false)
})

test('a callback that records does not go round in circles', async (t) => {
  const [first, second, ...others] = await recordWith(t, {
    user: (req) => {
      req.audit.record({ action: 'user.asked' })
      return null
    },
  })
  assert.equal(first?.action, 'user.asked')
  assert.equal(second?.action, 'a.b')
  assert.deepEqual(others, [])
})

test('a wrong option is refused at start, by its name', () => {
  const recorder = createMemoryRecorder()
  const refused: [string, object][] = [
    ['recorder', {}],
    ['recorder', { recorder: { record() {} } }],
    ['user', { recorder, user: 'me' }],
    ['eventId', { recorder, eventID: () => null }],
    ['requestIdHeader', { recorder, requestIdHeader: 'two words' }],
    ['requestIdHeader', { recorder, requestIdHeader: '' }],
    ['requestIdHeader', { recorder, requestIdHeader: true }],
    ['asyncContext', { recorder, asyncContext: 'yes' }],
  ]
  for (const [name, options] of refused) {
    assert.throws(
      () => expressAudit(options as ExpressAuditOptions),
      (error) => error instanceof AuditError && error.message.includes(name),
      JSON.stringify(options),
    )
  }
})

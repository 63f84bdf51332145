import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { record } from 'audit-outbox'
import { type NextAuditOptions, nextAudit } from 'audit-outbox/next'
import { createMemoryRecorder } from 'audit-outbox/testing'

// One in a process, as everywhere: the first one that is made.
const recorder = createMemoryRecorder()
let made = 0
const setUp = (options: Partial<NextAuditOptions> = {}) =>
  nextAudit({
    recorder: () => {
      made += 1
      return recorder
    },
    headers: () => new Headers({ 'x-request-id': 'of-action', 'user-agent': 'Mozilla/5.0' }),
    ...options,
  })

const put = (headers: Record<string, string> = {}) =>
  new Request('http://127.0.0.1/api/branding?token=secret', { method: 'PUT', headers })

test('a route handler and a server action know their request, with one recorder', async () => {
  recorder.clear()
  const userId = randomUUID()
  const actorId = randomUUID()
  const first = setUp({ trustedHops: 1, user: async () => ({ userId, actorId }) })
  const PUT = first.auditRoute('/api/branding', async (_request: Request) => {
    record({ action: 'of.package' })
    first.audit.record({ action: 'of.recorder' })
    return new Response()
  })
  const answer = await PUT(put({ 'x-request-id': 'of-route', 'x-forwarded-for': '203.0.113.7' }))
  assert.equal(answer.headers.get('x-request-id'), 'of-route')

  const second = setUp({ user: () => userId })
  const rename = second.auditAction('rename', (name: string) => {
    second.audit.record({ action: 'of.action', metadata: { name } })
    return name.length
  })
  assert.equal(await rename('Ada'), 3)

  assert.equal(made, 1)
  const ofRoute = { ip: '203.0.113.7', method: 'PUT', route: '/api/branding' }
  assert.deepEqual(
    recorder.entries.map(({ action, userId, actorId: actor, requestId, context }) => [
      ...[action, userId, actor, requestId],
      context,
    ]),
    [
      ['of.package', userId, actorId, 'of-route', ofRoute],
      ['of.recorder', userId, actorId, 'of-route', ofRoute],
      [
        ...['of.action', userId, null, 'of-action'],
        { method: 'POST', route: 'rename', userAgent: 'Mozilla/5.0' },
      ],
    ],
  )
})

test('nothing is made, asked or written where a module is only loaded', () => {
  const before = made
  setUp({ user: () => assert.fail(), headers: () => assert.fail() })
  assert.equal(made, before)
})

test('a session that cannot be read costs the user; a redirect of Next arrives', async () => {
  recorder.clear()
  const failing = setUp({ user: () => Promise.reject(new Error('no session')) })
  await failing.auditAction('one', () => failing.audit.record({ action: 'a.b' }))()
  assert.deepEqual(recorder.entries[0]?.context['degraded'], ['userId.invalid'])
  const redirect = Object.assign(new Error('NEXT_REDIRECT'), { digest: 'NEXT_REDIRECT;/login' })
  const leaving = setUp({ user: () => Promise.reject(redirect) })
  await assert.rejects(
    leaving.auditAction('two', () => assert.fail())(),
    (error) => error === redirect,
  )
})

test('the entries are written after the response where Next allows it, else before', async () => {
  const done: string[] = []
  recorder.flush = async () => {
    done.push('written')
    return true
  }
  const tasks: (() => Promise<unknown>)[] = []
  const run = async (after?: NextAuditOptions['after']) => {
    await setUp({ after }).auditAction('one', () => done.push('answered'))()
    done.push('sent')
  }
  await run((task) => tasks.push(task))
  assert.deepEqual(done, ['answered', 'sent'])
  await Promise.all(tasks.map((task) => task()))
  await run()
  await run(() => {
    throw new Error('after is not allowed while a page is made')
  })
  const waiting = ['answered', 'written', 'sent']
  assert.deepEqual(done, ['answered', 'sent', 'written', ...waiting, ...waiting])
})

test('the edge runtime is refused, with the cure', (t) => {
  Object.assign(globalThis, { EdgeRuntime: 'edge-runtime' })
  t.after(() => Reflect.deleteProperty(globalThis, 'EdgeRuntime'))
  assert.throws(() => setUp(), /needs Node.*Remove `export const runtime = 'edge'`/)
})

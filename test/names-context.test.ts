import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import http from 'node:http'
import { test } from 'node:test'
import { type AuditContext, captureContext, withContext } from 'audit-outbox'
import { type AuditedRequest, type ExpressAuditOptions, expressAudit } from 'audit-outbox/express'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { listen, send } from './support/http.ts'

// Goal: an entry says who it was in words that stay when the account is gone, and never names anybody
// by the name of somebody else.
// Method: names by each way into a context, read back from the entries.

const [userId, otherId, actorId] = [randomUUID(), randomUUID(), randomUUID()]

function contextOf(context: AuditContext): Readonly<Record<string, unknown>> {
  const recorder = createMemoryRecorder()
  recorder.child(context).record({ action: 'a.b' })
  return recorder.entries[0]?.context ?? {}
}

test('a name is stored next to the id that it belongs to', () => {
  assert.deepEqual(
    contextOf({ userId, userName: 'Ada Lovelace', actorId, actorName: 'Grace', ip: '10.0.0.1' }),
    {
      ip: '10.0.0.1',
      user: { id: userId, name: 'Ada Lovelace' },
      actor: { id: actorId, name: 'Grace' },
    },
  )
  assert.deepEqual(contextOf({ userName: 'Ada' }), { user: { name: 'Ada' } })
  for (const none of [undefined, null, ''])
    assert.deepEqual(contextOf({ userId, userName: none }), {})
})

test('an entry of another user keeps whose name it was', () => {
  const recorder = createMemoryRecorder()
  const ofRequest = recorder.child({ userId, userName: 'Ada' })
  ofRequest.record({ action: 'a.b', userId: otherId })
  ofRequest.child({ userId: otherId, userName: 'Linus' }).record({ action: 'a.b' })
  assert.deepEqual(
    recorder.entries.map(({ userId, context }) => [userId, context['user']]),
    [
      [otherId, { id: userId, name: 'Ada' }],
      [otherId, { id: otherId, name: 'Linus' }],
    ],
  )
})

test('a name has at most 200 characters, and what is no text is none', () => {
  const longest = 'a'.repeat(200)
  assert.deepEqual(contextOf({ userId, userName: longest }), {
    user: { id: userId, name: longest },
  })
  assert.deepEqual(contextOf({ userId, userName: `${longest}b` }), {
    user: { id: userId, name: longest },
    degraded: ['userName.truncated'],
  })
  const number = { userId, userName: 42 as unknown as string }
  assert.deepEqual(contextOf(number), { degraded: ['userName.invalid'] })
})

test('a name that the application censors is not stored', () => {
  const recorder = createMemoryRecorder({ redact: { paths: ['context.userName'] } })
  recorder.child({ userId, userName: 'Ada' }).record({ action: 'a.b' })
  const [entry] = recorder.entries
  assert.equal(JSON.stringify(entry).includes('Ada'), false)
  assert.equal(entry?.context['user'], undefined)
})

test('a job knows the names of the request that began it', () => {
  const recorder = createMemoryRecorder()
  const given = { userId, userName: 'Ada', actorId, actorName: 'Grace' }
  const captured = recorder.child(given).captureContext()
  assert.deepEqual(captured, { v: 1, ...given })
  recorder.runWithContext(JSON.parse(JSON.stringify(captured)), () =>
    recorder.record({ action: 'a.b' }),
  )
  assert.deepEqual(recorder.entries[0]?.context, {
    user: { id: userId, name: 'Ada' },
    actor: { id: actorId, name: 'Grace' },
  })
})

test('withContext takes names, too', () => {
  const recorder = createMemoryRecorder()
  withContext({ userId, userName: 'Ada' }, () => {
    assert.deepEqual(captureContext(), { v: 1, userId, userName: 'Ada' })
    recorder.record({ action: 'a.b' })
  })
  assert.deepEqual(recorder.entries[0]?.context, { user: { id: userId, name: 'Ada' } })
})

test('the options user and actor of a plugin take names', async (t) => {
  const recorder = createMemoryRecorder()
  class Account {
    get userId() {
      return userId
    }
    get name() {
      return 'Ada'
    }
  }
  const options: ExpressAuditOptions = {
    recorder,
    user: () => new Account() as unknown as { userId: string; name: string },
    actor: () => ({ actorId, actorKind: 'agent', name: 'Robot' }),
  }
  const audited = expressAudit(options)
  const server = http.createServer((req, res) =>
    audited(req, res, () => {
      const { audit } = req as AuditedRequest
      res.end(String(audit.record({ action: 'a.b' })))
    }),
  )
  await send(await listen(t, server))
  const [entry] = recorder.entries
  assert.deepEqual([entry?.userId, entry?.actorId], [userId, actorId])
  assert.deepEqual(entry?.context['user'], { id: userId, name: 'Ada' })
  assert.deepEqual(entry?.context['actor'], { id: actorId, name: 'Robot' })
  assert.equal(entry?.context['name'], undefined)
})

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CapturedContext,
  captureContext,
  createRecorder,
  noopRecorder,
  record,
  runWithContext,
  setDefaultRecorder,
  withContext,
} from 'audit-outbox'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { scratchDatabase } from './support/database.ts'

const KEY = 'AUDIT_CONTEXT_KEY'
const recorder = createMemoryRecorder()
beforeEach(() => {
  recorder.clear()
  setDefaultRecorder(recorder)
  delete process.env[KEY]
})

const userId = randomUUID()
const eventId = randomUUID()
const actorId = randomUUID()
const REQUEST = {
  userId,
  eventId,
  actorId,
  requestId: 'request-1',
  ip: '203.0.113.7',
  method: 'POST',
  route: '/events/:eventId/invitations',
  userAgent: 'Mozilla/5.0',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  seats: 12,
  isTrial: false,
}

/** As it comes out of a queue: as JSON, and with jsonb in another order. */
const queued = (captured: CapturedContext): unknown =>
  JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(captured).reverse())))

function recordedWith(captured: unknown) {
  recorder.clear()
  runWithContext(captured, () => record({ action: 'job.done' }))
  const [entry] = recorder.entries
  assert.ok(entry)
  return entry
}

test('a job knows the user, the colleague, the request and the trace', () => {
  const captured = withContext(REQUEST, () => captureContext())
  assert.deepEqual(captured, { v: 1, ...REQUEST })
  const entry = recordedWith(queued(captured))
  const { userId: _, actorId: _actor, eventId: _event, requestId: _request, ...details } = REQUEST
  assert.deepEqual([entry.userId, entry.actorId], [userId, actorId])
  assert.deepEqual([entry.eventId, entry.requestId], [eventId, 'request-1'])
  assert.deepEqual(entry.context, details)
  assert.deepEqual(recordedWith(JSON.stringify(captured)).context, details)
})

test('a child recorder and one that does nothing capture too', () => {
  const child = recorder.child({ userId, requestId: 'request-1' })
  assert.deepEqual(child.captureContext(), { v: 1, userId, requestId: 'request-1' })
  assert.deepEqual(recorder.captureContext(), { v: 1 })
  setDefaultRecorder(undefined)
  assert.deepEqual(
    withContext({ userId }, () => captureContext()),
    { v: 1, userId },
  )
  assert.equal(
    noopRecorder.runWithContext({ v: 1, userId }, () => captureContext()['userId']),
    userId,
  )
})

// Goal: a worker that runs in the web server's process cannot take another request for its job's.
// Method: the job runs inside of a request of somebody else, and records before and after an await.
test('nothing of the request around it gets into a job', async () => {
  const captured = withContext({ userId, ip: '203.0.113.7' }, () => captureContext())
  await withContext({ userId: randomUUID(), actorId, requestId: 'another' }, async () => {
    await runWithContext(captured, async () => {
      record({ action: 'job.begin' })
      await sleep(1)
      record({ action: 'job.end' })
    })
    await recorder.runWithContext(undefined, async () => record({ action: 'job.unknown' }))
  })
  const found = recorder.entries.map(({ userId, requestId, context }) => [
    userId,
    requestId,
    context,
  ])
  assert.deepEqual(found, [
    [userId, null, { ip: '203.0.113.7' }],
    [userId, null, { ip: '203.0.113.7' }],
    [null, null, { degraded: ['context.missing'] }],
  ])
})

test('it holds no secret, no object, and at most 1,024 bytes', () => {
  const captured = withContext(
    {
      ...REQUEST,
      userAgent: 'ü'.repeat(5_000),
      route: '/\u0000\ud800'.repeat(300),
      password: 'hunter2',
      note: 'token=sk_live_4eC39HqLyjWDarjtT1zdp7dc',
      list: [1],
      of: { what: 1 },
      more: 'm'.repeat(200),
      evenMore: 'm'.repeat(200),
    },
    () => captureContext(),
  )
  const json = JSON.stringify(captured)
  assert.ok(Buffer.byteLength(json) <= 1_024, `${Buffer.byteLength(json)} bytes`)
  for (const secret of ['hunter2', 'sk_live', '\\u0000', '\\ud800'])
    assert.ok(!json.includes(secret))
  assert.equal(captured['userId'], userId)
  assert.equal(captured['actorId'], actorId)
  assert.equal(captured.cut, true)
  assert.equal('list' in captured || 'of' in captured, false)
  assert.deepEqual(recordedWith(queued(captured)).context['degraded'], ['context.cut'])
})

test('whatever ids and details are given, 1,024 bytes are enough', () => {
  const wide = '\u{1f600}'.repeat(128)
  const all = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`detail${n}`, wide]))
  for (const context of [
    { userId: wide, eventId: wide, requestId: wide, actorId: wide, ...all },
    { userId: '"'.repeat(256), requestId: '\\'.repeat(256), actorId: '\u2028'.repeat(256) },
    all,
  ]) {
    process.env[KEY] = 'k'.repeat(32)
    const captured = withContext(context, () => captureContext())
    assert.ok(Buffer.byteLength(JSON.stringify(captured)) <= 1_024)
    assert.equal(recordedWith(queued(captured)).context['degraded'] !== undefined, true)
  }
})

// Goal: a job runs whatever its data holds, and its entries do not name people who are made up.
test('what captureContext did not make is refused, and never throws into the job', () => {
  const good = withContext(REQUEST, () => captureContext())
  const throwing = {
    get v() {
      throw new Error('no')
    },
  }
  const circular: Record<string, unknown> = { v: 1 }
  circular['self'] = circular
  for (const bad of [
    ...['', 'no JSON', '{"v":1', 'null', '[]', '7', 7, true, [], {}, () => 1, Symbol('x'), 7n],
    { ...good, v: 2 },
    { ...good, v: '1' },
    { ...good, userId: { id: userId } },
    { ...good, userId: 7 },
    { ...good, ip: null },
    { ...good, list: [] },
    { ...good, cut: 'yes' },
    { ...good, 'a b': 'c' },
    { ...good, long: 'x'.repeat(1_024) },
    JSON.parse('{"v":1,"__proto__":"x"}'),
    new Proxy({}, { ownKeys: () => assert.fail() }),
    throwing,
    circular,
  ]) {
    const entry = recordedWith(bad)
    assert.equal(entry.userId, null)
    assert.deepEqual(entry.context, { degraded: ['context.refused'] })
  }
  for (const none of [undefined, null]) {
    assert.deepEqual(recordedWith(none).context, { degraded: ['context.missing'] })
  }
  assert.equal(
    runWithContext({ v: 9 }, () => 'the result'),
    'the result',
  )
  assert.throws(
    () =>
      runWithContext({ v: 9 }, () => {
        throw new Error("the job's own")
      }),
    /the job's own/,
  )
})

test('details cannot pretend to be marks of ours', () => {
  const entry = recordedWith({ v: 1, degraded: 'x', redacted: 'y', invalid: 'z', note: 'n' })
  assert.deepEqual(entry.context, { note: 'n', degraded: ['context.reserved'] })
})

test('with a key, what was not captured with it is refused', () => {
  process.env[KEY] = 'a'.repeat(32)
  const captured = withContext(REQUEST, () => captureContext())
  assert.equal(recordedWith(queued(captured)).userId, userId)
  const { mac, ...unsigned } = captured
  assert.match(String(mac), /^[\w-]{22}$/)
  const other = randomUUID()
  for (const forged of [
    unsigned,
    { ...captured, mac: 'x' },
    { ...captured, mac: 'A'.repeat(22) },
    { ...captured, mac: 7 },
    { ...captured, userId: other },
    { ...captured, userId: undefined, actorId: userId },
    { ...captured, more: true },
    { ...captured, cut: true },
  ]) {
    const entry = recordedWith(forged)
    assert.deepEqual(entry.context, { degraded: ['context.refused'] })
    assert.equal(entry.userId, null)
  }
  process.env[KEY] = `${'b'.repeat(32)} ${'a'.repeat(32)}`
  assert.equal(recordedWith(captured).userId, userId, 'the key before this one')
  process.env[KEY] = 'b'.repeat(32)
  assert.equal(recordedWith(captured).userId, null, 'a key that is gone')
})

test('a key that is too short is refused when the recorder is made', () => {
  process.env[KEY] = `${'a'.repeat(32)},${'b'.repeat(31)}`
  const create = () => createRecorder({ databaseUrl: 'postgres://127.0.0.1:1/none' })
  assert.throws(create, /AUDIT_CONTEXT_KEY must have at least 32 characters/)
})

test('in the database a job names its user, and is marked where it cannot', async (t) => {
  const { sql, urlAs } = await scratchDatabase(t)
  const audit = createRecorder({ databaseUrl: urlAs('audit_app') })
  t.after(() => audit.close())
  const captured = audit.withContext(REQUEST, () => audit.captureContext())
  audit.runWithContext(captured, () => record({ action: 'job.done' }))
  audit.runWithContext({ ...captured, v: 0 }, () => record({ action: 'job.refused' }))
  assert.equal(await audit.flush({ report: true }), true)
  const rows = await sql`
    select action, user_id, actor_id as actor, context -> 'degraded' as degraded
    from audit.audit_staging order by action`
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      { action: 'job.done', user_id: userId, actor: actorId, degraded: null },
      { action: 'job.refused', user_id: null, actor: null, degraded: ['context.refused'] },
    ],
  )
  const [report] = await sql`select accepted, staged from audit.audit_report`
  assert.deepEqual({ ...report }, { accepted: '2', staged: '2' })
})

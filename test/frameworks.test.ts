import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Recorder, record } from 'audit-outbox'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { type AppSetup, FRAMEWORKS } from './support/audited-apps.ts'
import { send, sendAndHangUp } from './support/http.ts'
import { waitFor } from './support/wait-for.ts'

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/
const REQUESTS = 240

for (const [name, startApp] of Object.entries(FRAMEWORKS)) {
  describe(name, () => {
    // Goal: what one request knows never appears in another one's entry.
    // Method: all requests at once; authentication and handler pause for random times, and the
    // handler records before and after it has read a body and waited.
    test('concurrent requests keep their contexts apart', async (t) => {
      const recorder = createMemoryRecorder()
      const url = await startApp(t, {
        recorder,
        handlers: {
          branding: async ({ audit, eventId, body }) => {
            audit.record({ action: 'branding.view', eventId, metadata: { body } })
            await sleep(Math.random() * 10)
            audit.record({ action: 'branding.update', eventId, metadata: { body } })
          },
        },
      })
      const requests = Array.from({ length: REQUESTS }, (_, at) => ({
        at,
        requestId: `request-${at}`,
        userId: randomUUID(),
        eventId: randomUUID(),
      }))

      await Promise.all(
        requests.map(async ({ at, requestId, userId, eventId }) => {
          const answer = await fetch(`${url}/events/${eventId}/branding?token=secret`, {
            method: 'POST',
            headers: {
              'content-type': 'application/json',
              'user-agent': `agent-${at}`,
              'x-request-id': requestId,
              'x-test-user': userId,
            },
            body: JSON.stringify({ at }),
          })
          assert.equal(answer.status, 200)
          assert.equal(answer.headers.get('x-request-id'), requestId)
        }),
      )

      assert.equal(recorder.entries.length, 2 * REQUESTS)
      for (const entry of recorder.entries) {
        const { at, userId, eventId } = requests[Number(entry.requestId?.slice(8))] ?? {}
        assert.equal(entry.userId, userId)
        assert.equal(entry.eventId, eventId)
        assert.deepEqual(entry.metadata, { body: { at } })
        assert.deepEqual(entry.context, {
          ip: '127.0.0.1',
          method: 'POST',
          route: '/events/:eventId/branding',
          userAgent: `agent-${at}`,
        })
      }
    })

    // Goal: with asyncContext nothing has to be passed down, and nothing is mixed up or lost.
    // Method: as above, recording from a timer and after awaits, once by the package's record() and
    // once by the application's own recorder, after a body was read.
    test('with asyncContext, record() of the package knows the request', async (t) => {
      const recorder = createMemoryRecorder()
      const timers: Promise<unknown>[] = []
      const url = await startApp(t, {
        recorder,
        asyncContext: true,
        handlers: {
          deep: async ({ eventId }) => {
            await sleep(Math.random() * 10)
            record({ action: 'deep.await', eventId })
            timers.push(
              sleep(Math.random() * 20).then(() =>
                recorder.record({ action: 'deep.timer', eventId }),
              ),
            )
          },
        },
      })
      const userIds = Array.from({ length: REQUESTS }, () => randomUUID())

      await Promise.all(
        userIds.map(async (userId) => {
          const headers = { 'content-type': 'application/json', 'x-test-user': userId }
          // The event is the user's own id: so each entry says whose request it was made in.
          await fetch(`${url}/events/${userId}/deep`, {
            method: 'POST',
            headers: { ...headers, 'x-request-id': `of-${userId}` },
            body: '{}',
          })
        }),
      )
      await Promise.all(timers)

      assert.equal(recorder.entries.length, 2 * REQUESTS)
      for (const { userId, eventId, requestId, context } of recorder.entries) {
        assert.equal(userId, eventId)
        assert.equal(requestId, `of-${eventId}`)
        assert.equal(context['route'], '/events/:eventId/deep')
      }
      assert.equal(record({ action: 'outside.request' }), false, 'no scope is left behind')
    })

    // Goal: the order of middleware does not matter, and neither does when the recorder is read.
    // Method: record before and after authentication, with a recorder that was kept, and by the
    // application's own in an inner context that was opened before.
    test('a user who is known only later is in the entries from then on', async (t) => {
      const recorder = createMemoryRecorder()
      let kept: Recorder | undefined
      const url = await startApp(t, {
        recorder,
        asyncContext: true,
        early: (audit) => {
          kept = audit
          audit.record({ action: 'early.request' })
          record({ action: 'early.package' })
        },
        handlers: {
          late: () => {
            kept?.record({ action: 'late.request' })
            record({ action: 'late.package' })
            recorder.record({ action: 'late.application' })
          },
        },
      })
      const userId = randomUUID()
      await send(`${url}/events/1/late`, { 'x-test-user': userId })

      assert.deepEqual(
        recorder.entries.map((entry) => [entry.action, entry.userId]),
        [
          ['early.request', null],
          ['early.package', null],
          ['late.request', userId],
          ['late.package', userId],
          ['late.application', userId],
        ],
      )
      await send(`${url}/events/1/late`) // nobody: so only the route changes
      for (const { action, context } of recorder.entries) {
        if (action.startsWith('late.')) assert.equal(context['route'], '/events/:eventId/late')
      }
    })

    // Goal: a body that comes in pieces, in the socket's own events, does not lose the context.
    test('with asyncContext, a body that arrives late changes nothing', async (t) => {
      const recorder = createMemoryRecorder()
      const url = await startApp(t, {
        recorder,
        asyncContext: true,
        handlers: { slow: ({ body }) => record({ action: 'slow.body', metadata: { body } }) },
      })
      const request = http.request(`${url}/events/1/slow`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-request-id': 'one' },
      })
      request.write('{ "pieces":')
      await sleep(20)
      request.end(' 2 }')
      await once(request, 'response')
      request.destroy()

      assert.equal(recorder.entries[0]?.requestId, 'one')
      assert.deepEqual(recorder.entries[0]?.metadata, { body: { pieces: 2 } })
    })

    test('a request id is taken when it is fit to be stored, else made, and sent back', async (t) => {
      const recorder = createMemoryRecorder()
      const handlers = { ping: ({ audit }: { audit: Recorder }) => audit.record({ action: 'a.b' }) }
      const url = `${await startApp(t, { recorder, handlers })}/events/1/ping`

      const fit = ['Root=1-67891233-abcdef012345678912345678', 'a.b:c/d+e_f', 'x'.repeat(128)]
      const unfit = [
        '',
        'a b',
        '<script>',
        'x'.repeat(129),
        'x'.repeat(10_000),
        'naïve',
        ['a', 'b'],
      ]
      for (const id of [undefined, ...fit, ...unfit]) {
        recorder.clear()
        const { headers } = await send(url, id === undefined ? {} : { 'x-request-id': id })
        const echoed = headers['x-request-id']
        if (fit.includes(String(id))) assert.equal(echoed, id)
        else assert.match(String(echoed), UUID)
        assert.equal(recorder.entries[0]?.requestId, echoed)
      }
    })

    // So that the log's index on them grows at its end.
    test('the request ids that it makes are in order of time', async (t) => {
      const recorder = createMemoryRecorder()
      const handlers = { ping: ({ audit }: { audit: Recorder }) => audit.record({ action: 'a.b' }) }
      const url = `${await startApp(t, { recorder, handlers })}/events/1/ping`
      const beganMs = Date.now()
      for (let n = 0; n < 5; n += 1) await send(url, {})
      const ids = recorder.entries.map(({ requestId }) => String(requestId))
      assert.deepEqual(ids, ids.toSorted())
      const firstMs = Number.parseInt(ids[0]?.replaceAll('-', '').slice(0, 12) ?? '', 16)
      assert.ok(firstMs >= beganMs && firstMs <= Date.now(), ids[0])
    })

    test('a route that does not exist still sends its request id', async (t) => {
      const url = await startApp(t, { recorder: createMemoryRecorder(), handlers: {} })
      const { status, headers } = await send(`${url}/nowhere`, { 'x-request-id': 'lost' })
      assert.equal(status, 404)
      assert.equal(headers['x-request-id'], 'lost')
    })

    test('the header has another name, or there is none', async (t) => {
      const recorder = createMemoryRecorder()
      const handlers = { ping: ({ audit }: { audit: Recorder }) => audit.record({ action: 'a.b' }) }
      const renamed = await startApp(t, { recorder, handlers, requestIdHeader: 'X-Correlation-Id' })
      const off = await startApp(t, { recorder, handlers, requestIdHeader: false })

      const answer = await send(`${renamed}/events/1/ping`, { 'x-correlation-id': 'one' })
      assert.equal(answer.headers['x-correlation-id'], 'one')
      const silent = await send(`${off}/events/1/ping`, { 'x-request-id': 'two' })
      assert.equal(silent.headers['x-request-id'], undefined)

      assert.equal(recorder.entries[0]?.requestId, 'one')
      assert.match(String(recorder.entries[1]?.requestId), UUID)
    })

    test('user agent and trace are stored, cut and checked', async (t) => {
      const recorder = createMemoryRecorder()
      const handlers = { ping: ({ audit }: { audit: Recorder }) => audit.record({ action: 'a.b' }) }
      const url = `${await startApp(t, { recorder, handlers })}/events/1/ping`
      const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

      await send(url, {
        'user-agent': 'm'.repeat(5_000),
        traceparent: `00-${traceId}-${'1'.repeat(16)}-01`,
      })
      await send(url, { traceparent: `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01` })

      const [first, second] = recorder.entries
      assert.equal(first?.context['userAgent'], 'm'.repeat(256))
      assert.equal(first?.context['traceId'], traceId)
      assert.equal(second?.context['traceId'], undefined)
    })

    // Method: one request records before and after its colleague is known, and with one who is none.
    test('a colleague who acts as the user is named by the entry, from then on', async (t) => {
      const recorder = createMemoryRecorder()
      let colleague: unknown
      const url = await startApp(t, {
        recorder,
        actor: () => colleague as string,
        handlers: {
          ping: ({ audit }) => {
            for (const one of [undefined, null, '', 'grace', 42, { id: 1 }]) {
              colleague = one
              audit.record({ action: 'a.b' })
            }
          },
        },
      })
      await send(`${url}/events/1/ping`, { 'x-test-user': randomUUID() })

      const actors = recorder.entries.map(({ actorId, context }) => {
        const { actorId: kept } = Object(context['invalid'])
        return actorId ?? kept ?? null
      })
      assert.deepEqual(actors, [null, null, null, 'grace', '42', '["not an id"]'])
    })

    // Method: 100 users at once, every third one impersonated by a colleague.
    test('of a hundred concurrent users each entry names the right one, and the colleague', async (t) => {
      const recorder = createMemoryRecorder()
      const url = await startApp(t, {
        recorder,
        handlers: {
          both: async ({ audit }) => {
            audit.record({ action: 'both.begin' })
            await sleep(Math.random() * 10)
            audit.record({ action: 'both.end' })
          },
        },
      })
      const people = Array.from({ length: 100 }, (_, at) => ({
        userId: randomUUID(),
        actorId: at % 3 === 0 ? randomUUID() : undefined,
      }))
      await Promise.all(
        people.map(({ userId, actorId }, at) =>
          send(`${url}/events/1/both`, {
            'x-test-user': userId,
            'x-request-id': `request-${at}`,
            ...(actorId && { 'x-test-actor': actorId }),
          }),
        ),
      )

      assert.equal(recorder.entries.length, 200)
      for (const { requestId, userId, actorId } of recorder.entries) {
        const person = people[Number(requestId?.slice(8))]
        assert.deepEqual([userId, actorId], [person?.userId, person?.actorId ?? null])
      }
    })

    // Goal: a denied request can be recorded, once, without a line in its handler.
    test('a 401 and a 403 are recorded as denied where the option says so', async (t) => {
      const answering = (status: number) => {
        const getResponse = () => new Response(null, { status })
        throw Object.assign(new Error('no'), { status, statusCode: status, getResponse })
      }
      const handlers: AppSetup['handlers'] = {
        unknown: () => answering(401),
        refused: () => answering(403),
        missing: () => answering(404),
        told: ({ audit }) => {
          audit.record({ action: 'venue.delete', outcome: 'denied' })
          answering(403)
        },
        fine: () => 'ok',
      }
      const userId = randomUUID()
      const recordedWith = async (denied?: AppSetup['denied']) => {
        const recorder = createMemoryRecorder()
        const url = await startApp(t, { recorder, handlers, ...(denied && { denied }) })
        for (const [at, name] of Object.keys(handlers).entries()) {
          const answer = await send(`${url}/events/1/${name}`, { 'x-test-user': userId })
          assert.equal(answer.status, [401, 403, 404, 403, 200][at], name)
        }
        const expected = denied === undefined ? 1 : 3
        await waitFor(() => recorder.entries.length >= expected, { what: 'the denied requests' })
        await sleep(20)
        return recorder.entries
      }
      assert.equal((await recordedWith()).length, 1)
      const entries = await recordedWith(true)
      assert.deepEqual(
        entries.map((one) => [
          one.action,
          one.outcome,
          one.userId,
          one.metadata,
          one.context['route'],
        ]),
        [
          ['route.call', 'denied', userId, { status: 401 }, '/events/:eventId/unknown'],
          ['route.call', 'denied', userId, { status: 403 }, '/events/:eventId/refused'],
          ['venue.delete', 'denied', userId, {}, '/events/:eventId/told'],
        ],
      )
      const named = await recordedWith(() => ({ action: 'venue.open', outcome: null }))
      assert.deepEqual(
        named.map(({ action, outcome }) => [action, outcome]),
        [
          ['venue.open', 'denied'],
          ['venue.open', 'denied'],
          ['venue.delete', 'denied'],
        ],
      )
      const failing = await recordedWith(() => {
        throw new Error('callback')
      })
      assert.equal(failing.length, 3)
    })

    test('what a request captures names its user, its colleague and its route', async (t) => {
      const recorder = createMemoryRecorder()
      const url = await startApp(t, {
        recorder,
        handlers: { job: ({ audit }) => audit.captureContext() },
      })
      const [userId, actorId] = [randomUUID(), randomUUID()]
      const headers = { 'x-test-user': userId, 'x-test-actor': actorId, 'x-request-id': 'one' }
      const { body } = await send(`${url}/events/1/job`, headers)

      recorder.runWithContext(JSON.parse(body), () => record({ action: 'job.done' }))
      const [entry] = recorder.entries
      assert.deepEqual([entry?.userId, entry?.requestId], [userId, 'one'])
      assert.equal(entry?.actorId, actorId)
      assert.deepEqual(entry?.context, {
        ip: '127.0.0.1',
        method: 'GET',
        route: '/events/:eventId/job',
      })
    })

    test('a callback that throws costs the user, not the request or the entry', async (t) => {
      const recorder = createMemoryRecorder()
      const url = await startApp(t, {
        recorder,
        user: () => {
          throw new Error('no session')
        },
        handlers: { ping: ({ audit }) => audit.record({ action: 'a.b' }) },
      })
      const { status, body } = await send(`${url}/events/1/ping`, { 'x-request-id': 'one' })

      assert.deepEqual([status, body], [200, 'true'])
      const [entry] = recorder.entries
      assert.equal(entry?.userId, null)
      assert.equal(entry?.requestId, 'one')
      assert.deepEqual(entry?.context['degraded'], ['userId.invalid'])
    })

    // Goal: the write is detached from the request, and nothing that it knew is lost with it.
    // Method: the client hangs up while the handler runs; the handler records after that.
    test('what is recorded after the client has gone knows as much as before', async (t) => {
      const recorder = createMemoryRecorder()
      const started = withResolvers()
      const gone = withResolvers()
      const url = await startApp(t, {
        recorder,
        handlers: {
          slow: async ({ audit, eventId }) => {
            started.resolve()
            await gone.promise
            await sleep(20)
            audit.record({ action: 'slow.done', eventId })
          },
        },
      })
      const eventId = randomUUID()

      await sendAndHangUp(`${url}/events/${eventId}/slow`, started.promise)
      gone.resolve()
      await waitFor(() => recorder.entries.length === 1, { what: 'the entry' })

      const [entry] = recorder.entries
      assert.equal(entry?.eventId, eventId)
      assert.match(String(entry?.requestId), UUID)
      assert.deepEqual(entry?.context, {
        ip: '127.0.0.1',
        method: 'GET',
        route: '/events/:eventId/slow',
      })
    })

    test('a recorder that was kept records after the response has ended', async (t) => {
      const recorder = createMemoryRecorder()
      let kept: Recorder | undefined
      const url = await startApp(t, {
        recorder,
        handlers: {
          job: ({ audit }) => {
            kept = audit
          },
        },
      })
      const userId = randomUUID()
      await send(`${url}/events/1/job`, { 'x-test-user': userId })
      await sleep(20)

      assert.equal(kept?.record({ action: 'job.done' }), true)
      assert.equal(recorder.entries[0]?.userId, userId)
      assert.equal(recorder.entries[0]?.context['ip'], '127.0.0.1')
    })

    test('recordIn, child and withContext carry the request too', async (t) => {
      const recorder = createMemoryRecorder()
      const tx = { execute: () => Promise.resolve([]) }
      const url = await startApp(t, {
        recorder,
        handlers: {
          all: async ({ audit }) => {
            await audit.recordIn(tx, { action: 'in.transaction' })
            audit.child({ impersonatorId: 'x' }).record({ action: 'of.child' })
            audit.withContext({ step: 1 }, () => record({ action: 'in.context' }))
          },
        },
      })
      await send(`${url}/events/1/all`, { 'x-request-id': 'one' })

      assert.deepEqual(
        recorder.entries.map(({ action, requestId, lane }) => [action, requestId, lane]),
        [
          ['in.transaction', 'one', 'outbox'],
          ['of.child', 'one', 'staging'],
          ['in.context', 'one', 'staging'],
        ],
      )
      assert.equal(recorder.entries[1]?.context['impersonatorId'], 'x')
      assert.equal(recorder.entries[2]?.context['step'], 1)
    })
  })
}

/** `Promise.withResolvers`, which Node 20 has not. */
function withResolvers() {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

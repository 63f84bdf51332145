import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LambdaEvent, lambdaAudit } from 'audit-outbox/lambda'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { ROOT } from './support/commands.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'

interface Platform {
  readonly child: ChildProcess
  readonly url: string
}

async function start(t: TestContext, name: string, databaseUrl: string): Promise<Platform> {
  const args = ['--import', 'tsx', 'test/support/serverless.ts', name, databaseUrl]
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  const [port] = await once(child.stdout ?? child, 'data')
  return { child, url: `http://127.0.0.1:${Number(String(port))}` }
}

async function staged({ sql }: ScratchDatabase): Promise<readonly string[]> {
  const rows = await sql`select action from audit.audit_staging order by recorder_seq`
  return rows.map(({ action }) => String(action))
}

/** As `audit-relay status` sees the recorders a minute after they were last heard of. */
async function accounts({ sql }: ScratchDatabase) {
  await sql`update audit.audit_report set seen_at = seen_at - interval '1 minute'`
  const rows = await sql`select state, accepted, missing from audit.recorder_accounts()`
  return rows.map((row) => ({ ...row }))
}

// Goal: what a function recorded is in the database although the platform stops it at once.
// Method: the process is stopped as soon as its answer is here, and killed while it stands still. The
// recorder alone would write a minute later.
test('a function that is frozen when it has answered has written its entries', async (t) => {
  const wanted = { lambda: ['function.call'], next: ['function.call', 'function.end'], bare: [] }
  for (const [name, actions] of Object.entries(wanted)) {
    const scratch = await scratchDatabase(t)
    const { child, url } = await start(t, name, scratch.urlAs('audit_app'))
    const answer = await fetch(url)
    child.kill('SIGSTOP')
    assert.equal(await answer.text(), 'done')
    assert.deepEqual(await staged(scratch), actions, name)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await sleep(50)
    assert.deepEqual(await staged(scratch), actions, name)
    if (actions.length > 0) {
      const accepted = String(actions.length)
      assert.deepEqual(await accounts(scratch), [{ state: 'live', accepted, missing: '0' }], name)
    }
  }
})

// Method: the signal comes while a request runs, as when a new version is put in its place.
test('at a signal the request in hand is recorded, and the recorder has closed', async (t) => {
  for (const name of ['next', 'after']) {
    const scratch = await scratchDatabase(t)
    const { child, url } = await start(t, name, scratch.urlAs('audit_app'))
    const answering = fetch(`${url}/slow`)
    await sleep(100)
    child.kill('SIGTERM')
    const exited = once(child, 'exit')
    assert.equal(await (await answering).text(), 'done')
    assert.deepEqual(await exited, [143, null])
    assert.deepEqual(await staged(scratch), ['function.call', 'function.end'])
    assert.deepEqual(await accounts(scratch), [{ state: 'closed', accepted: '2', missing: '0' }])
  }
})

test('an entry of a Lambda knows its request', async () => {
  const recorder = createMemoryRecorder()
  const handler = lambdaAudit(
    { recorder, user: (event: LambdaEvent & { readonly userId?: string }) => event.userId },
    async () => recorder.record({ action: 'a.b' }),
  )
  const userId = '01980a52-6d1c-7b5e-9d3a-0b7f3c9a1d11'
  await handler({
    userId,
    routeKey: 'PUT /events/{eventId}',
    headers: { 'User-Agent': 'curl', 'X-Request-Id': 'one' },
    requestContext: { requestId: 'two', http: { method: 'PUT', sourceIp: '203.0.113.7' } },
  })
  await handler({
    resource: '/events/{eventId}',
    httpMethod: 'GET',
    headers: null,
    requestContext: { requestId: 'two', identity: { sourceIp: '203.0.113.8' } },
  })
  assert.deepEqual(
    recorder.entries.map(({ userId, requestId, context }) => ({ userId, requestId, ...context })),
    [
      {
        userId,
        requestId: 'one',
        ip: '203.0.113.7',
        method: 'PUT',
        route: '/events/{eventId}',
        userAgent: 'curl',
      },
      {
        userId: null,
        requestId: 'two',
        ip: '203.0.113.8',
        method: 'GET',
        route: '/events/{eventId}',
      },
    ],
  )
})

test('a Lambda that fails has written what it recorded, and fails as it would', async () => {
  let flushes = 0
  const recorder = createMemoryRecorder()
  recorder.flush = async () => {
    flushes += 1
    return true
  }
  const handler = lambdaAudit({ recorder }, () => {
    throw new Error('its own')
  })
  await assert.rejects(handler({}), /its own/)
  assert.equal(flushes, 1)
})

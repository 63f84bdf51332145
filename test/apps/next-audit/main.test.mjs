import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 })
test.after(() => pool.end())

const query = async (text, values) => (await pool.query(text, values)).rows
const staged = (action) =>
  query(
    `select action, user_id::text, actor_id::text, target_id::text, request_id, metadata, context
     from audit.audit_staging where action = $1`,
    [action],
  )
const lateOnes = async () => (await staged('next.late')).length

const people = Array.from({ length: 100 }, (_, at) => {
  const [userId, requestId, thingId] = [randomUUID(), `request-${randomUUID()}`, randomUUID()]
  const actorId = at % 3 === 0 ? randomUUID() : undefined
  const traceId = randomBytes(16).toString('hex')
  const headers = {
    // On a busy machine a request comes later than the server's 5 s for an idle connection.
    connection: 'close',
    'user-agent': `agent-${at}`,
    'x-forwarded-for': `6.6.6.6, 203.0.113.${at}`,
    'x-request-id': requestId,
    'x-test-user': userId,
    traceparent: `00-${traceId}-${'1'.repeat(16)}-01`,
    ...(actorId && { 'x-test-actor': actorId }),
  }
  return { at, userId, actorId, requestId, thingId, traceId, headers }
})

async function start(t, command, environment = {}) {
  const probe = net.createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  const args = ['node_modules/next/dist/bin/next', command, '-p', port, '-H', '127.0.0.1']
  const child = spawn(process.execPath, ['--import', './platform.mjs', ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // `next dev` starts a server of its own, which has to end with it.
    detached: true,
    env: { ...process.env, ...environment },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  t.after(() => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  })
  const said = async (words) => {
    while (!output.includes(words)) await sleep(20)
  }
  await said('Ready in')
  return { child, url: `http://127.0.0.1:${port}`, said }
}

function assertRows(rows, expected) {
  assert.equal(rows.length, people.length)
  for (const person of people) {
    const [row] = rows.filter(({ request_id }) => request_id === person.requestId)
    const { at, userId, thingId, actorId, traceId } = person
    assert.deepEqual([row?.user_id, row?.target_id], [userId, thingId])
    assert.equal(row?.actor_id, actorId ?? null)
    assert.deepEqual(row.context, {
      ip: `203.0.113.${at}`,
      method: expected.method,
      route: expected.route,
      userAgent: `agent-${at}`,
      traceId,
    })
    if (expected.named) assert.deepEqual(row.metadata, { name: `name-${at}` })
  }
}

test('Next: of 100 concurrent users each row of a route handler names the right one', async (t) => {
  const { child, url } = await start(t, 'start')
  await Promise.all(
    people.map(async ({ at, thingId, requestId, headers }) => {
      const answer = await fetch(`${url}/api/things/${thingId}?token=secret`, {
        method: 'PUT',
        headers,
        body: JSON.stringify({ name: `name-${at}` }),
      })
      assert.equal(answer.status, 204)
      assert.equal(answer.headers.get('x-request-id'), requestId)
    }),
  )
  const html = await (await fetch(`${url}/things`)).text()
  const [, field] = /name="(\$ACTION_ID_\w+)"/.exec(html) ?? []
  assert.ok(field)
  await Promise.all(
    people.map(async ({ at, thingId, headers }) => {
      const body = new FormData()
      for (const [name, value] of [
        [field, ''],
        ['id', thingId],
        ['name', `name-${at}`],
      ]) {
        body.append(name, value)
      }
      const answer = await fetch(`${url}/things`, {
        method: 'POST',
        headers: { ...headers, origin: url },
        body,
      })
      assert.equal(answer.status, 200)
    }),
  )
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [143, null])

  const route = { method: 'PUT', route: '/api/things/[id]' }
  assertRows(await staged('next.rename'), { ...route, named: true })
  assertRows(await staged('next.deep'), route)
  assertRows(await staged('next.action'), { method: 'POST', route: 'rename', named: true })
  const accounts = await query('select state, accepted from audit.recorder_accounts()')
  assert.deepEqual(accounts, [{ state: 'closed', accepted: '300' }], 'one recorder, and it closed')
})

test("Next: the page's sample makes an entry", async (t) => {
  const { url } = await start(t, 'start')
  const [{ thingId }] = people
  const answer = await fetch(`${url}/api/sample/${thingId}`, { method: 'PUT' })
  assert.equal(answer.status, 204)
  let rows = []
  while (rows.length === 0) {
    await sleep(20)
    rows = await staged('thing.rename')
  }
  assert.deepEqual(rows[0].target_id, thingId)
  assert.deepEqual(rows[0].context.route, '/api/sample/[id]')
})

// Method: the server's process is stopped as soon as the platform would do it.
test('Next: a function that is frozen after its answer has written its entries', async (t) => {
  const { child, url, said } = await start(t, 'start', { WITH_PLATFORM: '1' })
  await (await fetch(`${url}/api/bare`, { method: 'POST' })).text()
  child.kill('SIGSTOP')
  assert.equal(await lateOnes(), 1)
  child.kill('SIGCONT')

  await (await fetch(`${url}/api/after`, { method: 'POST' })).text()
  await said('the function may be frozen')
  child.kill('SIGSTOP')
  assert.equal(await lateOnes(), 2)
})

test('Next: the edge runtime is refused, with the cure', async (t) => {
  const { url, said } = await start(t, 'dev')
  fs.mkdirSync('app/api/edge', { recursive: true })
  t.after(() => fs.rmSync('app/api/edge', { recursive: true }))
  fs.writeFileSync(
    'app/api/edge/route.ts',
    `import { audit, auditRoute } from '../../../lib/audit'
export const runtime = 'edge'
export const GET = auditRoute('/edge', async (_request: Request) => {
  audit.record({ action: 'next.late' })
  return new Response('done')
})
`,
  )
  assert.equal((await fetch(`${url}/api/edge`)).status, 500)
  await said("audit-outbox needs Node, and this file runs on Next's edge runtime. Remove `export")
})

test('Next: the recorder survives a hot reload', async (t) => {
  const { url } = await start(t, 'dev')
  const before = await query('select count(*)::int as n from audit.audit_report')
  const post = async () => await (await fetch(`${url}/api/bare`, { method: 'POST' })).text()
  assert.equal(await post(), 'done')
  const file = 'app/api/bare/route.ts'
  const text = fs.readFileSync(file, 'utf8')
  fs.writeFileSync(file, text.replace("'done'", "'done again'"))
  const audit = fs.readFileSync('audit.ts', 'utf8')
  fs.writeFileSync('audit.ts', `${audit}\n// changed\n`)
  t.after(() => {
    fs.writeFileSync(file, text)
    fs.writeFileSync('audit.ts', audit)
  })
  while ((await post()) !== 'done again') await sleep(100)
  const after = await query('select count(*)::int as n from audit.audit_report')
  assert.equal(after[0].n - before[0].n, 1)
})

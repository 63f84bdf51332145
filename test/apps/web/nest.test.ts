import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { test } from 'node:test'
import pg from 'pg'
import { assertRows, DATABASE_URL, logged, PEOPLE } from './support/people.ts'

/** As tsc compiles it, with metadata of decorators, and as tsx does, without. */
const PROGRAMS = {
  'tsc, express': ['compiled/nest/main.cjs', 'express'],
  'tsc, fastify': ['compiled/nest/main.cjs', 'fastify'],
  'tsx, express': ['--import', 'tsx', 'compiled/nest/main.mts', 'express'],
  'tsx, fastify': ['--import', 'tsx', 'compiled/nest/main.mts', 'fastify'],
}
for (const name of ['app', 'main']) {
  const text = fs.readFileSync(`nest/${name}.cts`, 'utf8').replace('./app.cjs', './app.mts')
  fs.writeFileSync(`compiled/nest/${name}.mts`, text)
}
const ACTIONS = ['nest.rename', 'nest.index', 'nest.package', 'nest.of_request']

for (const [name, args] of Object.entries(PROGRAMS)) {
  // Method: all requests at once over HTTP; a guard looks each user up, in a random time.
  test(`Nest, ${name}: of 100 concurrent users each row names the right one`, async (t) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    const [printed] = await once(child.stdout, 'data')
    const url = String(printed).trim().replace('[::1]', '127.0.0.1')

    await Promise.all(
      PEOPLE.map(async ({ thingId, requestId, headers }, at) => {
        const answer = await fetch(`${url}/api/things/${thingId}?token=secret`, {
          method: 'PATCH',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify({ name: `name-${at}` }),
        })
        assert.equal(answer.status, 200)
        assert.equal(answer.headers.get('x-request-id'), requestId)
      }),
    )
    const failing = `${url}/api/failing`
    assert.equal((await fetch(`${failing}/plain`, { method: 'POST' })).status, 500)
    assert.equal((await fetch(`${failing}/try`, { method: 'POST' })).status, 500)
    assert.equal((await fetch(`${failing}/enter`, { method: 'POST' })).status, 403)
    assert.deepEqual(await (await fetch(`${failing}/callback`)).json(), { ok: true })
    assert.equal((await fetch(`${failing}/stream`)).status, 200)
    assert.deepEqual(await (await fetch(`${failing}/raw`)).json(), { recorded: true })
    const banned = { method: 'PATCH', headers: { 'x-test-user': 'banned' } }
    assert.equal((await fetch(`${url}/api/things/1`, banned)).status, 403)

    // The shutdown hook closes the recorder, which writes what it holds.
    child.kill('SIGTERM')
    await once(child, 'exit')
    const rows = await logged('nest.')
    const ofPeople = rows.filter(({ action }) => ACTIONS.includes(action))
    assertRows(ofPeople, ACTIONS, () => ({
      ip: '127.0.0.1',
      method: 'PATCH',
      route: '/api/things/:id',
    }))
    for (const { action, target_id, request_id, metadata } of ofPeople) {
      const at = PEOPLE.findIndex(({ requestId }) => requestId === request_id)
      const id = PEOPLE[at]?.thingId
      assert.equal(target_id, id)
      const renamed = { name: `name-${at}`, result: { id, name: `name-${at}` } }
      assert.deepEqual(metadata, action === 'nest.rename' ? renamed : {})
    }
    const others = rows.filter(({ action }) => !ACTIONS.includes(action))
    assert.deepEqual(
      others.map(({ action, outcome }) => [action, outcome]),
      [
        ['nest.try', 'failed'],
        ['nest.enter', 'denied'],
        ...['nest.broken', 'nest.stream', 'nest.raw', 'nest.refuse'].map((name) => [name, null]),
      ],
    )
    assert.deepEqual(others[2]?.context['degraded'], ['entry.throws'])
    assert.equal(others[4]?.context['route'], '/api/failing/raw')
    assert.equal(await stateOfNewest(), 'closed')
  })
}

async function query(text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client(DATABASE_URL)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function stateOfNewest(): Promise<unknown> {
  const [newest] = await query('select state from audit.recorder_accounts() limit 1')
  return newest?.['state']
}

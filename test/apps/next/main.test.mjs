import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { test } from 'node:test'
import { promisify } from 'node:util'
import postgres from 'postgres'

const run = promisify(execFile)
const NEXT = 'node_modules/next/dist/bin/next'
const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
const environment = { ...inherited, NEXT_TELEMETRY_DISABLED: '1', CI: '1' }

async function build(...flags) {
  fs.rmSync('.next', { recursive: true, force: true })
  const { stdout, stderr } = await run(process.execPath, [NEXT, 'build', ...flags], {
    env: environment,
  }).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`)
  })
  assert.doesNotMatch(stdout + stderr, /audit-outbox/, 'the build warns of the package')
}

/** Starts what was built. @returns its address and how to end it */
async function start(t) {
  const server = spawn(
    process.execPath,
    [NEXT, 'start', '--hostname', '127.0.0.1', '--port', '0'],
    {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  t.after(async () => {
    if (server.exitCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  })
  let said = ''
  return await new Promise((resolve, reject) => {
    server.once('exit', () => reject(new Error(said)))
    for (const stream of [server.stdout, server.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        said += text
        const [found] = said.match(/http:\/\/127\.0\.0\.1:\d+/) ?? []
        if (found && /Ready/.test(said)) resolve(found)
      })
    }
  })
}

async function emptyDatabase() {
  const sql = postgres(process.env['DATABASE_URL'] ?? '', { max: 1 })
  const name = `next_${crypto.randomUUID().replaceAll('-', '')}`
  await sql`create database ${sql(name)}`
  await sql.end()
  const url = new URL(process.env['DATABASE_URL'] ?? '')
  url.pathname = `/${name}`
  return url.href
}

async function use(address) {
  const guest = crypto.randomUUID()
  const post = async (path, body) => {
    const response = await fetch(address + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    assert.equal(response.status, 200, text)
    return JSON.parse(text)
  }
  await post('/api/guests', { guest })

  // The form without JavaScript: its hidden field names the server action.
  const html = await (await fetch(`${address}/?guest=${guest}`)).text()
  const form = new FormData()
  for (const [, name] of html.matchAll(/<input type="hidden" name="([^"]+)"/g)) form.set(name, '')
  form.set('guest', guest)
  form.set('password', 'hunter2')
  const acted = await fetch(`${address}/?guest=${guest}`, {
    method: 'POST',
    headers: { 'x-request-id': 'request-1' },
    body: form,
  })
  assert.equal(acted.status, 200)

  const wanted = ['next.after', 'next.record_in', 'next.route_handler', 'next.server_action']
  let entries = []
  // What runs after a response may still run.
  for (let tries = 0; entries.length < wanted.length && tries < 40; tries += 1) {
    entries = (await post('/api/move', { guest })).entries
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  assert.deepEqual(entries.map(({ action }) => action).sort(), wanted)
  const { metadata, requestId } = entries.find(({ action }) => action === 'next.server_action')
  assert.deepEqual(
    { metadata, requestId },
    {
      metadata: { password: '[Redacted]' },
      requestId: 'request-1',
    },
  )

  const page = await (await fetch(`${address}/audit`)).text()
  assert.match(page, /next\.server_action/)
  const [, style] = page.match(/href="(\?asset=page\.css[^"]+)"/) ?? []
  const css = await fetch(`${address}/audit${style?.replaceAll('&amp;', '&')}`)
  assert.match(await css.text(), /:root/)

  const { applied } = await post('/api/migrate', { databaseUrl: await emptyDatabase() })
  assert.ok(applied.length > 0)
}

for (const [name, ...flags] of [['Turbopack'], ['webpack', '--webpack']]) {
  test(`${name}, with the settings of create-next-app`, async (t) => {
    await build(...flags)
    await use(await start(t))
  })
}

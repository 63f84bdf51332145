import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import { createRecorder } from 'audit-outbox'
import { betterAuthAudit } from 'audit-outbox/better-auth'
import { type AuditVariables, honoAudit } from 'audit-outbox/hono'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { admin } from 'better-auth/plugins'
import { Hono } from 'hono'
import pg from 'pg'
import { DATABASE_URL, logged, type Row } from './support/people.ts'

const recorder = createRecorder()
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 })
let resetToken = ''

const auth = betterAuth({
  baseURL: 'http://127.0.0.1',
  secret: randomBytes(32).toString('hex'),
  database: pool,
  advanced: { database: { generateId: 'uuid' }, disableCSRFCheck: true },
  rateLimit: { enabled: false },
  emailAndPassword: {
    enabled: true,
    // Real hashing of hundreds of passwords takes a minute.
    password: {
      hash: async (password) => `hash of ${password}`,
      verify: async ({ hash, password }) => hash === `hash of ${password}`,
    },
    sendResetPassword: async ({ token }) => {
      resetToken = token
    },
  },
  plugins: [admin(), betterAuthAudit({ recorder, trustedHops: 1 })],
})

type Session = typeof auth.$Infer.Session
const app = new Hono<{ Variables: AuditVariables & { session?: Session } }>()
app.use(
  honoAudit({
    recorder,
    user: (c) => (c.get('session') as Session | undefined)?.user.id,
    actor: (c) => (c.get('session') as Session | undefined)?.session.impersonatedBy,
  }),
)
app.on(['GET', 'POST'], '/api/auth/*', (c) => auth.handler(c.req.raw))
app.use('/things/*', async (c, next) => {
  const session = await auth.api.getSession({ headers: c.req.raw.headers })
  if (session) c.set('session', session)
  await next()
})
app.put('/things/:id', (c) => {
  c.get('audit').record({ action: 'auth.thing_rename' })
  return c.body(null, 204)
})

/** Without words that redaction takes for the name of a secret. */
const requestIdOf = (path: string, name: string) =>
  `${path.replaceAll('/', '.').replace('password', 'pw')}.${name}`

/** A browser: it keeps cookies. */
class Browser {
  readonly name: string
  readonly #url: string
  readonly #cookies = new Map<string, string>()

  constructor(url: string, name: string) {
    this.#url = url
    this.name = name
  }

  async send(method: string, path: string, body: object = {}) {
    const cookie = Array.from(this.#cookies, (pair) => pair.join('=')).join('; ')
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        'user-agent': `agent of ${this.name}`,
        'x-request-id': requestIdOf(path, this.name),
        'x-forwarded-for': '6.6.6.6, 203.0.113.7',
        origin: 'http://127.0.0.1',
        cookie,
      },
      body: JSON.stringify(body),
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return { status: answer.status, body: await answer.text() }
  }

  async post(path: string, body: object = {}, status = 200): Promise<Record<string, never>> {
    const answer = await this.send('POST', `/api/auth${path}`, body)
    assert.equal(answer.status, status, `${path}: ${answer.body}`)
    return answer.body === '' ? {} : JSON.parse(answer.body)
  }
}

async function start(t: TestContext): Promise<string> {
  const { runMigrations } = await getMigrations(auth.options)
  await runMigrations()
  const server = http.createServer(getRequestListener(app.fetch))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    server.close()
    server.closeAllConnections()
    await recorder.close()
    await pool.end()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const password = 'correct horse battery staple'

// Method: 100 people at once sign up, out, in with a wrong and the right password, and act; then 34 of
// them are impersonated, each by a colleague of their own.
test('better-auth: of 100 concurrent users each row names the right one', async (t) => {
  const url = await start(t)
  const people = await Promise.all(
    Array.from({ length: 100 }, async (_, at) => {
      const browser = new Browser(url, `user-${at}`)
      const email = `user-${at}@example.org`
      const { user } = await browser.post('/sign-up/email', { name: 'Ada', email, password })
      const { id } = user as unknown as { id: string }
      await browser.post('/sign-out')
      await browser.post('/sign-in/email', { email, password: 'wrong password' }, 401)
      await browser.post('/sign-in/email', { email, password })
      await browser.send('PUT', '/things/1')
      return { browser, id, email }
    }),
  )
  const colleagues = await Promise.all(
    people.slice(0, 34).map(async (person, at) => {
      const browser = new Browser(url, `colleague-${at}`)
      const email = `colleague-${at}@example.org`
      const { user } = await browser.post('/sign-up/email', { name: 'Grace', email, password })
      const { id } = user as unknown as { id: string }
      // Not yet an admin.
      await browser.post('/admin/impersonate-user', { userId: person.id }, 403)
      await pool.query(`update "user" set role = 'admin' where id = $1`, [id])
      return { browser, id, person }
    }),
  )
  await Promise.all(
    colleagues.map(async ({ browser, person }) => {
      await browser.post('/admin/impersonate-user', { userId: person.id })
      await browser.send('PUT', '/things/1')
      await browser.post('/change-password', { currentPassword: 'no', newPassword: password }, 400)
      await browser.post('/admin/stop-impersonating')
      await browser.post('/admin/set-role', { userId: person.id, role: 'user' })
    }),
  )
  await recorder.flush()
  const rows = [...(await logged(''))]
  const secrets = JSON.stringify(rows).match(/correct horse|wrong password/g)
  assert.equal(secrets, null)

  const take = (action: string, requestId: string, outcome: string | null = null): Row => {
    const at = rows.findIndex(
      (row) => row.action === action && row.request_id === requestId && row.outcome === outcome,
    )
    assert.ok(at >= 0, `${action} of ${requestId}`)
    const [row] = rows.splice(at, 1)
    assert.ok(row)
    return row
  }
  const assertRow = (row: Row, expected: Partial<Row>) => {
    const found = Object.entries(row).filter(([name]) => name in expected)
    assert.deepEqual(Object.fromEntries(found), expected, row.action)
  }
  const IP = '203.0.113.7'
  for (const { browser, id, email } of people) {
    const context = (path: string) => ({
      ...{ ip: IP, method: 'POST', route: path, userAgent: `agent of ${browser.name}` },
    })
    const requestId = (path: string) => requestIdOf(`/api/auth${path}`, browser.name)
    const own = { user_id: id, target_id: id, actor_id: null, metadata: {} }
    for (const [action, path] of [
      ['user.sign_up', '/sign-up/email'],
      ['user.sign_out', '/sign-out'],
      ['user.sign_in', '/sign-in/email'],
    ] as const) {
      assertRow(take(action, requestId(path)), { ...own, context: context(path) })
    }
    assertRow(take('user.sign_in', requestId('/sign-in/email'), 'denied'), {
      user_id: null,
      target_id: null,
      metadata: { status: 401, code: 'INVALID_EMAIL_OR_PASSWORD', email },
      context: context('/sign-in/email'),
    })
    const renamed = take('auth.thing_rename', requestIdOf('/things/1', browser.name))
    assertRow(renamed, { user_id: id, actor_id: null })
  }
  for (const { browser, id, person } of colleagues) {
    const requestId = (path: string) => requestIdOf(`/api/auth${path}`, browser.name)
    const byHer = { user_id: id, actor_id: null, target_id: person.id }
    const asHim = { user_id: person.id, actor_id: id }
    const impersonation = requestId('/admin/impersonate-user')
    assertRow(take('user.sign_up', requestId('/sign-up/email')), { user_id: id, target_id: id })
    assertRow(take('user.impersonate', impersonation, 'denied'), byHer)
    assertRow(take('user.impersonate', impersonation), byHer)
    assertRow(take('auth.thing_rename', requestIdOf('/things/1', browser.name)), asHim)
    assertRow(take('user.password_change', requestId('/change-password'), 'failed'), asHim)
    assertRow(take('user.impersonate_stop', requestId('/admin/stop-impersonating')), byHer)
    assertRow(take('user.role_change', requestId('/admin/set-role')), byHer)
  }
  assert.deepEqual(
    rows.filter(({ action }) => !action.startsWith('audit.')),
    [],
    'nothing else',
  )

  const [ada] = people
  assert.ok(ada)
  const { browser, id } = ada
  const changed = { currentPassword: password, newPassword: 'another long password' }
  await browser.post('/change-password', changed)
  await browser.post('/request-password-reset', { email: ada.email })
  await browser.post('/reset-password', { token: resetToken, newPassword: password })
  await browser.post('/revoke-sessions')
  await recorder.flush()
  const further = await logged('')
  assert.deepEqual(
    further.map((row) => [row.action, row.user_id]),
    [
      ['user.password_change', id],
      ['user.password_reset_request', null],
      ['user.password_reset', null],
      ['session.revoke_all', id],
    ],
  )
})

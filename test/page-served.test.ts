import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { serveHttp } from '../relay/http/server.ts'
import { readHttpConfig } from '../relay/http/config.ts'
import type { AuditError } from '../src/errors.ts'
import { readTokens, tokenAuthorize } from '../src/page/auth/tokens.ts'
import { runRelay, spawnRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { silentLogger } from './support/lanes.ts'
import { readEvents } from './support/pages.ts'
import { waitFor } from './support/wait-for.ts'

const ADA = 'an-oak-and-two-owls'
const GRACE = 'three-stones-a-river'
const USER = '0b6d9a52-6c1f-4f0e-9a53-3f6d1c1f0a01'
const TOKENS = `ada:${ADA}, grace:${GRACE}`

function environmentOf({ urlAs }: ScratchDatabase): Readonly<Record<string, string>> {
  return {
    AUDIT_HTTP_PORT: '0',
    AUDIT_PAGE_TOKEN: TOKENS,
    AUDIT_READER_DATABASE_URL: urlAs('audit_reader'),
    AUDIT_APP_DATABASE_URL: urlAs('audit_app'),
    AUDIT_RELAY_DATABASE_URL: urlAs('audit_relay'),
  }
}

async function served(t: TestContext, environment: Readonly<Record<string, string>>) {
  const config = readHttpConfig(environment)
  assert.ok(config)
  const server = await serveHttp(config, silentLogger())
  t.after(() => server.stop())
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(new URL(path, server.url), { headers, redirect: 'manual' })
  return { ...server, get }
}

const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? ''

// Goal: the token stays in no history; what opens the page afterwards is a cookie that scripts and
// other sites cannot use.
// Method: the first visit, the visit after it, and every way of having neither.
test('a token opens the page once, a cookie afterwards', async (t) => {
  const { get } = await served(t, environmentOf(await scratchDatabase(t)))
  const first = await get(`/?token=${ADA}&action=branding.*&range=7d`)
  assert.equal(first.status, 303)
  assert.equal(first.headers.get('location'), '?action=branding.*&range=7d')
  const cookie = first.headers.get('set-cookie') ?? ''
  for (const part of ['HttpOnly', 'SameSite=Strict', 'Max-Age=']) assert.ok(cookie.includes(part))
  assert.ok(!cookie.includes(ADA), 'the cookie is not the token')
  assert.doesNotMatch(cookie, /Secure/, 'over plain HTTP a browser would drop it')
  const second = await get('/', { cookie: cookieOf(first) })
  assert.equal(second.status, 200)
  assert.match(await second.text(), /You are reading as ada/)
  const other = await get(`/?token=${GRACE}`)
  assert.match(await (await get('/', { cookie: cookieOf(other) })).text(), /reading as grace/)

  const [name = '', sealed = ''] = cookieOf(first).split('=')
  const tampered = [
    ...[`${name}=`, `${name}=${ADA}`, `${name}=9${sealed}`, `${name}=${sealed}x`, `${name}=%`],
    ...[`${name}=${sealed.slice(0, -1)}${sealed.endsWith('A') ? 'B' : 'A'}`, `x${name}=${sealed}`],
  ]
  for (const cookie of tampered) assert.equal((await get('/', { cookie })).status, 401, cookie)
  for (const token of ['', 'x', ADA.slice(0, -1), `${ADA} `, ADA.toUpperCase(), TOKENS]) {
    const response = await get(`/?token=${encodeURIComponent(token)}`)
    assert.equal(response.status, 401, token)
    assert.equal(response.headers.get('set-cookie'), null)
  }
  assert.equal((await get('/')).status, 401)
  assert.equal((await get('/?stream=1')).status, 401)
  assert.equal((await get('/?export=csv')).status, 401)
})

test('a cookie ends with its time, and with its token', async () => {
  let nowMs = Date.parse('2026-11-22T12:00:00Z')
  const holders = readTokens(TOKENS)
  const authorize = tokenAuthorize(holders, () => nowMs)
  const ask = (path: string, cookie = '') =>
    authorize(new Request(`http://page.test${path}`, { headers: { cookie } }))
  const first = await ask(`/?token=${ADA}`)
  assert.ok(first instanceof Response)
  const cookie = cookieOf(first)
  assert.deepEqual(await ask('/', cookie), { name: 'ada', sees: 'everything' })
  const changed = tokenAuthorize(readTokens(`ada:another-long-token, grace:${GRACE}`), () => nowMs)
  const request = new Request('http://page.test/', { headers: { cookie } })
  assert.deepEqual(await changed(request), { denied: 'unknown cookie' })
  nowMs += 31 * 86_400_000
  assert.equal(await ask('/', cookie), undefined)
})

// Goal: where TLS is, no other host, port or plain request can set or send the cookie; and no client
// can say that TLS is there.
// Method: the same visits, with and without a proxy that is trusted.
test('behind a trusted proxy with TLS the cookie is the host’s own', async (t) => {
  const scratch = await scratchDatabase(t)
  const plain = await served(t, environmentOf(scratch))
  const tls = { 'x-forwarded-proto': 'https' }
  const untrusted = await plain.get(`/?token=${ADA}`, tls)
  assert.match(cookieOf(untrusted), /^audit_page=/)
  assert.doesNotMatch(untrusted.headers.get('set-cookie') ?? '', /Secure/)

  const { get } = await served(t, { ...environmentOf(scratch), AUDIT_PAGE_TRUST_PROXY: 'on' })
  const first = await get(`/?token=${ADA}`, tls)
  const cookie = first.headers.get('set-cookie') ?? ''
  assert.match(cookie, /^__Host-audit_page=\S+; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=/)
  assert.doesNotMatch(cookie, /Domain/)
  const own = cookieOf(first)
  assert.equal((await get('/', { ...tls, cookie: own })).status, 200)
  const [, value] = own.split('=')
  for (const headers of [
    { ...tls, cookie: `audit_page=${value}` },
    { cookie: own },
    { cookie: own, 'x-forwarded-proto': 'https, http' },
  ]) {
    assert.equal((await get('/', headers)).status, 401, JSON.stringify(headers))
  }
  const overHttp = await get(`/?token=${ADA}`)
  assert.match(
    cookieOf(overHttp),
    /^audit_page=/,
    'without TLS a browser would drop the other name',
  )
})

// Goal: a viewer can end the session, and nobody else can end it.
// Method: sign in, sign out with the button's request, from another site, and by a link.
test('the button signs out, and nothing but the button', async (t) => {
  const scratch = await scratchDatabase(t)
  for (const [trusts, name, headers] of [
    ['off', 'audit_page', {}],
    ['on', '__Host-audit_page', { 'x-forwarded-proto': 'https' }],
  ] as const) {
    const { get, url } = await served(t, {
      ...{ ...environmentOf(scratch), AUDIT_PAGE_TRUST_PROXY: trusts },
    })
    const cookie = cookieOf(await get(`/?token=${ADA}`, headers))
    const page = await (await get('/', { ...headers, cookie })).text()
    assert.match(page, /<form class="sign-out" method="post" action="\?sign-out=1">\s*<button/)
    const post = (site: string) =>
      fetch(new URL('/?sign-out=1', url), {
        ...{ method: 'POST', redirect: 'manual' },
        headers: { ...headers, cookie, 'sec-fetch-site': site },
      })
    for (const site of ['cross-site', 'same-site', 'none']) {
      const refused = await post(site)
      assert.equal(refused.status, 403, site)
      assert.equal(refused.headers.get('set-cookie'), null)
    }
    assert.equal(
      (await get('/?sign-out=1', { ...headers, cookie })).headers.get('set-cookie'),
      null,
    )
    const out = await post('same-origin')
    assert.equal(out.status, 303)
    assert.equal(out.headers.get('location'), '?')
    assert.match(out.headers.get('set-cookie') ?? '', new RegExp(`^${name}=; Max-Age=0;`))
    assert.equal((await get('/', { ...headers, cookie: cookieOf(out) })).status, 401)
  }
})

test('a token that can be guessed is refused at the start, with how to make one', () => {
  const weak = [
    ...['aaaaaaaaaaaaaaaa', 'a'.repeat(64), 'abababababababab', 'secretsecretsecret'],
    ...['0123456789abcdef', 'abcdefghijklmnop', 'ponmlkjihgfedcba', '1234567890123456789012'],
    ...[
      'changemechangeme',
      'horse-staple-horse-staple',
      '1111111122222222',
      'short',
      'grün-grün-wald-und-heide',
    ],
  ]
  for (const token of weak) {
    assert.throws(
      () => readTokens(`ada:${token}`),
      ({ code, message }: AuditError) =>
        code === 'AUDIT_OPTION_INVALID' &&
        /openssl rand -hex 16/.test(message) &&
        !message.includes(token),
      token,
    )
  }
  for (let n = 0; n < 2_000; n += 1) {
    readTokens(`ada:${randomBytes(16).toString('hex')}`)
    readTokens(`ada:${randomBytes(16).toString('base64url')}`)
  }
  readTokens(TOKENS)
})

test('a relay with a weak token does not start', async (t) => {
  const environment = environmentOf(await scratchDatabase(t))
  const { code, stderr } = await runRelay(t, [], {
    ...{ ...environment, AUDIT_PAGE_TOKEN: `ada:${'a'.repeat(16)}` },
  })
  assert.equal(code, 2)
  assert.match(stderr, /AUDIT_PAGE_TOKEN must have at least 8 different characters.*openssl rand/)
})

test('without a token the page does not exist', async (t) => {
  const { AUDIT_PAGE_TOKEN, ...environment } = environmentOf(await scratchDatabase(t))
  const { get } = await served(t, environment)
  for (const path of ['/', `/?token=${ADA}`, '/?asset=page.js']) {
    assert.equal((await get(path)).status, 404)
  }
})

test('a wrong configuration is refused at the start, and no token is quoted', () => {
  const good = { AUDIT_HTTP_PORT: '8080', AUDIT_PAGE_TOKEN: TOKENS, DATABASE_URL: 'postgres://x/y' }
  const config = readHttpConfig(good)
  assert.equal(config?.host, '127.0.0.1', 'loopback, unless somebody says otherwise')
  assert.equal(readHttpConfig({ ...good, AUDIT_PAGE_AUDIT_READS: 'off' })?.page?.auditsReads, false)
  assert.equal(readHttpConfig({ DATABASE_URL: 'postgres://x/y' }), undefined)
  const wrong: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ AUDIT_HTTP_PORT: '' }, /but AUDIT_HTTP_PORT is not/],
    [{ AUDIT_HTTP_PORT: '70000' }, /AUDIT_HTTP_PORT must be/],
    [{ AUDIT_PAGE_TOKEN: 'ada:short' }, /at least 16/],
    [{ AUDIT_PAGE_TOKEN: ADA }, /no valid name/],
    [{ AUDIT_PAGE_TOKEN: `ada:${ADA},ada:${GRACE}` }, /two tokens to one name/],
    [{ AUDIT_PAGE_TOKEN: `ada:${ADA},bob:${ADA}` }, /one token to two names/],
    [{ AUDIT_PAGE_TOKEN: ',' }, /must hold at least one/],
    [{ AUDIT_PAGE_AUDIT_READS: 'maybe' }, /must be on, off or strict/],
    [{ AUDIT_PAGE_TRUST_PROXY: 'yes' }, /must be off or on/],
    [{ AUDIT_PAGE_VIEWS: 'all' }, /must be private or shared/],
    [{ DATABASE_URL: '' }, /AUDIT_READER_DATABASE_URL/],
  ]
  for (const [change, message] of wrong) {
    assert.throws(
      () => readHttpConfig({ ...good, ...change }),
      (error: Error) => message.test(error.message) && !error.message.includes('short'),
    )
  }
})

test('the page shows the sentences of the catalogue that AUDIT_ACTIONS names', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, [
    { action: 'branding.update', metadata: { color: 'teal' }, userId: USER },
    { action: 'guest.check_in', userId: USER },
    { action: 'refund.issue', metadata: {}, context: { degraded: ['metadata.invalid'] } },
  ])
  const own = { AUDIT_ACTIONS: 'test/support/sample-actions.ts', AUDIT_PAGE_AUDIT_READS: 'off' }
  const { get } = await served(t, { ...environmentOf(scratch), ...own })
  const cookie = cookieOf(await get(`/?token=${ADA}`))
  const page = textOf(await (await get('/', { cookie })).text())
  assert.match(page, /0b6d9a52 changed the colour to teal/)
  assert.match(page, /0b6d9a52 checked in the guest/)
  assert.match(page, /The refund was issued/, 'its metadata is not what describe expects')
  const html = await (await get('/?action=branding.update', { cookie })).text()
  const [, entry] = /entry=([\da-f-]{36})"/.exec(html) ?? []
  const detail = await (await get(`/?entry=${entry}`, { cookie })).text()
  assert.match(textOf(detail), /×\s+0b6d9a52 changed the colour to teal/)

  const nowhere = served(t, { ...environmentOf(scratch), AUDIT_ACTIONS: '/nowhere.js' })
  await assert.rejects(nowhere, /There is no file \/nowhere\.js/)
})

/** A page without its tags. */
function textOf(page: string): string {
  return page.replaceAll(/<[^>]*>/g, '').replaceAll(/\s+/g, ' ')
}

// Goal: reading through the relay is in the log, by who has read, and the reader's own login wrote
// nothing; and a live view does not keep the relay from ending.
// Method: the relay as a process; read, wait for the entry, watch, stop it with a signal.
test('the relay serves the page, logs who reads it, and ends with a live view open', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = spawnRelay(t, [], environmentOf(scratch))
  const urlIn = () => /"url":"(http[^"]+)"/.exec(relay.output().stdout)?.[1]
  await waitFor(() => urlIn() !== undefined, { what: 'the relay to listen' })
  const url = urlIn() ?? ''
  assert.ok(!relay.output().stdout.includes(ADA))
  const visit = await fetch(`${url}?token=${ADA}`, { redirect: 'manual' })
  const headers = { cookie: cookieOf(visit) }
  assert.equal((await fetch(`${url}?action=x.*`, { headers })).status, 200)
  const read = async () => {
    const rows = await scratch.sql`
      select context ->> 'viewer' as viewer, metadata -> 'filter' as filter
      from audit.audit_log where action = 'audit.read'`
    return rows.map(({ viewer, filter }) => ({ viewer, filter }))
  }
  await waitFor(async () => (await read()).length > 0, { what: 'the reading to be logged' })
  assert.deepEqual(await read(), [{ viewer: 'ada', filter: { action: 'x.*' } }])
  const stream = await fetch(`${url}?stream=1&reads=1&after=0`, { headers })
  const [event] = await readEvents(stream, { event: 'entry', count: 1 })
  assert.match(event?.data ?? '', /ada<\/span> read the log/)
  const watching = await fetch(`${url}?stream=1`, { headers })
  assert.equal(watching.status, 200)
  relay.child.kill('SIGTERM')
  assert.equal(await relay.ended, 0)
})

test('a port that is taken ends the relay with a message', async (t) => {
  const scratch = await scratchDatabase(t)
  const { url } = await served(t, environmentOf(scratch))
  const environment = { ...environmentOf(scratch), AUDIT_HTTP_PORT: new URL(url).port }
  const { code, stderr } = await runRelay(t, [], environment)
  assert.equal(code, 2)
  assert.match(stderr, /Cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/)
})

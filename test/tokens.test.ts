import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { ApiTokens } from '../src/page/auth/api-tokens.ts'
import { runRelay } from './support/audit-relay.ts'
import { connectAs } from './support/logins.ts'
import { scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { pageOn, readerOn } from './support/pages.ts'

const LATER = new Date(Date.now() + 86_400_000).toISOString()

async function tokenPage(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const [acme, globex] = [randomUUID(), randomUUID()]
  await appendToLog(scratch.sql, [
    { action: 'order.create', eventId: acme, context: { ip: '10.0.0.9' } },
    { action: 'internal.note', eventId: acme },
    { action: 'order.create', eventId: globex },
  ])
  const environment = { AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper') }
  const token = async (...args: readonly string[]) =>
    await runRelay(t, ['token', ...args], environment)
  const make = async (...args: readonly string[]) => {
    const made = await token('new', 'siem', '--until', LATER, '--json', ...args)
    assert.equal(made.code, 0, made.stderr)
    return JSON.parse(made.stdout) as { readonly id: string; readonly token: string }
  }
  const db = readerOn(t, scratch)
  const read: Noted[] = []
  const recorder = { record: (entry: object) => read.push(entry as Noted) > 0 }
  const page = pageOn(db, { tokens: true, authorize: () => null, recorder })
  const ask = async (given: string, query = '') => {
    const headers = { accept: 'application/json', authorization: `Bearer ${given}` }
    const response = await page.get(query, headers)
    return { response, status: response.status, text: await response.text() }
  }
  return { scratch, token, make, ask, page, db, read, acme, globex }
}

interface Noted {
  readonly action: string
  readonly context: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
}

test('a token reads what it may see, and each use is an entry with its name', async (t) => {
  const { make, ask, read, acme, globex, scratch } = await tokenPage(t)
  const { id, token } = await make(
    ...['--event', acme, '--hide', 'context.ip', '--actions', '-internal.*'],
  )
  assert.match(token, /^aot_[\w-]{43}$/)
  const { status, text } = await ask(token)
  assert.equal(status, 200)
  assert.equal(JSON.parse(text).entries.length, 1)
  assert.ok(!text.includes('10.0.0.9') && !text.includes('internal'))
  assert.equal((await ask(token, `?event=${globex}`)).status, 400)
  const { context, metadata } = read[0] ?? {}
  assert.deepEqual(context, { viewerKind: 'token', viewerId: id, viewer: 'siem' })
  assert.equal(metadata?.['as'], 'json')
  const rows = await scratch.sql`select hash, used_at is not null as used from audit.audit_token`
  assert.deepEqual(rows[0]?.['hash'], createHash('sha256').update(token).digest())
  assert.equal(rows[0]?.['used'], true)
})

test('no token, an ended one and a wrong one open nothing, and are written down', async (t) => {
  const { make, ask, token, read, scratch, page } = await tokenPage(t)
  const one = await make('--everything')
  const other = await make('--everything')
  for (const wrong of [`${one.token}x`, 'aot_', `aot_${'A'.repeat(43)}`, one.token.toLowerCase()]) {
    const { status, text } = await ask(wrong)
    assert.equal(status, 401, wrong)
    assert.equal(JSON.parse(text).error.code, 'unauthorized')
  }
  assert.equal(read.filter(({ action }) => action === 'audit.read_denied').length, 4)
  assert.equal((await ask(one.token)).status, 200)
  assert.equal((await token('revoke', one.id)).code, 0)
  assert.equal((await token('revoke', one.id)).code, 1)
  assert.equal((await ask(one.token)).status, 401)
  await scratch.sql`update audit.audit_token set expires_at = now() where id = ${other.id}`
  assert.equal((await ask(other.token)).status, 401)
  const inAddress = await page.get(`?token=${other.token}`, { accept: 'application/json' })
  assert.equal(inAddress.status, 401)
})

test('a token has so many requests in a minute, and its last use is written once in one', async (t) => {
  const { make, ask, scratch, db } = await tokenPage(t)
  const { token } = await make('--everything', '--per-minute', '3')
  // A minute could end in between, so that the clock stands still.
  let nowMs = 60_000_000
  const tokens = new ApiTokens(db, () => nowMs)
  const admit = async () => await tokens.admit(new Request('http://x.test'), token)
  const kinds = [await admit(), await admit(), await admit(), await admit()].map(({ kind }) => kind)
  assert.deepEqual(kinds, ['viewer', 'viewer', 'viewer', 'response'])
  const limited = await admit()
  assert.ok(limited.kind === 'response')
  assert.equal(limited.response.status, 429)
  assert.equal(limited.response.headers.get('retry-after'), '60')
  nowMs += 60_000
  assert.equal((await admit()).kind, 'viewer')

  const usedAt = async () =>
    (await scratch.sql`select used_at::text as at from audit.audit_token`)[0]?.['at']
  const before = await usedAt()
  await ask(token)
  assert.equal(await usedAt(), before)
  await scratch.sql`update audit.audit_token set used_at = now() - interval '61 s'`
  const old = await usedAt()
  await ask(token)
  assert.notEqual(await usedAt(), old)
})

// Goal: a name tells nobody apart, because tokens and people may have the same one.
// Method: the bars of a live view that is open are not written down again, but for its own viewer alone.
test('a token shares nothing with a person or another token of its name', async (t) => {
  const { make, db } = await tokenPage(t)
  const [one, other] = [await make('--everything'), await make('--everything')]
  const read: Noted[] = []
  const recorder = { record: (entry: object) => read.push(entry as Noted) > 0 }
  const authorize = () => ({ name: 'siem', sees: 'everything' as const })
  const { get } = pageOn(db, { tokens: true, authorize, recorder })
  const asked = { accept: 'text/html' }
  const viewers = [
    asked,
    ...[one, other].map(({ token }) => ({ ...asked, authorization: `Bearer ${token}` })),
  ]
  const bars = async (headers: Readonly<Record<string, string>>) => {
    read.length = 0
    await (await get('?part=histogram', headers)).text()
    return read.length
  }
  for (const viewer of viewers) {
    const stream = await get('?stream=1&after=0', viewer)
    assert.equal(stream.status, 200)
    assert.equal(await bars(viewer), 0)
    for (const another of viewers) if (another !== viewer) assert.equal(await bars(another), 1)
    await stream.body?.cancel()
  }
})

test('the log says who made and revoked a token, and never the secret or its hash', async (t) => {
  const { make, token, scratch } = await tokenPage(t)
  const made = await make('--everything', '--staff-as', 'Support', '--staff', randomUUID())
  await token('revoke', made.id)
  const rows = await scratch.sql`
    select action, metadata, written_by from audit.audit_outbox order by id`
  assert.deepEqual(
    rows.map(({ action, metadata }) => [action, metadata.change, metadata.id]),
    [
      ['audit.token', 'made', made.id],
      ['audit.token', 'revoked', made.id],
    ],
  )
  assert.equal(rows[0]?.['metadata'].scope.staffAs, 'Support')
  const listed = await token('list', '--ended', '--json')
  const hash = createHash('sha256').update(made.token).digest('hex')
  for (const text of [JSON.stringify(rows), listed.stdout]) {
    assert.ok(!text.includes(made.token) && !text.includes(hash))
  }
  assert.equal(JSON.parse(listed.stdout).length, 1)
  assert.match((await token('list')).stdout, /There are no tokens/)
})

test('the database refuses a token that is not clear, and a reader cannot make one', async (t) => {
  const { scratch } = await tokenPage(t)
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const bad: readonly (readonly [string, string])[] = [
    ...([
      ['{}', '1 day'],
      ['{"sees": "everything", "onlyEventId": "x"}', '1 day'],
    ] as const),
    ...([
      ['[]', '1 day'],
      ['{"sees": "everything"}', '-1 day'],
    ] as const),
    ['{"sees": "everything"}', '6 years'],
  ]
  for (const [scope, until] of bad) {
    const making = keeper`select audit.make_token('a', sha256('a'), ${scope}::text::jsonb, 60,
      now() + ${until}::text::interval)`
    await assert.rejects(making, { code: '22023' }, `${scope} ${until}`)
  }
  const reader = connectAs(t, scratch, 'audit_reader')
  await assert.rejects(reader`select * from audit.audit_token`, { code: '42501' })
  await assert.rejects(reader`select * from audit.list_tokens()`, { code: '42501' })
})

test('a page without the option asks its application, whatever token comes', async (t) => {
  const { make, db } = await tokenPage(t)
  const { token } = await make('--everything')
  const { get } = pageOn(db, { authorize: () => null })
  const headers = { accept: 'application/json', authorization: `Bearer ${token}` }
  assert.equal((await get('', headers)).status, 401)
})

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import {
  type SharedViewOptions,
  signViewerLink,
  verifyViewerLink,
  type Viewer,
} from '../src/page/index.ts'
import { mayBeTold, hiddenFrom } from '../src/page/views/told-views.ts'
import express from 'express'
import fastify from 'fastify'
import { auditErase, DRAINED } from './support/erasures.ts'
import { relayOn } from './support/lanes.ts'
import { scratchDatabase } from './support/database.ts'
import { pageOn, readerOn } from './support/pages.ts'

const [ADA, GRACE] = [randomUUID(), randomUUID()]
const [ACME, GLOBEX] = [randomUUID(), randomUUID()]
const ada: Viewer = { name: 'Ada', userId: ADA, sees: 'everything' }
const grace: Viewer = { name: 'Grace', userId: GRACE, sees: 'everything' }
const atAcme: Viewer = { name: 'Ann', userId: randomUUID(), onlyEventId: ACME }
const atGlobex: Viewer = { name: 'Bob', userId: randomUUID(), onlyEventId: GLOBEX }
const OWN_SITE = { 'sec-fetch-site': 'same-origin' }
const FORM = { ...OWN_SITE, 'content-type': 'application/x-www-form-urlencoded' }

/** The page for the viewer that `as` names, on a database of its own. */
async function sharing(t: TestContext, views?: SharedViewOptions | 'private') {
  const scratch = await scratchDatabase(t)
  let viewer: Viewer = ada
  const page = pageOn(readerOn(t, scratch), { authorize: () => viewer, tokens: true, views })
  const post = (
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = FORM,
    query = '',
  ) =>
    page.fetch(
      new Request(`http://page.test/audit${query}`, {
        ...{ method: 'POST', headers, body: String(new URLSearchParams(fields)) },
      }),
    )
  const as = (one: Viewer) => {
    viewer = one
    return { post, get: page.get }
  }
  const listed = async (one: Viewer) => {
    const response = await as(one).get('?part=views', { accept: 'application/json' })
    assert.equal(response.status, 200)
    return ((await response.json()) as { views: Listed[] }).views
  }
  const entries = () => scratch.sql<Entry[]>`
    select action, user_id as "userId", metadata, context, written_by as "writtenBy"
    from audit.audit_outbox order by id`
  return { ...page, scratch, as, listed, entries }
}

interface Listed {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly madeBy?: string
  readonly madeAt: string
}

interface Entry {
  readonly action: string
  readonly userId: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
  readonly writtenBy: string
}

// Goal: what one gives a name to is found by all who see the same, without a script.
// Method: the form's own requests, of three viewers, and the entries that they leave.
test('a view is shared, found by the others, replaced by who saved it, and removed by anybody', async (t) => {
  const { as, listed, entries } = await sharing(t)
  const saved = await as(ada).post(
    { q: 'refund.*', range: '-7d', save: ' Refunds <b> ' },
    FORM,
    '?q=x&cursor=y',
  )
  assert.equal(saved.status, 303)
  assert.equal(saved.headers.get('location'), '?q=refund.*&range=-7d')
  assert.equal(saved.headers.get('set-cookie'), null)
  const html = await (await as(grace).get('')).text()
  assert.ok(html.includes('<a href="?q=refund.*&amp;range=-7d">Refunds &lt;b&gt;</a>'))
  assert.ok(html.includes('by Ada'))
  const [view] = await listed(grace)
  assert.equal(view?.name, 'Refunds <b>')
  assert.equal(view?.madeBy, 'Ada')
  assert.ok(Math.abs(Date.parse(view?.madeAt ?? '') - Date.now()) < 60_000)

  const taken = await as(grace).post({ q: 'a.b', save: 'Refunds <b>' })
  assert.equal(taken.status, 400)
  assert.match(await taken.text(), /Ada shares a view of this name/)
  assert.equal((await as(ada).post({ q: 'a.b', save: 'Refunds <b>' })).status, 303)
  const [again, ...others] = await listed(grace)
  assert.deepEqual([again?.address, others.length], ['?q=a.b', 0])

  const removed = await as(grace).post({ forget: again?.id ?? '' }, FORM, '?q=stays')
  assert.equal(removed.headers.get('location'), '?q=stays')
  assert.deepEqual(await listed(ada), [])
  const about = (await entries()).map(({ action, userId, metadata, context }) => [
    ...[action, userId, metadata['view'], metadata['asked'], context['viewer']],
  ])
  assert.deepEqual(about, [
    ['audit.view_save', ADA, 'Refunds <b>', { q: 'refund.*', range: '-7d' }, 'Ada'],
    ['audit.view_save', ADA, 'Refunds <b>', { q: 'a.b' }, 'Ada'],
    ['audit.view_remove', GRACE, 'Refunds <b>', { q: 'a.b' }, 'Grace'],
  ])
})

// Goal: no byte of the views of another event, not even that there is one of a name, or how many.
// Method: each of three scopes saves one of the same name, and tries the ids of the others'.
test('who sees one event shares with those who see it, and with nobody else', async (t) => {
  const { as, listed, scratch } = await sharing(t)
  const all = [ada, atAcme, atGlobex]
  for (const viewer of all) {
    const { status } = await as(viewer).post({ q: `secret-of-${viewer.name}`, save: 'Mine' })
    assert.equal(status, 303)
  }
  const lists = await Promise.all([await listed(ada), await listed(atAcme), await listed(atGlobex)])
  lists.forEach((views, at) => {
    assert.deepEqual(
      views.map(({ address }) => address),
      [`?q=secret-of-${all[at]?.name}`],
    )
  })
  const text = await (await as(atAcme).get('')).text()
  assert.ok(text.includes('secret-of-Ann'))
  assert.doesNotMatch(text, /secret-of-(?:Ada|Bob)/)
  for (const viewer of [atAcme, ada]) {
    const response = await as(viewer).post({ forget: lists[2]?.[0]?.id ?? '' })
    assert.equal(response.status, 303, 'as for one that is not there')
  }
  assert.equal((await listed(atGlobex)).length, 1)
  await scratch.sql`
    insert into audit.audit_view (id, event, name, asked, seen_by, made_by, entry)
    select gen_random_uuid(), ${ACME}, 'view ' || n, '{"q": "x"}', '', 'Ann', gen_random_uuid()
    from generate_series(2, 100) as n`
  const full = await as(atAcme).post({ q: 'x', save: 'one more' })
  assert.equal(full.status, 400)
  assert.match(await full.text(), /There are 100 shared views/)
  assert.equal(
    (await as(atAcme).post({ q: 'y', save: 'Mine' })).status,
    303,
    'another in its place',
  )
  assert.equal((await as(atGlobex).post({ q: 'x', save: 'one more' })).status, 303)
  const beyond = await as(atAcme).post({ q: 'x', event: GLOBEX, save: 'theirs' })
  assert.equal(beyond.status, 400)
})

test('two at a time do not both save the last view', async (t) => {
  const { listed, as, scratch } = await sharing(t)
  await scratch.sql`
    insert into audit.audit_view (id, event, name, asked, seen_by, made_by, entry)
    select gen_random_uuid(), '', 'view ' || n, '{"q": "x"}', '', 'Ada', gen_random_uuid()
    from generate_series(1, 99) as n`
  const { post } = as(ada)
  const answers = await Promise.all(
    Array.from({ length: 4 }, (_, n) => post({ q: 'x', save: `last ${n}` })),
  )
  assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 400, 400, 400])
  assert.equal((await listed(ada)).length, 100)
})

// Goal: a login that may only read cannot keep a person's data in the views.
// Method: it saves one and leaves the transaction open; an erasure and a removal go on meanwhile.
test('who is about to save a view keeps nobody from erasing or removing others', async (t) => {
  const { as, listed, scratch } = await sharing(t)
  assert.equal((await as(ada).post({ user: GRACE, save: 'of Grace' })).status, 303)
  assert.equal((await as(ada).post({ q: 'x', save: 'of words' })).status, 303)
  const id = (await listed(ada)).find(({ name }) => name === 'of words')?.id ?? ''
  const reader = postgres(scratch.urlAs('audit_reader'), { max: 1, onnotice: () => {} })
  t.after(() => reader.end({ timeout: 1 }))
  await reader.begin(async (open) => {
    await open`select from audit.save_view('', 'held', '{"q": "y"}', '', null, 'Eve', '{}')`
    const [erased] = await scratch.sql`select audit.erase_views(${GRACE})::integer as count`
    assert.equal(erased?.['count'], 1)
    assert.equal((await as(grace).post({ forget: id })).status, 303)
    assert.deepEqual(await listed(ada), [])
  })
  assert.deepEqual(
    (await listed(ada)).map(({ name }) => name),
    ['held'],
  )
})

// Goal: a view tells nobody what is hidden from them.
// Method: views of somebody who sees more and of one who sees the same, listed to a viewer with a projection.
test('a view that names what is hidden from a viewer is not told to them', async (t) => {
  const { as, listed } = await sharing(t)
  const hides = ['context.ip', 'actorId'] as const
  const less: Viewer = { ...atAcme, name: 'Lea', userId: randomUUID(), hides }
  const alike: Viewer = {
    ...less,
    name: 'Leo',
    userId: randomUUID(),
    hides: ['actorId', 'context.ip'],
  }
  const names: Viewer = {
    ...atAcme,
    name: 'Nia',
    userId: randomUUID(),
    staffAs: 'Support',
    staff: ['u-77'],
  }
  for (const [q, save] of [
    ['action:refund.*', 'an action'],
    ['ip:10.0.0.9', 'an address'],
    ['-ip:10.0.0.9 or outcome:denied', 'not an address'],
    ['10.0.0.9', 'a word'],
    ['meta.plan=gold', 'metadata'],
    ['by:"Ada Lovelace"', 'a name'],
    ['meta.who=U-77', 'one of the staff'],
    ['ip=10.0.0.9', 'a field anywhere'],
    ['has:actor', 'who acted'],
  ] as const) {
    assert.equal((await as(atAcme).post({ q, save })).status, 303, save)
  }
  assert.equal((await as(atAcme).post({ actor: ADA, save: 'an actor' })).status, 303)
  assert.equal((await listed(atAcme)).length, 10)
  const told = async (viewer: Viewer) => (await listed(viewer)).map(({ name }) => name).sort()
  assert.deepEqual(await told(less), ['an action', 'metadata', 'one of the staff'])
  assert.deepEqual(await told(names), [
    ...['a field anywhere', 'an action', 'an address', 'metadata', 'not an address', 'who acted'],
  ])
  const page = await (await as(less).get('')).text()
  assert.ok(page.includes('meta.plan%3Dgold'))
  assert.doesNotMatch(page, /10\.0\.0\.9/)
  assert.doesNotMatch(page, /by Ann/, 'who people are is hidden')

  assert.equal((await as(less).post({ q: 'word', save: 'of Lea' })).status, 303)
  assert.ok((await told(alike)).includes('of Lea'), 'who sees the same is told of words, too')
  assert.ok((await told(atAcme)).includes('of Lea'), 'and so is who sees more')
  assert.ok(!(await told(names)).includes('of Lea'))
  const refused = await as(less).post({ q: 'ip:10.0.0.1', save: 'unseen' })
  assert.equal(refused.status, 400)
  assert.match(await refused.text(), /asks for what you may not see/)
  const taken = await as(alike).post({ q: 'x', save: 'a word' })
  assert.match(await taken.text(), /Somebody else shares a view of this name/)
  const id = (await listed(atAcme)).find(({ name }) => name === 'a word')?.id ?? ''
  await as(less).post({ forget: id })
  assert.ok((await told(atAcme)).includes('a word'), 'nobody removes what they are not told of')
})

test('what is hidden within an event counts, and not the event or who is staff', () => {
  const of = (seenBy: object) => hiddenFrom({ seenBy })
  assert.equal(hiddenFrom({}), '')
  assert.equal(of({ onlyEventId: ACME }), '')
  assert.equal(
    of({ staffAs: 'S', staff: ['a'] }),
    of({ staffAs: 'S', staff: ['b'], onlyEventId: ACME }),
  )
  const different = [
    { hides: ['userId'] },
    { staffAs: 'S' },
    { actions: ['userId'] },
    { staffAs: 'userId' },
  ]
  assert.equal(new Set(different.map(of)).size, different.length)
  const actions = { seenBy: { actions: ['-internal.*'] } }
  assert.equal(mayBeTold({ action: 'internal.note' }, '', actions), false)
  assert.equal(mayBeTold({ q: 'internal.*' }, '', actions), false)
  assert.equal(mayBeTold({ user: ADA }, '', actions), false)
  assert.equal(mayBeTold({ q: 'outcome:denied' }, '', actions), true)
  assert.equal(mayBeTold({ q: 'outcome:denied ip:x' }, '', actions), false, 'not understood')
  const mail = { seenBy: { hides: ['context.user.eMail'] as const } }
  assert.equal(mayBeTold({ q: 'e_mail=x' }, hiddenFrom(mail), mail), false)
  assert.equal(mayBeTold({ q: 'plan=x' }, hiddenFrom(mail), mail), true)
  assert.equal(mayBeTold({ q: 'plan=x' }, '', mail), false, 'may stand in what is hidden')
  const acting = { seenBy: { hides: ['actorId'] as const } }
  assert.equal(mayBeTold({ q: 'has:actor' }, hiddenFrom(acting), acting), false)
  assert.equal(mayBeTold({ history: ACME }, '', { seenBy: { hides: ['targetId'] } }), false)
})

// Goal: no other site saves or removes, in either way.
// Method: what browsers send, over TLS and over plain HTTP, from this site and from others.
test('only a form of the page itself saves or removes a view', async (t) => {
  const { as, listed, entries } = await sharing(t)
  const type = { 'content-type': FORM['content-type'] }
  for (const foreign of [
    {},
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'http://page.test' },
    { 'sec-fetch-site': 'none' },
    { origin: 'null' },
    { origin: 'http://evil.test' },
    { origin: 'http://page.test:81' },
    { referer: 'http://evil.test/?http://page.test/' },
  ]) {
    const headers = { ...type, ...foreign }
    const shared = await as(ada).post({ q: 'x', save: 'y' }, headers)
    assert.equal(shared.status, 403, JSON.stringify(foreign))
    for (const query of ['?q=x&save=y', '?forget=y']) {
      const own = await as(ada).get(query, foreign)
      assert.deepEqual(
        [own.status, own.headers.get('set-cookie')],
        [400, null],
        JSON.stringify(foreign),
      )
    }
  }
  assert.deepEqual([await listed(ada), [...(await entries())]], [[], []])
  for (const own of [
    OWN_SITE,
    { origin: 'http://page.test' },
    { origin: 'https://page.test' },
    { referer: 'http://page.test/audit?q=x' },
    { origin: 'https://audit.example', 'x-forwarded-host': 'audit.example' },
  ]) {
    assert.equal((await as(ada).post({ q: 'x', save: 'y' }, { ...type, ...own })).status, 303)
    assert.equal((await as(ada).get('?q=x&save=y', own)).status, 303)
  }
})

test('what can be no view is refused, and nothing is written', async (t) => {
  const { as, entries } = await sharing(t)
  for (const [fields, said] of [
    [{ q: 'x', save: '' }, /1 to 60 characters/],
    [{ q: 'x', save: 'n'.repeat(61) }, /1 to 60 characters/],
    [{ save: 'all' }, /nothing to save/],
    [{ range: 'soon', save: 'wrong' }, /range/],
    [{ q: 'x', odd: '1', save: 'wrong' }, /Unknown parameter/],
  ] as const) {
    const response = await as(ada).post(fields as Record<string, string>)
    assert.equal(response.status, 400, JSON.stringify(fields))
    assert.match(await response.text(), said)
  }
  const { post } = as(ada)
  for (const response of [
    await post({ q: 'x' }),
    await post({ q: 'x', save: 'y' }, { ...OWN_SITE, 'content-type': 'application/json' }),
    await post({ q: 'x'.repeat(24_001), save: 'y' }),
  ]) {
    assert.equal(response.status, 405)
    assert.equal(response.headers.get('allow'), 'GET, HEAD')
  }
  assert.equal((await post({ forget: 'no id' })).status, 303)
  assert.deepEqual([...(await entries())], [])
  assert.equal((await post({ q: 'x', save: 'n'.repeat(60) })).status, 303)
})

// Goal: links and tokens, of which many may have one, share nothing unless the application says so.
test('viewers without an id, of a signed link or of a token share no views by default', async (t) => {
  const { as, fetch, scratch } = await sharing(t)
  const nobody: Viewer = { name: 'page token', sees: 'everything' }
  assert.equal((await as(nobody).get('?part=views')).status, 403)
  assert.equal((await as(nobody).post({ q: 'x', save: 'y' })).status, 405)
  assert.doesNotMatch(await (await as(nobody).get('?q=x')).text(), /formmethod/)
  assert.match(await (await as(ada).get('?q=x')).text(), /formmethod="post"/)
  const secret = 'a8f3c1d2e4b5968770a1b2c3d4e5f607'
  const until = Date.now() + 60_000
  const path = signViewerLink({
    secret,
    tenant: ACME,
    until,
    viewer: { name: 'Ann', userId: ADA },
    path: '/audit',
  })
  const linked = pageOn(readerOn(t, scratch), {
    authorize: (request) => verifyViewerLink(request, { secret }),
  })
  const ask = (query: string, init = {}) =>
    linked.fetch(new Request(`http://page.test${path}${query}`, init))
  assert.equal((await ask('')).status, 200)
  assert.equal((await ask('?part=views')).status, 403)
  assert.equal((await ask('', { method: 'POST', headers: FORM, body: 'q=x&save=y' })).status, 405)
  const token = `aot_${'A'.repeat(43)}`
  await scratch.sql`select audit.make_token('siem', sha256(${token}), '{"sees": "everything"}', 60, now() + interval '1 day')`
  const headers = { authorization: `Bearer ${token}` }
  assert.equal(
    (await fetch(new Request('http://page.test/audit?part=views', { headers }))).status,
    403,
  )
})

test('the application says who shares views, or that nobody does', async (t) => {
  const asked: object[] = []
  const { as, listed } = await sharing(t, { sharedWith: (viewer) => asked.push(viewer) > 0 })
  const nobody: Viewer = { name: 'page token', onlyEventId: ACME }
  assert.equal((await as(nobody).post({ q: 'x', save: 'y' })).status, 303)
  assert.deepEqual(asked[0], {
    name: 'page token',
    userId: undefined,
    onlyEventId: ACME,
    by: 'session',
  })
  assert.equal((await listed(nobody))[0]?.madeBy, 'page token')
  const other: Viewer = { ...nobody, name: 'another' }
  assert.equal((await as(other).post({ q: 'z', save: 'y' })).status, 400, 'another person')
  assert.equal((await as(nobody).post({ q: 'z', save: 'y' })).status, 303, 'the same one')
  const closed = await sharing(t, 'private')
  assert.equal((await closed.as(ada).post({ q: 'x', save: 'y' })).status, 405)
  assert.equal((await closed.as(ada).get('?part=views')).status, 403)
  const db = readerOn(t, closed.scratch)
  for (const views of ['shared', {}, { db: {} }, { sharedWith: true }, { Db: db }].filter(
    (one) => Object.keys(one).length > 0,
  )) {
    assert.throws(() => pageOn(db, { views: views as SharedViewOptions }), {
      code: 'AUDIT_OPTION_INVALID',
    })
  }
})

test('where the schema has no shared views, or only reads, the page does without', async (t) => {
  const { as, scratch } = await sharing(t)
  await as(ada).post({ q: 'x', save: 'y' })
  const client = postgres(scratch.urlAs('audit_reader'), {
    ...{ max: 1, onnotice: () => {}, connection: { default_transaction_read_only: true } },
  })
  t.after(() => client.end({ timeout: 1 }))
  const reading = pageOn(drizzle(client), { authorize: () => ada })
  const request = () =>
    new Request('http://page.test/audit', { method: 'POST', headers: FORM, body: 'q=x&save=z' })
  assert.match(await reading.text('?q=x'), /by Ada/)
  const refused = await reading.fetch(request())
  assert.deepEqual(
    [refused.status, /keeps no shared views/.test(await refused.text())],
    [400, true],
  )
  await scratch.sql`drop function audit.list_views(text)`
  await scratch.sql`drop function audit.save_view(text, text, jsonb, text, text, text, jsonb)`
  const page = await as(ada).get('?q=x')
  assert.equal(page.status, 200)
  assert.doesNotMatch(await page.text(), /formmethod/)
  const without = await as(ada).post({ q: 'x', save: 'z' })
  assert.equal(without.status, 400)
  assert.equal((await as(ada).get('?part=views')).status, 403)
})

test('a row that somebody wrote by hand makes no other link', async (t) => {
  const { listed, scratch } = await sharing(t)
  await scratch.sql`
    insert into audit.audit_view (id, event, name, asked, seen_by, made_by, entry) values
      (gen_random_uuid(), '', 'odd', '{"q": "x", "sort": "y", "export": "csv", "limit": 7}', '', 'x', gen_random_uuid()),
      (gen_random_uuid(), '', 'none', '{"//evil.example": "x"}', '', 'x', gen_random_uuid())`
  assert.deepEqual(
    (await listed(ada)).map(({ name, address }) => [name, address]),
    [['odd', '?q=x']],
  )
})

test('the functions of the schema refuse what the page would not send', async (t) => {
  const { scratch } = await sharing(t)
  const reader = postgres(scratch.urlAs('audit_reader'), { max: 1, onnotice: () => {} })
  t.after(() => reader.end({ timeout: 1 }))
  const save = (given: Readonly<Record<string, unknown>>) => {
    const all = { event: '', name: 'n', asked: { q: 'x' }, seen_by: '', made_by: 'Ada', ...given }
    return reader`
      select s.* from json_to_record(${JSON.stringify(all)}::text::json)
        as r (event text, name text, asked jsonb, seen_by text, user_id text, made_by text, context jsonb)
      cross join lateral audit.save_view(r.event, r.name, r.asked, r.seen_by, r.user_id, r.made_by, r.context) as s`
  }
  for (const wrong of [
    ...[{ event: null }, { event: 'e'.repeat(257) }],
    ...[
      { name: null },
      { name: ' ' },
      { name: 'n'.repeat(61) },
      { name: 'a\u0001b' },
      { name: 'a\u0085b' },
    ],
    ...[{ asked: null }, { asked: [] }, { asked: { q: 1 } }, { asked: { q: 'x'.repeat(8_192) } }],
    ...[{ made_by: null }, { made_by: ' ' }, { made_by: 'm'.repeat(129) }],
  ]) {
    await assert.rejects(save(wrong), { code: '22023' }, JSON.stringify(wrong))
  }
  await assert.rejects(save({ seen_by: 'odd' }), { code: '23514' })
  await assert.rejects(reader`select * from audit.audit_view`, { code: '42501' })
  assert.deepEqual([...(await scratch.sql`select action from audit.audit_outbox`)], [])
  const long = { event: 'e'.repeat(256), name: 'n'.repeat(60), asked: { q: 'x'.repeat(8_100) } }
  await save({ ...long, made_by: 'm'.repeat(128), user_id: 'no uuid' })
  const [entry] = await scratch.sql`select user_id, context from audit.audit_outbox`
  assert.equal(entry?.['user_id'], null)
  assert.deepEqual(entry?.['context']['invalid'], { userId: 'no uuid' })
})

// Goal: nothing of an erased user stays in the shared views, on the disk neither.
// Method: views of two people, of which one names a user; the command, and a look at the table.
test('erasing a user forgets that they saved a view, and removes those that hold their id', async (t) => {
  const { as, listed, scratch } = await sharing(t)
  await as(ada).post({ q: 'refund.*', save: 'Refunds' })
  await as(grace).post({ q: 'a.b', save: 'Others' })
  await as(grace).post({ user: ADA.toUpperCase(), save: 'What she did' })
  await as(grace).post({ q: 'x', save: `of ${ADA}` })
  const gone = (await listed(grace)).find(({ name }) => name === 'What she did')?.id ?? ''
  await as(grace).post({ q: 'y', save: 'Removed' })
  await relayOn(t, scratch).drain(DRAINED)
  const look = JSON.parse(
    (await auditErase(t, scratch, ['--user', ADA, '--dry-run', '--json'])).stdout,
  )
  assert.equal(look.elsewhere.views, 3)
  const args = ['--user', ADA, '--reason', 'request 7', '--yes', '--scrub', '--json']
  const done = await auditErase(t, scratch, args)
  assert.equal(done.code, 0, done.stderr)
  const places = JSON.parse(done.stdout).scrubbed.tables.map(
    ({ place }: { place: string }) => place,
  )
  assert.ok(places.includes('audit.audit_view'))
  const left = (await listed(grace)).map(({ name, madeBy }) => [name, madeBy])
  assert.deepEqual(left, [
    ['Others', 'Grace'],
    ['Refunds', undefined],
    ['Removed', 'Grace'],
  ])
  assert.ok(gone !== '')
  const [saved] = await scratch.sql`
    select user_id, context, metadata from audit.audit_log where action = 'audit.view_save' and seq = 1`
  assert.deepEqual([saved?.['user_id'], saved?.['context']], [null, {}])
  assert.doesNotMatch(await (await as(grace).get('')).text(), /by Ada/)
  const again = await as(ada).post({ q: 'z', save: 'Refunds' })
  assert.equal(again.status, 400, 'nobody knows whose it is')
})

test('who saved a view is forgotten with the entry that says so, after a restore, too', async (t) => {
  const { as, listed, scratch } = await sharing(t)
  await as(ada).post({ q: 'x', save: 'logged' })
  await relayOn(t, scratch).drain(DRAINED)
  await as(ada).post({ q: 'x', save: 'waiting' })
  const known = await scratch.sql`select entry as id from audit.audit_view order by name`
  const erasures = known.map(({ id }) => ({ id, fields: ['user_id', 'context'] }))
  await scratch.sql`select audit.erase_again(${JSON.stringify(erasures)}::text::json, 'restored')`
  assert.deepEqual(
    (await listed(grace)).map(({ madeBy }) => madeBy),
    [undefined, undefined],
  )
  const rows = await scratch.sql`select user_id from audit.audit_view where user_id is not null`
  assert.equal(rows.length, 0)
})

// Goal: it works where others have mounted the page, under a prefix.
// Method: Express, whose parser reads the body before, and not; Fastify, as the documentation says.
test('frameworks hand the form on, whether they have read it or not', async (t) => {
  const { as, listener, listed } = await sharing(t)
  as(ada)
  const parsing = express()
    .use(express.urlencoded({ extended: true }))
    .use('/in/parsed', listener)
  const plain = express().use('/in/plain', listener)
  const own = fastify()
  own.addContentTypeParser('application/x-www-form-urlencoded', (_request, _body, done) =>
    done(null),
  )
  own.route({
    ...{ method: ['GET', 'POST'], url: '/in/fastify' },
    handler: (request, reply) => {
      reply.hijack()
      return listener(request.raw, reply.raw)
    },
  })
  const servers = [parsing.listen(0, '127.0.0.1'), plain.listen(0, '127.0.0.1')]
  await own.listen({ port: 0, host: '127.0.0.1' })
  t.after(() => Promise.all([own.close(), ...servers.map((server) => server.close())]))
  for (const [at, server] of [...servers, own.server].entries()) {
    if (!server.listening) await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const name = ['parsed', 'plain', 'fastify'][at] ?? ''
    const body = new URLSearchParams({ q: `x y&z=${name}`, save: name })
    const answer = await fetch(`http://127.0.0.1:${port}/in/${name}`, {
      ...{ method: 'POST', redirect: 'manual', headers: OWN_SITE, body },
    })
    assert.equal(answer.status, 303, name)
    assert.equal(answer.headers.get('location'), `?q=x+y%26z%3D${name}`)
  }
  assert.deepEqual(
    (await listed(ada)).map(({ name }) => name),
    ['fastify', 'parsed', 'plain'],
  )
})

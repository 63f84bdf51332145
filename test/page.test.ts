import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { CONTENT_SECURITY_POLICY } from '../src/page/http/responses.ts'
import { timeScale } from '../src/page/histogram/time-scale.ts'
import { histogram } from '../src/page/histogram/histogram.ts'
import { UTC } from '../src/query/zone.ts'
import { AuditError } from '../src/errors.ts'
import type { AuditEntry } from '../src/entry.ts'
import { generateLog, knownIds } from './bench/generate.ts'
import { scratchDatabase } from './support/database.ts'
import { onlyIdKind } from './support/id-kind.ts'
import { silentLogger } from './support/lanes.ts'
import { appendToLog } from './support/log-entries.ts'
import { pageOn, readEvents, readerOn, rowIds } from './support/pages.ts'
import { waitFor } from './support/wait-for.ts'

const EVIL = `"><script>alert(1)</script><img src=x onerror=alert(2)>' onmouseover='alert(3)</title>`

async function pageWithLog(t: TestContext, options: Parameters<typeof pageOn>[1] = {}) {
  const scratch = await scratchDatabase(t)
  const db = readerOn(t, scratch)
  const append = (entries: Parameters<typeof appendToLog>[1]) => appendToLog(scratch.sql, entries)
  return { scratch, db, append, ...pageOn(db, options) }
}

/** A database that must not be asked: bad input is to be refused before. */
const untouchable = {
  execute(): never {
    throw new AuditError('AUDIT_DATABASE_FAILED', 'The database was asked.')
  },
}

// Goal: nothing that an entry holds can become markup.
// Method: the same attack in every field that text can stand in, in the list, the panel, the
// address and the live stream; the only tags found are those that a page of plain entries has, too.
test('every text of an entry is shown as text', async (t) => {
  const { get, text, append } = await pageWithLog(t)
  const tags = (html: string) => new Set([...html.matchAll(/<(\w+)/g)].map(([, name]) => name))
  const [evil = ''] = await append([
    {
      ...{ action: `a.${EVIL}`.slice(0, 128), entityType: EVIL, requestId: EVIL },
      ...{ userId: null, eventId: randomUUID(), targetId: randomUUID() },
      metadata: {
        ...{
          name: EVIL,
          [EVIL]: EVIL,
          from: EVIL,
          to: { [EVIL]: [EVIL] },
          link: 'javascript:alert(4)',
        },
        ...{
          data: 'data:text/html,<script>alert(5)</script>',
          web: 'https://example.org/"onclick="x',
        },
      },
      context: { invalid: { userId: EVIL }, degraded: [EVIL], impersonatorId: EVIL },
    },
  ])
  const [plain = ''] = await append([
    {
      ...{ action: 'a.b', entityType: 'x', requestId: 'r', eventId: randomUUID() },
      ...{
        targetId: randomUUID(),
        metadata: { name: 'n', from: 1, to: { a: [2] }, x: 'http://x.y' },
      },
      context: { invalid: { userId: 'u' }, degraded: ['z'], impersonatorId: 'i' },
    },
  ])
  const expected = tags(`${await text(`?entry=${plain}`)}${await text('?request=r')}`)
  const whole = await text(`?entry=${evil}`)
  const part = await text(`?part=entry&entry=${evil}`)
  const filtered = await text(`?${new URLSearchParams({ request: EVIL })}`)
  const [event] = await readEvents(await get('?stream=1&after=0'), { event: 'entry', count: 1 })
  for (const html of [whole, part, filtered, event?.data ?? '']) {
    assert.ok(html.includes('&lt;script&gt;alert(1)'), 'it is there, as text')
    assert.deepEqual(
      [...tags(html)].filter((name) => !expected.has(name)),
      [],
    )
    assert.doesNotMatch(html.replaceAll(/"[^"]*"/g, '""'), /<[^>]*\son\w+=/i)
    assert.doesNotMatch(html, /href="\s*(?:javascript|data|vbscript):/i)
    assert.doesNotMatch(html, / style=/)
  }
  const outwards = [...part.matchAll(/<a href="(https?:[^"]*)" ([^>]*)>/g)]
  assert.equal(outwards.length, 1)
  assert.equal(outwards[0]?.[2], 'rel="noopener noreferrer" target="_blank"')
})

// Goal: the answer to bad input is a page that says next to its field what is wrong, without a
// query. Method: every parameter with values that have broken others; the database fails the test
// if asked.
test('bad input to any parameter is answered with 400 and a message', async () => {
  const { get } = pageOn(onlyIdKind('uuid'))
  const bad: Readonly<Record<string, readonly string[]>> = {
    action: ['%%%', "a' --", 'a.*.b', '*', 'x'.repeat(129), 'a\u0000b'],
    user: ['abc', "' or 1=1 --", `{${randomUUID()}}`, '$.a.x == 1', '(select 1)', 'null'],
    event: ['1', '%00', randomUUID().replaceAll('-', '')],
    target: ['undefined', '../../etc/passwd'],
    request: ['x'.repeat(257), 'a\nb', '\u0007'],
    from: ['yesterday', '2026-02-30T00:00', '99', '2026-13-01', '+275760-09-13T00:00Z', '1e9'],
    to: ['now', '2026-11-22T25:00', '0000-00-00T00:00Z'],
    range: ['1y', '__proto__', 'constructor'],
    limit: ['0', '-1', '1e9', '501', '1.5', 'NaN', '٣'],
    live: ['yes', '2'],
    entry: ['x', 'constructor'],
    cursor: ['abc', '%', 'A'.repeat(40), 'x'.repeat(3_000)],
    export: ['exe', 'ocsf', ''],
    part: ['all'],
    theme: ['blue'],
    zone: ['Mars/Olympus', '../etc/passwd'],
    after: ['-1', 'x', '1e3'],
    sort: ['id; drop table audit_log'],
  }
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      const parameters = new URLSearchParams({ [name]: value })
      if (name === 'after') parameters.set('stream', '1')
      const response = await get(`?${parameters}`)
      const body = await response.text()
      assert.equal(response.status, 400, `${name}=${value.slice(0, 40)}: ${body.slice(0, 200)}`)
      const isField = /^(?:action|user|event|target|request|from|to)$/.test(name)
      if (isField) assert.match(body, new RegExp(`id="p-${name}">[A-Z]`))
    }
  }
  const long = await get(`?action=${'a'.repeat(100_000)}`)
  assert.equal(long.status, 400)
  assert.ok((await long.text()).length < 20_000, 'and is not sent back whole')
  assert.equal((await get('?user=a&user=b')).status, 400)
  assert.equal((await get('?from=2026-01-02T00:00Z&to=2026-01-01T00:00Z')).status, 400)
  const stream = await get('?stream=1', { 'last-event-id': "1' or '1'='1" })
  assert.equal(stream.status, 400)
})

test('other methods than GET and HEAD are refused', async () => {
  const { fetch } = pageOn(untouchable)
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const response = await fetch(new Request('http://page.test/', { method }))
    assert.equal(response.status, 405)
  }
})

test('every answer forbids scripts and styles of its own, and being kept', async (t) => {
  const { get, append } = await pageWithLog(t)
  const [id] = await append([{}])
  for (const query of [
    '',
    `?entry=${id}`,
    '?user=x',
    '?export=csv',
    '?part=histogram',
    '?theme=dark',
  ]) {
    const { headers } = await get(query)
    assert.equal(headers.get('content-security-policy'), CONTENT_SECURITY_POLICY, query)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('referrer-policy'), 'same-origin')
  }
  const html = await (await get('')).text()
  const assets = [...html.matchAll(/(?:href|src)="(\?asset=[^"]+)"/g)].map(
    ([, address = '']) => address,
  )
  assert.equal(assets.length, 3)
  for (const address of assets) {
    const first = await get(address.replaceAll('&amp;', '&'))
    assert.equal(first.status, 200)
    assert.match(first.headers.get('cache-control') ?? '', /immutable/)
    const etag = first.headers.get('etag') ?? ''
    assert.equal((await get(address, { 'if-none-match': etag })).status, 304)
  }
  assert.equal((await get('?asset=../../package.json')).status, 404)
})

// Goal: the stylesheet holds nothing that no page uses, as happens when a view is renamed.
// Method: each class in it must be a word of the views, of the sentences or of the script.
test('every class in the stylesheet is used', async () => {
  const html = await (await pageOn(untouchable).get('?user=x')).text()
  const [, address = ''] = /href="(\?asset=page\.css[^"]*)"/.exec(html) ?? []
  const styles = await pageOn(untouchable).text(address.replaceAll('&amp;', '&'))
  const classes = new Set([...styles.matchAll(/\.([a-z][a-z-]*)/g)].map(([, name = '']) => name))
  assert.ok(classes.size > 50, `${classes.size}`)
  const folder = new URL('../src/page/', import.meta.url)
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:ts|js)$/.test(name) && !name.endsWith('assets.ts'))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
  const words = new Set(sources.join('\n').match(/[a-z][a-z-]*/g))
  assert.deepEqual(
    [...classes].filter((name) => !words.has(name)),
    [],
  )
})

// Goal: who may not read sees nothing; a mistake in authorize lets nobody in.
// Method: every answer that authorize can give, on a database that must not be asked.
test('without a viewer there is no page', async () => {
  const nobody = pageOn(untouchable, { authorize: () => null })
  const stranger = await nobody.get('?user=x')
  assert.equal(stranger.status, 401)
  assert.doesNotMatch(await stranger.text(), /http-equiv/)
  // From another site's link the cookie is not sent: the page asks for itself again, once.
  const linked = await nobody.get('?user=x', { 'sec-fetch-site': 'cross-site' })
  assert.equal(linked.status, 401)
  assert.match(await linked.text(), /<meta http-equiv="refresh" content="0">/)
  const elsewhere = pageOn(untouchable, {
    authorize: () => new Response(null, { status: 302, headers: { location: '/sign-in' } }),
  })
  assert.equal((await elsewhere.get('')).status, 302)
  const throwing = pageOn(untouchable, { authorize: () => Promise.reject(new Error('secret')) })
  const failed = await throwing.get('')
  assert.equal(failed.status, 500)
  assert.doesNotMatch(await failed.text(), /secret/)
})

// Goal: an answer of authorize that does not say what its viewer sees, or not clearly, shows nothing.
// Method: what a slip, a misspelling or a wrong type makes of an answer, on a database that must not
// be asked; one warning a page, which names what to write.
test('authorize must say what a viewer sees, or nothing is shown', async () => {
  const event = randomUUID()
  const whole = { sees: 'everything' }
  class Getters {
    get name() {
      return 'ada'
    }
    get sees() {
      return 'everything'
    }
  }
  const unclear: readonly unknown[] = [
    ...[true, 'ada', 1, [], {}, { name: 'ada' }, { ...whole }, new Getters(), () => whole],
    ...['', 'a'.repeat(129), 5, undefined].map((name) => ({ name, ...whole })),
    ...['Everything', 'all', '', true, null, undefined, ['everything']].map((sees) => ({
      ...{ name: 'ada', sees },
    })),
    ...[undefined, null, '', 0, 'x', event.slice(1), [event], new String(event)].map(
      (onlyEventId) => ({ name: 'ada', onlyEventId }),
    ),
    ...['onlyEventID', 'onlyEventIds', 'eventId', 'filter', 'see', 'scope', 'Sees'].map((key) => ({
      ...{ name: 'ada', [key]: event },
    })),
    ...['onlyEventID', 'filter', 'admin'].map((key) => ({ name: 'ada', ...whole, [key]: event })),
    { name: 'ada', ...whole, onlyEventId: event },
    { name: 'ada', ...whole, onlyEventId: undefined },
    { name: 'ada', sees: undefined, onlyEventId: event },
    { name: 'ada', ...whole, userId: 7.5 },
    { name: 'ada', ...whole, userId: {} },
    { name: 'ada', ...whole, context: 'x' },
    { name: 'ada', ...whole, [Symbol('x')]: 1 },
    { denied: 'x', name: 'ada', ...whole },
  ]
  for (const answer of unclear) {
    const warnings: unknown[] = []
    const logger = { ...silentLogger(), warn: (fields: object) => warnings.push(fields) }
    const { get } = pageOn(onlyIdKind('uuid'), { authorize: () => answer as never, logger })
    for (const query of ['', '?part=histogram', '?stream=1', '?export=csv', '?entry=x', '']) {
      const response = await get(query)
      assert.equal(response.status, 403, JSON.stringify(answer))
      assert.doesNotMatch(await response.text(), /entry-list|You are reading/)
    }
    assert.equal(warnings.length, 1, JSON.stringify(answer))
    assert.match(JSON.stringify(warnings), /sees: 'everything'.*onlyEventId: '<id>'/)
  }
})

// Goal: a viewer of one event sees that event and nothing else, in every way to read.
// Method: two events; every way in, as a viewer of the first, with filters and cursors that were made
// to reach the second.
test('a viewer of one event sees nothing of another', async (t) => {
  const [mine, theirs] = [randomUUID(), randomUUID()]
  const { db, scratch, get, text, append } = await pageWithLog(t, {
    authorize: () => ({ name: 'host', onlyEventId: mine.toUpperCase() }),
  })
  const [, own, other] = await append([
    { eventId: mine, action: 'own.first' },
    { eventId: mine, action: 'own.do', requestId: 'r' },
    { eventId: theirs, action: 'foreign.do', requestId: 'r', targetId: mine, userId: mine },
    ...Array.from({ length: 3 }, () => ({ eventId: theirs, action: 'foreign.do' })),
    { eventId: null, action: 'foreign.do', metadata: { eventId: mine } },
  ])
  assert.equal(rowIds(await text('')).length, 2)
  assert.equal(rowIds(await text(`?event=${mine.toUpperCase()}`)).length, 2)
  assert.deepEqual(rowIds(await text('?request=r')), [own])
  for (const query of [`?target=${mine}`, `?user=${mine}`, '?action=foreign.*']) {
    assert.deepEqual(rowIds(await text(query)), [], query)
  }
  const foreign = [`?event=${theirs}`, `?event=${theirs.toUpperCase()}`, `?event=%20${theirs}`]
  const twice = [`?event=${mine}&event=${theirs}`, `?event=${theirs}&event=${mine}`]
  for (const query of [...foreign, ...twice, `?onlyEventId=${theirs}`, '?sees=everything']) {
    for (const what of ['', '&part=histogram', '&stream=1&after=0', '&export=ndjson']) {
      const response = await get(query + what)
      assert.equal(response.status, 400, query + what)
      assert.doesNotMatch(await response.text(), /foreign\.do/)
    }
  }
  for (const query of [`?part=entry&entry=${other}`, `?entry=${other}`]) {
    const response = await get(query)
    assert.equal(response.status, 404)
    assert.doesNotMatch(await response.text(), /foreign/)
  }
  assert.equal((await get(`?part=entry&entry=${own}`)).status, 200)
  // Cursors of somebody who sees everything.
  const all = pageOn(db)
  const cursors = [...(await all.text('?limit=2')).matchAll(/cursor=([\w-]+)/g)].map((m) => m[1])
  assert.ok(cursors.length > 0)
  for (const cursor of cursors) assert.doesNotMatch(await text(`?cursor=${cursor}`), /foreign/)
  for (const query of ['', '&request=r', `&event=${mine}`]) {
    assert.doesNotMatch(await text(`?export=ndjson${query}`), /foreign/)
    assert.doesNotMatch(await text(`?export=csv${query}`), /foreign/)
  }
  assert.match(await text('?part=histogram'), /<b>2 entries/)
  assert.match(await all.text('?part=histogram'), /<b>7 entries/)
  const stream = await get('?stream=1&after=0')
  await appendToLog(scratch.sql, [{ eventId: theirs, action: 'foreign.do' }])
  await append([{ eventId: mine, action: 'own.again' }])
  const events = await readEvents(stream, { event: 'entry', count: 3 })
  assert.deepEqual(
    events.map(({ data = '' }) => /own\.\w+/.exec(data)?.[0]),
    ['own.first', 'own.do', 'own.again'],
  )
})

// Goal: filters, pages and the export show the same entries.
// Method: 120 entries of two requests; page through one of them, then export it.
test('older and newer pages, and an export of exactly what is filtered', async (t) => {
  const { text, get, append } = await pageWithLog(t)
  const startMs = Date.now() - 600_000
  const ids = await append(
    Array.from({ length: 120 }, (_, n) => ({
      ms: startMs + n * 10,
      requestId: n % 2 ? 'odd' : 'even',
    })),
  )
  const odd = ids.filter((_, n) => n % 2 === 1).reverse()
  const seen: (string | undefined)[] = []
  let query = '?request=odd&limit=25'
  for (let page = 1; page <= 3; page += 1) {
    const html = await text(query)
    seen.push(...rowIds(html))
    query = /<a rel="next" href="([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? ''
  }
  assert.deepEqual(seen, odd)
  assert.equal(query, '', 'after the last page there is none')
  const exported = await get('?request=odd&export=ndjson')
  assert.match(
    exported.headers.get('content-disposition') ?? '',
    /^attachment; filename="audit-log-.*\.ndjson"$/,
  )
  const lines = (await exported.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).id)
  assert.deepEqual(lines, odd.toReversed())
  const csv = new Uint8Array(await (await get('?request=odd&export=csv')).arrayBuffer())
  assert.deepEqual([...csv.subarray(0, 4)], [0xef, 0xbb, 0xbf, 0x22], 'Excel reads it as UTF-8')
  assert.equal(new TextDecoder().decode(csv).trim().split('\r\n').length, 61)
  assert.equal((await text('?request=odd&export=ndjson'))[0], '{')
})

test('an address that a form made is rewritten into one that holds for everybody', async (t) => {
  const { get } = await pageWithLog(t)
  const form = '?action=&user=&from=2026-07-01T12%3A00&to=&range=1h'
  const response = await get(form, { cookie: 'audit_zone=Europe%2FBerlin' })
  assert.equal(response.status, 303)
  assert.equal(response.headers.get('location'), '?from=2026-07-01T10:00Z')
})

// Goal: a browser that connects again misses nothing and repeats nothing.
// Method: read two, go away, log more meanwhile, come back with the id of the last one.
test('the live stream goes on after the last entry that the browser names', async (t) => {
  const { get, append } = await pageWithLog(t)
  await append([{ action: 'a.one' }, { action: 'a.two' }, { action: 'b.other' }])
  const first = await get('?stream=1&after=0&action=a.*')
  assert.equal(first.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  const before = await readEvents(first, { event: 'entry', count: 2 })
  assert.deepEqual(
    before.map(({ id }) => id),
    ['1', '2'],
  )
  await append([{ action: 'a.three' }, { action: 'b.other' }, { action: 'a.four' }])
  const again = await get('?stream=1&after=0&action=a.*', { 'last-event-id': '2' })
  const after = await readEvents(again, { event: 'entry', count: 2 })
  assert.deepEqual(
    after.map(({ id }) => id),
    ['4', '6'],
  )
})

// Goal: reading is written down, once for each thing that is read.
// Method: a recorder that keeps what it is given; each way of reading.
test('reading is recorded: who, and which filter', async (t) => {
  const entries: AuditEntry[] = []
  const recorder = { record: (entry: AuditEntry) => entries.push(entry) > 0 }
  const user = randomUUID()
  const { get, text, append } = await pageWithLog(t, {
    recorder,
    authorize: () => ({
      ...{ name: 'ada', userId: user, sees: 'everything', context: { ip: '203.0.113.9' } },
    }),
  })
  const [id = ''] = await append([{ requestId: 'r1' }])
  const told = () => entries.map(({ metadata }) => metadata)
  await get('?request=r1', { 'user-agent': 'Test/1' })
  const [read] = entries
  assert.equal(read?.action, 'audit.read')
  assert.equal(read?.userId, user)
  const { viewer, ip, userAgent } = read?.context ?? {}
  assert.deepEqual(
    { viewer, ip, userAgent },
    { viewer: 'ada', ip: '203.0.113.9', userAgent: 'Test/1' },
  )
  assert.deepEqual(told(), [
    { read: 'page', filter: { request: 'r1' }, shown: { entries: 1, newest: id, oldest: id } },
  ])
  entries.length = 0
  await get(`?part=entry&entry=${id}`)
  await text('?request=r1&export=csv')
  assert.deepEqual(told(), [
    { read: 'entry', filter: {}, entry: id },
    { read: 'export', filter: { request: 'r1' }, format: 'csv' },
  ])
  entries.length = 0
  await get('?part=histogram&request=r1')
  await get('?user=nonsense')
  await get('?asset=page.js')
  assert.deepEqual(told(), [{ read: 'histogram', filter: { request: 'r1' } }])
})

// Goal: a stream is written down with its first number, also one that begins at the first entry, and
// its entry causes no other one.
// Method: a live view of all with its bars; its own entries go into the log that it shows.
test('each stream is recorded, and the bars of a live view are a part of it', async (t) => {
  const told: unknown[] = []
  const recorder = {
    record: ({ metadata }: AuditEntry) => told.push(metadata) > 0,
  }
  const { get, append } = await pageWithLog(t, { recorder })
  await append([{}, {}])
  await get('?live=1')
  const stream = await get('?stream=1&live=1&after=0')
  await get('?part=histogram&live=1')
  await readEvents(stream, { event: 'entry', count: 2 })
  const again = await get('?stream=1&live=1&reads=1&after=0', { 'last-event-id': '2' })
  await append([{ action: 'audit.read', metadata: { read: 'stream' } }])
  await readEvents(again, { event: 'entry', count: 1 })
  await get('?part=histogram&live=1')
  assert.deepEqual(
    told.map((metadata) => {
      const { read, fromSeq } = Object(metadata)
      return fromSeq === undefined ? read : [read, fromSeq]
    }),
    ['live', ['stream', 1], ['stream', 3], 'histogram'],
  )
})

test('a loss that the log declares is a row of its own', async (t) => {
  const { text, append } = await pageWithLog(t)
  const [, gap] = await append([{}, { action: 'audit.gap', metadata: { lane: 'staging' } }, {}])
  const html = await text('')
  assert.match(html, new RegExp(`<li class="entry gap">\\n<a class="open" href="\\?entry=${gap}"`))
  assert.match(html, /Entries may be missing here: staging/)
})

// Goal: from one entry one gets to what else was going on, and to the whole of its request.
// Method: a panel opened from a narrow list; where its links lead, and what is there.
test('an entry leads to what happened around it and to everything in its request', async (t) => {
  const { text, append } = await pageWithLog(t)
  const [eventId, ms] = [randomUUID(), Date.now() - 3_600_000]
  const ids = await append([
    { ms, eventId, action: 'a.one', requestId: 'r1' },
    { ms: ms + 1_000, eventId, action: 'a.two', requestId: 'r1' },
    { ms: ms + 2_000, eventId: randomUUID(), action: 'a.one' },
    { ms: ms + 600_000, eventId, action: 'a.one' },
  ])
  const panel = await text(`?action=a.one&entry=${ids[0]}`)
  const leadsTo = (label: string) => {
    const [, address = ''] = new RegExp(`href="([^"]*)">${label}</a>`).exec(panel) ?? []
    return text(address.replaceAll('&amp;', '&'))
  }
  assert.deepEqual(rowIds(await leadsTo('5 minutes before and after')), [ids[1], ids[0]])
  const request = await leadsTo('r1')
  assert.deepEqual(rowIds(request), [ids[1], ids[0]])
  const [, ofRow] = /<a class="request" href="([^"]*)"/.exec(panel) ?? []
  assert.equal(ofRow, '?q=request:r1', 'and from a narrow list, too')
  assert.doesNotMatch(request, /class="bars"/, 'a moment has no bars')
})

test('an empty log, an empty answer and an unknown entry each say what they are', async (t) => {
  const { text, get, append } = await pageWithLog(t)
  assert.match(await text(''), /The log is empty/)
  await append([{}])
  assert.match(await text('?action=no.such'), /No entry matches this filter/)
  const narrow = await text('?action=thing.update&from=2026-01-01T00:00Z&to=2026-01-02T00:00Z')
  assert.match(narrow, /<a href="\?action=thing.update">search all times<\/a>/)
  const unknown = await get(`?entry=${randomUUID()}`)
  assert.equal(unknown.status, 404)
  assert.match(await unknown.text(), /No such entry/)
})

// Goal: an outage is said, and is not an empty log.
// Method: a database that refuses, and one that lacks the grant.
test('a log that cannot be read is a page that says so, with 503', async (t) => {
  const refusing = pageOn({
    execute: () => Promise.reject(Object.assign(new Error('row: secret'), { code: '57P03' })),
  })
  const response = await refusing.get('?action=a.b')
  const html = await response.text()
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('retry-after'), '5')
  assert.match(html, /cannot be read right now/)
  assert.match(html, /value="a\.b"/, 'the filter is still there')
  assert.doesNotMatch(html, /secret/)
  const scratch = await scratchDatabase(t)
  const withoutGrant = pageOn(readerOn(t, { ...scratch, urlAs: () => scratch.urlAs('audit_app') }))
  const refused = await withoutGrant.get('')
  assert.equal(refused.status, 503)
  assert.match(
    await refused.text(),
    /lacks the role audit_reader: grant audit_reader to audit_test_app\./,
  )
})

// Goal: the page works wherever it is mounted, with or without a slash, whether or not the
// framework shows the mount's path. Method: the same page in three frameworks under a path of its
// own; follow its links.
test('the page mounts in Hono, Express and Fastify under any path', async (t) => {
  const { fetch, listener, append } = await pageWithLog(t)
  const [id] = await append([{ requestId: 'r1' }])
  const hono = new Hono()
  hono.all('/deep/audit/*', (c) => fetch(c.req.raw))
  const expressApp = express()
  expressApp.use('/deep/audit', (request, response) => void listener(request, response))
  const fastifyApp = fastify()
  for (const path of ['/deep/audit', '/deep/audit/']) {
    fastifyApp.get(path, (request, reply) => {
      reply.hijack()
      void listener(request.raw, reply.raw)
    })
  }
  const server = expressApp.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  await fastifyApp.listen({ port: 0, host: '127.0.0.1' })
  t.after(() => fastifyApp.close())
  const portOf = (address: unknown) => (address as AddressInfo).port
  const ask = {
    hono: (path: string) => Promise.resolve(hono.request(path)),
    express: (path: string) =>
      globalThis.fetch(`http://127.0.0.1:${portOf(server.address())}${path}`),
    fastify: (path: string) =>
      globalThis.fetch(`http://127.0.0.1:${portOf(fastifyApp.server.address())}${path}`),
  }
  for (const [name, get] of Object.entries(ask)) {
    for (const path of name === 'hono' ? ['/deep/audit/'] : ['/deep/audit', '/deep/audit/']) {
      const response = await get(path)
      const html = await response.text()
      assert.equal(response.status, 200, `${name} ${path}`)
      assert.deepEqual(rowIds(html), [id])
      const addresses = [...html.matchAll(/ (?:href|src|action)="([^"]*)"/g)].map(
        ([, to = '']) => to,
      )
      assert.deepEqual(
        addresses.filter((to) => !/^[?#]/.test(to)),
        [],
        'nothing but queries',
      )
      const script = addresses.find((to) => to.includes('page.js')) ?? ''
      const asset = await get(path + script.replaceAll('&amp;', '&'))
      assert.match(asset.headers.get('content-type') ?? '', /javascript/)
    }
  }
})

// Goal: `export const GET = page.fetch` is a route of Next's app router.
// Method: as Next calls a handler: by itself, with a Request of a class of its own and the route's
// parameters, which are a promise.
test('the page is a route handler for Next', async (t) => {
  const { fetch: GET, append } = await pageWithLog(t)
  const [id] = await append([{ requestId: 'r1' }])
  class NextRequest extends Request {
    get nextUrl() {
      return new URL(this.url)
    }
  }
  const handler: (request: NextRequest, context: object) => Promise<Response> = GET
  const call = (path: string, init?: RequestInit) =>
    handler(new NextRequest(`https://shop.test${path}`, init), { params: Promise.resolve({}) })
  const response = await call('/admin/audit?request=r1')
  assert.equal(response.status, 200)
  assert.deepEqual(rowIds(await response.text()), [id])
  const [event] = await readEvents(await call('/admin/audit?stream=1&after=0'), {
    event: 'entry',
    count: 1,
  })
  assert.equal(event?.id, '1')
  assert.equal((await call('/admin/audit?limit=1e9')).status, 400)
  assert.equal((await call('/admin/audit', { method: 'POST' })).status, 405)
})

test('names stand for ids, and their absence or failure does no harm', async (t) => {
  const user = randomUUID()
  const asked: (readonly string[])[] = []
  const { text, append, db } = await pageWithLog(t, {
    names: async (ids) => {
      asked.push(ids)
      return new Map([[user, 'Ada <Lovelace>']])
    },
  })
  await append([{ userId: user }, { userId: user, targetId: randomUUID() }])
  assert.match(await text(''), />Ada &lt;Lovelace&gt;<\/a> updated/)
  assert.equal(asked.length, 1)
  assert.equal(asked[0]?.length, 2, 'each id once')
  const failing = pageOn(db, { names: () => Promise.reject(new Error('away')) })
  assert.match(await failing.text(''), new RegExp(user.slice(0, 8)))
})

// Goal: the bars are true where they say that they count, and near where they say that they
// estimate. Method: a log of 30,000; the bars of several filters against what is counted.
test('the histogram counts what is little and estimates what is much', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOn(t, scratch)
  const nowMs = Date.now()
  await generateLog(scratch.sql, { rows: 30_000, endMs: nowMs - 1_000, months: 2 })
  const { busyEvent, quietEvent, user } = await knownIds(scratch.sql, 30_000)
  const filters = [
    ...[{}, { eventId: busyEvent }, { eventId: quietEvent }, { userId: user }],
    ...[{ action: 'ticket.*' }, { eventId: busyEvent, action: 'branding.update' }],
    ...[{ from: nowMs - 86_400_000 }, { eventId: busyEvent, from: nowMs - 7 * 86_400_000 }],
  ]
  for (const filter of filters) {
    const drawn = await histogram(db, { filter, zone: UTC, nowMs, countUpTo: 500 })
    assert.ok(drawn)
    assert.ok(drawn.bars.length <= 61)
    const total = drawn.bars.reduce((sum, { count }) => sum + count, 0)
    const [{ real } = { real: -1 }] = await scratch.sql<{ real: number }[]>`
      select count(*)::integer as real from audit.audit_log
      where (${filter.eventId ?? null}::uuid is null or event_id = ${filter.eventId ?? null}::uuid)
        and (${filter.userId ?? null}::uuid is null or user_id = ${filter.userId ?? null}::uuid)
        and (${filter.action ?? null}::text is null or action = ${filter.action ?? null}::text
          or split_part(action, '.', 1) || '.*' = ${filter.action ?? null}::text)
        and occurred_at >= to_timestamp(${(filter.from ?? 0) / 1_000}::float8)`
    const isEstimate = drawn.bars.some((bar) => bar.isEstimate)
    const allowed = isEstimate ? Math.max(20, real * 0.15) : 0
    assert.ok(Math.abs(total - real) <= allowed, `${JSON.stringify(filter)}: ${total}, not ${real}`)
  }
})

// Goal: up to 10,000 entries no number on the page is a guess, however unevenly they came.
// Method: three bursts of a second each in ten hours, by the whole log and by a filter.
test('the histogram counts bursts to the last entry', async (t) => {
  const { db, append } = await pageWithLog(t)
  const nowMs = Date.now()
  const event = randomUUID()
  for (const [at, count] of [700, 1_900, 400].entries()) {
    await append(
      Array.from({ length: count }, (_, n) => ({
        ms: nowMs - (10 - 3 * at) * 3_600_000 + (n % 1_000),
        ...(n % 2 ? { eventId: event } : {}),
      })),
    )
  }
  for (const [filter, expected] of [
    [{}, 3_000],
    [{ eventId: event }, 1_500],
    [{ eventId: event, action: 'thing.update' }, 1_500],
  ] as const) {
    const drawn = await histogram(db, { filter, zone: UTC, nowMs })
    const counts = drawn?.bars.map(({ count }) => count) ?? []
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      expected,
    )
    assert.ok(drawn?.bars.every((bar) => !bar.isEstimate))
  }
})

test('bars begin where hours and days begin, and are never too many', () => {
  const fromMs = Date.parse('2026-11-22T10:07:00Z')
  for (const spanMs of [1, 1_000, 3_600_000, 86_400_000, 40 * 86_400_000, 4e11]) {
    const { edges, stepMs } = timeScale(fromMs, fromMs + spanMs, UTC)
    assert.ok(edges.length <= 62, `${spanMs}: ${edges.length}`)
    for (const edge of edges.slice(1, -1)) assert.equal(edge % Math.min(stepMs, 86_400_000), 0)
    assert.equal(edges.at(-1), fromMs + spanMs)
  }
})

test('while nobody watches, nothing is asked of the database', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOn(t, scratch)
  let asked = 0
  const counting = {
    execute(query: Parameters<typeof db.execute>[0]) {
      asked += 1
      return db.execute(query)
    },
  }
  const { get } = pageOn(counting)
  await appendToLog(scratch.sql, [{}])
  await readEvents(await get('?stream=1&after=0'), { event: 'entry', count: 1 })
  let before = -1
  await waitFor(
    async () => {
      const isQuiet = before === asked
      before = asked
      return isQuiet
    },
    { what: 'the stream to end', intervalMs: 1_200 },
  )
})

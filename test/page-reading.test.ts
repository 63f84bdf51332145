import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { serveHttp } from '../relay/http/server.ts'
import { readHttpConfig } from '../relay/http/config.ts'
import type { TimelinePageOptions } from '../src/page/index.ts'
import { DeniedReads } from '../src/page/requests/denied-reads.ts'
import type { ReadEntry } from '../src/page/requests/note-read.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { relayOn, silentLogger } from './support/lanes.ts'
import { appendToLog } from './support/log-entries.ts'
import { pageOn, readerOn } from './support/pages.ts'
import { waitFor } from './support/wait-for.ts'

const ADA = 'an-oak-and-two-owls'

/** Every way to read, with an entry that the answer would show. */
const WAYS = ['', '?live=1', '?entry=ID', '?part=entry&entry=ID', '?part=histogram'] as const
const STREAMS = ['?stream=1&after=0', '?export=ndjson', '?export=csv'] as const

async function pageWithEntry(t: TestContext, options: Partial<TimelinePageOptions> = {}) {
  const scratch = await scratchDatabase(t)
  const [id = ''] = await appendToLog(scratch.sql, [{ action: 'shown.do' }])
  const page = pageOn(readerOn(t, scratch), options)
  const ask = (way: string) => page.get(way.replace('ID', id))
  return { scratch, ...page, ask }
}

function recorderThat(write: (entry: ReadEntry) => Promise<void>) {
  return { record: () => assert.fail('strict waits'), write }
}

// Goal: with `strict` nothing goes out before it is written down, by whatever way.
// Method: a recorder that writes when the test says so; what is answered until then.
test('with strict, the entry is written before anything goes out', async (t) => {
  const written: unknown[] = []
  let release = () => {}
  const recorder = recorderThat(async ({ metadata }) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    written.push(Reflect.get(Object(metadata), 'read'))
  })
  const { ask } = await pageWithEntry(t, { strict: true, recorder })
  for (const way of [...WAYS, ...STREAMS]) {
    release = () => {}
    const idle = release
    const answers: Response[] = []
    const answered = ask(way).then((given) => answers.push(given))
    await waitFor(() => release !== idle, { what: `a note of ${way}` })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(answers.length, 0, `${way} was answered before it was written down`)
    release()
    await answered
    assert.equal(answers[0]?.status, 200, way)
    await answers[0]?.body?.cancel()
  }
  assert.deepEqual(written, [
    ...['page', 'live', 'page', 'entry', 'histogram', 'stream', 'export', 'export'],
  ])
})

test('with strict, what cannot be written down is not shown', async (t) => {
  const errors: object[] = []
  const logger = { ...silentLogger(), warn: (fields: object) => errors.push(fields) }
  const recorder = recorderThat(() => Promise.reject(new Error('secret')))
  const { ask } = await pageWithEntry(t, { strict: true, recorder, logger })
  for (const way of [...WAYS, ...STREAMS]) {
    const response = await ask(way)
    const body = await response.text()
    assert.equal(response.status, 503, way)
    assert.match(body, /written down, and that failed/, way)
    assert.doesNotMatch(body, /shown\.do|secret|class="entry[ "]/, way)
  }
  assert.equal(errors.length, WAYS.length + STREAMS.length)
})

test('a recorder that takes too long, or takes nothing, shows nothing', async (t) => {
  const never = recorderThat(() => new Promise(() => {}))
  const slow = await pageWithEntry(t, { strict: true, recorder: never })
  assert.equal((await slow.ask('')).status, 503)
  const full = pageOn(readerOn(t, slow.scratch), { recorder: { record: () => false } })
  const refused = await full.get('')
  assert.equal(refused.status, 503)
  assert.doesNotMatch(await refused.text(), /shown\.do/)
})

test('strict without a recorder that can wait is refused at the start', () => {
  const db = { execute: () => assert.fail('the database was asked') }
  const refused = { code: 'AUDIT_OPTION_INVALID' }
  for (const options of [
    ...[{ recorder: false as const }, { recorder: { record: () => true } }, { recorder: {} }],
    ...[{ strict: 'yes' }, { signOut: '/out' }, { Strict: true }],
  ]) {
    const given = { strict: true, ...options } as Partial<TimelinePageOptions>
    assert.throws(() => pageOn(db, given), refused, JSON.stringify(options))
  }
})

// Goal: what holds for a recorder of the test holds for the database's own function.
// Method: the page on a login with audit_reader, with and without the right to call it.
test('by default the database writes down each read, before the answer where strict is set', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, [{ action: 'shown.do' }])
  const recorder = undefined
  const strict = pageOn(readerOn(t, scratch), { recorder, strict: true })
  const waiting = async () => {
    const rows = await scratch.sql`
      select metadata ->> 'read' as read, context ->> 'viewer' as viewer
      from audit.audit_outbox order by id`
    return rows.map(({ read, viewer }) => `${viewer} ${read}`)
  }
  const seen: string[] = []
  for (const [way, read] of [
    ...[['', 'page'] as const, ['?part=histogram', 'histogram'] as const],
    ...[['?export=csv', 'export'] as const, ['?stream=1&after=0', 'stream'] as const],
  ]) {
    const response = await strict.get(way)
    seen.push(`ada ${read}`)
    assert.equal(response.status, 200)
    assert.deepEqual(await waiting(), seen)
    await response.body?.cancel()
  }
  await scratch.sql.unsafe(
    'revoke execute on function audit.note_read(boolean, text, jsonb, jsonb) from audit_reader',
  )
  assert.equal((await strict.get('?export=csv')).status, 503)
  const failures: object[] = []
  const logger = { ...silentLogger(), warn: (fields: object) => failures.push(fields) }
  const lenient = pageOn(readerOn(t, scratch), { recorder, logger })
  assert.equal((await lenient.get('')).status, 200)
  await lenient.close()
  assert.match(JSON.stringify(failures), /42501/)
  assert.deepEqual(await waiting(), seen)
})

// Goal: nobody reads without being written down by what they write into the address.
// Method: query lines with characters that jsonb refuses, which the page takes for spaces.
test('a query line with a character that the log cannot hold is written down, too', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, [{ action: 'shown.do' }])
  const failures: object[] = []
  const logger = { ...silentLogger(), warn: (fields: object) => failures.push(fields) }
  const name = 'ada\ud800'
  const authorize = () => ({ name, sees: 'everything' as const })
  const page = pageOn(readerOn(t, scratch), { recorder: undefined, authorize, logger })
  const lines = ['%00', 'action:shown.do%00', 'ip:%00', '\\u0000%00']
  for (const line of lines) assert.equal((await page.get(`?q=${line}`)).status, 200, line)
  await page.close()
  assert.deepEqual(failures, [])
  const notes = await scratch.sql`
    select metadata -> 'filter' ->> 'q' as q, context ->> 'viewer' as viewer
    from audit.audit_outbox`
  assert.deepEqual(
    notes.map(({ q }) => q).sort(),
    ['\ufffd', 'action:shown.do\ufffd', 'ip:\ufffd', '\\u0000\ufffd'].sort(),
  )
  assert.deepEqual(new Set(notes.map(({ viewer }) => viewer)), new Set(['ada\ufffd']))
})

async function served(t: TestContext, scratch: ScratchDatabase, more = {}) {
  const config = readHttpConfig({
    ...{ AUDIT_HTTP_PORT: '0', AUDIT_PAGE_TOKEN: `ada:${ADA}` },
    ...{ AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader'), ...more },
  })
  assert.ok(config)
  const server = await serveHttp(config, silentLogger())
  let isStopped = false
  const stop = async () => {
    if (!isStopped) await server.stop()
    isStopped = true
  }
  t.after(stop)
  return { url: server.url, stop }
}

// Goal: a client that guesses tokens is in the log, and cannot fill it.
// Method: 300 wrong tokens and 10 wrong cookies through a served page, and none at all; then its end.
test('failed tokens are in the log at a bounded rate, with the number of the others', async (t) => {
  const scratch = await scratchDatabase(t)
  const { url, stop } = await served(t, scratch)
  assert.equal((await fetch(url)).status, 401)
  for (let n = 0; n < 300; n += 1) {
    assert.equal((await fetch(`${url}?token=guess-${n}`)).status, 401)
  }
  for (let n = 0; n < 10; n += 1) {
    const cookie = `audit_page=${1_900_000_000 + n}.${'x'.repeat(43)}`
    assert.equal((await fetch(url, { headers: { cookie } })).status, 401)
  }
  await stop()
  const relay = relayOn(t, scratch)
  await relay.drain({ deadlineMs: 10_000 })
  const entries = await scratch.sql`
    select action, metadata, context ->> 'peer' as peer, written_by
    from audit.audit_log where action like 'audit.%' order by seq`
  assert.ok(entries.length <= 6, `${entries.length} entries`)
  assert.deepEqual(new Set(entries.map(({ action }) => action)), new Set(['audit.read_denied']))
  const [first] = entries
  assert.deepEqual(first?.['metadata'], { reason: 'unknown token' })
  assert.match(first?.['peer'], /127\.0\.0\.1$/)
  assert.doesNotMatch(JSON.stringify(entries), /guess-/)
  const last = entries.at(-1)?.['metadata']
  assert.equal(last.leftOut, 305)
  assert.deepEqual(last.reasons, { 'unknown token': 295, 'unknown cookie': 10 })
})

test('the next minute begins with entries of its own', async (t) => {
  const noted: unknown[] = []
  const recorder = { record: ({ metadata }: ReadEntry) => noted.push(metadata) > 0 }
  const denied = new DeniedReads({ recorder, windowMs: 50 })
  t.after(() => denied.flush())
  for (let n = 0; n < 20; n += 1) denied.note(n < 6 ? 'a' : `reason ${n}`, {})
  assert.equal(noted.length, 5)
  await waitFor(() => noted.length === 6, { what: 'the end of the minute' })
  const { leftOut, reasons } = Object(noted.at(-1))
  assert.equal(leftOut, 15)
  assert.equal(Object.keys(reasons).length, 11, 'ten reasons, and the others')
  denied.note('a', {})
  assert.deepEqual(noted.at(-1), { reason: 'a' })
  denied.flush()
  assert.equal(noted.length, 7, 'nothing was left out, so nothing is said')
})

test('an application’s own refusal is written down too', async () => {
  const entries: ReadEntry[] = []
  const db = { execute: () => assert.fail('the database was asked') }
  const { get } = pageOn(db, {
    recorder: { record: (entry) => entries.push(entry) > 0 },
    authorize: () => ({ denied: 'wrong password' }),
  })
  assert.equal((await get('', { 'user-agent': 'Test/1' })).status, 401)
  assert.deepEqual(entries, [
    {
      ...{ action: 'audit.read_denied', metadata: { reason: 'wrong password' } },
      context: { userAgent: 'Test/1' },
    },
  ])
})

// Goal: one viewer cannot take the live views and the exports of the others.
// Method: one opens as many as he can; another one opens one. What ends gives its place back.
test('a viewer has a share of the live views and exports', async (t) => {
  let name = 'ada'
  const { ask } = await pageWithEntry(t, { authorize: () => ({ name, sees: 'everything' }) })
  for (const [way, share] of [
    ['?stream=1&after=0', 10],
    ['?export=ndjson', 5],
  ] as const) {
    name = 'ada'
    const open: Response[] = []
    for (let n = 0; n < share; n += 1) open.push(await ask(way))
    assert.deepEqual(new Set(open.map(({ status }) => status)), new Set([200]))
    const refused = await ask(way)
    assert.equal(refused.status, 429, way)
    assert.match(await refused.text(), new RegExp(`You have ${share} `))
    name = 'grace'
    const other = await ask(way)
    assert.equal(other.status, 200, way)
    await other.body?.cancel()
    name = 'ada'
    await open.pop()?.body?.cancel()
    open.push(await ask(way))
    assert.equal(open.at(-1)?.status, 200, 'a place was given back')
    for (const response of open) await response.body?.cancel()
  }
  for (let n = 0; n < 20; n += 1) {
    const whole = await ask('?export=ndjson')
    assert.match(await whole.text(), /shown\.do/, 'an export that was read gives its place back')
  }
})

test('a HEAD request holds no live view', async (t) => {
  const { fetch: answer } = await pageWithEntry(t)
  for (let n = 0; n < 20; n += 1) {
    const request = new Request('http://page.test/?stream=1&after=0', { method: 'HEAD' })
    const response = await answer(request)
    assert.equal(response.status, 200)
    assert.equal(response.body, null)
  }
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { exportLog, verifyExport } from '../src/export/index.ts'
import { AuditError } from '../src/errors.ts'
import type { LogQuery } from '../src/query/log-query.ts'
import { checkFilter } from '../src/read/filter.ts'
import { tail } from '../src/read/tail.ts'
import {
  type AuditDatabase,
  findNames,
  type LoggedEntry,
  parseQuery,
  timeline,
} from '../src/read/timeline.ts'
import { runRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { scratchFolder } from './support/exports.ts'
import { appendToLog, type GivenEntry } from './support/log-entries.ts'
import { answers } from './support/naive-query.ts'
import { readerOn } from './support/pages.ts'
import { QUESTIONS } from './questions/questions.ts'
import { ASKED_MS, findByName, IDS, type Label, LABELS, SMALL_LOG } from './questions/small-log.ts'

const parse = (text: string) => parseQuery(text, { now: ASKED_MS })

async function smallLog(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const ids = await appendToLog(
    scratch.sql,
    LABELS.map((label): GivenEntry => SMALL_LOG[label]),
  )
  const labels = new Map<string, Label>()
  for (const [at, label] of LABELS.entries()) labels.set(ids[at] ?? '', label)
  const named = (entries: readonly { readonly id: string }[]) =>
    entries.map(({ id }) => labels.get(id))
  const db = readerOn(t, scratch)
  return { scratch, db, labels, named }
}

test('the questions have the answers that they should have', async (t) => {
  const { db, named } = await smallLog(t)
  const wrong: unknown[] = []
  for (const { asked, line, answer } of QUESTIONS) {
    const query = parse(line)
    const page = await timeline(db, { query, find: findByName, order: 'oldest' })
    const found = named(page.entries)
    const isRight = JSON.stringify(found) === JSON.stringify(answer)
    if (!isRight || page.query?.problems.length !== 0 || page.nextCursor !== null) {
      wrong.push({ asked, line, found, answer, problems: page.query?.problems })
    }
  }
  assert.deepEqual(wrong, [])
})

test('a tail and an export have the same answers as a page', async (t) => {
  const { db, named, labels } = await smallLog(t)
  for (const { line, answer } of QUESTIONS) {
    const query = await findNames(parse(line), findByName)
    const signal = AbortSignal.timeout(20_000)
    const tailed: Label[] = []
    for await (const { id } of tail(db, { fromSeq: 1, filter: { query }, signal })) {
      tailed.push(labels.get(id) ?? assert.fail('an entry of another log'))
      if (tailed.length === answer.length) break
    }
    assert.deepEqual(tailed, answer, line)
    const { pages } = await exportLog(db, { filter: { query } })
    let text = ''
    for await (const page of pages) text += page.text
    const exported = text.split('\n').filter(Boolean)
    assert.deepEqual(named(exported.map((one) => JSON.parse(one))), answer, line)
  }
})

test('what is not understood does not empty a page, and nothing else reads it', async (t) => {
  const { db, named } = await smallLog(t)
  const line = 'outcome:denied acton:refund.*'
  const page = await timeline(db, { query: line })
  assert.deepEqual(named(page.entries), ['refundDenied'])
  assert.deepEqual(
    page.query?.problems.map(({ text, near }) => [text, ...near]),
    [['acton:refund.*', 'action:refund.*', 'actor:refund.*', 'meta.acton:refund.*']],
  )
  const isRefused = (error: unknown) =>
    error instanceof AuditError &&
    error.code === 'AUDIT_FILTER_INVALID' &&
    /At character 16, "acton:refund\.\*": there is no "acton"/.test(error.message)
  assert.throws(() => tail(db, { filter: { query: line } }), isRefused)
  await assert.rejects(exportLog(db, { filter: { query: line } }), isRefused)
  assert.throws(() => checkFilter({ query: line }), isRefused)
  for (const query of [7, {}, null] as unknown as string[]) {
    await assert.rejects(timeline(db, { query }), { code: 'AUDIT_FILTER_INVALID' })
  }
})

test('a name stands for its ids, and one that nobody has is named', async (t) => {
  const { db, named } = await smallLog(t)
  const page = await timeline(db, { query: 'by:ada action:venue.*', find: findByName })
  assert.deepEqual(named(page.entries), ['venueRenamed', 'venueDeleted'])
  assert.deepEqual(page.query?.parts[0]?.terms, [
    { kind: 'id', place: 'by', text: 'ada', ids: [IDS.lovelace, IDS.byron, IDS.king] },
  ])
  const nobody = await timeline(db, { query: 'by:bob outcome:denied', find: findByName })
  assert.deepEqual(named(nobody.entries), ['refundDenied'])
  assert.match(nobody.query?.problems[0]?.message ?? '', /"bob" is no id of this log/)
  const broken = { find: () => Promise.reject(new Error('down')) }
  const page2 = await timeline(db, { query: 'by:ada outcome:denied', ...broken })
  assert.equal(page2.query?.problems.length, 1)
  const crowd = { find: async () => Array.from({ length: 21 }, () => crypto.randomUUID()) }
  const many = await timeline(db, { query: 'by:ada outcome:denied', ...crowd })
  assert.match(many.query?.problems[0]?.message ?? '', /more than 20 are called "ada"/)
  assert.deepEqual(named(many.entries), ['refundDenied'])
  const twenty = { find: async () => Array.from({ length: 20 }, () => crypto.randomUUID()) }
  assert.deepEqual((await timeline(db, { query: 'by:ada', ...twenty })).query?.problems, [])
})

// Goal: a page of alternatives leaves nothing out and repeats nothing, in both directions.
// Method: pages of two, forth and back, against the whole.
test('pages of alternatives follow each other', async (t) => {
  const { db, named } = await smallLog(t)
  for (const text of [
    'by:ada or linus or "Grace Hopper"',
    'on:barn or mill or order',
    '-audit.*',
  ]) {
    const query = await findNames(parse(text), findByName)
    for (const order of ['newest', 'oldest'] as const) {
      const whole = await timeline(db, { query, order })
      const forth: unknown[] = []
      let page = await timeline(db, { query, order, limit: 2 })
      forth.push(...named(page.entries))
      while (page.nextCursor !== null) {
        page = await timeline(db, { query, order, limit: 2, cursor: page.nextCursor })
        forth.push(...named(page.entries))
      }
      assert.deepEqual(forth, named(whole.entries), text)
      const back: unknown[] = named(page.entries)
      while (page.prevCursor !== null) {
        page = await timeline(db, { query, order, limit: 2, cursor: page.prevCursor })
        back.unshift(...named(page.entries))
      }
      assert.deepEqual(back, named(whole.entries), text)
    }
  }
})

test('a page says how far it has looked, and goes on from there', async (t) => {
  const scratch = await scratchDatabase(t)
  const startMs = Date.UTC(2026, 3, 1)
  const entries = Array.from({ length: 6_000 }, (_, n) => ({
    ms: startMs + n * 1_000,
    metadata: { n, note: n === 100 ? 'needle' : 'hay' },
  }))
  await appendToLog(scratch.sql, entries)
  const db = readerOn(t, scratch)
  const page = await timeline(db, { query: 'needle' })
  assert.deepEqual(
    page.entries.map(({ metadata }) => metadata['n']),
    [100],
  )
  assert.deepEqual([page.nextCursor, page.lookedTo], [null, undefined])
  // The same with a clock that has no time for a second look.
  const now = performance.now.bind(performance)
  let reads = 0
  t.mock.method(performance, 'now', () => now() + 2_100 * reads++)
  const first = await timeline(db, { query: 'needle' })
  t.mock.restoreAll()
  assert.deepEqual([first.entries.length, first.lookedTo?.getTime()], [0, startMs + 1_000_000])
  const second = await timeline(db, { query: 'needle', cursor: first.nextCursor ?? '' })
  assert.deepEqual(
    second.entries.map(({ metadata }) => metadata['n']),
    [100],
  )
})

// Goal: alternatives that were looked through to different places hide nothing of each other.
// Method: two people with more entries than one look takes; what is asked for lies behind both looks.
test('alternatives that end at different places leave nothing out', async (t) => {
  const scratch = await scratchDatabase(t)
  const entries = Array.from({ length: 12_000 }, (_, n) => ({
    ms: ASKED_MS + n,
    userId: n < 6_000 ? IDS.byron : IDS.lovelace,
    metadata: n === 3_000 || n === 6_500 ? { n, note: 'needle' } : { n },
  }))
  await appendToLog(scratch.sql, entries)
  const query = parse(`user:${IDS.lovelace} or ${IDS.byron} needle`)
  const { entries: found } = await timeline(readerOn(t, scratch), { query })
  assert.deepEqual(
    found.map(({ metadata }) => metadata['n']),
    [6_500, 3_000],
  )
})

test('a star is the only wildcard of an action', async (t) => {
  const scratch = await scratchDatabase(t)
  const names = ['a_b.update', 'axb.update', 'a%b.update', 'a_b.delete']
  await appendToLog(
    scratch.sql,
    names.map((action, n) => ({ action, ms: ASKED_MS + n })),
  )
  const { entries } = await timeline(readerOn(t, scratch), { query: 'action:a_b.up*' })
  assert.deepEqual(
    entries.map(({ action }) => action),
    ['a_b.update'],
  )
})

test('a field is found by its name, however it is written', async (t) => {
  const scratch = await scratchDatabase(t)
  const metadata = [
    { orderNumber: 1042 },
    { order_no: '#1042' },
    { cart: [{ order: { id: 7, 'Order-Id': 'x1042' } }] },
    { orderNumber: 10_425 },
    { orders: 1042 },
    { note: '1042' },
  ]
  await appendToLog(
    scratch.sql,
    metadata.map((own, n) => ({ ms: ASKED_MS + n, metadata: { n, ...own } })),
  )
  const db = readerOn(t, scratch)
  const found = async (query: string) =>
    (await timeline(db, { query, order: 'oldest' })).entries.map((one) => one.metadata['n'])
  assert.deepEqual(await found('order:1042'), [0, 1, 2])
  assert.deepEqual(await found('ORDER=1042'), [0])
  assert.deepEqual(await found('order>1042'), [3])
  assert.deepEqual(await found('order:1000..1042'), [0])
  assert.deepEqual(await found('no:order'), [4, 5])
  assert.deepEqual(await found('-has:order'), [4, 5])
})

test('a word finds actions that are told by it', async (t) => {
  const scratch = await scratchDatabase(t)
  const names = [
    'project.delete',
    'secret.delete_key',
    'kms.DeleteKey',
    'undelete.all',
    'user.sign_in',
    'member.remove',
    'credit.issue',
    'account.close',
    'calendar.update',
    'fileMove',
  ]
  await appendToLog(
    scratch.sql,
    names.map((action, n) => ({ action, ms: ASKED_MS + n })),
  )
  const db = readerOn(t, scratch)
  const found = async (query: string) =>
    (await timeline(db, { query, order: 'oldest' })).entries.map(({ action }) => action)
  assert.deepEqual(await found('action:delete'), names.slice(0, 3))
  assert.deepEqual(await found('is:deleted'), names.slice(0, 3))
  assert.deepEqual(await found('action:DeleteKey'), names.slice(1, 3))
  assert.deepEqual(await found('deleted'), names.slice(0, 3))
  assert.deepEqual(await found('delete'), names.slice(0, 4))
  // A form of a verb is told by a word of an action, and by no part of one.
  assert.deepEqual(await found('moved'), ['fileMove'])
  for (const word of ['edited', 'lost', 'called']) assert.deepEqual(await found(word), [], word)
  assert.deepEqual(await found('logins'), ['user.sign_in'])
  assert.deepEqual(await found('id:00000000-0000-4000-8000-000000000001'), [])
  const { entries } = await timeline(db, { query: 'action:sign' })
  assert.deepEqual(await found(`id:${entries[0]?.id}`), ['user.sign_in'])
})

// Goal: what a word of a line may mean else takes no entry away that holds the word.
test('a word finds each entry that holds it, whatever else it may mean', async (t) => {
  const scratch = await scratchDatabase(t)
  const texts = [
    'the payment failed twice',
    'deleted by mistake',
    'C:\\Users\\ada\\x.txt',
    'say "hi" now',
    'Apollo, of course',
    'Maria has left',
    'ada@x.example',
    'auth0|5f7c8ec7',
    'le projet',
    '--force',
    'a'.repeat(1_900),
  ]
  const own = [...texts.map((text) => ({ text })), { cents: 10.5 }, { status: 'failed' }]
  await appendToLog(
    scratch.sql,
    own.map((metadata, n): GivenEntry => ({ action: 'note.add', ms: ASKED_MS + n, metadata })),
  )
  const db = readerOn(t, scratch)
  const found = async (query: string) => {
    const page = await timeline(db, { query: parse(query), order: 'oldest' })
    assert.deepEqual(page.query?.problems, [], query)
    return page.entries.map(({ metadata }) => metadata['text'] ?? metadata)
  }
  for (const [line, at] of [
    ['deleted', 1],
    ['C:\\Users\\ada', 2],
    ['"C:\\Users\\ada"', 2],
    ['"say \\"hi\\" now"', 3],
    ['apollo?', 4],
    ['what happened to Maria’s', 5],
    ['Ada <ada@x.example>', 6],
    ['\u200eada@x.example\u200f', 6],
    ['auth0|5f7c8ec7', 7],
    ['le projet', 8],
    ['--force', 9],
    ['a'.repeat(1_900), 10],
  ] as const) {
    assert.deepEqual(await found(line), [texts[at]], line)
  }
  assert.deepEqual(await found('10.5'), [{ cents: 10.5 }])
  assert.deepEqual(await found('10.50'), [{ cents: 10.5 }])
  assert.deepEqual(await found('failed'), [texts[0], { status: 'failed' }])
  assert.deepEqual(await found('status:failed'), [{ status: 'failed' }])
})

// Goal: no line makes the server refuse, or think for long.
test('lines that are hard on a server are answered', async (t) => {
  const scratch = await scratchDatabase(t)
  const text = 'a'.repeat(3_000)
  await appendToLog(
    scratch.sql,
    Array.from({ length: 20 }, (_, n): GivenEntry => {
      return { action: 'note.add', ms: ASKED_MS + n, metadata: { text } }
    }),
  )
  const db = readerOn(t, scratch)
  for (const line of [
    `${'a*'.repeat(8)}b`,
    `text:${'a*'.repeat(8)}b`,
    `meta.text:${'a*'.repeat(8)}b`,
    `action:${'a*'.repeat(60)}b`,
    `text:${'[('.repeat(900)}`,
    `+49${' ()'.repeat(600)}1701234`,
    `"+49${' ()'.repeat(600)}1701234"`,
  ]) {
    const begun = performance.now()
    const page = await timeline(db, { query: parse(line) })
    const ms = Math.round(performance.now() - begun)
    t.diagnostic(`${line.slice(0, 20)}… ${ms} ms, ${page.entries.length} entries`)
    assert.deepEqual(page.entries, [], line.slice(0, 30))
    assert.ok(ms < 3_000, `${line.slice(0, 30)} took ${ms} ms`)
  }
})

test('times that move from page to page are the same query', async (t) => {
  const { db } = await smallLog(t)
  const pageAt = (ms: number, text: string, cursor?: string) =>
    timeline(db, { query: parseQuery(text, { now: ms }), limit: 1, cursor })
  for (const text of ['after:-900d action:refund.*', 'outcome:denied or after:-900d']) {
    const first = await pageAt(ASKED_MS, text)
    const second = await pageAt(ASKED_MS + 60_000, text, first.nextCursor ?? '')
    assert.equal(second.entries.length, 1)
  }
  const first = await pageAt(ASKED_MS, 'action:refund.*')
  await assert.rejects(pageAt(ASKED_MS, '-action:refund.*', first.nextCursor ?? ''), {
    message: /belongs to another filter/,
  })
})

test('the command line writes what a query finds, in the zone that it is given', async (t) => {
  const { scratch, named } = await smallLog(t)
  const environment = { AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader') }
  const out = path.join(scratchFolder(t), 'found.ndjson')
  // In Auckland it is the 4th when it is still the 3rd in UTC.
  const query = '-action:audit.* date:2026-05-04 changed:email or role'
  const args = ['export', '--out', out, '--quiet', '--query', query]
  const { code, stderr } = await runRelay(t, [...args, '--zone', 'Pacific/Auckland'], environment)
  assert.equal(code, 0, stderr)
  const lines = fs.readFileSync(out, 'utf8').trimEnd().split('\n')
  assert.deepEqual(named(lines.map((line) => JSON.parse(line))), ['emailChanged', 'roleChanged'])
  const { manifest, problems } = await verifyExport(out)
  assert.deepEqual(problems, [])
  assert.equal(Reflect.get(Object(manifest.filter['query']), 'text'), query)
  const wrong = await runRelay(t, [...args, '--query', 'outcome:deneid'], environment)
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /At character 1, "outcome:deneid": .* Near: outcome:denied\./)
})

const people = [IDS.lovelace, IDS.byron, IDS.maria, null]
const word = fc.constantFrom('gold', 'Gold', 'a_b', 'a%b', 'x.y', '7', 'true', '"q"', '\\', 'é', '')
const leaf = fc.oneof(word, fc.integer({ min: -9, max: 9 }), fc.boolean(), fc.constant(null))
const key = fc.constantFrom('plan', 'email', 'settings', 'from', 'to', 'before', 'after', 'field')
const json = fc.dictionary(
  key,
  fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(key, tie('value'), { maxKeys: 3 }),
      fc.record({ from: tie('value'), to: tie('value') }),
    ),
  })).value,
  { maxKeys: 4 },
)
const ips = [
  '10.0.0.5',
  '10.1.2.3',
  '::ffff:10.0.0.9',
  '203.0.113.7',
  '2001:db8::1',
  '::1',
  'no',
  '10.0.0',
]
const actions = ['refund.issue', 'refund.deny', 'invoice.pay', 'venue.update', 'a_b.update', 'lone']
const given = fc.record({
  ms: fc.integer({ min: ASKED_MS - 9 * 86_400_000, max: ASKED_MS }),
  action: fc.constantFrom(...actions),
  userId: fc.constantFrom(...people),
  actorId: fc.constantFrom(...people),
  targetId: fc.constantFrom(...people),
  eventId: fc.constantFrom(IDS.acme, null),
  moreTargets: fc.constantFrom([IDS.maria], [IDS.byron, IDS.king], null),
  outcome: fc.constantFrom('denied', 'failed', null),
  actorKind: fc.constantFrom('agent', 'service', null),
  requestId: fc.constantFrom('r1', 'gold', null),
  entityType: fc.constantFrom('venue', 'Golden', null),
  metadata: json,
  context: fc.oneof(
    fc.constantFrom(...ips).map((ip) => ({ ip })),
    json,
  ),
})
const term = fc.oneof(
  fc.constantFrom(
    ...['gold', 'refund', 'é', '7', 'a_b', '"x.y"', 'update', '%', IDS.maria, IDS.acme],
  ),
  fc.constantFrom(
    'action:refund.*',
    'action:*.update',
    'action:a_b.*',
    'action:re*.*',
    'invoice.*',
  ),
  fc.constantFrom('by:Ada', `by:${IDS.maria}`, 'user:Maria', 'actor:Ada', 'on:Maria', 'event:Acme'),
  fc.constantFrom('outcome:denied', 'outcome:done', 'kind:agent', 'kind:person', 'type:venue'),
  fc.constantFrom('ip:10.0.0.0/8', 'ip:10.0.*', 'ip:203.0.113.7', 'ip:2001:db8::/32', 'ip:::/0'),
  fc.constantFrom(
    'meta.plan=gold',
    'meta.plan=7',
    'meta.plan:*',
    'meta.plan=*o*',
    'meta.plan=true',
  ),
  fc.constantFrom(
    'meta.settings.plan>2',
    'meta.plan<=-3',
    'context.plan=null',
    'meta.from.to=gold',
  ),
  fc.constantFrom(
    'changed:plan',
    'changed:settings.plan',
    'changed:*',
    'changed:email',
    'changed:from',
  ),
  fc.constantFrom(
    'plan:gold',
    'plan=gold',
    'plan:7',
    'PLAN>2',
    'email:*',
    'no:email',
    'plan:-5..3',
  ),
  fc.constantFrom('settings:a*b', 'ip:10.0.0.5', 'field:true', 'x:y'),
  fc.constantFrom(
    'action:update',
    'action:deny',
    'action:AB',
    'refunds',
    'updated',
    'g*d',
    'failed',
  ),
  fc.constantFrom('has:user', 'no:actor', 'by:*', 'on:none', 'is:impersonated', 'is:anonymous'),
  fc.constantFrom('has:type', 'no:outcome', 'is:agent', 'changed:PLAN', 'changed:e-mail', 'denied'),
  fc.constantFrom('after:-3d', 'before:-5d', 'date:"4 May"', 'seq:10..40', 'seq:7', 'request:gold'),
)
const line = fc
  .array(fc.tuple(fc.constantFrom('', '', '-'), fc.array(term, { minLength: 1, maxLength: 3 })), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.map(([sign, terms]) => `${sign}${terms.join(' or ')}`).join(' '))

// Goal: the statements find what the words of the query say.
// Method: random queries against random entries, beside an evaluation that shares nothing with them.
test('random queries find what a naive evaluation finds', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOn(t, scratch)
  const seed = Number(process.env['AUDIT_FUZZ_SEED'] ?? Date.now() % 2 ** 31)
  const runs = Math.floor(Number(process.env['AUDIT_FUZZ_RUNS'] ?? 2_000) / 10)
  t.diagnostic(`AUDIT_FUZZ_SEED=${seed}, ${runs} queries`)
  await appendToLog(scratch.sql, fc.sample(given, { numRuns: 150, seed }))
  const all = await everything(db)
  let found = 0
  await fc.assert(
    fc.asyncProperty(line, fc.integer({ min: 1, max: 60 }), async (text, limit) => {
      const query = await findNames(parse(text), findByName)
      assert.deepEqual(query.problems, [], text)
      const expected = all.filter((entry) => answers(entry, query)).map(({ seq }) => seq)
      found += expected.length > 0 && expected.length < all.length ? 1 : 0
      assert.deepEqual(
        (await pagesOf(db, query, limit)).map(({ seq }) => seq),
        expected,
        text,
      )
    }),
    { numRuns: runs, seed },
  )
  t.diagnostic(`${found} of them found some entries and not all`)
  assert.ok(found > runs / 3, `only ${found}`)
})

async function everything(db: AuditDatabase): Promise<readonly LoggedEntry[]> {
  return (await timeline(db, { limit: 500 })).entries
}

async function pagesOf(db: AuditDatabase, query: LogQuery, limit: number) {
  const entries: LoggedEntry[] = []
  let page = await timeline(db, { query, limit })
  entries.push(...page.entries)
  while (page.nextCursor !== null) {
    page = await timeline(db, { query, limit, cursor: page.nextCursor })
    entries.push(...page.entries)
  }
  return entries
}

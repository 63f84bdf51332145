import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import postgres from 'postgres'
import { exportLog, exportToFile } from '../src/export/index.ts'
import { AuditError } from '../src/errors.ts'
import { histogram } from '../src/page/histogram/histogram.ts'
import type { Projection } from '../src/projection/projection.ts'
import { UTC } from '../src/query/zone.ts'
import { tail } from '../src/read/tail.ts'
import { entry, type LoggedEntry, parseQuery, timeline } from '../src/read/timeline.ts'
import { history } from '../src/timeline/index.ts'
import { scratchDatabase } from './support/database.ts'
import { scratchFolder } from './support/exports.ts'
import { appendToLog, type GivenEntry } from './support/log-entries.ts'
import { answers } from './support/naive-query.ts'
import { projected, withoutTold } from './support/naive-projection.ts'
import { readerOn } from './support/pages.ts'

const [acme, globex] = [randomUUID(), randomUUID()]
const [ada, linus, colleague] = [randomUUID(), randomUUID(), randomUUID()]
const [helper, order] = [randomUUID(), randomUUID()]

/** Entries of two tenants, by their people, by staff and by programs, with all that can be hidden. */
const ENTRIES: readonly GivenEntry[] = [
  {
    action: 'order.create',
    userId: ada,
    eventId: acme,
    targetId: order,
    requestId: 'req-1',
  },
  {
    ...{
      action: 'order.update',
      userId: ada,
      eventId: acme,
      actorId: colleague,
    },
    metadata: {
      changes: { email: { from: 'a@x.example', to: 'b@x.example' } },
    },
    context: { ip: '10.0.0.9', actor: { name: 'Colleague' } },
  },
  {
    action: 'refund.issue',
    userId: helper,
    eventId: acme,
    targetId: linus,
    outcome: 'denied',
  },
  {
    action: 'internal.note.add',
    userId: helper,
    eventId: acme,
    metadata: { text: 'difficult' },
  },
  {
    ...{
      action: 'order.pay',
      userId: ada,
      eventId: acme,
      actorId: colleague,
      actorKind: 'agent',
    },
    metadata: { card: { number: 'n4111', kind: 'visa' }, plan: 'gold' },
  },
  {
    ...{
      action: 'team.invite',
      userId: linus,
      eventId: acme,
      moreTargets: [helper, ada],
    },
    metadata: {
      people: [{ name: 'Ada', ssn: 's123' }, [{ ssn: 's456' }], 'ssn'],
    },
    context: {
      ip: '10.0.0.7',
      userAgent: 'Firefox',
      invalid: { userId: 'ext-7' },
    },
  },
  {
    action: 'order.create',
    userId: ada,
    eventId: globex,
    targetId: order,
    metadata: { plan: 'gold' },
  },
  { action: 'audit.policy', metadata: { actions: '*' } },
  {
    ...{ action: 'card.update', userId: ada, eventId: acme, targetId: order },
    metadata: {
      ...{
        field: 'card',
        from: { number: 'n4222', kind: 'visa' },
        to: null,
        note: 'typed',
      },
      changes: [
        { field: 'card.number', from: 'n4333', to: 'n4444' },
        { path: ['card', 0, 'number'], old: 'n4555', new: 'n4666' },
        { op: 'replace', path: '/card/number', value: 'n4777' },
        { field: 'plan', from: 'silver', to: 'gold' },
      ],
    },
  },
  {
    ...{
      action: 'customer.update',
      userId: ada,
      eventId: acme,
      targetId: order,
    },
    context: {
      redacted: ['metadata.card.pin'],
      invalid: { metadata: 'card.expiry', userId: 'ext-8' },
    },
    metadata: {
      before: {
        card: { number: 'n4888', kind: 'visa' },
        email: 'a@x.example',
        plan: 'silver',
      },
      after: { card: [{ number: 'n4999', kind: 'visa' }], plan: 'gold' },
      diff: {
        email: { from: 'a@x.example', to: null },
        card: { number: { to: 'n4000' } },
      },
    },
  },
]

const PROJECTIONS: readonly Projection[] = [
  { onlyEventId: acme },
  { hides: ['context.ip', 'recorder', 'writtenBy'] },
  { hides: ['metadata', 'context', 'userId', 'requestId'] },
  {
    hides: ['metadata.card.number', 'metadata.people.ssn', 'actorId', 'actorKind', 'moreTargets'],
  },
  {
    hides: ['metadata.changes', 'targetId', 'entityType', 'eventId', 'context.userAgent'],
  },
  { hides: ['metadata.card', 'metadata.email'] },
  { hides: ['metadata.plan', 'metadata.changes.email'] },
  { onlyEventId: acme, staffAs: 'Support' },
  { onlyEventId: acme, staffAs: 'Support', staff: [helper, randomUUID()] },
  { actions: ['order.*', '-*.pay'] },
  {
    actions: ['-internal.*'],
    onlyEventId: acme,
    staffAs: 'Support',
    staff: [helper],
    hides: ['context.ip'],
  },
]

/** What changes of cards tell. */
const OF_CARDS = [
  'n4222',
  'n4333',
  'n4444',
  'n4555',
  'n4666',
  'n4777',
  'n4888',
  'n4999',
  'n4000',
  'visa',
]

const QUERIES: readonly string[] = [
  ...[ada, linus, colleague, helper, order].flatMap((id) => [
    ...[`by:${id}`, `user:${id}`, `actor:${id}`, `on:${id}`, `-by:${id}`, id, `-${id}`],
  ]),
  ...[
    'ip:10.0.0.0/8',
    '-ip:10.0.0.9',
    'meta.plan=gold',
    '-meta.card.number=n4111',
    'n4111',
    'visa',
  ],
  ...['changed:email', 'changed:card', 'changed:card.number', 'changed:plan', 'changed:*', 'n4444'],
  ...[
    'n4222',
    'n4888',
    'typed',
    'a@x.example',
    'meta.changes.field=card.number',
    'meta.before.plan=*',
  ],
  ...['meta.people.ssn=s123', 's456', 'ssn', 'meta.people.name=Ada', 'ext-7'],
  ...[
    'Colleague',
    'Firefox',
    'context.ip:*',
    'kind:agent',
    'kind:person',
    'request:req-1',
    'req-1',
  ],
  ...[
    'outcome:denied',
    'outcome:done',
    'difficult',
    'action:internal.*',
    'action:*.pay or order.*',
  ],
  ...[
    'type:thing',
    `event:${globex}`,
    'audit.*',
    'meta.text:*',
    `by:${helper} or ${ada}`,
    'seq:1..4',
  ],
]

async function smallLog(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const beginMs = Date.now() - ENTRIES.length
  await appendToLog(
    scratch.sql,
    ENTRIES.map((one, at) => ({ ...one, ms: beginMs + at })),
  )
  const db = readerOn(t, scratch)
  const { entries: all } = await timeline(db)
  return { db, all, scratch }
}

const isSame = (one: readonly LoggedEntry[], other: readonly LoggedEntry[]) =>
  assert.deepEqual(one, other)

test('what a projection shows is what a naive one shows', async (t) => {
  const { db, all } = await smallLog(t)
  for (const seenBy of PROJECTIONS) {
    const wanted = projected(all, seenBy)
    isSame((await timeline(db, { seenBy })).entries, wanted)
    for (const { id } of all) {
      assert.deepEqual(
        await entry(db, id, { seenBy }),
        wanted.find((one) => one.id === id),
      )
    }
    const tailed: LoggedEntry[] = []
    const abort = new AbortController()
    for await (const { history: _, ...one } of tail(db, {
      ...{ fromSeq: 1, filter: { seenBy }, signal: abort.signal },
    })) {
      tailed.push(one)
      if (tailed.length === wanted.length) abort.abort()
    }
    isSame(tailed.toReversed(), wanted)
  }
})

test('every query answers as if the log held what the reader sees, and nothing else', async (t) => {
  const { db, all } = await smallLog(t)
  for (const seenBy of PROJECTIONS) {
    const seen = projected(all, seenBy)
    const ask = async (text: string) => {
      const query = parseQuery(text)
      const wanted = seen.filter((one) => answers(one, query))
      const page = await timeline(db, { query, seenBy })
      assert.deepEqual(page.entries, wanted, `${text} for ${JSON.stringify(seenBy)}`)
      assert.equal(page.lookedTo, undefined)
      const bars = await histogram(db, {
        filter: { query, seenBy },
        zone: UTC,
        nowMs: Date.now(),
      })
      const counted = (bars?.bars ?? []).reduce((sum, { count }) => sum + count, 0)
      assert.equal(counted, wanted.length, `bars of ${text} for ${JSON.stringify(seenBy)}`)
    }
    await Promise.all(QUERIES.map(ask))
  }
})

test('the fields of a filter find nothing by what is hidden', async (t) => {
  const { db, all } = await smallLog(t)
  const filters = [
    ...[ada, helper, colleague].flatMap((id) => [{ userId: id }, { actorId: id }]),
    ...[{ targetId: linus }, { moreTargets: helper }, { requestId: 'req-1' }, { eventId: globex }],
    ...[{ actorKind: 'agent' as const }, { eventId: acme, metadata: { plan: 'gold' } }],
  ]
  for (const seenBy of PROJECTIONS) {
    const seen = projected(all, seenBy)
    for (const filter of filters) {
      const [[name = '', value] = []] = Object.entries(filter)
      const wanted = seen.filter((one) => {
        const has = [Reflect.get(one, name)].flat().includes(value)
        return has && (!('metadata' in filter) || one.metadata['plan'] === 'gold')
      })
      isSame((await timeline(db, { ...filter, seenBy })).entries, wanted)
    }
  }
})

test('an export in any format holds nothing that is hidden', async (t) => {
  const { db } = await smallLog(t)
  const secrets = [
    '10.0.0',
    'n4111',
    ...OF_CARDS,
    's123',
    'difficult',
    helper,
    globex,
    'ext-7',
    'Colleague',
  ]
  const seenBy: Projection = {
    ...{
      onlyEventId: acme,
      staffAs: 'Support',
      staff: [helper],
      actions: ['-internal.*'],
    },
    hides: ['context', 'metadata.card', 'metadata.people.ssn', 'recorder', 'writtenBy'],
  }
  for (const format of ['ndjson', 'csv', 'ocsf', 'cloudevents'] as const) {
    const { head, pages } = await exportLog(db, { format, filter: { seenBy } })
    let text = head
    for await (const page of pages) text += page.text
    for (const secret of secrets) assert.ok(!text.includes(secret), `${format}: ${secret}`)
    assert.ok(text.includes('Support') && text.includes(ada), format)
  }
  // Next to a file stands what was asked for, and the person who gets the file gets that.
  const out = path.join(scratchFolder(t), 'log.ndjson')
  const manifest = await exportToFile(db, {
    out,
    format: 'ndjson',
    filter: { seenBy },
  })
  assert.equal(manifest.rows, 7)
  for (const file of [out, `${out}.manifest.json`]) {
    assert.ok(!readFileSync(file, 'utf8').includes(helper), file)
  }
})

// Goal: a field that is hidden is not told by its changes, in whatever form an entry has them.
test('the changes of a hidden field tell nothing of it, and those of others stay', async (t) => {
  const { db } = await smallLog(t)
  const seenBy: Projection = { hides: ['metadata.card', 'metadata.email'] }
  const { entries } = await timeline(db, { seenBy, query: '*.update' })
  const told = await history(db, { targetId: order, seenBy })
  for (const shown of [JSON.stringify(entries), JSON.stringify(told)]) {
    for (const secret of [...OF_CARDS, 'x.example']) assert.ok(!shown.includes(secret), secret)
    assert.ok(shown.includes('silver') && shown.includes('gold'), 'the plan is there')
  }
  for (const text of ['changed:card', 'changed:card.number', 'changed:email', ...OF_CARDS]) {
    const query = parseQuery(text)
    assert.deepEqual((await timeline(db, { query, seenBy })).entries, [], text)
  }
  assert.equal((await timeline(db, { query: 'changed:plan', seenBy })).entries.length, 2)
  assert.deepEqual(entries.find(({ action }) => action === 'card.update')?.metadata, {
    note: 'typed',
    changes: [{ field: 'plan', from: 'silver', to: 'gold' }],
  })
})

// Method: forms of libraries that write down changes, each of a field that is hidden and of one that is not.
test('changes are known by the forms that other libraries give them', async (t) => {
  const { sql, urlAs } = await scratchDatabase(t)
  const reader = postgres(urlAs('audit_reader'), { max: 1 })
  t.after(() => reader.end({ timeout: 1 }))
  const forms: readonly ((name: string) => object)[] = [
    (name) => ({ changes: { [name]: ['S-1', 'S-2'] } }),
    (name) => ({ object_changes: { [name]: 'S-1' }, kept: 1 }),
    (name) => ({ audited_changes: { deep: { [name]: ['S-1'] } } }),
    (name) => ({ $set: { [name]: 'S-1' }, diff: { [name]: ['S-1'] } }),
    (name) => ({ oldValues: { [name]: 'S-1' }, newValues: { [name]: 'S-2' } }),
    (name) => ({
      before_state: { [name]: 'S-1' },
      after_state: { [name]: 'S-2' },
    }),
    (name) => ({ original: { [name]: 'S-1' }, updated: { [name]: 'S-2' } }),
    (name) => ({ list: [{ fieldName: name, oldVal: 'S-1', newVal: 'S-2' }] }),
    (name) => ({ list: [{ field: name, was: 'S-1', now: 'S-2' }] }),
    (name) => ({
      list: [{ field: name.toUpperCase(), from: 'S-1', to: 'S-2' }],
    }),
    (name) => ({ order: { [name.toUpperCase()]: { from: 'S-1', to: 'S-2' } } }),
    (name) => ({
      update: { [`order.${name}`]: { __old: 'S-1', __new: 'S-2' } },
    }),
    (name) => ({
      pad: 'x'.repeat(2_000),
      changes: { [`order.${name.toUpperCase()}`]: ['S-1'] },
    }),
  ]
  const hidden = [['card']]
  for (const form of forms) {
    for (const name of ['card', 'plan']) {
      const given = form(name)
      const [row] = await reader`
        select audit.without_changes(${JSON.stringify(given)}::text::jsonb, array[${'card\u0001'}]) as left`
      const left = row?.['left']
      assert.equal(JSON.stringify(left).includes('S-'), name === 'plan', JSON.stringify(given))
      if (name === 'plan') assert.deepEqual(left, given)
      assert.deepEqual(left, withoutTold(given, hidden) ?? {}, JSON.stringify(given))
    }
  }
  const [plain] = await sql`
    select audit.without_changes('{"order": {"card": "visa"}}', array[${'card\u0001'}]) as left`
  assert.deepEqual(plain?.['left'], { order: { card: 'visa' } }, 'no change tells it')
})

test('what is asked of hidden fields is named, and nothing in the log decides it', async (t) => {
  const { db } = await smallLog(t)
  const seenBy: Projection = {
    hides: ['context.ip', 'metadata.card', 'requestId'],
  }
  for (const text of [
    'ip:10.0.0.9',
    'ip:1.2.3.4',
    'meta.card.number=n4111',
    'request:no',
    '-ip:*.*',
  ]) {
    const query = parseQuery(text.replace('*.*', '10.0.*'))
    const { entries, query: read } = await timeline(db, { query, seenBy })
    assert.deepEqual(
      read?.problems.map(({ isUsed }) => isUsed),
      [true],
      text,
    )
    assert.equal(entries.length, text.startsWith('-') ? ENTRIES.length : 0)
  }
  assert.deepEqual((await timeline(db, { query: 'meta.plan=gold', seenBy })).query?.problems, [])
})

test('a projection that is not clear is refused', async (t) => {
  const { db } = await smallLog(t)
  const refused = { name: 'AuditError', code: 'AUDIT_FILTER_INVALID' }
  for (const seenBy of [
    ...[
      { hides: ['ip'] },
      { hides: 'context' },
      { hides: ['metadata.a.b.c.d.e'] },
      { staff: [ada] },
    ],
    ...[{ staffAs: '' }, { staffAs: ' a' }, { actions: ['a b'] }, { only: 1 }, 'everything', null],
    ...[{ onlyEventId: '' }, { hides: Array(51).fill('context') }, { staffAs: 'x'.repeat(65) }],
    { staffAs: 'a', staff: Array(501).fill(ada) },
  ]) {
    await assert.rejects(timeline(db, { seenBy: seenBy as never }), refused, JSON.stringify(seenBy))
  }
  const seenBy: Projection = { hides: ['context'] }
  await assert.rejects(exportLog(db, { about: ada, filter: { seenBy } }), AuditError)
})

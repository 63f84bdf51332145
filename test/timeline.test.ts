import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres'
import { drizzle } from 'drizzle-orm/postgres-js'
import pg from 'pg'
import postgres from 'postgres'
import { Database } from '../src/database/connection.ts'
import { AuditError } from '../src/errors.ts'
import { idFloor } from '../src/ids/uuid7.ts'
import { readRows } from '../src/read/read-rows.ts'
import {
  type AuditDatabase,
  checkTimeline,
  entry,
  type LoggedEntry,
  pageQuery,
  type TimelineOptions,
  timeline,
} from '../src/read/timeline.ts'
import { generateLog, knownIds, RARE } from './bench/generate.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { onlyIdKind } from './support/id-kind.ts'

const HOUR_MS = 3_600_000

/** Drizzle on a connection of a login that may read the log and nothing else. */
function reader(t: TestContext, { urlAs }: ScratchDatabase): AuditDatabase {
  const client = postgres(urlAs('audit_reader'), { max: 2, onnotice: () => {} })
  t.after(() => client.end({ timeout: 1 }))
  return drizzle(client)
}

/** A connection of our own, as the page and the export have them. */
function ownReader(t: TestContext, { urlAs }: ScratchDatabase): AuditDatabase {
  const database = new Database({
    url: urlAs('audit_reader'),
    applicationName: 'test',
    statementTimeoutMs: 5_000,
    isReader: true,
  })
  t.after(() => database.close())
  return database
}

/** An id as a recorder makes it, of a moment that the test chooses. */
function idAt(ms: number): string {
  return `${idFloor(ms).slice(0, 14)}7${randomUUID().slice(15)}`
}

/** Appends entries to the log, as a relay would, each recorded at its moment. */
async function log(
  { sql: admin }: ScratchDatabase,
  entries: readonly { ms: number; action?: string; eventId?: string; metadata?: object }[],
): Promise<void> {
  const rows = entries.map((given) => ({ id: idAt(given.ms), action: 'thing.done', ...given }))
  await admin`
    insert into audit.audit_log (id, seq, occurred_at, action, event_id, metadata)
    select (e ->> 'id')::uuid, coalesce((select max(seq) from audit.audit_log), 0) + n,
      to_timestamp((e ->> 'ms')::float8 / 1000), e ->> 'action', (e ->> 'eventId')::uuid,
      coalesce(e -> 'metadata', '{}')
    from jsonb_array_elements(${admin.json(
      JSON.parse(JSON.stringify(rows)),
    )}) with ordinality as t (e, n)`
}

const seqs = (entries: readonly LoggedEntry[]) => entries.map(({ seq }) => seq)

// Goal: a page stays where it is while the log grows above, below and inside it.
// Method: read forth and back; log newer, older and late entries between any two pages.
for (const order of ['newest', 'oldest'] as const) {
  test(`pages go on and back without a repetition while entries arrive, ${order} first`, async (t) => {
    const scratch = await scratchDatabase(t)
    const db = reader(t, scratch)
    const startMs = Date.now() - HOUR_MS
    const eventId = randomUUID()
    await log(
      scratch,
      Array.from({ length: 95 }, (_, n) => ({ ms: startMs + n * 1_000, eventId })),
    )
    const expected = Array.from({ length: 95 }, (_, n) => n + 1)
    if (order === 'newest') expected.reverse()
    const disturb = () =>
      log(scratch, [
        { ms: startMs - HOUR_MS, eventId: randomUUID() },
        { ms: startMs + 50_500, eventId: randomUUID() },
        { ms: Date.now(), eventId: randomUUID() },
      ])

    const pages: (readonly LoggedEntry[])[] = []
    let page = await timeline(db, { eventId, order, limit: 10 })
    assert.equal(page.prevCursor, null, 'nothing comes before the first page')
    pages.push(page.entries)
    while (page.nextCursor !== null) {
      await disturb()
      page = await timeline(db, { eventId, order, limit: 10, cursor: page.nextCursor })
      pages.push(page.entries)
    }
    assert.deepEqual(seqs(pages.flat()), expected)
    assert.equal(pages.length, 10)

    const back: (readonly LoggedEntry[])[] = [page.entries]
    while (page.prevCursor !== null) {
      await disturb()
      page = await timeline(db, { eventId, order, limit: 10, cursor: page.prevCursor })
      back.unshift(page.entries)
    }
    assert.deepEqual(seqs(back.flat()), expected)
    assert.ok(page.nextCursor, 'the way on is open again')
  })
}

test('a late entry appears on its own page, and shifts nothing on the others', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  const startMs = Date.now() - HOUR_MS
  await log(
    scratch,
    Array.from({ length: 9 }, (_, n) => ({ ms: startMs + n * 1_000 })),
  )
  const first = await timeline(db, { limit: 3 })
  assert.deepEqual(seqs(first.entries), [9, 8, 7])
  await log(scratch, [{ ms: startMs + 3_500 }, { ms: startMs + 7_500 }])
  const second = await timeline(db, { limit: 3, cursor: first.nextCursor ?? '' })
  assert.deepEqual(seqs(second.entries), [6, 5, 10], 'recorded between 4 and 5, logged as 10')
})

test('a page that holds all has no way on or back; an empty log has an empty page', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  assert.deepEqual(await timeline(db), { entries: [], nextCursor: null, prevCursor: null })
  await log(scratch, [{ ms: Date.now() }, { ms: Date.now() }])
  const page = await timeline(db, { limit: 2 })
  assert.equal(page.entries.length, 2)
  assert.equal(page.nextCursor, null)
  assert.equal(page.prevCursor, null)
})

test('an entry reads the same through every driver', async (t) => {
  const scratch = await scratchDatabase(t)
  const pool = new pg.Pool({ connectionString: scratch.urlAs('audit_reader'), max: 1 })
  t.after(() => pool.end())
  const ids = Array.from({ length: 4 }, () => randomUUID())
  const [id = '', ...others] = ids
  await scratch.sql`
    insert into audit.audit_log (
      id, seq, occurred_at, logged_at, user_id, event_id, target_id, action, entity_type, request_id,
      metadata, context, recorder_id, recorder_seq, outcome, actor_id, actor_kind, more_targets
    )
    values (
      ${id}, 1, '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:06+00', ${others[0] ?? ''},
      ${others[1] ?? ''}, ${others[2] ?? ''}, 'branding.update', 'branding', 'req-1',
      '{"from": {"a": [1, "2", null]}, "to": "ü\u2028"}', '{"ip": "::1"}', ${id}, 9007199254740991, 'denied', ${id}, 'agent', ${others}
    )`
  const viaPostgres = await entry(reader(t, scratch), id)
  assert.deepEqual(viaPostgres, {
    id,
    seq: 1,
    occurredAt: new Date('2026-01-02T03:04:05.678Z'),
    loggedAt: new Date('2026-01-02T03:04:06Z'),
    writtenBy: 'postgres',
    userId: others[0],
    eventId: others[1],
    targetId: others[2],
    moreTargets: others,
    outcome: 'denied',
    actorId: id,
    actorKind: 'agent',
    action: 'branding.update',
    entityType: 'branding',
    requestId: 'req-1',
    metadata: { from: { a: [1, '2', null] }, to: 'ü\u2028' },
    context: { ip: '::1' },
    recorderId: id,
    recorderSeq: Number.MAX_SAFE_INTEGER,
  })
  assert.deepEqual(await entry(drizzleNodePostgres(pool), id), viaPostgres)
  assert.equal(await entry(reader(t, scratch), randomUUID()), undefined)
})

test('a moment that no Date can hold is read as the nearest one', async (t) => {
  const scratch = await scratchDatabase(t)
  const id = randomUUID()
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action) values (${id}, 1, 'infinity', 'a.b')`
  const found = await entry(reader(t, scratch), id)
  assert.equal(found?.occurredAt.getTime(), 8.64e15)
})

// Goal: a filter without an index of its own finds all there is, and no page of it takes long.
// Method: 12,000 entries of one event, three of them wanted; the pages' lengths, forth and back.
for (const order of ['newest', 'oldest'] as const) {
  test(`a page with metadata looks a bounded way ahead, and the next goes on there, ${order}`, async (t) => {
    const scratch = await scratchDatabase(t)
    const db = reader(t, scratch)
    const eventId = randomUUID()
    const wanted = new Set([200, 11_000, 11_001])
    await log(
      scratch,
      Array.from({ length: 12_000 }, (_, n) => ({
        ms: Date.now() - 12_000 + n,
        eventId,
        ...(wanted.has(n + 1) ? { metadata: { found: true, n } } : {}),
      })),
    )
    const filter = { eventId, metadata: { found: true }, order, limit: 1 }
    let page = await timeline(db, filter)
    const forth = [seqs(page.entries)]
    while (page.nextCursor !== null) {
      page = await timeline(db, { ...filter, cursor: page.nextCursor })
      forth.push(seqs(page.entries))
    }
    const inOrder = [...wanted].sort((a, b) => (order === 'newest' ? b - a : a - b))
    assert.deepEqual(forth.flat(), inOrder)
    assert.ok(
      forth.some((entries) => entries.length === 0),
      'a page in between found nothing',
    )

    const back = [seqs(page.entries)]
    while (page.prevCursor !== null) {
      page = await timeline(db, { ...filter, cursor: page.prevCursor })
      back.unshift(seqs(page.entries))
    }
    assert.deepEqual(back.flat(), inOrder)
  })
}

const FILTERS: Readonly<
  Record<string, (ids: Awaited<ReturnType<typeof knownIds>>, nowMs: number) => TimelineOptions>
> = {
  'no filter': () => ({}),
  'a busy event': (ids) => ({ eventId: ids.busyEvent }),
  'a quiet event': (ids) => ({ eventId: ids.quietEvent }),
  user: (ids) => ({ userId: ids.user }),
  target: (ids) => ({ targetId: ids.target }),
  request: (ids) => ({ requestId: ids.request }),
  action: () => ({ action: 'branding.update' }),
  'a rare action of a common entity': () => ({ action: RARE.action }),
  entity: () => ({ action: 'branding.*' }),
  'a rare entity': () => ({ action: RARE.entity }),
  'time range': (_, nowMs) => ({ from: nowMs - 48 * HOUR_MS, to: nowMs - 24 * HOUR_MS }),
  'event and action': (ids) => ({ eventId: ids.busyEvent, action: 'branding.update' }),
  'event and time range': (ids, nowMs) => ({
    eventId: ids.busyEvent,
    from: nowMs - 48 * HOUR_MS,
  }),
  'entity type of a target': (ids) => ({ targetId: ids.target, entityType: ids.targetType }),
  'metadata of an event': (ids) => ({ eventId: ids.busyEvent, metadata: { field: 'logo' } }),
}

type Plan = { readonly 'Node Type': string; readonly Plans?: readonly Plan[] } & {
  readonly [name: string]: unknown
}

async function planOf(db: AuditDatabase, options: TimelineOptions, endId?: string): Promise<Plan> {
  const asked = checkTimeline(options)
  const query = pageQuery(asked, asked.filter.bind('uuid'), endId)
  const [row] = await readRows(
    db,
    sql`
    explain (format json) select * from ${query.from(query.limit)}`,
  )
  const given = row?.['QUERY PLAN']
  const [top] = (typeof given === 'string' ? JSON.parse(given) : given) as [{ Plan: Plan }]
  return top.Plan
}

/** The way to the entries: without the look-up of the log's history, a table of a row or two. */
function nodesOf(plan: Plan): readonly Plan[] {
  const below = (plan.Plans ?? []).filter((one) => one['Parent Relationship'] !== 'InitPlan')
  return [plan, ...below.flatMap(nodesOf)]
}

// Goal: every documented filter is answered through an index, in order, from the first page on.
// Method: EXPLAIN on a log of 60,000 entries over three months, in both orders, with and without a
// cursor: on a connection of our own, and on one of a caller's.
test('each filter has its index: no sequential scan and no sort on the way to a page', async (t) => {
  const scratch = await scratchDatabase(t)
  const nowMs = Date.now()
  await generateLog(scratch.sql, { rows: 60_000, endMs: nowMs, months: 3 })
  await log(scratch, [{ ms: nowMs, action: RARE.action }])
  const ids = await knownIds(scratch.sql, 60_000)
  const theirs = reader(t, scratch)
  const ours = ownReader(t, scratch)

  for (const [name, make] of Object.entries(FILTERS)) {
    for (const order of ['newest', 'oldest'] as const) {
      const filter = { ...make(ids, nowMs), order }
      const { entries, nextCursor } = await timeline(theirs, { ...filter, limit: 1 })
      assert.equal(entries.length, 1, `${name} finds something`)
      for (const cursor of [undefined, nextCursor ?? undefined]) {
        const plan = await planOf(ours, { ...filter, cursor })
        const kinds = nodesOf(plan).map((node) => node['Node Type'])
        assert.deepEqual(scannedWhole(plan), [], `${name}, ${order}`)
        assert.ok(!kinds.some((kind) => kind.includes('Sort')), `${name}, ${order}: ${kinds}`)

        // Without our settings Postgres may sort what it takes for a handful of rows.
        const theirPlan = await planOf(theirs, { ...filter, cursor })
        assert.deepEqual(scannedWhole(theirPlan), [], `${name}, ${order}`)
        const sorts = nodesOf(theirPlan).filter((node) => node['Node Type'] === 'Sort')
        for (const sort of sorts) assert.ok(Number(sort['Plan Rows']) < 500, `${name}, ${order}`)
      }
    }
  }
})

// Goal: a page that looks through many entries of its filter reads those, and not all between them.
// Method: the plan of a page with metadata, bounded as such pages are, where the filter is common.
test('a page with metadata looks through the entries of its filter and no others', async (t) => {
  const scratch = await scratchDatabase(t)
  const nowMs = Date.now()
  await generateLog(scratch.sql, { rows: 60_000, endMs: nowMs, months: 1 })
  const ours = ownReader(t, scratch)
  const [end] = await scratch.sql`
    select id from audit.audit_log where split_part(action, '.', 1) = 'ticket'
    order by id desc limit 1 offset 4999`
  const filter = { action: 'ticket.*', metadata: { step: -1 } }
  const plan = await planOf(ours, filter, end?.['id'])
  const sifted = nodesOf(plan).map((node) => String(node['Filter'] ?? ''))
  assert.ok(sifted.some((text) => text.includes('metadata')))
  assert.deepEqual(
    sifted.filter((text) => text.includes('action')),
    [],
  )
})

/** The partitions that are read whole, but for those that have never held an entry. */
function scannedWhole(plan: Plan): readonly unknown[] {
  const scans = nodesOf(plan).filter((node) => node['Node Type'] === 'Seq Scan')
  return scans.filter((node) => Number(node['Plan Rows']) > 1).map((node) => node['Relation Name'])
}

test('a time range leaves out the partitions that it does not touch', async (t) => {
  const scratch = await scratchDatabase(t)
  const nowMs = Date.now()
  await generateLog(scratch.sql, { rows: 3_000, endMs: nowMs, months: 3 })
  const ids = await knownIds(scratch.sql, 3_000)
  const db = reader(t, scratch)
  const scanned = async (options: TimelineOptions) =>
    nodesOf(await planOf(db, { eventId: ids.busyEvent, ...options }))
      .map((node) => node['Relation Name'])
      .filter((name) => name !== undefined)
      .sort()
  const all = await scanned({})
  assert.ok(all.length >= 8, String(all))
  const month = new Date(nowMs - 45 * 24 * HOUR_MS)
  const middle = Date.UTC(month.getUTCFullYear(), month.getUTCMonth(), 15)
  assert.deepEqual(await scanned({ from: middle, to: middle + HOUR_MS }), [
    `audit_log_${month.toISOString().slice(0, 7).replace('-', '_')}`,
  ])
})

const EVENT = '0190a0a0-0000-7000-8000-000000000000'
const BAD: Readonly<Record<string, unknown>> = {
  'no object': 'eventId=1',
  null: null,
  'an unknown name': { evenId: EVENT },
  'a column': { event_id: EVENT },
  'null for a value': { eventId: null },
  'a list of UUIDs': { targetId: [EVENT] },
  'an empty request': { requestId: '' },
  'a request of 100 kB': { requestId: 'x'.repeat(100_000) },
  'a request with NUL': { requestId: 'a\u0000b' },
  'a request with half a character': { requestId: 'a\ud800' },
  'a pattern for an action': { action: '%%%' },
  'a star alone': { action: '*' },
  'a star in the middle': { action: 'bran*.update' },
  'a deeper star': { action: 'a.b.*' },
  'SQL for an action': { action: "a' --" },
  'an action of 100 kB': { action: `a.${'b'.repeat(100_000)}` },
  'entity type alone': { entityType: 'branding' },
  'an entity type with a time range': { entityType: 'branding', from: 0 },
  'metadata alone': { metadata: { a: 1 } },
  'metadata as jsonpath': { eventId: EVENT, metadata: '$.a.x == 1 || 1==1' },
  'metadata as a path': { eventId: EVENT, metadata: "a' ->> 'x') is not null or true --" },
  'metadata as a list': { eventId: EVENT, metadata: ['{"'] },
  'metadata of 100 kB': { eventId: EVENT, metadata: { a: 'x'.repeat(100_000) } },
  'metadata with NUL': { eventId: EVENT, metadata: { a: '\u0000' } },
  'metadata with a BigInt': { eventId: EVENT, metadata: { a: 1n } },
  'a time as text': { from: '2026-02-30T00:00:00Z' },
  'no time': { to: new Date(Number.NaN) },
  'a time before 1970': { from: -1 },
  infinity: { from: Number.POSITIVE_INFINITY },
  'a time range that ends before it begins': { from: 2, to: 1 },
  'a column for the order': { order: 'occurred_at; drop table' },
  'limit 0': { limit: 0 },
  'limit -1': { limit: -1 },
  'limit 1e9': { limit: 1e9 },
  'limit as text': { limit: '50' },
  'half an entry': { limit: 1.5 },
  'a cursor that is no text': { cursor: {} },
  'an empty cursor': { cursor: '' },
  'a cursor of 100 kB': { cursor: 'A'.repeat(100_000) },
  "somebody else's cursor": { cursor: 'eyJpZCI6MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0' },
}

const NO_UUID: Readonly<Record<string, TimelineOptions>> = {
  'a number for a UUID': { userId: 7 },
  'a UUID in braces': { eventId: `{${EVENT}}` },
  'a pattern for a UUID': { eventId: '%%%' },
  'SQL for a UUID': { targetId: "a' --" },
}

// Whether it is an id only the database can say. Nothing else is asked of it.
for (const [name, given] of Object.entries(NO_UUID)) {
  test(`a database with uuid columns is not asked for ${name}`, async () => {
    await assert.rejects(timeline(onlyIdKind('uuid'), given), (error) => {
      assert.ok(error instanceof AuditError && error.code === 'AUDIT_FILTER_INVALID')
      assert.match(error.message, /Id must be a UUID, got ".{1,40}"\..* --ids text/)
      return true
    })
  })
}

// Goal: for any query string the answer is a message and never a statement.
// Method: a database that fails the test when it is asked anything.
for (const [name, given] of Object.entries(BAD)) {
  test(`bad input is refused before the database is asked: ${name}`, async () => {
    const db: AuditDatabase = { execute: () => assert.fail('the database was asked') }
    await assert.rejects(timeline(db, given as TimelineOptions), (error) => {
      assert.ok(error instanceof AuditError, String(error))
      assert.equal(error.code, 'AUDIT_FILTER_INVALID')
      assert.ok(error.message.length > 10 && error.message.length < 400, error.message)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
  })
}

// What a recorder stores as it is given can be asked for.
test('a filter takes every text that the log can hold', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  const eventId = randomUUID()
  const path = { path: 'C:\\u0000' } // a backslash and letters, no escape
  await log(scratch, [{ ms: Date.now(), eventId, metadata: path }])
  assert.equal((await timeline(db, { eventId, metadata: path })).entries.length, 1)
  assert.deepEqual((await timeline(db, { requestId: 'a delete sign \u007f' })).entries, [])
})

test('a cursor is refused when a character of it is changed, or for another question', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  const eventId = randomUUID()
  await log(scratch, [
    { ms: Date.now(), eventId },
    { ms: Date.now(), eventId },
  ])
  const { nextCursor } = await timeline(db, { eventId, limit: 1 })
  assert.ok(nextCursor)
  const refused = (options: TimelineOptions, message: RegExp) =>
    assert.rejects(timeline(db, options), { code: 'AUDIT_FILTER_INVALID', message })

  for (let at = 0; at < nextCursor.length; at += 1) {
    const other = nextCursor[at] === 'A' ? 'B' : 'A'
    const cursor = nextCursor.slice(0, at) + other + nextCursor.slice(at + 1)
    await refused({ eventId, cursor }, /damaged/)
  }
  await refused({ eventId, cursor: `${nextCursor}=` }, /damaged/)
  await refused({ eventId, cursor: nextCursor, order: 'oldest' }, /another filter or order/)
  await refused({ cursor: nextCursor }, /another filter or order/)
  await refused({ eventId: randomUUID(), cursor: nextCursor }, /another filter or order/)

  const another = { eventId: eventId.toUpperCase(), cursor: nextCursor, limit: 7 }
  assert.equal((await timeline(db, another)).entries.length, 1, 'limit and case do not matter')
})

test('text that looks like SQL is looked for as text', async (t) => {
  const scratch = await scratchDatabase(t)
  const requestId = `a' or 1=1 --`
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action, request_id)
    values (${randomUUID()}, 1, now(), 'a.b', ${requestId}), (${randomUUID()}, 2, now(), 'a.b', 'x')`
  const { entries } = await timeline(reader(t, scratch), { requestId })
  assert.deepEqual(seqs(entries), [1])
})

test('an error of the database is ours, and repeats nothing that was asked', async (t) => {
  const { urlAs } = await scratchDatabase(t)
  const client = postgres(urlAs('audit_app'), { max: 1, onnotice: () => {} })
  t.after(() => client.end({ timeout: 1 }))
  const asked = timeline(drizzle(client), { requestId: 'very-secret' })
  await assert.rejects(asked, (error) => {
    assert.ok(error instanceof AuditError)
    assert.equal(error.fault?.code, '42501', 'the application may not read the log')
    assert.doesNotMatch(`${error.message} ${error.stack}`, /very-secret/)
    return true
  })
})

test('a statement that the server ends comes back as a question to narrow', async (t) => {
  const { urlAs } = await scratchDatabase(t)
  const client = postgres(urlAs('audit_reader'), { max: 1, connection: { statement_timeout: 50 } })
  t.after(() => client.end({ timeout: 1 }))
  const slow = readRows(drizzle(client), sql`select pg_sleep(5)`)
  await assert.rejects(slow, { code: 'AUDIT_DEADLINE_PASSED', message: /narrower filter/ })
})

// Goal: what a database does wrong is answered, and brings nobody down later.
// Method: one that throws at once; then the time at which the deadline would have passed.
test('a database that throws instead of answering leaves no deadline behind', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const throwing: AuditDatabase = {
    execute() {
      throw new Error('closed')
    },
  }
  await assert.rejects(readRows(throwing, sql`select 1`), { code: 'AUDIT_DATABASE_FAILED' })
  t.mock.timers.tick(60_000)
  await new Promise((resolve) => setImmediate(resolve))
})

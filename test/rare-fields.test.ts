import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { getTableColumns, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { createCapture } from '../src/capture/capture.ts'
import { createEncoder } from '../src/encode/encoder.ts'
import { compileRedactor } from '../src/redact/redactor.ts'
import type { AuditContext, AuditEntry, IdKind } from '../src/entry.ts'
import { checkTimeline, pageQuery, timeline, type TimelineOptions } from '../src/read/timeline.ts'
import { ndjsonLine } from '../src/export/ndjson.ts'
import type { ExportRow } from '../src/export/rows.ts'
import { tail } from '../src/read/tail.ts'
import { auditLog } from '../src/schema/tables.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { createMemoryRecorder } from '../src/testing/memory-recorder.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { relayOn, silentLogger } from './support/lanes.ts'
import { runRelay } from './support/audit-relay.ts'
import { scratchFolder } from './support/exports.ts'
import { connectAs } from './support/logins.ts'
import { pageOn, readerOn } from './support/pages.ts'
import { recorderOn } from './support/recorders.ts'

const KINDS: readonly IdKind[] = ['uuid', 'text']
const [ADA, GRACE, THING, OTHER] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
const MANY = Array.from({ length: 101 }, () => randomUUID())
const LONG_WORD = 'w'.repeat(300)

interface Stored {
  readonly outcome: string | null
  readonly actor_id: string | null
  readonly actor_kind: string | null
  readonly more_targets: readonly string[] | null
  readonly degraded: readonly string[]
  readonly invalid: Readonly<Record<string, unknown>>
}

interface Case {
  readonly name: string
  /** The library's names. Any value, as a caller without types may give it. */
  readonly given: Readonly<Record<string, unknown>>
  readonly stored: Partial<Stored>
  /** Where text ids store something else. */
  readonly storedAsText?: Partial<Stored>
  /** What only `audit.record` sees, or only a recorder. */
  readonly only?: 'sql' | 'recorder'
}

const NOTHING: Stored = {
  ...{ outcome: null, actor_id: null, actor_kind: null, more_targets: null },
  ...{ degraded: [], invalid: {} },
}

const CASES: readonly Case[] = [
  { name: 'nothing', given: {}, stored: {} },
  {
    name: 'null',
    given: { outcome: null, actorId: null, actorKind: null, moreTargets: null },
    stored: {},
  },
  {
    name: 'empty',
    given: { outcome: '', actorId: '', actorKind: '', moreTargets: [] },
    stored: {},
  },
  ...(['denied', 'failed', 'attempted'] as const).map((outcome) => ({
    ...{ name: outcome, given: { outcome }, stored: { outcome } },
  })),
  ...(['api_key', 'service', 'system', 'agent'] as const).map((kind) => ({
    ...{ name: kind, given: { actorKind: kind }, stored: { actor_kind: kind } },
  })),
  {
    name: 'a colleague, refused, two more targets',
    given: { outcome: 'denied', actorId: GRACE, actorKind: 'agent', moreTargets: [THING, OTHER] },
    stored: {
      ...{ outcome: 'denied', actor_id: GRACE, actor_kind: 'agent' },
      more_targets: [THING, OTHER],
    },
  },
  {
    name: 'words that are none',
    given: { outcome: 'DENIED', actorKind: 'robot' },
    stored: {
      degraded: ['actorKind.invalid', 'outcome.invalid'],
      invalid: { outcome: 'DENIED', actorKind: 'robot' },
    },
  },
  {
    name: 'a word of 300 characters',
    given: { outcome: LONG_WORD },
    stored: {
      degraded: ['outcome.invalid', 'outcome.truncated'],
      invalid: { outcome: LONG_WORD.slice(0, 256) },
    },
  },
  {
    name: 'a boolean',
    given: { outcome: true },
    stored: { degraded: ['outcome.invalid'], invalid: { outcome: 'true' } },
  },
  {
    name: 'ids that are no UUIDs',
    given: { actorId: 'grace', moreTargets: [THING, 'the-venue', null] },
    stored: {
      more_targets: [THING],
      degraded: ['actorId.invalid', 'moreTargets.invalid'],
      invalid: { actorId: 'grace', moreTargets: ['the-venue'] },
    },
    storedAsText: { actor_id: 'grace', more_targets: [THING, 'the-venue'] },
  },
  {
    name: 'numbers',
    given: { actorId: 42, moreTargets: [42, 43] },
    stored: {
      degraded: ['actorId.invalid', 'moreTargets.invalid'],
      invalid: { actorId: '42', moreTargets: ['42', '43'] },
    },
    storedAsText: { actor_id: '42', more_targets: ['42', '43'] },
  },
  {
    name: 'a boolean among the targets, and a name',
    given: { moreTargets: [true, 'the-venue', THING] },
    stored: {
      more_targets: [THING],
      degraded: ['moreTargets.invalid'],
      invalid: { moreTargets: ['true', 'the-venue'] },
    },
    storedAsText: {
      more_targets: ['the-venue', THING],
      degraded: ['moreTargets.invalid'],
      invalid: { moreTargets: ['true'] },
    },
  },
  {
    name: 'one target that stands in no list',
    given: { moreTargets: THING },
    stored: { more_targets: [THING], degraded: ['moreTargets.wrapped'] },
  },
  {
    name: '101 targets',
    given: { moreTargets: MANY },
    stored: { more_targets: MANY.slice(0, 100), degraded: ['moreTargets.truncated'] },
  },
]

const COLUMN_NAMES: Readonly<Record<string, string>> = {
  actorId: 'actor_id',
  actorKind: 'actor_kind',
  moreTargets: 'more_targets',
}

async function databaseOf(t: TestContext, ids: IdKind): Promise<ScratchDatabase> {
  const scratch = await scratchDatabase(t)
  if (ids === 'text')
    await migrateDatabase({ databaseUrl: scratch.url, ids, logger: silentLogger() })
  return scratch
}

async function stored(scratch: ScratchDatabase): Promise<Map<string, Stored>> {
  const rows = await scratch.sql`
    select metadata ->> 'name' as name, outcome, actor_id::text, actor_kind, more_targets::text[],
      context -> 'degraded' as degraded, coalesce(context -> 'invalid', '{}') as invalid
    from audit.audit_log`
  return new Map(
    rows.map(({ name, degraded, ...row }) => [
      String(name),
      { ...row, degraded: [...((degraded as string[] | null) ?? [])].sort() } as unknown as Stored,
    ]),
  )
}

const wanted = (one: Case, ids: IdKind): Stored => ({
  ...NOTHING,
  ...(ids === 'text' && one.storedAsText ? one.storedAsText : one.stored),
})

const entryOf = ({ name, given }: Case) =>
  ({ action: 'venue.delete', userId: ADA, metadata: { name }, ...given }) as unknown as AuditEntry

function assertStored(found: ReadonlyMap<string, Stored>, ids: IdKind, prefix = ''): void {
  for (const one of CASES) {
    assert.deepEqual(found.get(prefix + one.name), wanted(one, ids), `${prefix}${one.name}, ${ids}`)
  }
}

test('targets that cannot be read cost the entry neither its other targets nor itself', () => {
  const { proxy, revoke } = Proxy.revocable([THING], {})
  revoke()
  const throwing = Object.defineProperty([THING, OTHER], 1, {
    get() {
      throw new Error('its own')
    },
  })
  const beyond = [...Array.from({ length: 10_000 }, () => null), THING]
  for (const [moreTargets, kept, mark] of [
    [proxy, null, 'moreTargets.throws'],
    [throwing, [THING], 'moreTargets.throws'],
    [beyond, null, 'moreTargets.truncated'],
  ] as const) {
    const recorder = createMemoryRecorder()
    assert.equal(recorder.record({ action: 'venue.delete', moreTargets } as AuditEntry), true)
    const [entry] = recorder.entries
    assert.deepEqual(entry?.moreTargets, kept, mark)
    assert.deepEqual(entry?.context['degraded'], [mark])
  }
})

// Goal: outcome, actor and further targets are the same by whichever way an entry comes.
// Method: each case by record(), recordIn(), SQL in both spellings and in memory; uuid and text ids.
for (const ids of KINDS) {
  test(`what few entries have reaches the log by every way: ${ids} ids`, async (t) => {
    const scratch = await databaseOf(t, ids)
    const recorder = recorderOn(t, scratch)
    for (const one of CASES) assert.equal(recorder.record(entryOf(one)), true)
    await recorder.flush()
    await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
    assertStored(await stored(scratch), ids)

    const app = connectAs(t, scratch, 'audit_app')
    await drizzle(app).transaction(async (tx) => {
      const renamed = CASES.map((one) => ({
        ...entryOf(one),
        metadata: { name: `in ${one.name}` },
      }))
      assert.equal(await recorder.recordIn(tx, renamed), CASES.length)
    })
    const spellings = {
      'as columns': (name: string) => COLUMN_NAMES[name] ?? name,
      'as the library': (name: string) => name,
    }
    for (const [spelling, nameOf] of Object.entries(spellings)) {
      const entries = CASES.map(({ name, given }) => ({
        ...{ action: 'venue.delete', metadata: { name: `${spelling} ${name}` } },
        ...Object.fromEntries(Object.entries(given).map(([key, value]) => [nameOf(key), value])),
      }))
      // One alone and all together take different ways.
      const [first, ...others] = entries
      await app`select audit.record(${JSON.stringify(first)}::text)`
      const [row] = await app`select audit.record(${JSON.stringify(others)}::text) as taken`
      assert.equal(row?.['taken'], CASES.length - 1)
    }
    await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
    const found = await stored(scratch)
    assert.equal(found.size, CASES.length * 4)
    for (const prefix of ['in ', 'as columns ', 'as the library ']) assertStored(found, ids, prefix)
    const letters = await scratch.sql`select * from audit.audit_dead_letter`
    assert.deepEqual([...letters], [])

    const memory = createMemoryRecorder({ ids })
    for (const one of CASES) memory.record(entryOf(one))
    for (const [at, one] of CASES.entries()) {
      const { outcome, actorId, actorKind, moreTargets, context } = memory.entries[at] ?? {}
      const { degraded, invalid, ...columns } = wanted(one, ids)
      assert.deepEqual(
        { outcome, actor_id: actorId, actor_kind: actorKind, more_targets: moreTargets },
        columns,
        one.name,
      )
      assert.deepEqual([...((context?.['degraded'] as string[]) ?? [])].sort(), degraded, one.name)
      assert.deepEqual(context?.['invalid'] ?? {}, invalid, one.name)
    }
    assert.equal(
      memory.stats().degraded,
      CASES.filter((c) => wanted(c, ids).degraded.length).length,
    )
    assert.equal(recorder.stats().degraded, memory.stats().degraded * 2)
  })
}

test('an actor comes from the context, and an entry says otherwise', async () => {
  const audit = createMemoryRecorder()
  const agent: AuditContext = { userId: ADA, actorId: GRACE, actorKind: 'agent' }
  const child = audit.child(agent)
  child.record({ action: 'a.inherits' })
  child.record({ action: 'a.another', actorId: OTHER })
  child.record({ action: 'a.kind', actorKind: 'service' })
  child.record({ action: 'a.nobody', actorId: null })
  child.child({ requestId: 'r' }).record({ action: 'a.grandchild' })
  audit.withContext(agent, () => audit.record({ action: 'a.scope' }))
  const captured = child.captureContext()
  audit.runWithContext(JSON.parse(JSON.stringify(captured)), () =>
    audit.record({ action: 'a.job' }),
  )
  assert.deepEqual(
    audit.entries.map(({ action, actorId, actorKind }) => [action, actorId, actorKind]),
    [
      ['a.inherits', GRACE, 'agent'],
      ['a.another', OTHER, null],
      ['a.kind', GRACE, 'service'],
      ['a.nobody', null, null],
      ['a.grandchild', GRACE, 'agent'],
      ['a.scope', GRACE, 'agent'],
      ['a.job', GRACE, 'agent'],
    ],
  )
  for (const { context } of audit.entries) {
    assert.deepEqual(
      Object.keys(context).filter((key) => key.startsWith('actor')),
      [],
    )
  }
})

test('a dead letter keeps what few entries have, and a retry brings it back', async (t) => {
  const scratch = await scratchDatabase(t)
  const admin = scratch.sql
  // Only a superuser gets such rows into a lane.
  await admin`
    insert into audit.audit_outbox (id, occurred_at, action, metadata, outcome, actor_id, more_targets)
    values (audit.new_id(), now(), 'venue.delete', '{"name":"odd"}', 'refused', ${ADA}, ${[THING]}),
      (audit.new_id(), now(), 'venue.delete', '{"name":"none"}', null, null, '{}'),
      (audit.new_id(), now(), 'venue.delete', '{"name":"fit"}', 'denied', ${ADA}, ${[THING]})`
  await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
  assert.deepEqual([...(await stored(scratch)).keys()], ['fit'])
  const letters =
    await admin`select number, sqlstate, entry from audit.audit_dead_letter order by number`
  assert.deepEqual(
    letters.map(({ sqlstate }) => sqlstate),
    ['23514', '23514'],
  )
  await admin`update audit.audit_dead_letter set entry = replace(entry, 'refused', 'failed')`
  for (const { number } of letters) await admin`select audit.retry_dead_letter(${number})`
  await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
  const { outcome, actor_id, more_targets } = (await stored(scratch)).get('odd') ?? {}
  assert.deepEqual([outcome, actor_id, more_targets], ['failed', ADA, [THING]])
  // An empty list is refused again.
  assert.equal((await admin`select from audit.audit_dead_letter`).length, 1)
})

// Goal: each of the fields is a filter, and an index serves it.
test('a timeline asks for outcome, actor, kind and further targets', async (t) => {
  for (const ids of KINDS) {
    const scratch = await databaseOf(t, ids)
    const recorder = recorderOn(t, scratch)
    for (const one of CASES) recorder.record(entryOf(one))
    for (let n = 0; n < 200; n += 1) recorder.record({ action: 'thing.change', userId: ADA })
    await recorder.flush()
    await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
    const db = drizzle(connectAs(t, scratch, 'audit_reader'))
    const read = async (options: TimelineOptions) => {
      const { entries } = await timeline(db, options)
      return entries.map(({ metadata }) => metadata['name'])
    }
    assert.deepEqual(await read({ outcome: 'failed' }), ['failed'])
    assert.deepEqual(await read({ actorKind: 'service' }), ['service'])
    const colleague = 'a colleague, refused, two more targets'
    assert.deepEqual(await read({ actorId: GRACE }), [colleague])
    assert.deepEqual(
      await read({ moreTargets: OTHER.toUpperCase() }),
      ids === 'uuid' ? [colleague] : [],
    )
    assert.deepEqual(await read({ outcome: 'denied', userId: ADA }), [colleague, 'denied'])
    if (ids === 'text') assert.deepEqual(await read({ moreTargets: 43 }), ['numbers'])
    const [found] = (await timeline(db, { actorId: GRACE })).entries
    assert.deepEqual(
      [found?.outcome, found?.actorId, found?.actorKind, found?.moreTargets],
      ['denied', GRACE, 'agent', [THING, OTHER]],
    )

    await scratch.sql`analyze audit.audit_log`
    const indexes = {
      outcome: { outcome: 'denied' },
      actor_id: { actorId: GRACE },
      actor_kind: { actorKind: 'agent' },
      more_targets: { moreTargets: THING },
    } as const
    for (const [column, filter] of Object.entries(indexes)) {
      const checked = checkTimeline(filter)
      const query = pageQuery(checked, checked.filter.bind(ids))
      const plan = await db.transaction(async (tx) => {
        // A log of this size is read whole.
        await tx.execute(sql`set local enable_seqscan = off`)
        return await tx.execute(sql`explain select * from ${query.from(query.limit)}`)
      })
      assert.match(JSON.stringify(plan), new RegExp(`Index Cond: \\(+${column} `), column)
    }
  }
})

test('a word that is none is refused by a filter, with those that there are', async (t) => {
  const db = readerOn(t, await scratchDatabase(t))
  await assert.rejects(timeline(db, { outcome: 'refused' as 'denied' }), {
    code: 'AUDIT_FILTER_INVALID',
    message: 'outcome must be denied, failed or attempted, got "refused".',
  })
  await assert.rejects(timeline(db, { actorKind: 1 as unknown as 'agent' }), {
    message: 'actorKind must be api_key, service, system or agent, got 1.',
  })
})

// Goal: who reads the log in another way than by timeline() finds the same entry and sees all of it.
test('the page, the tail and each export show and filter what few entries have', async (t) => {
  const scratch = await scratchDatabase(t)
  const recorder = recorderOn(t, scratch)
  recorder.record({ action: 'thing.change', userId: ADA })
  recorder.record({
    ...{ action: 'venue.delete', userId: ADA, targetId: THING, outcome: 'denied' },
    ...{ actorId: GRACE, actorKind: 'agent', moreTargets: [OTHER] },
  })
  await recorder.flush()
  await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
  const db = readerOn(t, scratch)
  const names = new Map([
    [ADA, 'Ada'],
    [GRACE, 'Grace'],
  ])
  const page = pageOn(db, { names: async () => names })
  const queries = [`outcome=denied`, `actor=${GRACE}`, 'kind=agent', `also=${OTHER}`]
  for (const query of queries) {
    const shown = await page.text(`?${query}`)
    assert.equal(shown.match(/<li class="entry /g)?.length, 1, query)
    const plain = shown.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ')
    assert.match(plain, /AI agent Grace as Ada tried to delete venue \w+ and 1 more: denied/)
    const [, id] = /[?;]entry=([^"]+)"/.exec(shown) ?? []
    const detail = await page.text(`?${query}&entry=${id}`)
    for (const label of ['Outcome', 'Actor', 'Kind of actor', 'Also on']) {
      assert.match(detail, new RegExp(`<dt>${label}</dt>`))
    }
  }
  assert.equal((await page.get('?outcome=refused')).status, 400)

  const filters = [
    { outcome: 'denied' as const, flags: ['--outcome', 'denied'] },
    { actorId: GRACE, flags: ['--actor', GRACE] },
    { actorKind: 'agent' as const, flags: ['--actor-kind', 'agent'] },
    { moreTargets: OTHER, flags: ['--also-on', OTHER] },
  ]
  const folder = scratchFolder(t)
  for (const [n, { flags, ...filter }] of filters.entries()) {
    const { value } = await tail(db, { fromSeq: 1, filter }).next()
    assert.deepEqual([value?.action, value?.moreTargets], ['venue.delete', [OTHER]])
    const out = path.join(folder, `${n}.ndjson`)
    const { code, stderr } = await runRelay(t, ['export', '--out', out, ...flags], {
      DATABASE_URL: scratch.urlAs('audit_reader'),
    })
    assert.equal(code, 0, stderr)
    const lines = fs.readFileSync(out, 'utf8').trim().split('\n')
    const { outcome, actor_id, actor_kind, more_targets } = JSON.parse(lines[0] ?? '')
    assert.deepEqual(
      [lines.length, outcome, actor_id, actor_kind, more_targets],
      [1, 'denied', GRACE, 'agent', [OTHER]],
    )
  }
})

test('the table of required fields has each column of the log, and no other', () => {
  const text = fs.readFileSync(new URL('../src/required-fields.md', import.meta.url), 'utf8')
  const columns = Object.values(getTableColumns(auditLog)).map(({ name }) => name)
  const [table = ''] = text.split('\n## ')
  const rows = table.split('\n').filter((line) => line.startsWith('| `'))
  const named = rows.flatMap((line) => line.split('|')[1]?.match(/\w+/g) ?? [])
  assert.deepEqual([...named].sort(), [...columns].sort())
  const order = Object.keys(JSON.parse(ndjsonLine(EXPORT_ROW)))
  assert.deepEqual([...order].sort(), [...columns].sort())
})

const EXPORT_ROW: ExportRow = {
  ...{ seq: 1, id: ADA, occurredAt: '', loggedAt: '', writtenBy: '', action: 'a.b' },
  ...{ userId: null, eventId: null, targetId: null, moreTargets: null, outcome: null },
  ...{ actorId: null, actorKind: null, entityType: null, requestId: null },
  ...{ metadata: '{}', context: '{}', recorderId: null, recorderSeq: null },
}

// Goal: the lowest limit of an entry's size holds for the longest that its columns can be.
test('an entry with everything fits into the lowest limit', () => {
  const wide = '日'.repeat(300)
  const redactor = compileRedactor(undefined)
  const { captureEntry } = createCapture({ maxEntryBytes: 1_024, redactor })
  const encoder = createEncoder({ recorderId: ADA, maxEntryBytes: 1_024, redactor })
  const captured = captureEntry(
    {
      ...{ action: wide, userId: wide, eventId: wide, targetId: wide, actorId: wide },
      ...{ actorKind: 'api_key', outcome: 'attempted', moreTargets: MANY, entityType: wide },
      ...{ requestId: wide, metadata: { wide }, context: { wide }, occurredAt: wide },
    },
    undefined,
    Date.now(),
  )
  assert.ok(captured)
  const json = encoder.encode(captured, Number.MAX_SAFE_INTEGER)
  assert.ok(Buffer.byteLength(json) <= 1_024, `${Buffer.byteLength(json)} bytes`)
  assert.equal(JSON.parse(json).outcome, 'attempted')
})

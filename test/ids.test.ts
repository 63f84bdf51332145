import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import type { IdKind } from '../src/entry.ts'
import { EXPORT_FORMATS, exportLog } from '../src/export/index.ts'
import { tail } from '../src/read/tail.ts'
import { checkTimeline, pageQuery, timeline } from '../src/read/timeline.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { createMemoryRecorder } from '../src/testing/memory-recorder.ts'
import { runRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { applicationDatabase } from './support/drivers.ts'
import { memoryLogger, relayOn, silentLogger } from './support/lanes.ts'
import { connectAs } from './support/logins.ts'
import { pageOn, readerOn } from './support/pages.ts'
import { REAL_IDS, type RealId } from './support/real-ids.ts'
import { recorderOn } from './support/recorders.ts'

const DYING = fileURLToPath(new URL('support/dying-process.ts', import.meta.url))
const KINDS: readonly IdKind[] = ['uuid', 'text']
/** Not at the same time as another id of the same text. */
const DISTINCT = REAL_IDS.filter(({ kind }) => kind !== 'a number as text')

async function databaseOf(t: TestContext, ids: IdKind): Promise<ScratchDatabase> {
  const scratch = await scratchDatabase(t)
  if (ids === 'text')
    await migrateDatabase({ databaseUrl: scratch.url, ids, logger: silentLogger() })
  return scratch
}

interface LoggedIds {
  readonly user_id: string | null
  readonly event_id: string | null
  readonly target_id: string | null
  readonly degraded: readonly string[]
  readonly invalid: Readonly<Record<string, string>>
}

/** The ids of each entry of the log, in the order of their `metadata.n`. */
async function loggedIds({ sql }: ScratchDatabase): Promise<readonly LoggedIds[]> {
  const rows = await sql<LoggedIds[]>`
    select user_id::text, event_id::text, target_id::text,
      coalesce(context -> 'degraded', '[]') as degraded, coalesce(context -> 'invalid', '{}') as invalid
    from audit.audit_log order by (metadata ->> 'n')::integer`
  return rows.map((row) => ({ ...row }))
}

const FIELDS = ['userId', 'eventId', 'targetId'] as const

function expected({ text, uuid }: RealId, ids: IdKind): LoggedIds {
  const id = ids === 'text' ? text : uuid
  const isKept = id === null
  return {
    ...{ user_id: id, event_id: id, target_id: id },
    degraded: isKept ? FIELDS.map((field) => `${field}.invalid`) : [],
    invalid: isKept ? Object.fromEntries(FIELDS.map((field) => [field, text])) : {},
  }
}

function entriesOf(ids: readonly RealId[]) {
  return ids.map(({ given }, n) => ({
    ...{ action: 'thing.change' as const, userId: given, eventId: given, targetId: given },
    metadata: { n },
  }))
}

async function assertLogged(scratch: ScratchDatabase, ids: IdKind, given = REAL_IDS) {
  const logged = await loggedIds(scratch)
  assert.equal(logged.length, given.length)
  for (const [at, real] of given.entries()) {
    assert.deepEqual(logged[at], expected(real, ids), `${real.kind}, ${ids}`)
  }
}

// Goal: an id of any kind is stored as it is where the columns are text, and kept in the context where
// they are uuid. Method: every real kind of id, by every door, in a database of each kind.
for (const ids of KINDS) {
  test(`ids by record(), ${ids}`, async (t) => {
    const scratch = await databaseOf(t, ids)
    const logger = memoryLogger()
    const audit = recorderOn(t, scratch, { logger })
    for (const entry of entriesOf(REAL_IDS)) assert.equal(audit.record(entry), true)
    assert.equal(await audit.flush(), true)
    await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
    await assertLogged(scratch, ids)
    const odd = REAL_IDS.filter(({ uuid }) => uuid === null).length
    assert.equal(audit.stats().degraded, ids === 'uuid' ? odd : 0)
  })

  for (const mode of ['atomic', 'best-effort'] as const) {
    test(`ids by recordIn, ${mode}, ${ids}`, async (t) => {
      const scratch = await databaseOf(t, ids)
      const audit = recorderOn(t, scratch)
      const app = applicationDatabase(t, 'postgres-js', scratch.urlAs('audit_app'))
      await app.transaction(async (tx) => {
        const taken = await audit.recordIn(tx, entriesOf(REAL_IDS), { mode })
        assert.equal(taken, REAL_IDS.length)
      })
      await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
      await assertLogged(scratch, ids)
      const odd = REAL_IDS.filter(({ uuid }) => uuid === null).length
      assert.equal(audit.stats().degraded, ids === 'uuid' ? odd : 0)
    })
  }

  for (const name of ['record', 'record_in'] as const) {
    test(`ids by audit.${name}, ${ids}`, async (t) => {
      const scratch = await databaseOf(t, ids)
      const app = connectAs(t, scratch, 'audit_app')
      // By their names in the table, in one call and one by one, and by those of the library.
      const spelled = REAL_IDS.map(({ given }, n) => {
        const id = typeof given === 'string' ? JSON.stringify(given) : String(given)
        const names = n % 2 === 0 ? ['user_id', 'event_id', 'target_id'] : FIELDS
        const pairs = names.map((field) => `"${field}":${id}`).join(',')
        return `{"action":"thing.change",${pairs},"metadata":{"n":${n}}}`
      })
      const half = Math.ceil(spelled.length / 2)
      const texts = [`[${spelled.slice(0, half).join(',')}]`, ...spelled.slice(half)]
      for (const text of texts) await app`select audit.${app(name)}(${text}::text)`
      await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
      await assertLogged(scratch, ids)
    })
  }

  test(`ids that an ended process left on disk, ${ids}`, async (t) => {
    const scratch = await databaseOf(t, ids)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-ids-'))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', DYING, 'exit', '0', scratch.urlAs('audit_app')],
      {
        env: { PATH: process.env['PATH'], AUDIT_JOURNAL_DIR: folder, REAL_IDS: '1' },
        stdio: 'ignore',
      },
    )
    await once(child, 'close')
    const { code, stderr } = await runRelay(t, ['recover', folder], {
      AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    })
    assert.equal(code, 0, stderr)
    await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
    const rows = await scratch.sql`
      select coalesce(user_id::text, context -> 'invalid' ->> 'userId') as id, outcome,
        coalesce(actor_id::text, context -> 'invalid' ->> 'actorId') as actor,
        coalesce(more_targets[1]::text, context -> 'invalid' -> 'moreTargets' ->> 0) as target
      from audit.audit_log order by recorder_seq`
    assert.deepEqual(
      rows.map(({ id, actor, target, outcome }) => [id, actor, target, outcome]),
      REAL_IDS.map((real) => {
        const id = ids === 'uuid' ? (real.uuid ?? real.text) : real.text
        return [id, id, id, 'failed']
      }),
    )
  })

  test(`ids of dead letters come back, ${ids}`, async (t) => {
    const scratch = await databaseOf(t, ids)
    const { sql } = scratch
    await sql`alter table audit.audit_log add constraint theirs check (action <> 'thing.change')`
    const audit = recorderOn(t, scratch)
    for (const entry of entriesOf(REAL_IDS)) audit.record(entry)
    await audit.flush()
    const relay = relayOn(t, scratch)
    const { deadLetters } = await relay.drain({ deadlineMs: 20_000 })
    assert.equal(deadLetters, REAL_IDS.length)
    await sql`alter table audit.audit_log drop constraint theirs`
    const { code, stderr } = await runRelay(t, ['dead-letters', 'retry', '--all'], {
      AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    })
    assert.equal(code, 0, stderr)
    await relay.drain({ deadlineMs: 10_000 })
    await assertLogged(scratch, ids)
  })

  test(`ids in memory are what a database of ${ids} would hold`, async () => {
    const audit = createMemoryRecorder({ ids })
    for (const entry of entriesOf(REAL_IDS)) audit.record(entry)
    await audit.recordIn(
      { execute: () => Promise.reject(new Error('unused')) },
      entriesOf(REAL_IDS),
    )
    assert.equal(audit.entries.length, 2 * REAL_IDS.length)
    for (const [at, { userId, eventId, targetId, context }] of audit.entries.entries()) {
      const real = REAL_IDS[at % REAL_IDS.length] as RealId
      const { degraded = [], invalid = {} } = context
      const found = { user_id: userId, event_id: eventId, target_id: targetId, degraded, invalid }
      assert.deepEqual(found, expected(real, ids), real.kind)
    }
    const odd = REAL_IDS.filter(({ uuid }) => uuid === null).length
    assert.equal(audit.stats().degraded, ids === 'uuid' ? 2 * odd : 0)
  })
}

// Goal: what cannot be an id is kept, and is never taken for one. Method: the library and SQL, on text.
test('what is no id for any column is kept in the context, and marked', async (t) => {
  const scratch = await databaseOf(t, 'text')
  const audit = recorderOn(t, scratch)
  const given: readonly (readonly [
    unknown,
    string | null,
    string | undefined,
    readonly string[],
  ])[] = [
    [1e21, null, '1e+21', ['userId.invalid']],
    [Number.NaN, null, 'NaN', ['userId.invalid']],
    [Number.POSITIVE_INFINITY, null, 'Infinity', ['userId.invalid']],
    [1.5, null, '1.5', ['userId.invalid']],
    [-0, null, '-0', ['userId.invalid']],
    [2 ** 53, null, '9007199254740992', ['userId.invalid']],
    [-(2 ** 53), null, '-9007199254740992', ['userId.invalid']],
    [true, null, 'true', ['userId.invalid']],
    [['a'], null, '["a"]', ['userId.invalid']],
    [{ name: 'ada' }, null, '{"name":"ada"}', ['userId.invalid']],
    [{ id: 7 }, '7', undefined, ['userId.object']],
    [{ id: 'user_1', email: 'a@example.org' }, 'user_1', undefined, ['userId.object']],
    [{ id: 1.5 }, null, '1.5', ['userId.object', 'userId.invalid']],
    [
      { toJSON: () => '507f1f77bcf86cd799439011' },
      '507f1f77bcf86cd799439011',
      undefined,
      ['userId.object'],
    ],
    [10n ** 20n, '100000000000000000000', undefined, []],
    [10n ** 300n, `1${'0'.repeat(255)}`, undefined, ['userId.truncated']],
    ['', null, undefined, []],
    [null, null, undefined, []],
    ['x'.repeat(257), 'x'.repeat(256), undefined, ['userId.truncated']],
    [`${'x'.repeat(255)}😀`, 'x'.repeat(255), undefined, ['userId.truncated']],
    ['a\u0000b\nc\ud800', 'a\ufffdb\ufffdc\ufffd', undefined, ['userId.characters']],
  ]
  for (const [n, [userId]] of given.entries()) {
    audit.record({ action: 'thing.change', userId: userId as string, metadata: { n } })
  }
  // Of a context as of an entry.
  const bound = audit.child({ userId: 1.5 })
  bound.record({ action: 'thing.change', metadata: { n: given.length } })
  await audit.flush()
  await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
  const logged = await loggedIds(scratch)
  for (const [at, [value, stored, kept, marks]] of given.entries()) {
    const { user_id, degraded, invalid } = logged[at] as LoggedIds
    const found = [user_id, invalid['userId'], degraded]
    assert.deepEqual(found, [stored, kept, marks], String(kept ?? stored ?? value))
  }
  const last = logged.at(-1) as LoggedIds
  assert.deepEqual(
    [last.user_id, last.invalid, last.degraded],
    [null, { userId: '1.5' }, ['userId.invalid']],
  )
})

test('SQL takes a number that is written as digits, and marks every other one', async (t) => {
  const scratch = await databaseOf(t, 'text')
  const app = connectAs(t, scratch, 'audit_app')
  const given: readonly (readonly [
    string,
    string | null,
    string | undefined,
    readonly string[],
  ])[] = [
    ['42', '42', undefined, []],
    ['-42', '-42', undefined, []],
    ['0', '0', undefined, []],
    ['9007199254740993', '9007199254740993', undefined, []],
    ['1e3', null, '1e3', ['userId.invalid']],
    ['42.0', null, '42.0', ['userId.invalid']],
    ['1.5', null, '1.5', ['userId.invalid']],
    ['-0', null, '-0', ['userId.invalid']],
    ['true', null, 'true', ['userId.invalid']],
    ['["a"]', null, '["a"]', ['userId.invalid']],
    ['{"id":7}', '7', undefined, ['userId.object']],
    ['{"id":1e3}', null, '1e3', ['userId.object', 'userId.invalid']],
    ['{"name":"ada"}', null, '{"name": "ada"}', ['userId.invalid']],
    ['{"password":"hunter2-is-long"}', null, '{"password": "[Redacted]"}', ['userId.invalid']],
    ['""', null, undefined, []],
    ['null', null, undefined, []],
    [`"${'é'.repeat(256)}"`, 'é'.repeat(256), undefined, []],
    [`"${'é'.repeat(257)}"`, 'é'.repeat(256), undefined, ['userId.truncated']],
  ]
  const spelled = (name: string) =>
    given.map(([id], n) => `{"action":"thing.change","${name}":${id},"metadata":{"n":${n}}}`)
  for (const name of ['user_id', 'userId']) {
    await app`select audit.record(${`[${spelled(name).join(',')}]`}::text)`
    for (const text of spelled(name)) await app`select audit.record_in(${text}::text)`
  }
  // As a client of another kind could send them into the fast lane.
  const { recorderId, recorderKey } = {
    recorderId: crypto.randomUUID(),
    recorderKey: 'k'.repeat(24),
  }
  const rows = given.map(
    ([id], n) =>
      `["${idNow(n)}","2026-01-01T00:00:00Z",${n + 1},${id},null,null,"thing.change",null,null,{"n":${n}},{}]`,
  )
  await app`select audit.stage(${recorderId}::uuid, ${recorderKey}, array[${`[${rows.join(',')}]`}]::text[])`
  await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
  const logged = await loggedIds(scratch)
  assert.equal(logged.length, 5 * given.length)
  for (const [at, found] of logged.entries()) {
    const [id, stored, kept, marks] = given[Math.floor(at / 5)] ?? []
    assert.deepEqual(
      [
        found.user_id,
        found.invalid['userId']?.replace(/hunter2-is-long/, '[Redacted]'),
        found.degraded,
      ],
      [stored, kept, marks],
      id,
    )
  }
})

/** Whether a value somewhere in it is this text. */
function holds(value: unknown, text: string): boolean {
  if (typeof value !== 'object' || value === null) return value === text
  return Object.values(value).some((one) => holds(one, text))
}

function idNow(n: number): string {
  const ms = Date.now().toString(16).padStart(12, '0')
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`
}

// Goal: each id finds its entry and no other, by every reader. Method: all kinds in one log.
test('every reader finds an entry by an id of any kind', async (t) => {
  const scratch = await databaseOf(t, 'text')
  const audit = recorderOn(t, scratch)
  for (const entry of entriesOf(DISTINCT)) audit.record(entry)
  await audit.flush()
  await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
  const db = readerOn(t, scratch)
  const { get } = pageOn(db, {
    names: async (ids) => new Map(ids.map((id) => [id, `name of ${id.slice(0, 9)}`])),
  })
  for (const [n, { kind, given, text }] of DISTINCT.entries()) {
    for (const filter of [{ userId: given }, { eventId: text }, { targetId: given }]) {
      const { entries } = await timeline(db, filter)
      assert.deepEqual(
        entries.map(({ metadata }) => metadata['n']),
        [n],
        kind,
      )
      assert.equal(entries[0]?.userId, text)
    }
    const { value } = await tail(db, { fromSeq: 1, filter: { userId: given } }).next()
    assert.equal(value?.metadata['n'], n, kind)
    const { pages } = await exportLog(db, { filter: { userId: given } })
    const lines: string[] = []
    for await (const page of pages) lines.push(page.text)
    const [line = '{}'] = lines.join('').trim().split('\n')
    assert.equal(JSON.parse(line)['user_id'], text, kind)
    for (const name of ['user', 'event', 'target']) {
      const response = await get(`?${new URLSearchParams({ [name]: text })}`)
      const html = await response.text()
      assert.equal(response.status, 200, kind)
      assert.equal(html.match(/<li class="entry /g)?.length, 1, `${kind}, ${name}`)
      assert.doesNotMatch(html, /<script>alert/)
    }
    const only = pageOn(db, { authorize: () => ({ name: 'tenant', onlyEventId: given }) })
    const html = await only.text('')
    assert.equal(html.match(/<li class="entry /g)?.length, 1, kind)
    const other = DISTINCT[(n + 1) % DISTINCT.length]?.text ?? ''
    const denied = await only.get(`?${new URLSearchParams({ event: other })}`)
    assert.equal(denied.status, 400)
    const [entry] = (await timeline(db, { eventId: other })).entries
    assert.equal((await only.get(`?entry=${entry?.id}`)).status, 404, 'an entry of another event')
  }
  for (const format of EXPORT_FORMATS) {
    const { head, pages } = await exportLog(db, { format })
    const lines: string[] = []
    for await (const page of pages) lines.push(page.text)
    const written = head + lines.join('')
    const found = format === 'csv' ? written.split('\r\n').slice(1) : written.trim().split('\n')
    for (const [n, { kind, text }] of DISTINCT.entries()) {
      if (format !== 'csv') {
        assert.ok(
          found.some((line) => holds(JSON.parse(line), text)),
          `${kind}, ${format}`,
        )
      } else if (!/^[-=+@]/.test(text)) {
        assert.ok(written.includes(`"${text.replaceAll('"', '""')}"`), `${kind}, ${format} ${n}`)
      } else {
        assert.ok(written.includes(`"'${text}"`), `${kind}: no formula`)
      }
    }
  }
  const { text } = pageOn(db)
  const html = await text('')
  assert.equal(html.match(/<li class="entry /g)?.length, DISTINCT.length)
  assert.match(html, /href="\?user=auth0%7C5f7c8ec7c33c6c004bbafe82"/)
})

test('a filter with a text id is served by the index of its column', async (t) => {
  const scratch = await databaseOf(t, 'text')
  const reader = connectAs(t, scratch, 'audit_reader')
  await reader`set enable_seqscan = off`
  const db = drizzle(reader)
  for (const [name, column] of [
    ['userId', 'user_id'],
    ['eventId', 'event_id'],
    ['targetId', 'target_id'],
  ] as const) {
    const asked = checkTimeline({ [name]: 'auth0|5f7c' })
    const { from } = pageQuery(asked, asked.filter.bind('text'))
    const plan = JSON.stringify(await db.execute(sql`explain select * from ${from(51)}`))
    assert.match(plan, new RegExp(`${column}_id_idx.*Index Cond: \\(${column} = '`), plan)
  }
})

// Goal: the bound on an entry holds for ids of any length. Method: the smallest bound, ids of the most bytes.
test('an entry with the longest ids fits into the smallest bound', () => {
  const audit = createMemoryRecorder({ ids: 'text', maxEntryBytes: 1_024 })
  for (const character of ['\u6f22', '"', 'x', '\u{1f600}']) {
    const id = character.repeat(256)
    const texts = { entityType: id, requestId: id, action: `a.${'\u6f22'.repeat(126)}` as const }
    audit.record({ ...texts, userId: id, eventId: id, targetId: id, metadata: { id } })
    const { lane: _lane, ...entry } = audit.entries.at(-1) ?? assert.fail()
    const { userId, eventId, targetId, requestId, entityType, action, context } = entry
    const columns = { userId, eventId, targetId, requestId, entityType, action, context }
    assert.ok(Buffer.byteLength(JSON.stringify(columns)) <= 1_024, character)
    assert.ok(userId !== null && id.startsWith(userId), character)
    assert.deepEqual(context['degraded'], ['entry.truncated'])
  }
})

test('case is kept with text, and with uuid it is that of Postgres', async (t) => {
  const upper = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'
  for (const ids of KINDS) {
    const scratch = await databaseOf(t, ids)
    const audit = recorderOn(t, scratch)
    audit.record({ action: 'thing.change', userId: upper })
    await audit.flush()
    await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
    const db = readerOn(t, scratch)
    const found = async (userId: string) => (await timeline(db, { userId })).entries.length
    assert.equal(await found(upper), 1)
    assert.equal(await found(upper.toLowerCase()), ids === 'uuid' ? 1 : 0)
  }
})

test('a filter with an id that is none of its database names the cure', async (t) => {
  const scratch = await databaseOf(t, 'uuid')
  const db = readerOn(t, scratch)
  const cure = { code: 'AUDIT_FILTER_INVALID', message: /userId must be a UUID.*--ids text/ }
  await assert.rejects(timeline(db, { userId: 'user_2abc' }), cure)
  await assert.rejects(timeline(db, { userId: 42 }), cure)
  await assert.rejects(tail(db, { filter: { userId: 'user_2abc' } }).next(), cure)
  await assert.rejects(exportLog(db, { filter: { userId: 'user_2abc' } }), cure)
  const response = await pageOn(db).get('?user=user_2abc')
  assert.equal(response.status, 400)
  assert.match(await response.text(), /id="p-user">Must be a UUID, got &quot;user_2abc&quot;\./)
  const out = path.join(os.tmpdir(), `audit-outbox-ids-${process.pid}.ndjson`)
  const { code, stderr } = await runRelay(t, ['export', '--out', out, '--user', 'user_2abc'], {
    DATABASE_URL: scratch.urlAs('audit_reader'),
  })
  assert.equal(code, 2, stderr)
  assert.match(stderr, /--user must be a UUID/)
  for (const bad of [1.5, 2 ** 53, Number.NaN]) {
    await assert.rejects(timeline(db, { userId: bad }), { code: 'AUDIT_FILTER_INVALID' })
  }
})

// Goal: a team with other ids learns of it at once, and its log holds no id. Method: read the warnings.
test('the first id that is no UUID is warned of once, with its field and the cure', async (t) => {
  const scratch = await databaseOf(t, 'uuid')
  for (const lane of ['staging', 'outbox'] as const) {
    const logger = memoryLogger()
    const audit = recorderOn(t, scratch, { logger })
    const app = applicationDatabase(t, 'postgres-js', scratch.urlAs('audit_app'))
    const record = (entry: Parameters<typeof audit.record>[0]) =>
      lane === 'staging'
        ? audit.record(entry)
        : app.transaction((tx) => audit.recordIn(tx, entry).then(() => undefined))
    await record({ action: 'thing.change', userId: crypto.randomUUID() })
    await audit.flush()
    const cures = () => logger.lines.filter((line) => JSON.stringify(line).includes('--ids text'))
    assert.equal(cures().length, 0)
    for (const targetId of ['person-4711', 'person-4712']) {
      await record({ action: 'thing.change', userId: crypto.randomUUID(), targetId })
      await audit.flush()
    }
    assert.equal(cures().length, 1)
    assert.match(JSON.stringify(cures()), /targetId is no UUID/)
    assert.doesNotMatch(JSON.stringify(logger.lines), /person-47/)
  }
  const text = await databaseOf(t, 'text')
  const logger = memoryLogger()
  const audit = recorderOn(t, text, { logger })
  audit.record({ action: 'thing.change', targetId: 'person-4711' })
  await audit.flush()
  assert.deepEqual(logger.lines, [])
})

test('a note of a read takes a viewer of any id', async (t) => {
  const scratch = await databaseOf(t, 'text')
  const relay = relayOn(t, scratch)
  const reader = connectAs(t, scratch, 'audit_reader')
  for (const { text } of DISTINCT) {
    await reader`select audit.note_read(false, ${text}, '{}', '{}')`
  }
  await relay.drain({ deadlineMs: 10_000 })
  const rows = await scratch.sql`select user_id from audit.audit_log order by seq`
  assert.deepEqual(
    new Set(rows.map((row) => row['user_id'])),
    new Set(DISTINCT.map(({ text }) => text)),
  )
})

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { getTableConfig, PgDialect } from 'drizzle-orm/pg-core'
import { createEncoder } from '../src/encode/encoder.ts'
import { EncodedBatch } from '../src/encode/batch.ts'
import {
  type AuditContext,
  MAX_ACTION_CHARACTERS,
  MAX_MORE_TARGETS,
  MAX_TEXT_CHARACTERS,
} from '../src/entry.ts'
import { labelOf } from '../src/encode/log-label.ts'
import { createIdGenerator } from '../src/ids/uuid7.ts'
import type { CapturedEntry } from '../src/capture/captured-entry.ts'
import { compileRedactor, type RedactOptions } from '../src/redact/redactor.ts'
import { createCapture } from '../src/capture/capture.ts'
import { auditLog } from '../src/schema/tables.ts'

const NOW = Date.UTC(2026, 0, 15, 12)
const RECORDER = '01963d1c-0000-7000-8000-000000000001'
const [USER, EVENT, TARGET] = [randomUUID(), randomUUID().toUpperCase(), randomUUID()]

function pipeline(maxEntryBytes = 32_768, redact?: RedactOptions | false) {
  const redactor = compileRedactor(redact)
  const { captureEntry, bindContext } = createCapture({ maxEntryBytes, redactor })
  const { encode } = createEncoder({ recorderId: RECORDER, maxEntryBytes, redactor })
  return { captureEntry, bindContext, encode }
}

/** An entry as the database gets it. */
function encoded(entry: object, maxEntryBytes?: number, context?: AuditContext) {
  const { captureEntry, bindContext, encode } = pipeline(maxEntryBytes)
  const pending = captureEntry(
    { action: 'thing.change', ...entry },
    context && bindContext(context),
    NOW,
  )
  assert(pending !== undefined)
  const json = encode(pending, 7)
  const bytes = Buffer.byteLength(json)
  assert(bytes <= (maxEntryBytes ?? 32_768), `${bytes} bytes`)
  return { json, bytes, row: JSON.parse(json), label: labelOf(pending) }
}

test("an entry becomes one JSON object in the columns' names, without the empty ones", () => {
  const { row, label } = encoded({
    action: 'branding.update',
    userId: USER,
    eventId: EVENT,
    targetId: TARGET,
    entityType: 'branding',
    requestId: 'req-1',
    metadata: { field: 'color' },
    context: { ip: '::1' },
  })
  assert.deepEqual(row, {
    id: row.id,
    occurred_at: '2026-01-15T12:00:00.000Z',
    recorder_id: RECORDER,
    recorder_seq: 7,
    user_id: USER,
    event_id: EVENT,
    target_id: TARGET,
    action: 'branding.update',
    entity_type: 'branding',
    request_id: 'req-1',
    metadata: { field: 'color' },
    context: { ip: '::1' },
  })
  assert.deepEqual(label, { action: 'branding.update', eventId: EVENT, userId: USER })
  assert.deepEqual(Object.keys(encoded({}).row), [
    ...['id', 'occurred_at', 'recorder_id', 'recorder_seq', 'action'],
  ])
})

test('the outbox lane has no recorder and no running number', () => {
  const { captureEntry, encode } = pipeline()
  const pending = captureEntry({ action: 'a.b' }, undefined, NOW)
  assert(pending !== undefined)
  assert.deepEqual(Object.keys(JSON.parse(encode(pending, null))), [
    ...['id', 'occurred_at', 'action'],
  ])
})

test('ids follow the order of the flush', () => {
  const { captureEntry, encode } = pipeline()
  let last = ''
  for (let n = 0; n < 5_000; n += 1) {
    const pending = captureEntry({ action: 'a.b' }, undefined, NOW + Math.floor(n / 100))
    assert(pending !== undefined)
    const { id } = JSON.parse(encode(pending, n))
    assert(id > last)
    last = id
  }
})

// Only the database knows whether its columns hold text, so the recorder decides nothing about ids.
test('an id is sent as it was given, cut to 256 characters, and never logged', () => {
  const { row, label } = encoded({
    userId: 'bob',
    eventId: `{${USER}}`,
    targetId: 'x'.repeat(999),
  })
  assert.equal(label.userId, undefined)
  assert.deepEqual(
    [row.user_id, row.event_id, row.target_id],
    ['bob', `{${USER}}`, 'x'.repeat(256)],
  )
  assert.deepEqual(row.context, { degraded: ['targetId.truncated'] })
})

test('a secret as long as a UUID, in the place of one, is not written', () => {
  const secret = `Bearer ${'a1'.repeat(15)}`.slice(0, 36)
  const { row, json } = encoded({ userId: secret, requestId: secret })
  assert.doesNotMatch(json, /a1a1/)
  assert.equal(row.user_id, 'Bearer [Redacted]')
  assert.equal(row.request_id, 'Bearer [Redacted]')
  assert.deepEqual(row.context.redacted, ['userId', 'requestId'])
})

test('an action that is not entity.verb is stored, marked, and named in no log', () => {
  for (const action of ['login', 'user login', 'a.', '.b', 'a..b', 'Ünı.code', 'x'.repeat(9_000)]) {
    const made = encoded({ action })
    assert.equal(made.row.action, action.slice(0, 128))
    assert(made.row.context.degraded.includes('action.malformed'), action)
    assert.equal(made.label.action, '(malformed)')
  }
  for (const action of [
    'user.login',
    'api_key.create',
    'user.password-reset.start',
    'apiKey.use',
  ]) {
    assert.equal(encoded({ action }).label.action, action)
    assert.equal(encoded({ action }).row.context, undefined)
  }
})

test('what Postgres cannot store as text is replaced, marked, and nothing else is', () => {
  const bad = 'a\u0000b\ud800c\udc00'
  const good = 'a\ufffdb\ufffdc\ufffd'
  const { row, json } = encoded({
    action: `x.${bad}`,
    entityType: bad,
    requestId: `${bad}\n\u001b`,
    userId: bad,
    metadata: { [bad]: bad, list: [bad], fine: '\\u0000 \\ud800 😀 \n\t\u0001"\\' },
    context: { [bad]: bad },
  })
  assert.doesNotMatch(json, /\0|(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/)
  assert.doesNotMatch(json, /\p{Surrogate}/u)
  assert.equal(row.action, `x.${good}`)
  assert.equal(row.entity_type, good)
  assert.equal(row.request_id, `${good}\ufffd\ufffd`)
  assert.deepEqual(row.metadata, {
    [good]: good,
    list: [good],
    fine: '\\u0000 \\ud800 😀 \n\t\u0001"\\',
  })
  assert.equal(row.context[good], good)
  assert.equal(row.user_id, good)
  assert.deepEqual([...row.context.degraded].sort(), [
    ...['action.characters', 'action.malformed', 'context.characters', 'entityType.characters'],
    ...['metadata.characters', 'requestId.characters', 'userId.characters'],
  ])
})

test('a context is written once with its marks, and an entry adds to it', () => {
  const { captureEntry, bindContext, encode } = pipeline()
  const context = bindContext({
    ip: '::1',
    route: '/a\u0000',
    password: 'x',
    at: new Date(Number.NaN),
  })
  const rows = [{}, {}, { context: { route: '/b' } }].map((entry) => {
    const pending = captureEntry({ action: 'a.b', ...entry }, context, NOW)
    assert(pending !== undefined)
    return JSON.parse(encode(pending, 1)).context
  })
  const expected = {
    ip: '::1',
    route: '/a\ufffd',
    password: '[Redacted]',
    at: 'Invalid Date',
    degraded: ['context.date', 'context.characters'],
    redacted: ['context.password'],
  }
  assert.deepEqual(rows.slice(0, 2), [expected, expected])
  assert.deepEqual(rows[2], { ...expected, route: '/b', degraded: ['context.date'] })
})

test("a recorder's clock that gives no time is not believed", () => {
  const { captureEntry, encode } = pipeline()
  for (const now of [Number.NaN, -1, 1e17]) {
    const pending = captureEntry({ action: 'a.b' }, undefined, now)
    assert(pending !== undefined)
    assert(Math.abs(Date.parse(JSON.parse(encode(pending, 1)).occurred_at) - Date.now()) < 5_000)
  }
})

test('an entry never takes more bytes than it may, exactly, and gives up as little as it can', () => {
  const wide = encoded({ metadata: { text: '中'.repeat(20_000), after: 1 } })
  assert(wide.row.metadata.text.length > 4_000)
  assert.match(wide.row.metadata.text, /中…\[cut: 20000 characters/)
  assert.equal(wide.row.metadata.after, 1)
  assert.deepEqual(wide.row.context.degraded, ['metadata.truncated'])

  const twice = encoded({ metadata: { text: '中'.repeat(90_000) } })
  assert.match(twice.row.metadata.text, /中…\[cut: 90000 characters, sha256 [0-9a-f]{64}\]$/)

  const items = Array.from({ length: 20_000 }, () => '中')
  const list = encoded({ metadata: { items } }).row.metadata.items
  assert(list.length < 5_000)
  assert.equal(list.at(-1), '…[cut: 20000 items]')
  const keys = encoded({ metadata: { keys: { ...items.slice(0, 9_000) } } })
  const { '…': mark, ...kept } = keys.row.metadata.keys
  assert.equal(mark, `[cut: ${9_000 - Object.keys(kept).length} keys]`)

  const escapes = encoded({
    metadata: Object.fromEntries([...'\u0001\u0002'].map((c) => [c, c.repeat(9_000)])),
  })
  assert(escapes.bytes > 5_000)
})

test('the limit holds for every size and every kind of text', () => {
  for (const maxEntryBytes of [1_024, 1_500, 4_096]) {
    for (const filler of ['x', '"', '\u0001', '\u0000', '\ud800', '中', '😀', '\\']) {
      for (const length of [1, 100, 126, 255, 256, 300, 1_000, 5_000]) {
        const text = filler.repeat(length)
        const { row } = encoded(
          {
            ...{ action: `a.${text}`, userId: text, eventId: text, targetId: text },
            ...{ entityType: text, requestId: text, metadata: { [text]: text, list: [text] } },
            context: { [text]: text },
          },
          maxEntryBytes,
          { [text]: text, userId: USER, requestId: text },
        )
        assert(row.action.length <= 128)
      }
    }
  }
})

test('an entry just inside the limit is not touched', () => {
  const spare = 1_024 - encoded({ metadata: { t: '' } }, 1_024).bytes
  const { row, bytes } = encoded({ metadata: { t: 'x'.repeat(300) } }, 1_024)
  assert.equal(row.context, undefined)
  assert.equal(bytes, 1_024 - spare + 300)
})

test('numbers leave as what every reader of JSON reads', () => {
  const { row } = encoded({ metadata: { n: [Number('1e400'), 1e300, 2 ** 60, 0.1, -0, 5e-324] } })
  assert.deepEqual(row.metadata.n, ['Infinity', '1e+300', '1152921504606847000', 0.1, '-0', 5e-324])
})

test("somebody's toJSON on Array.prototype, put there meanwhile, does no harm", (t) => {
  const { captureEntry, encode } = pipeline()
  const pending = captureEntry({ action: 'a.b', metadata: { list: [1] } }, undefined, NOW)
  const fail = () => {
    throw new Error('x')
  }
  Object.defineProperty(Array.prototype, 'toJSON', { value: fail, configurable: true })
  t.after(() => Reflect.deleteProperty(Array.prototype, 'toJSON'))
  const { context } = JSON.parse(encode(pending as CapturedEntry, 1))
  assert.deepEqual(context.degraded, ['metadata.unencodable'])
})

// Goal: what is stringified together with others neither spoils them nor is spoiled.
// Method: a plain entry, one whose list meets somebody's toJSON, and one with text to be mended.
test('in a slice of rows each one is what it would be alone', (t) => {
  const redactor = compileRedactor(undefined)
  const { captureEntry } = createCapture({ maxEntryBytes: 32_768, redactor })
  const batch = new EncodedBatch(
    createEncoder({ recorderId: RECORDER, maxEntryBytes: 32_768, redactor }),
  )
  const entries = [{ n: 1 }, { list: [1] }, { text: 'a\u0000b' }].map((metadata) =>
    captureEntry({ action: 'a.b', metadata }, undefined, NOW),
  )
  const add = (from: number) => {
    for (const [at, pending] of entries.entries()) batch.add(pending as CapturedEntry, from + at)
    batch.seal()
  }
  add(1)
  const fail = () => {
    throw new Error('x')
  }
  Object.defineProperty(Array.prototype, 'toJSON', { value: fail, configurable: true })
  t.after(() => Reflect.deleteProperty(Array.prototype, 'toJSON'))
  add(4)
  Reflect.deleteProperty(Array.prototype, 'toJSON')
  const rows = batch.slices.flatMap((slice) => JSON.parse(slice) as unknown[][])
  const mended = { degraded: ['metadata.characters'] }
  assert.deepEqual(
    rows.map((row) => [row[2], row[9], row[10]]),
    [
      [1, { n: 1 }, {}],
      [2, { list: [1] }, {}],
      [3, { text: 'a\ufffdb' }, mended],
      [4, { n: 1 }, {}],
      [5, {}, { degraded: ['metadata.unencodable'] }],
      [6, { text: 'a\ufffdb' }, mended],
    ],
  )
})

test('ids may come from a generator of the caller', () => {
  const redactor = compileRedactor(false)
  const nextId = createIdGenerator((words) => words.fill(0))
  const { encode } = createEncoder({ recorderId: RECORDER, maxEntryBytes: 1_024, redactor, nextId })
  const { captureEntry } = createCapture({ maxEntryBytes: 1_024, redactor })
  const pending = captureEntry({ action: 'a.b' }, undefined, NOW)
  assert.equal(
    JSON.parse(encode(pending as CapturedEntry, 1)).id,
    '019bc186-de00-7000-8000-000000000000',
  )
})

// The tables' file stands alone, so that drizzle-kit can read it: it cannot import these lengths.
test("texts are cut where the log's own checks end", () => {
  const dialect = new PgDialect()
  const lengths = getTableConfig(auditLog)
    .checks.map(({ value }) => / between 1 and (\d+)$/.exec(dialect.sqlToQuery(value).sql)?.[1])
    .filter((length) => length !== undefined)
  assert.deepEqual(lengths.map(Number), [
    MAX_ACTION_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_MORE_TARGETS,
  ])
})

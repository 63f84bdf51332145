import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createCapture } from '../src/capture/capture.ts'
import { createEncoder } from '../src/encode/encoder.ts'
import { compileRedactor } from '../src/redact/redactor.ts'

const NOW = Date.UTC(2026, 0, 15, 12)
const NOW_TEXT = '2026-01-15T12:00:00.000Z'
const DAY = 86_400_000

interface Row {
  readonly occurred_at: string
  readonly user_id?: string
  readonly event_id?: string
  readonly request_id?: string
  readonly context?: {
    readonly degraded?: readonly string[]
    readonly redacted?: readonly string[]
    readonly invalid?: Readonly<Record<string, string>>
  }
}

/** An entry as the database gets it. */
function encoded(entry: object, context?: Readonly<Record<string, unknown>>): Row {
  const redactor = compileRedactor(undefined)
  const { captureEntry, bindContext } = createCapture({ maxEntryBytes: 32_768, redactor })
  const { encode } = createEncoder({ recorderId: randomUUID(), maxEntryBytes: 32_768, redactor })
  const bound = context && bindContext(context)
  const captured = captureEntry({ action: 'thing.change', ...entry }, bound, NOW)
  assert.ok(captured !== undefined)
  return JSON.parse(encode(captured, 1)) as Row
}

/** The stored time, its marks, and what is kept of the given text. */
function timeOf(occurredAt: unknown): readonly unknown[] {
  const { occurred_at, context } = encoded({ occurredAt })
  return [occurred_at, context?.degraded ?? [], context?.invalid?.['occurredAt']]
}

/** A time that is stored as it was given. */
const whole = (text: string) => [text, [], undefined]

test('a time is taken as a Date, as milliseconds and as ISO text, to the millisecond', () => {
  assert.deepEqual(timeOf(new Date(NOW - DAY)), whole('2026-01-14T12:00:00.000Z'))
  assert.deepEqual(timeOf(NOW - 1), whole('2026-01-15T11:59:59.999Z'))
  assert.deepEqual(timeOf(0.9), whole('1970-01-01T00:00:00.000Z'))
  assert.deepEqual(timeOf(-1), whole('1969-12-31T23:59:59.999Z'))
  assert.deepEqual(timeOf(BigInt(NOW)), whole(NOW_TEXT))
  assert.deepEqual(timeOf(null), whole(NOW_TEXT))
  assert.deepEqual(timeOf(new Date('0001-01-01')), whole('0001-01-01T00:00:00.000Z'))
  const same = '2024-01-02T03:04:05.000Z'
  for (const text of [
    ...['2024-01-02T03:04:05Z', '2024-01-02T03:04:05.000Z', '2024-01-02T03:04:05.000000Z'],
    ...['2024-01-02 03:04:05+00', '2024-01-02T05:04:05+02:00', '2024-01-01T23:34:05-0330'],
    ...['2024-01-02t03:04:05z', ' 2024-01-02T03:04:05Z ', '2024-01-02 03:04:05 +00:00'],
    ...['2024-01-02T03:04:05,000Z', '2024-01-02T13:04:05+10'],
  ]) {
    assert.deepEqual(timeOf(text), whole(same), text)
  }
  assert.deepEqual(timeOf({ toJSON: () => '2024-01-02T03:04:05Z' }), whole(same))
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date(NOW), noInvalidDate: true }), (date) => {
      assert.deepEqual(timeOf(date.toISOString()), whole(date.toISOString()))
    }),
  )
})

test('text without a zone is read as UTC, and marked', () => {
  for (const [text, stored] of [
    ['2024-01-02T03:04:05', '2024-01-02T03:04:05.000Z'],
    ['2024-01-02 03:04', '2024-01-02T03:04:00.000Z'],
    ['2019-03-01', '2019-03-01T00:00:00.000Z'],
  ]) {
    assert.deepEqual(timeOf(text), [stored, ['occurredAt.zone'], undefined])
  }
})

test('a fraction of a millisecond in a text is marked, and the text is kept', () => {
  const text = '2024-01-02T03:04:05.123456Z'
  assert.deepEqual(timeOf(text), ['2024-01-02T03:04:05.123Z', ['occurredAt.rounded'], text])
  const local = '2024-01-02T03:04:05.1234'
  const marks = ['occurredAt.zone', 'occurredAt.rounded']
  assert.deepEqual(timeOf(local), ['2024-01-02T03:04:05.123Z', marks, local])
})

test('a number that can only be seconds is read as seconds, and marked', () => {
  const marks = ['occurredAt.seconds']
  assert.deepEqual(timeOf(1_704_164_645), ['2024-01-02T03:04:05.000Z', marks, undefined])
  assert.deepEqual(timeOf(1_704_164_645.25), ['2024-01-02T03:04:05.250Z', marks, undefined])
  assert.deepEqual(timeOf(100_000_000), ['1973-03-03T09:46:40.000Z', marks, undefined])
  assert.deepEqual(timeOf(99_999_999), whole('1970-01-02T03:46:39.999Z'))
  assert.deepEqual(timeOf(100_000_000_000), whole('1973-03-03T09:46:40.000Z'))
  const last = timeOf(99_999_999_999)
  assert.deepEqual(last, ['5138-11-16T09:46:39.000Z', [...marks, 'occurredAt.skewed'], undefined])
  // Of a Date nobody can be wrong about the unit.
  assert.deepEqual(timeOf(new Date(1_704_164_645)), whole('1970-01-20T17:22:44.645Z'))
})

test('a time more than a day ahead is marked', () => {
  assert.deepEqual(timeOf(NOW + DAY), whole('2026-01-16T12:00:00.000Z'))
  const marks = ['occurredAt.skewed']
  assert.deepEqual(timeOf(NOW + DAY + 1), ['2026-01-16T12:00:00.001Z', marks, undefined])
  const last = '9999-12-31T23:59:59.999Z'
  assert.deepEqual(timeOf(last), [last, marks, undefined])
})

test('a time that the log does not hold is marked, its text is kept and now is stored', () => {
  for (const [given, text] of [
    [new Date('-000044-03-15T00:00:00Z'), '-000044-03-15T00:00:00.000Z'],
    ['-000044-03-15T00:00:00Z', '-000044-03-15T00:00:00Z'],
    ['0000-12-31T00:00:00Z', '0000-12-31T00:00:00Z'],
    ['0044-03-15 00:00:00 BC', '0044-03-15 00:00:00 BC'],
    ['+012026-01-01T00:00:00Z', '+012026-01-01T00:00:00Z'],
    ['10000-01-01T00:00:00Z', '10000-01-01T00:00:00Z'],
    ['9999-12-31T23:59:59-01:00', '9999-12-31T23:59:59-01:00'],
    [8.64e15, '8640000000000000'],
    [-8.64e15, '-8640000000000000'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [1_704_164_645_000_000, '1704164645000000'],
  ]) {
    assert.deepEqual(timeOf(given), [NOW_TEXT, ['occurredAt.skewed'], text], String(given))
  }
})

test('what is no time is marked, its text is kept and now is stored', () => {
  for (const [given, text] of [
    ['2024-02-30T00:00:00Z', '2024-02-30T00:00:00Z'],
    ['2016-12-31T23:59:60Z', '2016-12-31T23:59:60Z'],
    ['2024-01-02T24:00:00Z', '2024-01-02T24:00:00Z'],
    ['2024-01-02T03:04:05+99:00', '2024-01-02T03:04:05+99:00'],
    ['yesterday', 'yesterday'],
    ['infinity', 'infinity'],
    ['1704164645000', '1704164645000'],
    ['', undefined],
    [new Date(Number.NaN), 'Invalid Date'],
    [Number.NaN, 'NaN'],
    [true, 'true'],
    [{ seconds: 1 }, '{"seconds":1}'],
    [[2024, 1], '[2024,1]'],
  ]) {
    const [stored, marks, kept] = timeOf(given)
    assert.deepEqual([stored, marks, kept], [NOW_TEXT, ['occurredAt.invalid'], text], String(text))
  }
})

test('the text that is kept of a time is cut, mended and searched for secrets', () => {
  const long = encoded({ occurredAt: 'x'.repeat(1_000) }).context
  assert.equal(long?.invalid?.['occurredAt']?.length, 256)
  assert.deepEqual(long?.degraded, ['occurredAt.invalid', 'occurredAt.truncated'])
  const secret = encoded({ occurredAt: 'password=hunter2-is-long' }).context
  assert.doesNotMatch(JSON.stringify(secret), /hunter2/)
  assert.deepEqual(secret?.redacted, ['occurredAt'])
  assert.equal(
    encoded({ occurredAt: 'a\0b' }).context?.invalid?.['occurredAt']?.includes('\0'),
    false,
  )
})

test('an object where an id belongs gives its id, and is marked', () => {
  const id = randomUUID()
  for (const name of ['userId', 'eventId', 'requestId', 'targetId']) {
    const row = encoded({ [name]: { id, email: 'a@example.org' } })
    const column = name.replace('Id', '_id')
    assert.equal(Reflect.get(row, column), id, name)
    assert.deepEqual(row.context?.degraded, [`${name}.object`])
  }
  const bound = encoded({}, { userId: { id: id, name: 'x' } })
  assert.deepEqual([bound.user_id, bound.context?.degraded], [id, ['userId.object']])

  const number = encoded({ userId: { id: 42 } })
  assert.deepEqual([number.user_id, number.context?.degraded], ['42', ['userId.object']])
  const rounded = encoded({ userId: { id: 2 ** 53 } })
  assert.equal(rounded.user_id, undefined)
  assert.deepEqual(rounded.context?.degraded, ['userId.object', 'userId.invalid'])
  assert.deepEqual(rounded.context?.invalid, { userId: '9007199254740992' })
  const none = encoded({ userId: { username: 'system:admin', groups: ['a'] } })
  assert.deepEqual(none.context?.degraded, ['userId.invalid'])
  assert.deepEqual(none.context?.invalid, { userId: '{"username":"system:admin","groups":["a"]}' })
  // Only its text is an id, whatever its parts are.
  const objectId = encoded({ userId: { id: 'bytes', toJSON: () => '6537f0' } })
  assert.deepEqual([objectId.user_id, objectId.context?.degraded], ['6537f0', ['userId.object']])
  const throwing = {
    get id() {
      throw new Error('no')
    },
  }
  assert.deepEqual(
    encoded({ userId: throwing }).context?.degraded?.includes('userId.invalid'),
    true,
  )
  const secret = encoded({ userId: { password: 'hunter2-is-long', name: 'x' } }).context
  assert.doesNotMatch(JSON.stringify(secret), /hunter2/)
})

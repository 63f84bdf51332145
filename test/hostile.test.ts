import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createEncoder } from '../src/encode/encoder.ts'
import { ROW_COLUMNS } from '../src/encode/row.ts'
import { compileRedactor } from '../src/redact/redactor.ts'
import { createCapture } from '../src/capture/capture.ts'
import { hostileEntry, hostileValue, type Make, made, oddKey, oddText } from './support/hostile.ts'

// Goal: record() keeps its promises for any input.
// Method: generated values, as hostile as we can think of, all the way to the JSON text.
const givenSeed = process.env['AUDIT_FUZZ_SEED'] // a failure names its own
const parameters = {
  numRuns: Number(process.env['AUDIT_FUZZ_RUNS'] ?? 2_000),
  ...(givenSeed ? { seed: Number(givenSeed) } : {}),
}
const NOW = Date.UTC(2026, 0, 15, 12)

const pipelines = new Map(
  [1_024, 4_096, 32_768].map((maxEntryBytes) => {
    const redactor = compileRedactor(undefined)
    const capture = createCapture({ maxEntryBytes, redactor })
    const encoder = createEncoder({ recorderId: randomUUID(), maxEntryBytes, redactor })
    return [maxEntryBytes, { ...capture, ...encoder }]
  }),
)
const sizes = fc.constantFrom(...pipelines.keys())

/** Ends in everything that can be done to an entry in this process. */
function through(maxEntryBytes: number, entry: unknown, context?: object) {
  const pipeline = pipelines.get(maxEntryBytes)
  assert(pipeline !== undefined)
  const bound = context && pipeline.bindContext(context as Record<string, unknown>)
  const pending = pipeline.captureEntry(entry, bound, NOW)
  if (pending === undefined) return undefined
  return {
    pending,
    encode: () => pipeline.encode(pending, 1),
    encodeRow: () => pipeline.arrayOf([pipeline.rowOf(pending, 1)], [pending]).slice(1, -1),
  }
}

const COLUMNS = [
  ...['id', 'occurred_at', 'user_id', 'event_id', 'target_id', 'recorder_id', 'recorder_seq'],
  ...['action', 'entity_type', 'request_id', 'metadata', 'context'],
  ...['outcome', 'actor_id', 'actor_kind', 'more_targets'],
]
const TEXTS = ['entity_type', 'request_id', 'outcome', 'actor_kind']
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

function assertFits(row: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(row)) {
    assert(COLUMNS.includes(name))
    if (name === 'id' || name === 'recorder_id') assert.match(String(value), UUID)
    if (name === 'metadata' || name === 'context') {
      assert(typeof value === 'object' && value !== null && !Array.isArray(value))
    }
  }
  assert.match(String(row['occurred_at']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const lengthOf = (name: string) => [...String(row[name] ?? 'x')].length
  assert(lengthOf('action') >= 1 && lengthOf('action') <= 128)
  // Whether an id is a UUID is for the database to check.
  for (const name of [...TEXTS, 'user_id', 'event_id', 'target_id', 'actor_id']) {
    assert(typeof (row[name] ?? '') === 'string')
    assert(lengthOf(name) >= 1 && lengthOf(name) <= 256)
  }
}

test('for any input nothing is thrown, and what is stored fits', () => {
  fc.assert(
    fc.property(sizes, fc.oneof(hostileEntry, hostileValue), hostileValue, (size, make, bound) => {
      const entry = make()
      const result = through(size, entry, bound() as object)
      if (result === undefined) return
      const json = result.encode()
      const row = JSON.parse(json)
      const rowJson = result.encodeRow()
      for (const text of [json, rowJson]) {
        assert(Buffer.byteLength(text) <= size, `${Buffer.byteLength(text)} bytes`)
        assert.doesNotMatch(text, /\0|(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])|\p{Surrogate}/u)
      }
      // What is cut a second time may be cut elsewhere.
      if (!json.includes('.truncated')) assertSameColumns(rowJson, row)
      assertFits(row)
      // The mark of five characters is one of the texts above.
      if (/…\[cut: (?!5 char)/.test(json)) assert.match(String(row.context?.degraded), /truncated/)
    }),
    parameters,
  )
})

/** Both lanes get the same of an entry, but for its id. */
function assertSameColumns(rowJson: string, row: Record<string, unknown>): void {
  const values: unknown[] = JSON.parse(rowJson)
  const { outcome, actor_id, actor_kind, more_targets } = row
  const rare = JSON.parse(JSON.stringify({ outcome, actor_id, actor_kind, more_targets }))
  const hasRare = Object.keys(rare).length > 0
  assert.equal(values.length, ROW_COLUMNS.length + Number(hasRare))
  if (hasRare) assert.deepEqual(values.at(-1), rare)
  for (const [at, name] of ROW_COLUMNS.entries()) {
    const isObject = name === 'metadata' || name === 'context'
    if (name !== 'id')
      assert.deepEqual(
        values[at] ?? (isObject ? {} : null),
        row[name] ?? (isObject ? {} : null),
        name,
      )
  }
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
}

const jsonHolds = fc.dictionary(
  oddKey,
  fc.oneof(
    { arbitrary: fc.jsonValue({ maxDepth: 4 }), weight: 5 },
    { arbitrary: oddText, weight: 1 },
  ),
)

test('what JSON can hold is stored exactly, and not written to; what is not, is marked', () => {
  fc.assert(
    fc.property(sizes, jsonHolds, (size, given) => {
      const metadata: unknown = JSON.parse(JSON.stringify(given).replaceAll('-0', '0'))
      deepFreeze(metadata)
      const before = JSON.stringify(metadata)
      const result = through(size, { action: 'thing.change', metadata })
      const row = JSON.parse(result?.encode() ?? '{}')
      assert.equal(JSON.stringify(metadata), before)
      const { degraded, redacted, ...others } = row.context ?? {}
      assert.deepEqual(others, {})
      if (degraded === undefined && redacted === undefined) {
        assert.equal(JSON.stringify(row.metadata), before)
      } else if (redacted === undefined && Buffer.byteLength(before) > size) {
        assert.match(String(degraded), /truncated/)
      }
    }),
    parameters,
  )
})

const CORE = 'zQ7PLANTEDx9Kz'
const SECRET_TEXTS = [
  `Bearer ${CORE}`,
  `postgres://app:${CORE}@db/prod`,
  `/reset?token=${CORE}`,
  `{"secret":"${CORE}"}`,
  `eyJhbGciOiJIUzI1NiJ9.${CORE}.dBjftJeZ4CVP`,
  `-----BEGIN PRIVATE KEY-----\n${CORE}\n-----END PRIVATE KEY-----`,
]
const secretText = fc.constantFrom(...SECRET_TEXTS)
const secretValue = fc.oneof(
  secretText.map(
    (text): Make =>
      () =>
        text,
  ),
  fc.constantFrom<Make[]>(
    () => ({ password: CORE }),
    () => ({ 'X-Api-Key': [CORE] }),
    () => ({ client_secret: { deep: CORE } }),
    () =>
      new Map<unknown, unknown>([
        [1, 1],
        ['accessToken', CORE],
      ]),
    () => new Headers({ cookie: CORE }),
    () => new URL(`https://a:${CORE}@b/?access_token=${CORE}`),
  ),
)
const around = fc.oneof(
  fc.constant(''),
  fc.string(),
  fc.nat(20_000).map((n) => 'text '.repeat(n)),
)

const { planted } = fc.letrec<{ planted: Make }>((tie) => ({
  planted: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'planted' },
    secretValue,
    fc.tuple(around, secretText, around).map(
      ([before, secret, after]): Make =>
        () =>
          `${before} ${secret} ${after}`,
    ),
    fc.tuple(oddKey, tie('planted'), hostileValue).map(
      ([key, make, other]): Make =>
        () => ({ other: other(), [key]: make() }),
    ),
    fc.tuple(hostileValue, tie('planted')).map(
      (makes): Make =>
        () =>
          made(makes),
    ),
    tie('planted').map(
      (make): Make =>
        () =>
          new Set([make()]),
    ),
    tie('planted').map(
      (make): Make =>
        () =>
          new Map([['k', make()]]),
    ),
    tie('planted').map(
      (make): Make =>
        () =>
          new Map([[make(), 1]]),
    ),
    tie('planted').map(
      (toJSON): Make =>
        () => ({ toJSON }),
    ),
    tie('planted').map(
      (make): Make =>
        () =>
          new Error('x', { cause: make() }),
    ),
    secretText.map(
      (text): Make =>
        () =>
          new Error(text),
    ),
    secretText.map(
      (text): Make =>
        () => ({ [text]: 1 }),
    ),
    tie('planted').map(
      (make): Make =>
        () =>
          new Proxy({ secret: make() }, {}),
    ),
  ),
}))

test('no planted secret reaches the buffer or the JSON, at any depth, by any way', () => {
  const ids = ['userId', 'eventId', 'targetId', 'requestId']
  const place = fc.constantFrom('metadata', 'context', ...ids, 'entityType', 'action', 'bound')
  fc.assert(
    fc.property(sizes, place, planted, (size, where, make) => {
      const entry = { action: 'thing.change', [where]: make() }
      const result = through(size, entry, where === 'bound' ? { inner: make() } : {})
      if (result === undefined && where === 'action') return // it was no text
      assert(result !== undefined)
      // A text of 36 characters in the place of an id is taken for one until the flush.
      if (!ids.includes(where)) {
        assert.doesNotMatch(JSON.stringify(result.pending), new RegExp(CORE), 'in the buffer')
      }
      assert.doesNotMatch(result.encode(), new RegExp(CORE), 'in the JSON')
    }),
    parameters,
  )
})

/** Writes over every field that can be written. */
function spoil(value: unknown, seen = new Set<unknown>()): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  try {
    const inner = value instanceof Map || value instanceof Set ? [...value].flat() : []
    for (const item of [...inner, ...Object.values(value)]) spoil(item, seen)
    if (value instanceof Map || value instanceof Set) value.clear()
    if (value instanceof Date) value.setTime(1)
    for (const key of Object.keys(value)) Reflect.set(value, key, 'SPOILED')
  } catch {
    // It is one of those that throw.
  }
}

test('what happens to the entry after the call does not show', () => {
  fc.assert(
    fc.property(hostileEntry, (make) => {
      const entry = make()
      const result = through(4_096, entry)
      if (result === undefined) return
      const before = JSON.stringify(result.pending)
      spoil(entry)
      assert.equal(JSON.stringify(result.pending), before)
      assert.doesNotMatch(result.encode(), /SPOILED/)
    }),
    parameters,
  )
})

import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { AuditContext } from '../src/entry.ts'
import type { JsonObject } from '../src/copy/json-object.ts'
import { compileRedactor } from '../src/redact/redactor.ts'
import { UnfitId } from '../src/capture/given-id.ts'
import { createCapture } from '../src/capture/capture.ts'
import { cpuMs } from './support/cpu.ts'

const MAX_ENTRY_BYTES = 32 * 1024
const NOW = Date.UTC(2026, 0, 15, 12)

function capture(maxEntryBytes = MAX_ENTRY_BYTES) {
  return createCapture({ maxEntryBytes, redactor: compileRedactor(undefined) })
}

/** What becomes of some metadata, and what is said about it. */
function shaped(metadata: unknown, maxEntryBytes = MAX_ENTRY_BYTES) {
  const pending = capture(maxEntryBytes).captureEntry(
    { action: 'thing.change', metadata },
    undefined,
    NOW,
  )
  assert(pending !== undefined, 'it is an entry')
  return { metadata: plain(pending.metadata), marks: pending.extras?.marks ?? [], pending }
}

/** Our objects have no prototype, and a comparison would see only that. */
function plain(copy: JsonObject | undefined): unknown {
  return copy === undefined ? undefined : JSON.parse(JSON.stringify(copy))
}

test('what cannot be an entry, or has no action, is refused and never thrown at the caller', () => {
  const { captureEntry } = capture()
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const throwing = {
    get action(): string {
      throw new Error('no')
    },
  }
  for (const entry of [
    ...[undefined, null, 'thing.change', 42, true, 1n, Symbol('s'), () => {}, [], {}],
    ...[{ action: '' }, { action: 5 }, { action: null }, { action: { toString: () => 'a.b' } }],
    ...[revoked.proxy, throwing],
  ]) {
    assert.equal(captureEntry(entry, undefined, NOW), undefined)
  }
})

test('an entry is copied as it is when it holds nothing odd', () => {
  const userId = randomUUID()
  const metadata = {
    name: 'Gala',
    seats: 12,
    price: 3.5,
    open: true,
    gone: null,
    tags: ['a', { b: 1 }],
  }
  const { captureEntry } = capture()
  const pending = captureEntry(
    { action: 'gala.update', userId, entityType: 'gala', requestId: 'r-1', metadata },
    undefined,
    NOW,
  )
  assert(pending !== undefined)
  assert.deepEqual(plain(pending.metadata), metadata)
  assert.equal(pending.action, 'gala.update')
  assert.equal(pending.userId, userId)
  assert.equal(pending.entityType, 'gala')
  assert.equal(pending.requestId, 'r-1')
  assert.equal(pending.recordedAtMs, NOW)
  assert.equal(pending.extras?.occurredAtMs, undefined)
  assert.equal(pending.extras?.marks, undefined)
  assert.equal(pending.extras?.redacted, undefined)
})

test('what is changed after the call does not show', () => {
  const metadata = { list: [1, { deep: 'then' }], map: new Map([['k', 'then']]), at: new Date(0) }
  const { pending } = shaped(metadata)
  const before = JSON.stringify(pending.metadata)
  metadata.list.length = 0
  metadata.map.set('k', 'now')
  metadata.at.setTime(NOW)
  assert.equal(JSON.stringify(pending.metadata), before)
  assert.match(before, /"deep":"then"/)
})

test('a frozen entry is read without being written to', () => {
  const entry = Object.freeze({
    action: 'thing.change',
    metadata: Object.freeze({ password: 'hunter2', list: Object.freeze([1, 'x'.repeat(99_999)]) }),
  })
  const before = JSON.stringify(entry)
  assert(capture().captureEntry(entry, undefined, NOW) !== undefined)
  assert.equal(JSON.stringify(entry), before)
})

test('a cycle is told from a reference that is only shared', () => {
  const shared = { n: 1 }
  const metadata: Record<string, unknown> = { one: shared, two: shared, list: [shared] }
  assert.deepEqual(shaped(metadata), {
    ...shaped(metadata),
    metadata: { one: { n: 1 }, two: { n: 1 }, list: [{ n: 1 }] },
    marks: [],
  })
  metadata['self'] = metadata
  metadata['deep'] = { list: [metadata] }
  const { metadata: copy, marks } = shaped(metadata)
  assert.equal((copy as typeof metadata)['self'], '[Circular]')
  assert.deepEqual((copy as typeof metadata)['deep'], { list: ['[Circular]'] })
  assert.deepEqual(marks, ['metadata.circular'])
})

test('numbers that JSON cannot hold become text and are marked', () => {
  const { metadata, marks } = shaped({
    nan: Number.NaN,
    up: Number.POSITIVE_INFINITY,
    down: Number.NEGATIVE_INFINITY,
    minus: -0,
    unsafe: 2 ** 53 + 2,
    huge: 1e300,
    big: 12345678901234567890n,
    fine: [0, -1, 0.1, 2 ** 53 - 1, -(2 ** 31), 2 ** 31, 5e-324],
  })
  assert.deepEqual(metadata, {
    nan: 'NaN',
    up: 'Infinity',
    down: '-Infinity',
    minus: '-0',
    unsafe: '9007199254740994',
    huge: '1e+300',
    big: '12345678901234567890',
    fine: [0, -1, 0.1, 2 ** 53 - 1, -(2 ** 31), 2 ** 31, 5e-324],
  })
  assert.deepEqual(marks, ['metadata.number', 'metadata.bigint'])
})

test('an integer of a million digits is not written out', () => {
  const { metadata, marks } = shaped({ n: 1n << 3_000_000n })
  assert.deepEqual(metadata, { n: '[BigInt]' })
  assert.deepEqual(marks, ['metadata.bigint', 'metadata.truncated'])
})

test('functions and symbols are left out and marked; undefined is left out', () => {
  const { metadata, marks } = shaped({
    f() {},
    s: Symbol('s'),
    u: undefined,
    list: [() => {}, undefined],
  })
  assert.deepEqual(metadata, { list: [null, null] })
  assert.deepEqual(marks, ['metadata.function', 'metadata.symbol'])
})

test('what JSON would silently make {} is written out', () => {
  const { metadata, marks } = shaped({
    map: new Map<string, unknown>([
      ['a', 1],
      ['b', new Set([2])],
    ]),
    pairs: new Map<unknown, unknown>([
      [1, 'one'],
      [{ k: 1 }, 'two'],
    ]),
    set: new Set(['x', { y: 1 }]),
    regexp: /a+/gi,
    headers: new Headers({ Accept: 'text/html', 'x-trace': 't' }),
    query: new URLSearchParams('a=1&a=2&b=3'),
    url: new URL('https://example.com/a?b=c'),
    date: new Date(0),
    boxed: [Object('s'), Object(1), Object(true)],
    floats: new Float32Array([1, 0.5]),
    big: new BigInt64Array([1n]),
  })
  assert.deepEqual(metadata, {
    map: { a: 1, b: [2] },
    pairs: [
      [1, 'one'],
      [{ k: 1 }, 'two'],
    ],
    set: ['x', { y: 1 }],
    regexp: '/a+/gi',
    headers: { accept: 'text/html', 'x-trace': 't' },
    query: { a: ['1', '2'], b: '3' },
    url: 'https://example.com/a?b=c',
    date: '1970-01-01T00:00:00.000Z',
    boxed: ['s', 1, true],
    floats: [1, 0.5],
    big: ['1'],
  })
  assert.deepEqual(marks, ['metadata.bigint'])
})

test('an error says its name, message and code, and those of its causes, and no stack', () => {
  const root = Object.assign(new TypeError('inner'), { code: 'E_INNER', config: { url: 'x' } })
  const error = new AggregateError([new RangeError('one')], 'outer', { cause: root })
  const { metadata } = shaped({ error })
  assert.deepEqual(metadata, {
    error: {
      name: 'AggregateError',
      message: 'outer',
      cause: { name: 'TypeError', message: 'inner', code: 'E_INNER' },
      errors: [{ name: 'RangeError', message: 'one' }],
    },
  })
})

test('an error that is its own cause comes to an end', () => {
  const error = new Error('again')
  error.cause = error
  const { metadata, marks } = shaped({ error })
  assert.deepEqual(metadata, { error: { name: 'Error', message: 'again', cause: '[Circular]' } })
  assert.deepEqual(marks, ['metadata.circular'])
})

test('small binary data is kept as base64, large is named and marked', () => {
  const { metadata, marks } = shaped({
    small: Buffer.from('hello'),
    view: new DataView(new ArrayBuffer(2)),
    buffer: new ArrayBuffer(1),
    large: new Uint8Array(10_000),
  })
  assert.deepEqual(metadata, {
    small: { type: 'Buffer', byteLength: 5, base64: 'aGVsbG8=' },
    view: { type: 'DataView', byteLength: 2, base64: 'AAA=' },
    buffer: { type: 'ArrayBuffer', byteLength: 1, base64: 'AA==' },
    large: { type: 'Uint8Array', byteLength: 10_000 },
  })
  assert.deepEqual(marks, ['metadata.binary'])
})

test('an invalid date is named and marked', () => {
  const { metadata, marks } = shaped({ at: new Date('2024-02-30T99:00') })
  assert.deepEqual(metadata, { at: 'Invalid Date' })
  assert.deepEqual(marks, ['metadata.date'])
})

test('toJSON is asked, once, and may say anything', () => {
  const itself = {
    n: 1,
    toJSON() {
      return this
    },
  }
  const nested = { toJSON: () => ({ toJSON: () => 'deepest' }) }
  const endless = {
    toJSON() {
      return { toJSON: () => endless }
    },
  }
  class Money {
    readonly cents = 5
    toJSON() {
      return `${this.cents} ct`
    }
  }
  const { metadata } = shaped({ itself, nested, money: new Money(), dropped: { toJSON() {} } })
  assert.deepEqual(metadata, { itself: { n: 1 }, nested: 'deepest', money: '5 ct' })
  assert.match(JSON.stringify(shaped({ endless }).metadata), /Circular|Depth/)
})

test('what throws is named at its own key, without the message that may quote a value', () => {
  const { metadata, marks } = shaped({
    before: 1,
    get bad(): string {
      throw new RangeError('hunter2')
    },
    json: {
      toJSON() {
        throw new Error('hunter2')
      },
    },
    odd: {
      get toJSON(): unknown {
        throw 'hunter2'
      },
      kept: 1,
    },
    list: new Proxy([1], {
      get() {
        throw Object.assign(new Error('x'), { name: 'hunter2 is no name' })
      },
    }),
    after: 2,
  })
  assert.deepEqual(metadata, {
    before: 1,
    bad: '[Throws: RangeError]',
    json: '[Throws: Error]',
    odd: { toJSON: '[Throws: string]', kept: 1 },
    list: '[Throws: Error]',
    after: 2,
  })
  assert.deepEqual(marks, ['metadata.throws'])
})

test('a getter that never stops calling itself is a value that throws', () => {
  const endless = {
    get again(): unknown {
      return [this.again]
    },
  }
  assert.deepEqual(shaped({ endless, after: 1 }).metadata, {
    endless: { again: '[Throws: RangeError]' },
    after: 1,
  })
})

test('proxies are read like what they stand for, and revoked ones are marked', () => {
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const { metadata, marks } = shaped({ fine: new Proxy({ a: 1 }, {}), gone: revoked.proxy })
  assert.deepEqual(metadata, { fine: { a: 1 }, gone: '[Throws: TypeError]' })
  assert.deepEqual(marks, ['metadata.throws'])
  assert.deepEqual(shaped(revoked.proxy).metadata, { value: '[Throws: TypeError]' })
})

test('a field that throws costs that field; the others are kept', () => {
  const entry = {
    action: 'thing.change',
    entityType: 'thing',
    get metadata(): unknown {
      throw new Error('no')
    },
  }
  const pending = capture().captureEntry(entry, undefined, NOW)
  assert.equal(pending?.entityType, 'thing')
  assert.equal(pending?.metadata, undefined)
  assert.deepEqual(pending?.extras?.marks, ['metadata.throws'])
})

test('nesting ends at 32 levels and does not overflow the stack', () => {
  let nested: unknown = 'bottom'
  for (let depth = 0; depth < 20_000; depth += 1) nested = depth % 2 ? [nested] : { n: nested }
  const { metadata, marks } = shaped({ nested })
  const text = JSON.stringify(metadata)
  assert.equal(text.match(/[{[]/g)?.length, 32 + 1, 'and the bracket of [Depth] itself')
  assert.match(text, /\[Depth\]/)
  assert.deepEqual(marks, ['metadata.depth'])
})

test('32 levels are kept whole', () => {
  let nested: unknown = {}
  for (let depth = 1; depth < 32; depth += 1) nested = { n: nested }
  assert.deepEqual(shaped(nested), { ...shaped(nested), metadata: nested, marks: [] })
})

test('__proto__ is a key like any other, and inherited keys are none', () => {
  const given = JSON.parse('{"__proto__":{"admin":true},"constructor":"c","toString":1}')
  const { pending } = shaped(Object.assign(Object.create({ inherited: 1 }), given, { own: 1 }))
  assert.doesNotMatch(JSON.stringify(pending.metadata), /inherited/)
  const copy = shaped(given).pending.metadata
  assert.equal(JSON.stringify(copy), '{"__proto__":{"admin":true},"constructor":"c","toString":1}')
  assert.equal(Object.getOwnPropertyDescriptor(copy, '__proto__')?.enumerable, true)
  assert.equal(({} as { admin?: boolean }).admin, undefined)
})

test('what somebody put on Object.prototype gets into no entry', (t) => {
  const pollution: PropertyDescriptorMap = {
    userId: { value: 'intruder', enumerable: true, configurable: true },
    metadata: { value: { intruder: 1 }, enumerable: true, configurable: true },
    field: { set() {}, configurable: true },
    readOnly: { value: 1, writable: false, configurable: true },
  }
  Object.defineProperties(Object.prototype, pollution)
  t.after(() => {
    for (const name of Object.keys(pollution)) Reflect.deleteProperty(Object.prototype, name)
  })
  const { captureEntry } = capture()
  const pending = captureEntry({ action: 'thing.change' }, undefined, NOW)
  assert.equal(pending?.userId, undefined)
  assert.equal(pending?.metadata, undefined)
  const own = captureEntry({ action: 'a.b', metadata: { field: 1, readOnly: 2 } }, undefined, NOW)
  assert.equal(JSON.stringify(own?.metadata), '{"field":1,"readOnly":2}')
})

test("somebody's toJSON on Array.prototype is not asked about our arrays", (t) => {
  Object.defineProperty(Array.prototype, 'toJSON', { value: () => 'lost', configurable: true })
  t.after(() => Reflect.deleteProperty(Array.prototype, 'toJSON'))
  const { pending } = shaped({ list: [1, [2]] })
  assert.equal(JSON.stringify(pending.metadata), '{"list":[1,[2]]}')
})

test('metadata that is no object is wrapped and marked', () => {
  for (const [given, value] of [
    ['{"a":1}', '{"a":1}'],
    [5, 5],
    [true, true],
    [
      [1, 2],
      [1, 2],
    ],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Set([1]), [1]],
    [new URL('http://a/'), 'http://a/'],
  ]) {
    const { metadata, marks } = shaped(given)
    assert.deepEqual(metadata, { value })
    assert.deepEqual(marks, ['metadata.wrapped'])
  }
  assert.deepEqual(shaped(() => {}).metadata, {})
  assert.deepEqual(shaped(() => {}).marks, ['metadata.wrapped', 'metadata.function'])
  for (const none of [undefined, null]) assert.equal(shaped(none).pending.metadata, undefined)
})

test('objects of other realms, without a prototype, and of classes are read by their own keys', () => {
  class Account {
    readonly plan = 'pro'
    readonly #hidden = 1
    get seen() {
      return this.#hidden
    }
  }
  const bare = Object.assign(Object.create(null), { a: 1 })
  const { metadata, marks } = shaped({
    bare,
    empty: Object.create(null),
    foreign: runInNewContext('({ list: [1], map: new Map([["k", 1]]), at: new Date(0) })'),
    account: new Account(),
  })
  assert.deepEqual(metadata, {
    bare: { a: 1 },
    empty: {},
    foreign: { list: [1], map: { k: 1 }, at: '1970-01-01T00:00:00.000Z' },
    account: { plan: 'pro' },
  })
  assert.deepEqual(marks, [])
})

test('what shows nothing of itself is marked', () => {
  const { metadata, marks } = shaped({ promise: Promise.resolve(1), map: new WeakMap() })
  assert.deepEqual(metadata, { promise: {}, map: {} })
  assert.deepEqual(marks, ['metadata.opaque'])
})

test('a text that is too long is cut, and says how long it was and what it was', () => {
  const text = 'ü'.repeat(100_000)
  const { metadata, marks } = shaped({ text, after: 'still here' })
  const cut = (metadata as { text: string }).text
  const sha256 = createHash('sha256').update(text).digest('hex')
  assert.match(cut, new RegExp(`^ü{1000,}…\\[cut: 100000 characters, sha256 ${sha256}\\]$`))
  assert.equal((metadata as { after: string }).after, 'still here')
  assert.deepEqual(marks, ['metadata.truncated'])
})

test('a text too long to be hashed in the call is cut without its hash', () => {
  const text = 'x'.repeat(300_000)
  assert.match(
    (shaped({ text }).metadata as { text: string }).text,
    /x…\[cut: 300000 characters\]$/,
  )
})

test('a cut leaves no half of a character', () => {
  // Of two texts that are a character apart, one is cut between the halves.
  for (const first of ['', 'a']) {
    const text = `${first}${'😀'.repeat(50_000)}`
    const { metadata, pending } = shaped({ text, [text]: 1 })
    assert.doesNotMatch(JSON.stringify(metadata), /\\ud[89a-f]/)
    assert.doesNotMatch((metadata as { text: string }).text, /\p{Surrogate}/u)
    assert.equal(pending.extras?.marks?.includes('metadata.truncated'), true)
    const { captureEntry } = capture()
    const column = captureEntry({ action: 'a.b', requestId: text }, undefined, NOW)?.requestId ?? ''
    assert.ok(column.length > 0 && column.length <= 256)
    assert.doesNotMatch(column, /\p{Surrogate}/u)
  }
})

test('300 MB of text cost neither time nor memory', () => {
  const text = 'x'.repeat(300 * 1024 * 1024)
  const started = cpuMs()
  const { metadata } = shaped({ text, list: [text] })
  assert(cpuMs() - started < 150)
  assert.deepEqual(metadata, {
    text: `…[cut: ${text.length} characters]`,
    list: [`…[cut: ${text.length} characters]`],
  })
})

test('what is cut from a long text does not keep all of it in memory', () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const { captureEntry } = capture()
  const kept: unknown[] = []
  gc()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < 50; n += 1) {
    const long = Buffer.alloc(1_000_000, `${n}-`).toString('latin1')
    kept.push(
      captureEntry(
        { action: `thing.${long}`, requestId: long, userId: long, metadata: { long } },
        undefined,
        NOW,
      ),
    )
  }
  gc()
  const bytesEach = (process.memoryUsage().heapUsed - before) / kept.length
  assert(bytesEach < 64 * 1024, `${Math.round(bytesEach)} bytes are kept of each`)
})

test('an object of a million keys is cut, at hardly more than what the engine takes to begin', () => {
  const many: Record<string, number> = {}
  for (let n = 0; n < 1_000_000; n += 1) many[`key${n}`] = n
  // The first step of `for in` has the engine collect all keys: that cannot be had for less.
  const startedLoop = cpuMs()
  for (const _ in many) break
  const loop = cpuMs() - startedLoop
  const started = cpuMs()
  const { pending, marks } = shaped(many)
  const took = cpuMs() - started
  assert.deepEqual(marks, ['metadata.truncated'])
  assert(JSON.stringify(pending.metadata).length <= MAX_ENTRY_BYTES)
  assert(took < loop * 1.5 + 150, `${took} ms, next to ${loop} ms`)
})

test('huge arrays, maps, sets and sparse arrays stop early', () => {
  const million = Array.from({ length: 1_000_000 }, (_, n) => n)
  const watched = [...million]
  const late = 50_000
  let isReadThatFar = false
  Object.defineProperty(watched, late, {
    get() {
      isReadThatFar = true
      return late
    },
  })
  for (const given of [
    watched,
    million,
    new Set(million),
    new Map(million.map((n) => [`${n}`, n])),
    new Map(million.map((n) => [n, n])),
    new Array(4_000_000_000),
    new Float64Array(1_000_000),
  ]) {
    const { pending, marks } = shaped({ given })
    assert.deepEqual(marks, ['metadata.truncated'])
    assert(JSON.stringify(pending.metadata).length <= MAX_ENTRY_BYTES * 2)
  }
  assert.equal(isReadThatFar, false)
})

// Goal: a large value does not push out what an auditor asks first.
// Method: each kind of container, under the first key, with more than an entry holds.
test('small keys survive a large value in front of them, and a mark says how much was cut', () => {
  const numbers = Array.from({ length: 20_000 }, (_, n) => n)
  const small = { total: 20_000, reason: 'cleanup', isForced: true, other: null }
  for (const [large, mark] of [
    [numbers.map((n) => `id-${n}`), '…[cut: 20000 items]'],
    [Object.fromEntries(numbers.map((n) => [`key${n}`, n])), '[cut: '],
    [new Map(numbers.map((n) => [`key${n}`, n])), '[cut: '],
    [new Set(numbers), '…[cut: 20000 items]'],
    [Float64Array.from(numbers), '…[cut: 20000 items]'],
    [new Array(1_000_000), '…[cut: 1000000 items]'],
    [{ deep: { deeper: numbers } }, '…[cut: 20000 items]'],
  ] as const) {
    const { metadata, marks } = shaped({ large, ...small })
    const { large: cut, ...kept } = metadata as Record<string, unknown>
    assert.deepEqual(kept, small)
    assert.ok(JSON.stringify(cut).includes(mark), JSON.stringify(cut).slice(-80))
    assert.deepEqual(marks, ['metadata.truncated'])
  }
})

test('a cut object counts the keys that it leaves out', () => {
  const given = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`key${n}`, n]))
  const { metadata } = shaped({ given })
  const { '…': mark, ...kept } = (metadata as { given: Record<string, unknown> }).given
  assert.equal(mark, `[cut: ${5_000 - Object.keys(kept).length} keys]`)
})

test('a cut form says how many values it leaves out', () => {
  const query = new URLSearchParams()
  for (let n = 0; n < 3_500; n += 1) query.append(n % 2 ? 'same' : `key${n}`, 'x')
  const { metadata } = shaped({ query })
  const { '…': mark, ...kept } = (metadata as { query: Record<string, unknown> }).query
  const values = Object.values(kept).flat().length
  assert.ok(values > 1_000 && values < 3_500)
  const left = 3_500 - values
  assert.equal(mark, left < 1_000 ? `[cut: ${left} values]` : '[cut: 1000 or more values]')
})

test('an iterable without an end is read until there is no room', () => {
  class Headers {
    readonly [Symbol.toStringTag] = 'Headers';
    *[Symbol.iterator]() {
      for (let n = 0; ; n += 1) yield [`header-${n}`, 'x']
    }
  }
  const endless = new Headers()
  assert.deepEqual(shaped({ endless }).marks, ['metadata.truncated'])
})

test('references that double at every level end with the room', () => {
  let doubled: unknown = { leaf: 'x' }
  for (let level = 0; level < 28; level += 1) doubled = [doubled, doubled]
  const { marks, pending } = shaped(doubled)
  assert(marks.includes('metadata.truncated'))
  assert(JSON.stringify(pending.metadata).length <= MAX_ENTRY_BYTES * 2)
})

test('keys that are too long are cut and marked, and none replaces another', () => {
  const key = 'k'.repeat(2_000)
  const { metadata, marks } = shaped({ [`${key}1`]: 1, [`${key}2`]: 2 })
  assert.deepEqual(Object.values(metadata as object), [1, 2])
  assert(Object.keys(metadata as object).every((name) => name.length < 1_100))
  assert.deepEqual(marks, ['metadata.truncated'])
})

test('text columns are cut to their length, and other types are read and marked', () => {
  const { captureEntry } = capture()
  const pending = captureEntry(
    {
      action: 'a'.repeat(9_000),
      entityType: 'e'.repeat(20_000),
      requestId: 12,
      userId: { toJSON: () => '6537f' },
      eventId: {},
      targetId: '',
    },
    undefined,
    NOW,
  )
  assert(pending !== undefined)
  assert.equal(pending.action.length, 128)
  assert.equal(pending.entityType?.length, 256)
  assert.equal(pending.requestId, '12')
  assert.equal(pending.userId, '6537f')
  assert.deepEqual(pending.eventId, new UnfitId('{}'))
  assert.equal(pending.targetId, undefined)
  assert.deepEqual([...(pending.extras?.marks ?? [])].sort(), [
    ...['action.truncated', 'entityType.truncated'],
    ...['eventId.invalid', 'requestId.invalid', 'userId.object'],
  ])
})

test("an entry's ids win over its context's; null and '' say none", () => {
  const { captureEntry, bindContext } = capture()
  const [outer, inner, own] = [randomUUID(), randomUUID(), randomUUID()]
  const context = bindContext(
    { eventId: inner },
    bindContext({ userId: outer, eventId: outer, requestId: 'r' }),
  )
  const inherited = captureEntry({ action: 'a.b' }, context, NOW)
  assert.equal(inherited?.userId, outer)
  assert.equal(inherited?.eventId, inner)
  assert.equal(inherited?.requestId, 'r')
  const given = captureEntry(
    { action: 'a.b', userId: own, eventId: null, requestId: '' },
    context,
    NOW,
  )
  assert.equal(given?.userId, own)
  assert.equal(given?.eventId, undefined)
  assert.equal(given?.requestId, undefined)
  assert.equal(
    captureEntry({ action: 'a.b' }, bindContext({ userId: null }, context), NOW)?.userId,
    undefined,
  )
})

test('a context of any kind is copied and redacted once, over its parent', () => {
  const { bindContext, captureEntry } = capture()
  const ip = { v4: '1.2.3.4' }
  const parent = bindContext({ userId: randomUUID(), ip, authorization: 'Bearer abc', route: '/a' })
  const bound = bindContext({ route: '/b', degraded: 'mine' }, parent)
  ip.v4 = 'changed'
  assert.deepEqual(plain(bound.details), {
    ip: { v4: '1.2.3.4' },
    authorization: '[Redacted]',
    route: '/b',
  })
  assert.deepEqual(bound.redacted, ['context.authorization'])
  assert.deepEqual(bound.marks, ['context.reserved'])
  assert.equal(captureEntry({ action: 'a.b' }, bound, NOW)?.context, bound)

  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  for (const odd of [null, undefined, 5, 'text', revoked.proxy, new Map(), []]) {
    assert(bindContext(odd as unknown as AuditContext, parent) !== undefined)
    assert(bindContext(odd as unknown as AuditContext) !== undefined)
  }
  const large = bindContext({ list: Array.from({ length: 99_999 }, (_, n) => n) }, parent)
  assert(JSON.stringify(large.details).length <= MAX_ENTRY_BYTES / 2)
})

test('an entry may add details of its own', () => {
  const { captureEntry } = capture()
  const pending = captureEntry(
    { action: 'a.b', context: { ip: '::1', token: 'x' } },
    undefined,
    NOW,
  )
  assert.deepEqual(plain(pending?.extras?.details), { ip: '::1', token: '[Redacted]' })
})

test('a getter that records another entry disturbs neither', () => {
  const { captureEntry } = capture()
  let inner: ReturnType<typeof captureEntry>
  const outer = captureEntry(
    {
      action: 'a.outer',
      metadata: {
        deep: [{ before: 1 }],
        get nested() {
          inner = captureEntry(
            { action: 'a.inner', metadata: { list: [[[1]]], n: Number.NaN } },
            undefined,
            1,
          )
          return { list: [1] }
        },
        after: { x: [2] },
      },
    },
    undefined,
    NOW,
  )
  assert.deepEqual(plain(inner?.metadata), { list: [[[1]]], n: 'NaN' })
  assert.deepEqual(plain(outer?.metadata), {
    deep: [{ before: 1 }],
    nested: { list: [1] },
    after: { x: [2] },
  })
  assert.equal(outer?.extras?.marks, undefined)
})

test('with the stack all but used up, shaping fails quietly', () => {
  const { captureEntry, bindContext } = capture()
  const context = bindContext({ ip: '::1' })
  let calls = 0
  const dive = (): void => {
    try {
      dive()
    } catch {
      // On the way back up there is a little more room each time.
      if (calls < 2_000) {
        calls += 1
        captureEntry(
          { action: 'a.b', metadata: { a: { b: [1, new Map([['k', 1]])] } } },
          context,
          NOW,
        )
        bindContext({ ip: '::1', list: [[1]] }, context)
      }
      throw new RangeError()
    }
  }
  assert.throws(dive, RangeError)
  assert(calls > 0)
  assert.deepEqual(
    plain(captureEntry({ action: 'a.b', metadata: { a: [1] } }, context, NOW)?.metadata),
    {
      a: [1],
    },
  )
})

test('what was copied holds on to nothing of the caller', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const { captureEntry, bindContext } = capture()
  const alive: WeakRef<object>[] = []
  const kept: unknown[] = []
  ;(() => {
    for (let n = 0; n < 20; n += 1) {
      const inner = { n, list: [{ n }] }
      const metadata = { inner, map: new Map([[inner, inner]]), error: new Error('x') }
      alive.push(new WeakRef(inner), new WeakRef(metadata), new WeakRef(metadata.error))
      kept.push(captureEntry({ action: 'a.b', metadata }, bindContext({ inner }), NOW))
    }
  })()
  await new Promise((resolve) => setTimeout(resolve, 10))
  gc()
  assert.equal(kept.length, 20)
  assert.equal(alive.filter((ref) => ref.deref() !== undefined).length, 0)
})

test('100,000 waiting entries fit in 64 MiB, and their estimate says so', () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const { captureEntry } = capture()
  // As they come from a driver or a parser: each with its own memory.
  const fresh = () => Buffer.from(randomUUID()).toString('latin1')
  const kept = new Array<unknown>(100_000)
  let estimate = 0
  gc()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < kept.length; n += 1) {
    const pending = captureEntry(
      {
        action: 'branding.update',
        userId: fresh(),
        eventId: fresh(),
        targetId: fresh(),
        entityType: 'branding',
        requestId: fresh(),
        metadata: { field: 'primaryColor', before: `#ff${n}`, after: `#00${n}` },
      },
      undefined,
      NOW + n,
    )
    estimate += pending?.bytes ?? 0
    kept[n] = pending
  }
  gc()
  const heap = process.memoryUsage().heapUsed - before
  const limit = 64 * 1024 * 1024
  assert(heap < limit, `${Math.round(heap / kept.length)} bytes each`)
  assert(estimate < limit, `${Math.round(estimate / kept.length)} bytes each, estimated`)
  assert(estimate > heap * 0.8, `estimated ${estimate}, used ${heap}`)
})

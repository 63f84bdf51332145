import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PgDialect } from 'drizzle-orm/pg-core'
import { moveBatch } from '../relay/move/move-batch.ts'
import { createEncoder } from '../src/encode/encoder.ts'
import { createCapture } from '../src/capture/capture.ts'
import { AuditError } from '../src/errors.ts'
import { exportToFile, type ExportToFileOptions } from '../src/export/index.ts'
import {
  databaseUrlFor,
  environmentName,
  type Limit,
  RECORDER_LIMITS,
  RELAY_LIMITS,
  resolveLimits,
} from '../src/options.ts'
import { authorizeRequest } from '../src/page/auth/viewer.ts'
import { readTokens, tokenAuthorize } from '../src/page/auth/tokens.ts'
import { decodeCursor, encodeCursor } from '../src/read/paging/cursor.ts'
import { checkFilter, type LogFilter } from '../src/read/filter.ts'
import { tail } from '../src/read/tail.ts'
import {
  type AuditDatabase,
  checkTimeline,
  pageQuery,
  timeline,
  type TimelineOptions,
} from '../src/read/timeline.ts'
import { compileRedactor } from '../src/redact/redactor.ts'
import { createMemoryRecorder } from '../src/testing/memory-recorder.ts'
import { scratchDatabase } from './support/database.ts'
import { readerOf, scratchFolder } from './support/exports.ts'
import { appendToLog } from './support/log-entries.ts'

// Goal: each bound that is documented is where it is documented to be.
// Method: one below it, at it, one above it; the numbers stand here once more, on purpose.

const EVENT = '22222222-2222-4222-8222-222222222222'

type Documented = Readonly<Record<string, readonly [standard: number, min: number, max: number]>>

const RECORDER: Documented = {
  flushIntervalMs: [50, 1, 60_000],
  maxBatchEntries: [1_000, 1, 10_000],
  maxBufferEntries: [100_000, 1, 10_000_000],
  maxBufferBytes: [67_108_864, 65_536, 17_179_869_184],
  maxEntryBytes: [32_768, 1_024, 1_048_576],
  maxKeptBytes: [16_777_216, 0, 17_179_869_184],
  closeTimeoutMs: [10_000, 0, 600_000],
  statementTimeoutMs: [10_000, 100, 600_000],
  reportIntervalMs: [10_000, 100, 600_000],
}

const RELAY: Documented = {
  batchEntries: [4_000, 1, 50_000],
  parallelMoves: [2, 1, 8],
  pollMinMs: [50, 1, 60_000],
  pollMaxMs: [1_000, 1, 600_000],
  statementTimeoutMs: [10_000, 100, 600_000],
  stopTimeoutMs: [10_000, 0, 600_000],
  monthsAhead: [3, 1, 120],
  maxPartitions: [300, 12, 3_000],
  maxLogBytes: [0, 0, 1_000_000_000_000_000],
  maxLagMs: [300_000, 1_000, 86_400_000],
  maxLockMs: [900_000, 1_000, 86_400_000],
  sealMaxLagMs: [10_000, 1_000, 86_400_000],
  sealMaxEntries: [16_384, 1, 1_000_000],
}

for (const [owner, limits, documented] of [
  ['recorder', RECORDER_LIMITS, RECORDER],
  ['relay', RELAY_LIMITS, RELAY],
] as const) {
  const table: Readonly<Record<string, Limit>> = limits
  const resolve = (given: Readonly<Record<string, number>>, environment = {}) =>
    resolveLimits(table, given, environment)
  const refused = (given: Readonly<Record<string, number>>, environment = {}) =>
    assert.throws(() => resolve(given, environment), { code: 'AUDIT_OPTION_INVALID' })

  test(`each option of a ${owner} has its default and its bounds, also from the environment`, () => {
    assert.deepEqual(Object.keys(table), Object.keys(documented))
    const standards = Object.entries(documented).map(([name, [standard]]) => [name, standard])
    assert.deepEqual(resolve({}), Object.fromEntries(standards))
    for (const [name, [, min, max]] of Object.entries(documented)) {
      const variable = environmentName(name)
      for (const good of [min, max]) {
        assert.equal(resolve({ [name]: good })[name], good)
        assert.equal(resolve({}, { [variable]: String(good) })[name], good)
      }
      for (const bad of [min - 1, max + 1, min + 0.5]) {
        refused({ [name]: bad })
        refused({}, { [variable]: String(bad) })
      }
    }
  })
}

test('what is given wins over the environment, and that over the default', () => {
  const resolve = (given: object, environment: Readonly<Record<string, string>>) =>
    resolveLimits<keyof typeof RECORDER_LIMITS>(RECORDER_LIMITS, given, environment).flushIntervalMs
  const variable = 'AUDIT_FLUSH_INTERVAL_MS'
  assert.equal(resolve({ flushIntervalMs: 7 }, { [variable]: '8' }), 7)
  assert.equal(resolve({ flushIntervalMs: undefined }, { [variable]: '8' }), 8)
  assert.equal(resolve({}, { [variable]: '' }), 50)
  assert.equal(resolve({}, { [variable]: ' \t' }), 50)
})

test('white space around a value of the environment is no part of it', () => {
  const read = (text: string) => () =>
    resolveLimits(RECORDER_LIMITS, {}, { AUDIT_FLUSH_INTERVAL_MS: text })
  assert.equal(read(' 8\n')().flushIntervalMs, 8)
  // Its value is quoted as it was understood: without it, too.
  assert.throws(read('  soon\n'), { message: /AUDIT_FLUSH_INTERVAL_MS .* got "soon"\.$/ })
})

test('a URL that is given wins over that of the role, and that over the common one', () => {
  const environment = { AUDIT_RELAY_DATABASE_URL: 'postgres://b', DATABASE_URL: 'postgres://c' }
  assert.equal(databaseUrlFor('relay', 'postgres://a', environment), 'postgres://a')
  assert.equal(databaseUrlFor('relay', undefined, environment), 'postgres://b')
  assert.equal(databaseUrlFor('relay', '', environment), 'postgres://b')
  assert.equal(databaseUrlFor('app', undefined, environment), 'postgres://c')
  assert.equal(databaseUrlFor('app', undefined, {}), undefined)
})

test('text of a column has its longest, and what is longer is cut and marked', () => {
  for (const [name, max] of [
    ['action', 128],
    ['entityType', 256],
    ['requestId', 256],
  ] as const) {
    const recorder = createMemoryRecorder()
    for (const length of [max, max + 1]) {
      const text = name === 'action' ? `a.${'b'.repeat(length - 2)}` : 'x'.repeat(length)
      recorder.record({ action: 'a.b', [name]: text })
    }
    const [fits, cut] = recorder.entries
    assert.deepEqual([fits?.[name]?.length, cut?.[name]?.length], [max, max])
    assert.equal(fits?.context['degraded'], undefined)
    assert.deepEqual(cut?.context['degraded'], [`${name}.truncated`])
  }
})

// Goal: a process whose actions and keys are made of ids does not grow by them.
// Method: a quarter of a million names, and the heap after a collection.
test('the names that were seen to be plain are remembered to a bound', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const redactor = compileRedactor(undefined)
  const { captureEntry } = createCapture({ maxEntryBytes: 32_768, redactor })
  const encoder = createEncoder({ recorderId: EVENT, maxEntryBytes: 32_768, redactor })
  const encodeMany = (first: number, last: number) => {
    for (let n = first; n < last; n += 1) {
      const pending = captureEntry(
        { action: `thing.verb_${n}`, metadata: { [`key_${n}`]: n } },
        undefined,
        0,
      )
      if (pending) encoder.rowOf(pending, n)
    }
  }
  encodeMany(0, 2_000)
  collect()
  const before = process.memoryUsage().heapUsed
  encodeMany(2_000, 250_000)
  collect()
  const grown = process.memoryUsage().heapUsed - before
  assert.ok(grown < 5_000_000, `${grown} bytes`) // without a bound some 25 million
  const pending = captureEntry({ action: 'thing.last' }, undefined, 0)
  assert.ok(pending && encoder.rowOf(pending, 1))
})

test('redact takes 1,000 paths, and 32 keys in one', () => {
  const refused = { code: 'AUDIT_OPTION_INVALID' }
  const paths = (count: number) => Array.from({ length: count }, (_, n) => `metadata.k${n}`)
  compileRedactor(paths(1_000))
  assert.throws(() => compileRedactor(paths(1_001)), refused)
  const keys = (count: number) => [`metadata${'.k'.repeat(count)}`]
  compileRedactor(keys(32))
  assert.throws(() => compileRedactor(keys(33)), refused)
})

const refusedFilter = { code: 'AUDIT_FILTER_INVALID' }
/** A query would be a mistake, because a wrong value is found before. */
const untouched: AuditDatabase = { execute: () => assert.fail('the database was asked') }

test('a page of a timeline holds 1 to 500 entries, and 50 where nothing is said', () => {
  assert.equal(checkTimeline({}).limit, 50)
  for (const limit of [1, 500]) assert.equal(checkTimeline({ limit }).limit, limit)
  for (const limit of [0, 501]) assert.throws(() => checkTimeline({ limit }), refusedFilter)
  const asked = checkTimeline({})
  const { from, limit } = pageQuery(asked, asked.filter.bind('uuid'))
  const newest = new PgDialect().sqlToQuery(from(limit)).sql
  assert.match(newest, /order by .* desc limit 51\s*\) as entry$/)
})

test('each text of a filter has its longest', () => {
  const metadata = (length: number) => ({ a: 'x'.repeat(length - '{"a":""}'.length) })
  const cases: readonly (readonly [string, (length: number) => LogFilter, number])[] = [
    ['action', (length) => ({ action: `a.${'b'.repeat(length - 2)}` }), 128],
    ['entityType', (length) => ({ entityType: 'x'.repeat(length) }), 256],
    ['requestId', (length) => ({ requestId: 'x'.repeat(length) }), 256],
    ['userId', (length) => ({ userId: 'x'.repeat(length) }), 256],
    ['eventId', (length) => ({ eventId: 'x'.repeat(length) }), 256],
    ['targetId', (length) => ({ targetId: 'x'.repeat(length) }), 256],
    ['metadata', (length) => ({ metadata: metadata(length) }), 2_000],
  ]
  for (const [name, make, max] of cases) {
    assert.equal(checkFilter(make(max)).bind('text').conditions.length, 1, name)
    assert.throws(() => checkFilter(make(max + 1)), refusedFilter, name)
  }
})

test('a range of time has an end behind its beginning, by a millisecond at least', async () => {
  const fromMs = Date.UTC(2026, 0, 15)
  for (const toMs of [fromMs, fromMs - 1]) {
    const range = { from: fromMs, to: toMs }
    assert.throws(() => checkFilter(range), refusedFilter)
    await assert.rejects(timeline(untouched, range), refusedFilter)
  }
  assert.equal(checkFilter({ from: fromMs, to: fromMs + 1 }).bind('uuid').conditions.length, 2)
})

test('a range of time holds its first millisecond and not its last', async (t) => {
  const scratch = await scratchDatabase(t)
  const fromMs = Date.UTC(2026, 0, 15)
  const times = [-1, 0, 1, 9, 10].map((ms) => ({ ms: fromMs + ms, action: `at.${ms + 1}` }))
  await appendToLog(scratch.sql, times)
  const range = { from: fromMs, to: fromMs + 10, order: 'oldest' } as const
  const { entries } = await timeline(readerOf(t, scratch), range)
  assert.deepEqual(
    entries.map(({ action }) => action),
    ['at.1', 'at.2', 'at.10'],
  )
})

test('a filter by entity takes the whole entity, and nothing longer', async (t) => {
  const scratch = await scratchDatabase(t)
  const actions = ['venue.open', 'venues.open', 'venue', 'venue_a.open', 'avenue.open']
  await appendToLog(
    scratch.sql,
    actions.map((action) => ({ action })),
  )
  const { entries } = await timeline(readerOf(t, scratch), { action: 'venue.*' })
  assert.deepEqual(entries.map(({ action }) => action).toSorted(), ['venue', 'venue.open'])
})

test('a cursor of another version is refused, although its check is right', () => {
  const owner = createHash('sha256').update('a question').digest()
  const good = encodeCursor({ direction: 'next', id: EVENT, history: EVENT }, owner)
  assert.deepEqual(decodeCursor(good, owner), {
    direction: 'next',
    id: EVENT,
    history: EVENT,
  })
  const bytes = Buffer.from(good, 'base64url')
  for (const version of [0, 1, 3, 255]) {
    bytes[0] = version
    const checked = bytes.subarray(0, bytes.length - 6)
    const check = createHash('sha256').update('audit-outbox cursor').update(checked).digest()
    check.copy(bytes, bytes.length - 6, 0, 6)
    assert.throws(() => decodeCursor(bytes.toString('base64url'), owner), refusedFilter)
  }
})

test('a cursor holds for one order, and a page whose question says nothing is the newest first', () => {
  const owner = (options: TimelineOptions) => checkTimeline(options).owner
  assert.deepEqual(owner({}), owner({ order: 'newest' }))
  assert.notDeepEqual(owner({}), owner({ order: 'oldest' }))
  assert.deepEqual(owner({ limit: 7, from: 1 }), owner({}), 'for any limit and time range')
})

test('a filtered tail leaves out nothing of a window that holds more than one batch', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    select audit.new_id(), n, now(), 'thing.done' from generate_series(1, 1201) as n`
  const signal = AbortSignal.timeout(20_000)
  const entries = tail(readerOf(t, scratch), { fromSeq: 1, filter: { action: 'thing.*' }, signal })
  const seqs: number[] = []
  for await (const { seq } of entries) {
    seqs.push(seq)
    if (seq === 1_201) break
  }
  assert.deepEqual(
    seqs,
    Array.from({ length: 1_201 }, (_, n) => n + 1),
  )
})

test('a tail begins at number 0 at the earliest', () => {
  tail(untouched, { fromSeq: 0 })
  assert.throws(() => tail(untouched, { fromSeq: -1 }), refusedFilter)
  assert.throws(() => tail(untouched, { fromSeq: 2 ** 53 }), refusedFilter)
})

test('an export holds both ends of its numbers, and may be of one alone', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, [{}, {}, {}, {}])
  const db = readerOf(t, scratch)
  const folder = scratchFolder(t)
  const exported = async (options: Partial<ExportToFileOptions>) => {
    const out = `${folder}/${Object.values(options).join('-')}`
    const { firstSeq, lastSeq, rows } = await exportToFile(db, { ...options, out })
    return [firstSeq, lastSeq, rows]
  }
  assert.deepEqual(await exported({ fromSeq: 2, toSeq: 3 }), [2, 3, 2])
  assert.deepEqual(await exported({ fromSeq: 4, toSeq: 4 }), [4, 4, 1])
  assert.deepEqual(await exported({ fromSeq: 0, toSeq: 9 }), [1, 4, 4])
  await assert.rejects(exported({ fromSeq: 3, toSeq: 2 }), refusedFilter)
})

test('an export and its manifest can be read by their owner alone', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, [{}])
  const out = `${scratchFolder(t)}/log`
  const { format } = await exportToFile(readerOf(t, scratch), { out })
  assert.equal(format, 'ndjson')
  for (const file of [out, `${out}.manifest.json`]) {
    assert.equal(fs.statSync(file).mode & 0o777, 0o600, file)
  }
})

test('a token has 16 characters or more, and a name 1 to 64', () => {
  const token = 'c0ffee8812d9a4b7'
  assert.deepEqual(readTokens(`a:${token}`), [{ name: 'a', token }])
  readTokens(`${'n'.repeat(64)}:${token}`)
  const refused = { code: 'AUDIT_OPTION_INVALID' }
  for (const text of [`a:${token.slice(1)}`, `${'n'.repeat(65)}:${token}`, `:${token}`]) {
    assert.throws(() => readTokens(text), refused)
  }
})

test('a cookie opens the page for thirty days, to the second', async () => {
  let nowMs = Date.UTC(2026, 0, 15)
  const authorize = tokenAuthorize(readTokens('ada:c0ffee8812d9a4b7'), () => nowMs)
  const first = await authorize(new Request('http://page.test/?token=c0ffee8812d9a4b7'))
  assert.ok(first instanceof Response)
  const given = first.headers.get('set-cookie') ?? ''
  assert.match(given, /Max-Age=2592000;/)
  const cookie = given.split(';')[0] ?? ''
  const isOpen = async () => {
    const answer = await authorize(new Request('http://page.test/', { headers: { cookie } }))
    return answer instanceof Object && 'name' in answer && answer.name === 'ada'
  }
  nowMs += 30 * 86_400_000 - 1_000
  assert.equal(await isOpen(), true)
  nowMs += 1_000
  assert.equal(await isOpen(), false)
})

test("a viewer's name has 1 to 128 characters", async () => {
  const request = new Request('http://page.test/')
  const kindOf = async (name: string) => {
    const { kind } = await authorizeRequest(() => ({ name, sees: 'everything' }), request)
    return kind
  }
  for (const name of ['a', 'a'.repeat(128)]) assert.equal(await kindOf(name), 'viewer')
  for (const name of ['', 'a'.repeat(129)]) assert.equal(await kindOf(name), 'unclear')
})

test('a move that clashes is tried ten times more, and then fails', async () => {
  const clash = { code: '23505', constraint_name: 'audit_log_pkey', table_name: 'audit_log' }
  const attemptsUntil = async (succeedsAt: number) => {
    let attempts = 0
    const statements = {
      move: async () => {
        attempts += 1
        if (attempts > 100) assert.fail('it is tried without end')
        if (attempts < succeedsAt) throw new AuditError('AUDIT_DATABASE_FAILED', 'clash', clash)
        return { claimed: 1, logged: 1, parked: 0 }
      },
      list: () => assert.fail('no row is at fault'),
      park: () => assert.fail('no row is at fault'),
    }
    const options = { lane: 'staging', batchEntries: 1, lockTimeoutMs: 1_000 } as const
    const ended = await moveBatch(statements, options).then(
      ({ logged }) => logged,
      (error: AuditError) => error.fault?.code,
    )
    return [attempts, ended]
  }
  assert.deepEqual(await attemptsUntil(1), [1, 1])
  assert.deepEqual(await attemptsUntil(11), [11, 1])
  assert.deepEqual(await attemptsUntil(12), [11, '23505'])
})

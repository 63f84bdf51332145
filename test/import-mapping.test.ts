import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseExact } from '../relay/import/mapping/exact-json.ts'
import { importIds, namespacedUuid } from '../relay/import/mapping/import-id.ts'
import { digestOf, readMapping } from '../relay/import/mapping/mapping.ts'
import { type OldTime, readOldTime } from '../relay/import/mapping/old-time.ts'
import { READY_MADE } from '../relay/import/mapping/ready-made.ts'
import { compileObject, compileSource } from '../relay/import/mapping/sources.ts'
import { isZone, wallClock } from '../relay/import/mapping/zone.ts'
import { type CsvRow, readCsv } from '../relay/import/reading/csv.ts'
import { isUuid7, recordedMs } from '../src/ids/uuid7.ts'
import { isUuid } from '../src/ids/uuid.ts'
import { scratchDatabase } from './support/database.ts'

const ZONES = [
  ...['Europe/Berlin', 'America/New_York', 'America/St_Johns', 'Australia/Lord_Howe'],
  ...['Asia/Kolkata', 'Africa/Casablanca', 'Pacific/Apia', 'UTC', 'America/Sao_Paulo'],
]

// Goal: a clock on the wall means here what it means to Postgres, also where it was put forward or back.
// Method: each quarter of an hour of the days around each change, and random times, asked of both.
test('times without a zone are read as Postgres reads them', async (t) => {
  const { sql } = await scratchDatabase(t)
  for (const zone of ZONES) {
    const clock = wallClock(zone)
    const walls = wallsOf(clock)
    const found = await sql`
      select extract(epoch from w.wall::timestamp at time zone ${zone})::double precision * 1000 as ms
      from unnest(${walls.map((ms) => new Date(ms).toISOString().slice(0, 19))}::text[])
        with ordinality as w (wall, n) order by w.n`
    walls.forEach((wall, n) => {
      assert.equal(clock(wall).ms, found[n]?.['ms'], `${zone} ${new Date(wall).toISOString()}`)
    })
  }
})

const HOUR_MS = 3_600_000

/** Around each change of the zone's offset since 2000, and others in between. */
function wallsOf(clock: ReturnType<typeof wallClock>): number[] {
  const walls: number[] = []
  const offset = (wall: number) => wall - clock(wall).ms
  for (let day = Date.UTC(2000, 0, 1); day < Date.UTC(2027, 0, 1); day += 24 * HOUR_MS) {
    if (offset(day) === offset(day + 24 * HOUR_MS)) continue
    for (let at = day - 3 * HOUR_MS; at < day + 27 * HOUR_MS; at += HOUR_MS / 4) walls.push(at)
  }
  for (let n = 0; n < 200; n += 1) {
    walls.push(Math.floor(Math.random() * Date.UTC(2037, 0, 1)) + 2 * 24 * HOUR_MS)
  }
  return walls.map((wall) => Math.floor(wall / 1_000) * 1_000)
}

test('a clock that was put back showed an hour twice, and one that was put forward skipped one', () => {
  const clock = wallClock('Europe/Berlin')
  const read = (text: string) => readOldTime(text, { clock }) as OldTime
  assert.deepEqual(read('2024-10-27 02:30:00'), {
    ms: Date.UTC(2024, 9, 27, 1, 30),
    text: '2024-10-27T01:30:00.000Z',
    odd: 'twice',
  })
  assert.deepEqual(read('2024-03-31 02:30'), {
    ms: Date.UTC(2024, 2, 31, 1, 30),
    text: '2024-03-31T01:30:00.000Z',
    odd: 'never',
  })
  assert.equal(read('2024-07-01').text, '2024-06-30T22:00:00.000Z')
  assert.equal(wallClock('-03:30')(0).ms, 3.5 * HOUR_MS)
  assert.equal(isZone('Europe/Berlni'), false)
})

test('times are read with all their microseconds, and only where nothing is guessed', () => {
  const utc = { clock: wallClock('UTC') }
  const text = (given: unknown, rules = {}) => {
    const read = readOldTime(given, rules)
    return typeof read === 'string' ? read : read.text
  }
  assert.equal(text('2024-01-02T03:04:05.123456Z'), '2024-01-02T03:04:05.123456Z')
  assert.equal(text('2024-01-02 03:04:05.1+02'), '2024-01-02T01:04:05.100Z')
  assert.equal(text('2024-01-02 03:04:05 UTC'), '2024-01-02T03:04:05.000Z')
  assert.equal(text('2024-01-02T03:04:05-0530'), '2024-01-02T08:34:05.000Z')
  assert.equal(text('2024-01-02 03:04:05', utc), '2024-01-02T03:04:05.000Z')
  assert.equal(text(1_700_000_000, { unit: 's' }), '2023-11-14T22:13:20.000Z')
  assert.equal(text('1700000000.123456', { unit: 's' }), '2023-11-14T22:13:20.123456Z')
  assert.equal(text(1_700_000_000_123, { unit: 'ms' }), '2023-11-14T22:13:20.123Z')
  assert.equal(text('1700000000123456', { unit: 'us' }), '2023-11-14T22:13:20.123456Z')
  assert.match(text('2024-01-02 03:04:05'), /names no zone, and neither does the mapping/)
  assert.match(text('01/02/2024 03:04'), /not written as ISO 8601/)
  assert.match(text('2024-02-30T00:00:00Z'), /not in the calendar/)
  assert.match(text('2024-01-02T25:00:00Z'), /not in the calendar/)
  assert.match(text(1_700_000_000), /names no unit/)
  assert.match(text('soon', { unit: 's' }), /is no number/)
  assert.match(text('-5', { unit: 's' }), /before 1970/)
})

test('an id has the true time, is the same each time, and keeps the order of numbers', () => {
  const [id, other] = [importIds('old-log'), importIds('other')]
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 47 }),
      fc.oneof(fc.string({ minLength: 1 }), fc.nat().map(String)),
      (ms, key) => {
        const made = id(key, ms)
        assert.ok(isUuid7(made))
        assert.ok('89ab'.includes(made.charAt(19)))
        assert.equal(recordedMs(made), ms)
        assert.equal(id(key, ms), made)
        assert.notEqual(other(key, ms), made)
      },
    ),
  )
  const ids = [9, 10, 4_095, 4_096, 5_000, 99_999, 1_048_575, 1_048_576, 4_294_967_295].map((key) =>
    id(String(key), 1_700_000_000_000),
  )
  assert.deepEqual(ids, ids.toSorted())
  const all = new Set(Array.from({ length: 20_000 }, (_, n) => id(`key ${n}`, 7)))
  assert.equal(all.size, 20_000)
})

test('a number becomes the same UUID each time, another one in another namespace', () => {
  assert.equal(namespacedUuid('users', '42'), namespacedUuid('users', '42'))
  assert.notEqual(namespacedUuid('users', '42'), namespacedUuid('posts', '42'))
  assert.match(namespacedUuid('users', '42'), /^.{14}8.{4}[89ab]/)
  assert.ok(isUuid(namespacedUuid('', 'ü')))
  const own = '5a0c1a52-6d1c-4b5e-9d3a-0b7f3c9a1d11'
  assert.equal(namespacedUuid('users', own), own)
})

test('numbers that JavaScript would round keep their digits', () => {
  const text =
    '{"a":12345678901234567890,"b":"\\"12345678901234567890,","c":[-9007199254740993,1.5e20,42]}'
  assert.deepEqual(parseExact(text), {
    a: '12345678901234567890',
    b: '"12345678901234567890,',
    c: ['-9007199254740993', 1.5e20, 42],
  })
})

async function csv(text: string, size: number, delimiter?: string): Promise<CsvRow[]> {
  async function* chunks() {
    for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
  }
  const rows: CsvRow[] = []
  for await (const row of readCsv(chunks(), delimiter)) rows.push(row)
  return rows
}

test('CSV: quotes, line breaks, a byte order mark and empty fields, however it arrives', async () => {
  const text =
    '\uFEFFid,note,"a ""b"""\r\n1,"x, ""y""\r\nz",\r\n\r\n2,,""\r\n3,"a"b,c\r\n4,too,many,fields\r\n5,last'
  for (const size of [1, 2, 3, 7, 1_000]) {
    const rows = await csv(text, size)
    assert.deepEqual(
      rows.map(({ row, fault }) => fault ?? row),
      [
        { id: '1', note: 'x, "y"\r\nz' },
        { id: '2', 'a "b"': '' },
        { id: '3', note: 'ab', 'a "b"': 'c' },
        'it has 4 fields, and the header has 3',
        'it has 2 fields, and the header has 3',
      ],
    )
  }
  assert.deepEqual((await csv('a;b\n1;2', 9, ';'))[0]?.row, { a: '1', b: '2' })
  await assert.rejects(csv('', 9), /empty/)
  await assert.rejects(csv('a,a\n', 9), /names the column "a" twice/)
  await assert.rejects(csv('a,b\n1,"2\n', 9), /a quote in it is not closed/)
})

test('what CSV writers write is read back, as random fields in random pieces', async () => {
  const field = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'ü', '😀') })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 9 }),
      async (rows, size) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
        const text = ['one,two', ...rows.map((row) => row.map(quoted).join(','))].join('\r\n')
        const read = await csv(text, size)
        assert.deepEqual(
          read.map(({ row }) => [row['one'], row['two']]),
          rows,
        )
      },
    ),
  )
})

test('a source is a column, a constant or both joined, and takes its steps in order', () => {
  const row = {
    id: 7,
    type: 'App\\Models\\BlogPost',
    data: '{"user": {"id": 42, "a.b": null}}',
    event: 'Created',
    empty: '',
  }
  const value = (source: Parameters<typeof compileSource>[0], ids: 'uuid' | 'text' = 'uuid') =>
    compileSource(source, ids)(row)
  assert.equal(value('id'), 7)
  assert.equal(value('toString'), undefined)
  assert.equal(value({ column: 'type', as: 'word' }), 'blog_post')
  assert.equal(value({ column: 'data', path: 'user.id' }), 42)
  assert.equal(value({ column: 'data', path: ['user', 'a.b'], else: { constant: 'none' } }), 'none')
  assert.equal(value({ column: 'data', path: 'user.id.toString' }), undefined)
  assert.equal(value({ column: 'event', as: 'lower', words: { created: 'create' } }), 'create')
  assert.equal(value({ column: 'event', words: { '*': null } }), null)
  assert.equal(value({ column: 'empty', else: 'id' }), 7)
  assert.equal(
    value({ concat: [{ column: 'type', as: 'word' }, { constant: '.' }, 'event'] }),
    'blog_post.Created',
  )
  assert.equal(value({ concat: ['event', 'empty'] }), undefined)
  assert.equal(value({ column: 'type', match: '(\\w+)$' }), 'BlogPost')
  const uuid = { namespace: { column: 'type' } }
  assert.equal(value({ column: 'id', uuid }), namespacedUuid('App\\Models\\BlogPost', '7'))
  assert.equal(value({ column: 'id', uuid }, 'text'), 7)
  const object = compileObject({ from: 'data', fields: { event: 'event', none: 'empty' } }, 'uuid')
  assert.deepEqual(object(row), { user: { id: 42, 'a.b': null }, event: 'Created' })
  assert.deepEqual(compileObject({ from: 'event', fields: { id: 'id' } }, 'uuid')(row), {
    value: 'Created',
    id: 7,
  })
})

test('a mapping with mistakes is refused with all of them, each with its place', () => {
  const problems = (mapping: unknown) => {
    try {
      readMapping(JSON.stringify(mapping), 'map.json')
    } catch (error) {
      return (error as Error).message.split('\n').slice(1)
    }
    return []
  }
  const entry = { occurredAt: 'at', action: 'action' }
  assert.deepEqual(problems({ entry }), [])
  assert.match(
    problems({ entry, timezone: 'UTC' })[0] ?? '',
    /^timezone is unknown. Did you mean "timeZone"\?/,
  )
  assert.match(
    problems({ entry, timeZone: 'Europe/Berlni' })[0] ?? '',
    /timeZone must be a zone such as/,
  )
  assert.deepEqual(problems({ entry: { userId: 'u' } }), [
    'entry.occurredAt is missing',
    'entry.action is missing',
  ])
  assert.match(
    problems({ entry: { ...entry, userID: 'u' } })[0] ?? '',
    /^entry.userID is unknown. Did you mean "userId"/,
  )
  const found = problems({
    format: 'xml',
    delimiter: '",',
    redact: { path: [] },
    entry: {
      ...entry,
      userId: { colum: 'user_id' },
      targetId: { column: 'id', uuid: 'users' },
      outcome: { column: 'x', words: { a: 1 }, unit: 's' },
      requestId: { column: 'x', match: '(' },
      context: { fields: { imported: 'x' } },
    },
  })
  assert.equal(found.length, 10)
  assert.throws(() => readMapping('{', 'map.json'), /The mapping map.json is no JSON/)
})

test('the digest says whether a mapping makes the same entries', () => {
  const { entry } = READY_MADE['plain'] as { entry: never }
  const digest = digestOf({ entry })
  assert.equal(digestOf({ entry, format: 'csv', query: 'select 1' }), digest)
  assert.notEqual(digestOf({ entry, timeZone: 'UTC' }), digest)
  for (const [name, mapping] of Object.entries(READY_MADE)) {
    assert.deepEqual(readMapping(JSON.stringify(mapping), name), mapping)
  }
})

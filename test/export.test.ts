import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import zlib from 'node:zlib'
import XLSX from '@e965/xlsx'
import fc from 'fast-check'
import { csvLine, safeJson } from '../src/export/csv.ts'
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportManifest,
  type ExportToFileOptions,
  exportLog,
  exportToFile,
  exportToStream,
  verifyExport,
} from '../src/export/index.ts'
import type { ExportRow } from '../src/export/rows.ts'
import { idFloor } from '../src/ids/uuid7.ts'
import { generateLog } from './bench/generate.ts'
import { runRelay, spawnRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { duckRows, logAsText, readerOf, scratchFolder } from './support/exports.ts'
import {
  compareByDuck,
  compareBySpreadsheet,
  logSample,
  sameRows,
  unmarked,
} from './support/read-back.ts'
import { ocsfLine } from '../src/export/ocsf.ts'
import { ocsfProblems } from './support/ocsf.ts'
import { waitFor } from './support/wait-for.ts'

interface Given {
  readonly ms?: number
  readonly seq?: number
  readonly action?: string
  readonly entityType?: string
  readonly requestId?: string
  readonly eventId?: string
  readonly metadata?: unknown
}

/** Appends entries to the log, with consecutive numbers where none are given. */
async function log({ sql }: ScratchDatabase, given: readonly Given[]): Promise<void> {
  const rows = given.map((entry) => ({
    id: `${idFloor(entry.ms ?? Date.now()).slice(0, 14)}7${randomUUID().slice(15)}`,
    action: 'thing.done',
    ...entry,
  }))
  await sql`
    insert into audit.audit_log (
      id, seq, occurred_at, action, entity_type, request_id, event_id, metadata
    )
    select (e ->> 'id')::uuid,
      coalesce((e ->> 'seq')::bigint, coalesce((select max(seq) from audit.audit_log), 0) + n),
      clock_timestamp(), e ->> 'action', e ->> 'entityType', e ->> 'requestId',
      (e ->> 'eventId')::uuid, coalesce(e -> 'metadata', '{}')
    from jsonb_array_elements(${JSON.stringify(rows)}::text::jsonb) with ordinality as t (e, n)`
}

// Bad input number 26, with every kind of white space before it that a spreadsheet may skip.
const FORMULAS = [
  "=cmd|' /C calc'!A0",
  '+1+1',
  '-2+3',
  '@SUM(1)',
  '\tx',
  '\rx',
  '\nx',
  '＝1+1',
  '－1',
]
const BEFORE = ['', ' ', '   ', '\u00a0', '\ufeff', '\u200b', '\u3000', '\t', '\u2028', '\u2800']
const HOSTILE: readonly string[] = [
  ...FORMULAS.flatMap((formula) => BEFORE.map((white) => white + formula)),
  ...['a\n=1+1', 'a\r\n  =1+1', 'a\n\u00a0+1', 'a;=1+1', 'a,=1+1', 'a\t=1+1', 'a|=1+1', '";=1+1;"'],
  ...[
    '"',
    '""',
    ',',
    '\r\n',
    'a\r\nb',
    "'",
    "'=1",
    '<script>',
    '\u2028',
    'ü',
    '😀',
    '{"a": 1}',
    '[',
    '\\',
  ],
]

async function logHostile(scratch: ScratchDatabase): Promise<void> {
  const random = fc.sample(fc.string({ unit: 'grapheme', maxLength: 60 }), {
    numRuns: 200,
    seed: 7,
  })
  // Postgres takes neither, in any column.
  const isFit = (text: string) => !text.includes('\0') && !/\p{Surrogate}/u.test(text)
  const texts = [...HOSTILE, ...random].filter(isFit)
  await log(
    scratch,
    texts.map((text) => ({
      action: `a${text}`.slice(0, 128),
      entityType: text || 'x',
      requestId: text || 'x',
      metadata: { [text]: text, list: [text, -1, 1.5e300, null], deep: { big: 1 } },
    })),
  )
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action, metadata)
    values (${randomUUID()}, (select max(seq) + 1 from audit.audit_log),
      '2026-01-02 03:04:05.678901+00', 'a.b', '{"big": 123456789012345678901234567890}')`
}

function optionsFor(
  folder: string,
  format: ExportFormat,
  more: Partial<ExportToFileOptions> = {},
): ExportToFileOptions {
  const suffix = more.gzip ? '.gz' : ''
  return { format, out: path.join(folder, `log.${format}${suffix}`), ...more }
}

const sha256 = (file: string) => createHash('sha256').update(fs.readFileSync(file)).digest('hex')

for (const gzip of [false, true]) {
  test(`NDJSON is faithful: DuckDB reads what is in the log, ${gzip ? '' : 'not '}compressed`, async (t) => {
    const scratch = await scratchDatabase(t)
    await logHostile(scratch)
    await generateLog(scratch.sql, { rows: 3_000, endMs: Date.now(), months: 2, firstSeq: 10_001 })
    const options = optionsFor(scratchFolder(t), 'ndjson', { gzip })
    const manifest = await exportToFile(readerOf(t, scratch), options)
    const inLog = await logAsText(scratch)
    assert.equal(manifest.rows, inLog.length)
    const read = await duckRows(options.out, 'ndjson')
    sameRows(read, inLog)
    const big = read.find((row) => row['metadata']?.includes('123456789012345678901234567890'))
    assert.ok(big, 'digits are not rounded')
  })
}

test('a compressed export of nothing is a file that can be unpacked and verified', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOf(t, scratch)
  const options = optionsFor(scratchFolder(t), 'ndjson', { gzip: true })
  const verifies = async () => {
    assert.equal(zlib.gunzipSync(fs.readFileSync(options.out)).length, 0)
    assert.deepEqual((await verifyExport(options.out)).problems, [])
  }
  await exportToFile(db, options)
  await verifies()
  await logHostile(scratch)
  await exportToFile(db, { ...options, filter: { action: 'not.there' }, force: true })
  await verifies()
})

test('CSV holds what is in the log, as DuckDB reads it, but for the marks against formulas', async (t) => {
  const scratch = await scratchDatabase(t)
  await logHostile(scratch)
  await generateLog(scratch.sql, { rows: 3_000, endMs: Date.now(), months: 2, firstSeq: 10_001 })
  const options = optionsFor(scratchFolder(t), 'csv')
  await exportToFile(readerOf(t, scratch), options)
  const inLog = await logAsText(scratch)
  const read = await duckRows(options.out, 'csv')
  assert.equal(read.length, inLog.length)
  sameRows(
    read.map((row, at) => unmarked(row, inLog[at])),
    inLog,
  )
})

// Goal: real entries come back as they are, by programs that others wrote.
// Method: audit events of another system, recorded the whole way; each row and each cell compared.
const sample = process.env['AUDIT_TEST_SAMPLE']
const noSample = sample ? false : 'AUDIT_SAMPLE names no file of audit events.'
test('an export of real entries is read back row by row', { skip: noSample }, async (t) => {
  const scratch = await scratchDatabase(t)
  const urls = { appUrl: scratch.urlAs('audit_app'), relayUrl: scratch.urlAs('audit_relay') }
  const events = await logSample(sample ?? '', urls)
  await generateLog(scratch.sql, {
    ...{ rows: 3_000, endMs: Date.now(), months: 2, firstSeq: events + 1 },
  })
  const folder = scratchFolder(t)
  const db = readerOf(t, scratch)
  for (const format of ['ndjson', 'csv'] as const) {
    const options = optionsFor(folder, format)
    await exportToFile(db, options)
    assert.equal(await compareByDuck(scratch.sql, options.out, format), events + 3_000)
  }
  const csv = optionsFor(folder, 'csv').out
  assert.equal(await compareBySpreadsheet(scratch.sql, csv), events + 3_000)
})

// Goal: opening the file in a spreadsheet runs nothing.
// Method: every hostile text in every text cell, read by a spreadsheet library, cut at the
// separators of every country.
test('no cell of a CSV can become a formula in a spreadsheet', () => {
  const base: ExportRow = {
    ...{
      seq: 1,
      id: randomUUID(),
      occurredAt: '-0001-01-01',
      loggedAt: '2026-01-01T00:00:00.000000Z',
      writtenBy: 'shop_web',
    },
    ...{ userId: null, eventId: null, targetId: null, moreTargets: null },
    ...{ outcome: null, actorId: null, actorKind: null, recorderId: null, recorderSeq: '-1' },
    ...{ action: 'a.b', entityType: null, requestId: null, metadata: '{}', context: '{}' },
  }
  const lines = HOSTILE.map((text) => {
    const json = JSON.stringify({ [text]: text, list: [text, `x ${text}`] })
    const cells = {
      action: text,
      entityType: text,
      requestId: `a${text}`,
      metadata: json,
      context: json,
    }
    return csvLine({ ...base, ...cells })
  })
  for (const separator of [',', ';', '\t', '|']) {
    const book = XLSX.read(lines.join(''), { type: 'string', FS: separator, raw: true })
    const sheet = book.Sheets[book.SheetNames[0] ?? ''] ?? {}
    let cells = 0
    for (const [place, cell] of Object.entries(sheet)) {
      if (place.startsWith('!')) continue
      cells += 1
      assert.equal(cell.f, undefined, `${separator} ${place}: ${JSON.stringify(cell)}`)
      for (const line of String(cell.v).split(/[\r\n\u0085\u2028\u2029]/)) {
        assert.doesNotMatch(line, /^[\s\p{C}\u2800"]*[=+@＝＋－＠]/u, `${separator} ${place}`)
        assert.doesNotMatch(line, /^[\s\p{C}\u2800"]*-[^\d]/u, `${separator} ${place}`)
      }
    }
    assert.ok(cells >= lines.length)
  }
})

test('JSON in a CSV means the same after its formulas are escaped', () => {
  const value = fc.jsonValue({ stringUnit: 'binary' })
  const withFormulas = fc.oneof(value, fc.array(fc.constantFrom(...HOSTILE)))
  fc.assert(
    fc.property(withFormulas, (given) => {
      const json = JSON.stringify({ given })
      assert.deepEqual(JSON.parse(safeJson(json)), JSON.parse(json))
    }),
  )
})

test('a CSV with a byte order mark is read as UTF-8 by Excel, and otherwise is the same', async (t) => {
  const scratch = await scratchDatabase(t)
  await log(scratch, [{ entityType: 'Müller 日本語' }, { action: 'b.b' }])
  const db = readerOf(t, scratch)
  const folder = scratchFolder(t)
  const marked = optionsFor(folder, 'csv', { byteOrderMark: true })
  const plain = { ...optionsFor(folder, 'csv'), out: path.join(folder, 'plain.csv') }
  for (const gzip of [false, true]) {
    await exportToFile(db, { ...marked, gzip, force: true })
    assert.deepEqual((await verifyExport(marked.out)).problems, [])
  }
  await exportToFile(db, { ...marked, force: true })
  await exportToFile(db, plain)
  const [withMark, without] = [marked.out, plain.out].map((file) => fs.readFileSync(file))
  assert.ok(withMark && without)
  assert.deepEqual([...withMark.subarray(0, 3)], [0xef, 0xbb, 0xbf])
  assert.deepEqual(withMark.subarray(3), without)
  const book = XLSX.read(withMark, { type: 'buffer', raw: true })
  const sheet = book.Sheets[book.SheetNames[0] ?? ''] ?? {}
  assert.equal(sheet['A1']?.v, 'seq')
  assert.equal(sheet['H2']?.v, 'Müller 日本語')
  sameRows(await duckRows(marked.out, 'csv'), await duckRows(plain.out, 'csv'))
  assert.equal((await exportLog(db, { format: 'csv', byteOrderMark: true })).head[0], '\ufeff')
  assert.equal((await exportLog(db, { format: 'csv' })).head[0], '"')
  await assert.rejects(exportLog(db, { format: 'ocsf', byteOrderMark: true }), {
    message: 'byteOrderMark is for the format csv alone, got ocsf.',
  })
})

const ROW: ExportRow = {
  ...{ seq: 1, id: randomUUID(), occurredAt: '2026-01-01T00:00:00.000000Z' },
  ...{ loggedAt: '2026-01-01T00:00:00.000000Z', writtenBy: 'shop_web', action: 'a.b' },
  ...{ userId: null, eventId: null, targetId: null, moreTargets: null },
  ...{ outcome: null, actorId: null, actorKind: null, recorderId: null, recorderSeq: '1' },
  ...{ entityType: null, requestId: null, metadata: '{}', context: '{}' },
}

function cellsOf(row: ExportRow): readonly string[] {
  const book = XLSX.read(csvLine(row), { type: 'string', raw: true })
  const sheet = book.Sheets[book.SheetNames[0] ?? ''] ?? {}
  return Object.entries(sheet).flatMap(([place, cell]) =>
    place.startsWith('!') ? [] : [String(cell.v)],
  )
}

test('no cell of a CSV is longer than Excel holds, and what was cut says so', () => {
  const json = (letters: number) => `{"a": "${'x'.repeat(letters)}"}`
  const whole = json(32_767 - 9)
  assert.ok(cellsOf({ ...ROW, metadata: whole }).includes(whole), '32,767 characters are whole')
  // One more is too many, but a blank between its parts can go.
  const tight = json(32_767 - 8)
  assert.ok(cellsOf({ ...ROW, metadata: tight }).includes(tight.replace(': ', ':')))
  const packedTight = `{"a":"${'x'.repeat(32_768 - 8)}"}`
  const cut = cellsOf({ ...ROW, metadata: packedTight }).find((cell) => cell.startsWith('{"a"'))
  assert.match(cut ?? '', /^\{"a":"x{30000,}…\[cut: 32768 characters\]$/)
  const blanks = JSON.stringify({ text: ' : , '.repeat(4), list: [1, 'a b'] }).replaceAll(
    /,/g,
    ', ',
  )
  const bulk = `{"keep": ${blanks}, "list": [${Array.from({ length: 13_000 }, () => '1').join(', ')}]}`
  const packed = cellsOf({ ...ROW, context: bulk }).find((cell) => cell.startsWith('{"keep"')) ?? ''
  assert.deepEqual(JSON.parse(packed), JSON.parse(bulk))
  const quotes = `{"a": "${'\\"'.repeat(20_000)}😀"}`
  for (const long of [json(40_000), json(2_000_000), quotes, `{"=": "${'='.repeat(40_000)}"}`]) {
    const cells = cellsOf({ ...ROW, metadata: long, context: long, requestId: long, action: long })
    for (const cell of cells) assert.ok(cell.length <= 32_767, `${cell.length} characters`)
    assert.ok(cells.some((cell) => /…\[cut: \d+ characters\]$/.test(cell)))
  }
  const pair = cellsOf({ ...ROW, metadata: `{"a":"${'😀'.repeat(20_000)}"}` })
  for (const cell of pair) assert.doesNotMatch(cell, /\p{Surrogate}/u)
})

// Goal: two times are never the same text.
// Method: times that only the owner could put there, in every format.
test('a year before Christ is not exported as the year after Christ', async (t) => {
  const scratch = await scratchDatabase(t)
  const times = ['0044-03-15 00:00:00+00', '0044-03-15 00:00:00+00 BC', '0001-12-31 00:00:00+00 BC']
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    select gen_random_uuid(), n, time::timestamptz, 'a.b'
    from unnest(${[...times, '12026-01-01 00:00:00+00', 'infinity']}::text[]) with ordinality as t (time, n)`
  const options = optionsFor(scratchFolder(t), 'ndjson')
  await exportToFile(readerOf(t, scratch), options)
  const lines = fs.readFileSync(options.out, 'utf8').trimEnd().split('\n')
  const seen = lines.map((line) => Reflect.get(JSON.parse(line) as object, 'occurred_at'))
  assert.deepEqual(seen, [
    '0044-03-15T00:00:00.000000Z',
    '0044-03-15T00:00:00.000000Z BC',
    '0001-12-31T00:00:00.000000Z BC',
    '12026-01-01T00:00:00.000000Z',
    'infinity',
  ])
})

// Goal: a reader that checks events against the version that they name takes every one.
// Method: what the schema of that version says of the class and of its objects, in a file with its
// source; entries of every kind that differs in OCSF.
test('OCSF events are valid by the schema of the version that they name', async (t) => {
  const scratch = await scratchDatabase(t)
  await logHostile(scratch)
  await generateLog(scratch.sql, { rows: 500, endMs: Date.now(), months: 2, firstSeq: 10_001 })
  const verbs = [
    ...['create', 'read', 'update', 'delete', 'move', 'rename', 'enroll', 'unenroll', 'enable'],
    ...['disable', 'activate', 'deactivate', 'suspend', 'resume', 'approve'],
  ]
  const addresses = [
    ...[
      '203.0.113.7',
      '2001:db8::1',
      '::ffff:1.2.3.4',
      'fe80::1%eth0',
      '::',
      '203.0.113.7:443',
      '',
    ],
    ...[
      '203.0.113.7, 10.0.0.1',
      'unknown',
      '1.2.3',
      ' 1.2.3.4',
      '0000:0000:0000:0000:0000:ffff:100.100.100.100',
    ],
    ...[['203.0.113.7'], 7, null, { v4: '203.0.113.7' }, `fe80::1%${'e'.repeat(40)}`],
  ]
  const entries = [
    ...verbs.map((verb) => ({ action: `user.${verb}` })),
    ...addresses.map((ip) => ({ action: 'user.view', context: { ip } })),
    ...[{ action: 'alone' }, { action: '.' }, { action: 'a.' }, { action: 'user.UPDATE' }],
  ]
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action, user_id, event_id, target_id, context)
    select gen_random_uuid(), 20000 + n, case n % 4 when 0 then 'infinity' else now() end,
      e ->> 'action', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
      coalesce(e -> 'context', '{}')
    from jsonb_array_elements(${JSON.stringify(entries)}::text::jsonb) with ordinality as t (e, n)`
  const options = optionsFor(scratchFolder(t), 'ocsf')
  const { rows } = await exportToFile(readerOf(t, scratch), options)
  const lines = fs.readFileSync(options.out, 'utf8').trimEnd().split('\n')
  assert.equal(lines.length, rows)
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const event of events) assert.deepEqual(ocsfProblems(event), [], JSON.stringify(event))

  const withCode = (code: string) =>
    events.find((event) => Reflect.get(Object(event['metadata']), 'event_code') === code)
  assert.deepEqual(
    verbs.map((verb) => withCode(`user.${verb}`)?.['activity_id']),
    [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13, 99],
  )
  assert.equal(withCode('user.approve')?.['activity_name'], 'approve')
  assert.equal(withCode('user.UPDATE')?.['activity_name'], 'Update')
  const sources = events.filter((event) => event['src_endpoint'] !== undefined)
  assert.deepEqual(
    sources.map((event) => Reflect.get(Object(event['src_endpoint']), 'ip')).slice(-5),
    ['203.0.113.7', '2001:db8::1', '::ffff:1.2.3.4', 'fe80::1%eth0', '::'],
  )
  for (const event of events) {
    const unmapped = Object(event['unmapped'])
    assert.ok('metadata' in unmapped && 'context' in unmapped, 'nothing is left out')
  }
})

test('what is not valid in OCSF is told from what is', () => {
  const valid = {
    metadata: { version: '1.4.0', product: { name: 'p' } },
    ...{ category_uid: 3, class_uid: 3004, activity_id: 13, type_uid: 300413, severity_id: 1 },
    ...{ time: 1, entity: { name: 'e' }, actor: { user: { uid: 'u' } }, unmapped: { any: 1 } },
  }
  assert.deepEqual(ocsfProblems(valid), [])
  const wrong = [
    { entity: undefined },
    { entity: { type: 'only' } },
    { actor: { user: {} } },
    { activity_id: 14, type_uid: 300414 },
    { type_uid: 300401 },
    { time: 1.5 },
    { time: '1' },
    { message: 7 },
    { who: 'x' },
    { src_endpoint: { ip: '203.0.113.7, 10.0.0.1' } },
    { src_endpoint: { ip: 'unknown' } },
    { metadata: { version: '1.2.0', product: { name: 'p' } } },
    { metadata: { version: '1.4.0', product: {} } },
  ]
  for (const part of wrong) {
    assert.notDeepEqual(ocsfProblems({ ...valid, ...part }), [], JSON.stringify(part))
  }
})

// https://github.com/cloudevents/spec, cloudevents/formats/cloudevents.json: "required", and the
// attributes' names and types from cloudevents/spec.md.
const CLOUDEVENT_REQUIRED = ['id', 'source', 'specversion', 'type'] as const

test('CloudEvents have what the published schema requires, and sort by their sequence', async (t) => {
  const scratch = await scratchDatabase(t)
  await logHostile(scratch)
  const options = optionsFor(scratchFolder(t), 'cloudevents', { source: 'urn:example:shop' })
  await exportToFile(readerOf(t, scratch), options)
  const lines = fs.readFileSync(options.out, 'utf8').trimEnd().split('\n')
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const ids = new Set<string>()
  for (const event of events) {
    for (const name of CLOUDEVENT_REQUIRED) {
      assert.ok(typeof event[name] === 'string' && event[name] !== '', name)
    }
    assert.equal(event['specversion'], '1.0')
    assert.equal(event['source'], 'urn:example:shop')
    assert.ok(!Number.isNaN(Date.parse(String(event['time']))))
    assert.equal(event['datacontenttype'], 'application/json')
    for (const name of Object.keys(event)) assert.match(name, /^[a-z0-9]{1,20}$/)
    assert.doesNotMatch(String(event['type']), /[\p{Cc}\p{Surrogate}]/u)
    ids.add(String(event['id']))
  }
  assert.equal(ids.size, events.length)
  const sequences = events.map((event) => String(event['sequence']))
  assert.deepEqual(sequences, [...sequences].sort())
})

test('an export holds the range and the filter that it was asked for, in the order of seq', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOf(t, scratch)
  const eventId = randomUUID()
  const hourAgo = Date.now() - 3_600_000
  await log(
    scratch,
    Array.from({ length: 200 }, (_, n) => ({
      ms: hourAgo + n * 1_000,
      ...(n % 10 === 0 ? { eventId } : {}),
      action: n % 50 === 0 ? 'branding.update' : 'thing.done',
      metadata: { n },
    })),
  )
  await log(scratch, [{ ms: hourAgo + 20_500 }]) // recorded as 21st, logged as 201st
  const seqsOf = async (options: Parameters<typeof exportLog>[1]) => {
    const { pages } = await exportLog(db, options)
    const seqs: number[] = []
    for await (const page of pages) {
      for (const line of page.text.trimEnd().split('\n')) {
        if (line !== '') seqs.push((JSON.parse(line) as { seq: number }).seq)
      }
    }
    return seqs
  }
  assert.deepEqual(await seqsOf({ fromSeq: 199 }), [199, 200, 201])
  assert.deepEqual(await seqsOf({ fromSeq: 5, toSeq: 7 }), [5, 6, 7])
  assert.deepEqual(await seqsOf({ filter: { eventId, action: 'branding.*' } }), [1, 51, 101, 151])
  assert.deepEqual(await seqsOf({ filter: { metadata: { n: 7 } } }), [8])
  const from = new Date(hourAgo + 19_000)
  const to = new Date(hourAgo + 22_000)
  assert.deepEqual(await seqsOf({ filter: { from, to } }), [20, 21, 22, 201])
  assert.deepEqual(await seqsOf({ filter: { from, to }, toSeq: 100 }), [20, 21, 22])
  assert.deepEqual(await seqsOf({ filter: { from: Date.now() + 60_000 } }), [])
  assert.deepEqual(await seqsOf({ fromSeq: 1_000 }), [])
})

test('a manifest says what is in the file, which losses the log declares, and what is gone', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOf(t, scratch)
  await log(scratch, [{ seq: 5 }, { seq: 6 }, { seq: 9 }])
  await log(scratch, [
    { seq: 10, action: 'audit.gap', metadata: { lane: 'staging', lost: 3 } },
    { seq: 20 },
  ])
  const options = optionsFor(scratchFolder(t), 'ndjson')
  const manifest = await exportToFile(db, options)
  const onDisk = JSON.parse(
    fs.readFileSync(`${options.out}.manifest.json`, 'utf8'),
  ) as ExportManifest
  assert.deepEqual(onDisk, manifest)
  assert.deepEqual([manifest.rows, manifest.firstSeq, manifest.lastSeq], [5, 5, 20])
  assert.equal(manifest.sha256, sha256(options.out))
  assert.equal(manifest.bytes, fs.statSync(options.out).size)
  assert.deepEqual(manifest.missingSeqs, [
    [7, 8],
    [11, 19],
  ])
  assert.equal(manifest.gapCount, 1)
  assert.deepEqual(manifest.gaps[0]?.metadata, { lane: 'staging', lost: 3 })
  assert.match(manifest.logEpoch ?? '', /^\d+\/\d+$/)
  const times = (await logAsText(scratch)).map((row) => row['occurred_at'] ?? '').sort()
  assert.deepEqual([manifest.firstTime, manifest.lastTime], [times[0], times.at(-1)])
  assert.equal(fs.statSync(options.out).mode & 0o077, 0, 'for its owner only')

  const filtered = await exportToFile(db, {
    ...options,
    force: true,
    filter: { action: 'no.such' },
  })
  assert.deepEqual([filtered.rows, filtered.firstSeq, filtered.firstTime], [0, null, null])
  assert.equal(filtered.gapCount, 1, 'a loss concerns every filter')
  assert.equal(filtered.missingSeqs, null)
  assert.deepEqual((await verifyExport(options.out)).problems, [])
})

test('an empty log makes an empty file, with a header where the format has one', async (t) => {
  const db = readerOf(t, await scratchDatabase(t))
  const folder = scratchFolder(t)
  for (const format of EXPORT_FORMATS) {
    const options = optionsFor(folder, format)
    assert.equal((await exportToFile(db, options)).rows, 0)
    assert.deepEqual((await verifyExport(options.out)).problems, [])
    assert.equal(fs.readFileSync(options.out, 'utf8').length > 0, format === 'csv')
  }
})

test('a file that is there is not replaced unless forced, nor is an unfinished one', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOf(t, scratch)
  await log(scratch, [{}])
  const options = optionsFor(scratchFolder(t), 'ndjson')
  fs.writeFileSync(options.out, 'precious')
  const inTheWay = { code: 'AUDIT_FILTER_INVALID', message: /there already/ }
  await assert.rejects(exportToFile(db, options), inTheWay)
  assert.equal(fs.readFileSync(options.out, 'utf8'), 'precious')
  await exportToFile(db, { ...options, force: true })
  assert.notEqual(fs.readFileSync(options.out, 'utf8'), 'precious')

  fs.rmSync(options.out)
  await assert.rejects(exportToFile(db, options), inTheWay, 'its manifest is there')
  fs.rmSync(`${options.out}.manifest.json`)
  fs.writeFileSync(`${options.out}.part`, 'half')
  await assert.rejects(exportToFile(db, options), { message: /unfinished export/ })
  await assert.rejects(exportToFile(db, { ...options, resume: true }), { message: /no .* resumed/ })
})

for (const [format, gzip] of [
  ['ndjson', false],
  ['csv', false],
  ['ndjson', true],
  ['csv', true],
] as const) {
  const name = `${format}${gzip ? ', compressed' : ''}`
  test(`an export that was broken off goes on to the same file: ${name}`, async (t) => {
    const scratch = await scratchDatabase(t)
    const db = readerOf(t, scratch)
    await generateLog(scratch.sql, { rows: 12_000, endMs: Date.now(), months: 2 })
    const folder = scratchFolder(t)
    const whole = optionsFor(folder, format, { gzip, filter: { from: 0 } })
    const broken = { ...whole, out: path.join(folder, 'broken') }
    await exportToFile(db, whole)
    const unpack = (file: string) =>
      gzip ? zlib.gunzipSync(fs.readFileSync(file)) : fs.readFileSync(file)

    let pages = 0
    for (let attempt = 0; attempt < 50 && !fs.existsSync(broken.out); attempt += 1) {
      const halt = new AbortController()
      const onProgress = () => {
        pages += 1
        if (pages % 2 === 0) halt.abort(new Error('pulled the plug'))
      }
      const options = { ...broken, resume: attempt > 0, signal: halt.signal, onProgress }
      await exportToFile(db, options).catch((error) => assert.match(error.message, /plug/))
      if (fs.existsSync(broken.out)) break
      // A crash loses the last note, and leaves what was written after it.
      fs.appendFileSync(`${broken.out}.part`, 'half an entry')
      await scratch.sql`
        insert into audit.audit_log (id, seq, occurred_at, action)
        values (${randomUUID()}, (select max(seq) + 1 from audit.audit_log), now(), 'later.entry')`
    }
    assert.ok(pages > 3, `${pages} pages`)
    assert.ok(unpack(broken.out).equals(unpack(whole.out)), 'byte by byte')
    assert.deepEqual((await verifyExport(broken.out)).problems, [])
    assert.deepEqual(
      fs.readdirSync(folder).filter((file) => file.includes('.part')),
      [],
    )
  })
}

// Goal: a reader of the file finds out that it is not what was written.
for (const format of EXPORT_FORMATS) {
  test(`a file that was cut off, edited or put in another order is found out: ${format}`, async (t) => {
    const scratch = await scratchDatabase(t)
    const db = readerOf(t, scratch)
    await generateLog(scratch.sql, { rows: 300, endMs: Date.now(), months: 2 })
    await log(scratch, [{ requestId: 'two\r\nlines "quoted"' }, {}])
    const options = optionsFor(scratchFolder(t), format)
    await exportToFile(db, options)
    const text = fs.readFileSync(options.out, 'utf8')
    const lines = text.split('\n')
    const problemsOf = async (changed: string | Buffer) => {
      fs.writeFileSync(options.out, changed)
      return (await verifyExport(options.out)).problems.join(' ')
    }
    assert.equal(await problemsOf(text), '')
    assert.match(await problemsOf(text.slice(0, -40)), /cut off.*ends|cut off/)
    assert.match(await problemsOf(`${lines.slice(0, 200).join('\n')}\n`), /entries.*ends at seq/)
    assert.match(await problemsOf(text.replace('value 1', 'value 7')), /SHA-256/)
    const swapped = lines.with(20, lines[21] ?? '').with(21, lines[20] ?? '')
    assert.match(await problemsOf(swapped.join('\n')), /1 entries are out of order/)
    assert.match(await problemsOf(lines.toSpliced(50, 1).join('\n')), /SHA-256.*302 were written/)
    assert.match(await problemsOf(''), /0 bytes|0 entries/)

    const packed = optionsFor(scratchFolder(t), format, { gzip: true })
    await exportToFile(db, packed)
    const bytes = fs.readFileSync(packed.out)
    fs.writeFileSync(packed.out, bytes.subarray(0, bytes.length - 20))
    assert.match((await verifyExport(packed.out)).problems.join(' '), /damaged or cut off/)
  })
}

test('an export to a stream waits for its reader, and ends when that goes away', async (t) => {
  const scratch = await scratchDatabase(t)
  await generateLog(scratch.sql, { rows: 6_000, endMs: Date.now(), months: 2 })
  const db = readerOf(t, scratch)
  const stream = new PassThrough({ highWaterMark: 1024 })
  let rows = 0
  const done = exportToStream(db, stream, { onProgress: (now) => (rows = now.rows) })
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.equal(rows, 0, 'the first page is not taken yet')
  let text = ''
  stream.on('data', (chunk) => (text += chunk))
  const manifest = await done
  assert.equal(text.trimEnd().split('\n').length, 6_000)
  assert.equal(manifest.sha256, createHash('sha256').update(text).digest('hex'))

  const gone = new PassThrough({ highWaterMark: 1024 })
  const left = exportToStream(db, gone)
  setTimeout(() => gone.destroy(new Error('gone')), 200)
  await assert.rejects(left, /gone/)
})

for (const [name, options] of Object.entries({
  'an unknown format': { format: 'xml' },
  'a negative number': { fromSeq: -1 },
  'half a number': { toSeq: 1.5 },
  'a range that ends before it begins': { fromSeq: 5, toSeq: 4 },
  'an unknown filter': { filter: { x: 1 } },
  'a source with a space': { source: 'a b' },
  jsonpath: { filter: { metadata: '$.a' } },
})) {
  test(`an export refuses bad input before the database is asked: ${name}`, async () => {
    const db = { execute: () => assert.fail('the database was asked') }
    await assert.rejects(exportLog(db, options as object), { code: 'AUDIT_FILTER_INVALID' })
  })
}

test('audit-relay export and verify-export: files, streams, progress, exit codes', async (t) => {
  const scratch = await scratchDatabase(t)
  await generateLog(scratch.sql, { rows: 2_000, endMs: Date.now(), months: 2 })
  const environment = { AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader') }
  const out = path.join(scratchFolder(t), 'log.ndjson.gz')
  const relay = (...args: string[]) => runRelay(t, args, environment)

  const made = await relay('export', '--out', out)
  assert.equal(made.code, 0, made.stderr)
  assert.match(made.stderr, /^2000 rows, seq 1 to 2000, .* rows\/s\)\nsha256 [0-9a-f]{64}\n/)
  assert.equal(zlib.gunzipSync(fs.readFileSync(out)).toString().trimEnd().split('\n').length, 2_000)

  const [again, verified, piped, help] = await Promise.all([
    relay('export', '--out', out),
    runRelay(t, ['verify-export', out]),
    relay('export', '--out', '-', '--format', 'csv', '--action', 'branding.*', '--quiet'),
    relay('export', '--help'),
  ])
  assert.equal(again.code, 2)
  assert.match(again.stderr, /there already/)
  assert.equal(verified.code, 0)
  assert.match(verified.stdout, /is what was exported: 2000 rows, seq 1 to 2000/)
  assert.match(piped.stdout, /^"seq","id",/)
  assert.ok(
    piped.stdout
      .split('\r\n')
      .slice(1, -1)
      .every((line) => line.includes('"branding.')),
  )
  assert.equal(piped.stderr, '')
  assert.match(help.stdout, /Exit codes/)

  fs.appendFileSync(out, 'x')
  assert.equal((await runRelay(t, ['verify-export', out])).code, 5)
})

const MISUSES: readonly (readonly string[])[] = [
  ['export'],
  ['export', '--out', 'x', '--format', 'xml'],
  ['export', '--out', 'x', '--event', 'x'.repeat(257)],
  ['export', '--out', 'x', '--from', '2026-02-30'],
  ['export', '--out', 'x', '--from-seq', '1e3'],
  ['export', '--out', 'x', '--metadata', '$.a == 1'],
  ['export', '--out', 'x', '--metadata', '[1]'],
  ['export', '--out', 'x', '--query', 'acton:thing.do'],
  ['export', '--out', 'x', '--query', 'thing', '--zone', 'Nowhere'],
  ['export', '--out', 'x', '--zone', 'Europe/Berlin'],
  ['export', '--out', 'x', '--action', `a.${'b'.repeat(100_000)}`],
  ['export', '--out', 'x', '--resume', '--event', randomUUID()],
  ['export', '--out', '-', '--resume'],
  ['export', '--out', 'x', '--once'],
  ['export', '--out', '/no/such/folder/x', '--resume'],
  ['verify-export'],
  ['verify-export', '/no/such/file'],
  ['verify-export', 'a', 'b'],
]

test('wrong usage of export and verify-export is explained and exits with 2', async (t) => {
  const environment = { DATABASE_URL: 'postgres://127.0.0.1:1/x' }
  for (let at = 0; at < MISUSES.length; at += 5) {
    await Promise.all(
      MISUSES.slice(at, at + 5).map(async (args) => {
        const { code, stderr } = await runRelay(t, args, environment)
        assert.equal(code, 2, `${args.join(' ').slice(0, 80)}: ${stderr}`)
        assert.match(stderr, /^audit-relay: .{10,400}\n/)
      }),
    )
  }
})

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`an export that ${signal} ended goes on where it was`, async (t) => {
    const scratch = await scratchDatabase(t)
    await generateLog(scratch.sql, { rows: 60_000, endMs: Date.now(), months: 2 })
    const environment = { AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader') }
    const out = path.join(scratchFolder(t), 'log.ndjson')
    const first = spawnRelay(t, ['export', '--out', out], environment)
    const written = () => (fs.existsSync(`${out}.part`) ? fs.statSync(`${out}.part`).size : 0)
    await waitFor(() => written() > 1_000_000, {
      what: 'the first pages',
      timeoutMs: 60_000,
      intervalMs: 1,
    })
    first.child.kill(signal)
    assert.equal(await first.ended, signal === 'SIGINT' ? 130 : 'SIGKILL', first.output().stderr)
    assert.ok(!fs.existsSync(out), 'what is not whole does not have the name')
    if (signal === 'SIGINT')
      assert.match(first.output().stderr, /interrupted\. Continue with: .* --resume/)
    const resumed = await runRelay(t, ['export', '--out', out, '--resume'], environment)
    assert.equal(resumed.code, 0, resumed.stderr)
    const { manifest, problems } = await verifyExport(out)
    assert.deepEqual(problems, [])
    assert.deepEqual([manifest.rows, manifest.firstSeq, manifest.lastSeq], [60_000, 1, 60_000])
  })
}

// Goal: a SIEM knows what failed and what acted, and nothing is lost that OCSF has no place for.
test('OCSF tells the outcome and the actor', () => {
  const [user, actor, target] = [randomUUID(), randomUUID(), randomUUID()]
  const events: readonly (readonly [Partial<ExportRow>, object])[] = [
    [{}, { status_id: 1, status: 'Success' }],
    [{ outcome: 'denied' }, { status_id: 2, status: 'Failure', status_detail: 'denied' }],
    [{ outcome: 'failed' }, { status_id: 2, status: 'Failure', status_detail: 'failed' }],
    [{ outcome: 'attempted' }, { status_id: 0, status: 'Unknown', status_detail: 'attempted' }],
    [{ userId: user, actorId: actor }, { actor: { user: { uid: user } } }],
    [{ actorId: actor }, { actor: { user: { uid: actor } } }],
    [
      { userId: user, actorId: actor, actorKind: 'api_key' },
      { actor: { user: { uid: user, credential_uid: actor }, app_name: 'api_key' } },
    ],
    [{ actorId: actor, actorKind: 'api_key' }, { actor: { app_name: 'api_key', app_uid: actor } }],
    [
      { userId: user, actorId: actor, actorKind: 'agent' },
      { actor: { user: { uid: user }, app_name: 'agent', app_uid: actor } },
    ],
    [{ actorKind: 'system' }, { actor: { app_name: 'system' } }],
    [{ moreTargets: JSON.stringify([target]) }, { actor: undefined }],
  ]
  for (const [given, expected] of events) {
    const event: Record<string, unknown> = JSON.parse(ocsfLine({ ...ROW, ...given }))
    assert.deepEqual(ocsfProblems(event), [])
    const { actor: told, status_id, status, status_detail } = event
    const found: Record<string, unknown> = { actor: told, status_id, status, status_detail }
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(found[name], value, name)
    const { outcome, actor_id, actor_kind, more_targets } = Object(event['unmapped'])
    assert.deepEqual(
      [outcome, actor_id, actor_kind, more_targets && JSON.stringify(more_targets)],
      [given.outcome, given.actorId, given.actorKind, given.moreTargets],
    )
  }
})

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type postgres from 'postgres'
import { Database } from '../src/database/connection.ts'
import type { IdKind } from '../src/entry.ts'
import { holdsId, pathTo } from '../src/export/about/about-id.ts'
import {
  type AboutReason,
  EXPORT_FORMATS,
  type ExportToFileOptions,
  exportLog,
  exportToFile,
  verifyExport,
} from '../src/export/index.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { runRelay } from './support/audit-relay.ts'
import { emptyDatabase, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { readerOf, scratchFolder } from './support/exports.ts'
import { numberedId, silentLogger } from './support/lanes.ts'
import { connectAs } from './support/logins.ts'

// Goal: an export about a user holds each entry that names the user, no other one, and says why.

const ADA = '7f9c24e8-3b12-4a91-9d8e-5c6f7a8b9c0d'
const BOB = '7f9c24e8-3b12-4a91-9d8e-5c6f7a8b9c0e'

interface Given {
  readonly columns?: Readonly<Record<string, unknown>>
  readonly metadata?: unknown
  readonly context?: unknown
  readonly reasons: readonly AboutReason[]
}

/** Logs entries with the numbers from 1 on, and what each is. */
async function log(sql: postgres.Sql, given: readonly Given[]): Promise<void> {
  const rows = given.map(({ columns = {}, metadata = {}, context = {} }, index) => ({
    id: numberedId(index),
    seq: index + 1,
    occurred_at: '2026-11-01T00:00:00Z',
    logged_at: '2026-11-01T00:00:00Z',
    written_by: 'shop_web',
    action: 'thing.done',
    ...columns,
    metadata,
    context,
  }))
  await sql`
    insert into audit.audit_log
    select * from jsonb_populate_recordset(null::audit.audit_log, ${JSON.stringify(rows)}::text::jsonb)`
}

/** What an export about somebody holds: the reasons of each entry, by its number. */
function expected(given: readonly Given[]) {
  return given.flatMap(({ reasons }, index) =>
    reasons.length > 0 ? [{ seq: index + 1, about: reasons }] : [],
  )
}

function linesOf(file: string) {
  const text = fs.readFileSync(file, 'utf8')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

const foundIn = (file: string) => linesOf(file).map(({ seq, about }) => ({ seq, about }))

async function exported(
  t: TestContext,
  scratch: ScratchDatabase,
  options: Omit<ExportToFileOptions, 'out'>,
) {
  const out = path.join(scratchFolder(t), 'about')
  const manifest = await exportToFile(readerOf(t, scratch), { ...options, out })
  assert.deepEqual((await verifyExport(out)).problems, [])
  return { out, manifest }
}

/** A connection that may read dead letters, and nothing of the log. */
function letterReader(t: TestContext, { urlAs }: ScratchDatabase): Database {
  const about = { applicationName: 'test', statementTimeoutMs: 20_000, isReader: true }
  const db = new Database({ url: urlAs('audit_relay'), ...about })
  t.after(() => db.close())
  return db
}

const UUID_ENTRIES: readonly Given[] = [
  { columns: { user_id: ADA }, reasons: ['user_id'] },
  { columns: { actor_id: ADA, user_id: BOB }, reasons: ['actor_id'] },
  { columns: { target_id: ADA }, reasons: ['target_id'] },
  { columns: { target_id: BOB, more_targets: [BOB, ADA] }, reasons: ['more_targets'] },
  { metadata: { invited: [{ by: BOB }, { who: [ADA] }] }, reasons: ['metadata'] },
  { metadata: { who: ADA.toUpperCase() }, reasons: ['metadata'] },
  { metadata: { roles: { [ADA]: 'admin' } }, reasons: ['metadata'] },
  { metadata: { [ADA.toUpperCase()]: 1 }, reasons: ['metadata'] },
  { context: { request: { path: `/users/${ADA}/keys` } }, reasons: ['context'] },
  {
    columns: { user_id: ADA, target_id: ADA },
    metadata: { a: ADA },
    context: { b: ADA },
    reasons: ['user_id', 'target_id', 'metadata', 'context'],
  },
  { columns: { user_id: BOB, target_id: BOB, more_targets: [BOB] }, reasons: [] },
  { metadata: { who: BOB, part: ADA.slice(0, -1), [BOB]: ADA.slice(1) }, reasons: [] },
  { columns: { event_id: ADA, request_id: ADA }, reasons: [] },
  { metadata: { big: 'x'.repeat(5_000), list: [1, { who: ADA }] }, reasons: ['metadata'] },
  { metadata: { a: null, b: [], c: {}, d: 1.5e300, e: [[[]]], f: true }, reasons: [] },
]

test('an export about a user holds what names the user, and says where', async (t) => {
  const scratch = await scratchDatabase(t)
  await log(scratch.sql, UUID_ENTRIES)
  const { out, manifest } = await exported(t, scratch, { about: ADA.toUpperCase() })
  assert.deepEqual(foundIn(out), expected(UUID_ENTRIES))
  assert.deepEqual(manifest.about, {
    id: ADA.toUpperCase(),
    found: {
      ...{ user_id: 2, actor_id: 1, target_id: 2, more_targets: 1, metadata: 6, context: 2 },
    },
    letters: null,
  })
  assert.equal(manifest.missingSeqs, null, 'numbers are bound to be left out')
  assert.deepEqual(manifest.filter, {})
  const whole = await exported(t, scratch, {})
  assert.equal('about' in whole.manifest, false)
  const [first] = linesOf(out)
  const { about: _, ...plain } = first ?? {}
  assert.deepEqual(plain, linesOf(whole.out)[0], 'apart from its last key the line is the same')
})

test('an export about a user takes other filters, CSV, and a reader at their own pace', async (t) => {
  const scratch = await scratchDatabase(t)
  await log(scratch.sql, UUID_ENTRIES)
  const narrow = { about: ADA, filter: { userId: BOB }, fromSeq: 1, toSeq: 5 }
  assert.deepEqual(foundIn((await exported(t, scratch, narrow)).out), [
    { seq: 2, about: ['actor_id'] },
  ])
  const csv = await exported(t, scratch, { about: ADA, format: 'csv', byteOrderMark: true })
  const [header, ...lines] = fs.readFileSync(csv.out, 'utf8').trimEnd().split('\r\n')
  assert.match(header ?? '', /^\ufeff"seq",.*,"recorder_seq","erased","about"$/)
  assert.equal(lines.length, expected(UUID_ENTRIES).length)
  assert.match(lines.at(-2) ?? '', /,"\[""user_id"",""target_id"",""metadata"",""context""\]"$/)

  const { pages, head } = await exportLog(readerOf(t, scratch), { about: ADA, format: 'csv' })
  let text = head
  for await (const page of pages) text += page.text
  assert.equal(`\ufeff${text}`, fs.readFileSync(csv.out, 'utf8'))

  for (const format of EXPORT_FORMATS.filter((one) => one !== 'ndjson' && one !== 'csv')) {
    const refused = exported(t, scratch, { about: ADA, format })
    await assert.rejects(refused, { code: 'AUDIT_FILTER_INVALID', message: /^about is for/ })
  }
  await assert.rejects(exported(t, scratch, { about: 'ada' }), { message: /^about must be a UUID/ })
  const nobody = await exported(t, scratch, { about: BOB.replace('7f', '8f'), gzip: true })
  assert.equal(nobody.manifest.rows, 0)
})

test('a long log is looked through a window of numbers at a time', async (t) => {
  const scratch = await scratchDatabase(t)
  await log(scratch.sql, [
    { columns: { seq: 1, user_id: ADA }, reasons: [] },
    { columns: { seq: 2, user_id: BOB }, reasons: [] },
    { columns: { seq: 75_000 }, metadata: { who: ADA }, reasons: [] },
    { columns: { seq: 160_000, target_id: ADA }, reasons: [] },
  ])
  const shares: number[] = []
  const onProgress = ({ share }: { share: number }) => {
    shares.push(Math.round(share * 100))
  }
  const { out } = await exported(t, scratch, { about: ADA, onProgress })
  assert.deepEqual(
    foundIn(out).map(({ seq }) => seq),
    [1, 75_000, 160_000],
  )
  assert.equal(shares.length, 16)
  assert.deepEqual(shares.slice(-3), [88, 94, 100])
})

async function textDatabase(t: TestContext): Promise<ScratchDatabase> {
  const scratch = await emptyDatabase(t)
  await migrateDatabase({ databaseUrl: scratch.url, logger: silentLogger(), ids: 'text' })
  return scratch
}

const NUMBER_ENTRIES: readonly Given[] = [
  { columns: { user_id: '42' }, reasons: ['user_id'] },
  { columns: { more_targets: ['1', '42'] }, reasons: ['more_targets'] },
  { metadata: { approvedBy: 42 }, reasons: ['metadata'] },
  { metadata: { approvedBy: '42' }, reasons: ['metadata'] },
  { metadata: { votes: { 42: 'yes' } }, reasons: ['metadata'] },
  { columns: { user_id: '420', target_id: '042' }, reasons: [] },
  { metadata: { a: 420, b: '142', c: '42 items', d: -42, e: 42.5, 421: 1 }, reasons: [] },
  { context: { path: '/users/42' }, reasons: [] }, // 42 may be anything in a text
]

const LONG = 'user_2abcDEF"*.\\ü'
const LONG_ENTRIES: readonly Given[] = [
  { columns: { actor_id: LONG }, reasons: ['actor_id'] },
  { columns: { actor_id: LONG.toLowerCase() }, reasons: [] },
  { metadata: { path: `/users/${LONG}/keys` }, reasons: ['metadata'] },
  { metadata: { [`of ${LONG}`]: 1 }, reasons: ['metadata'] },
  { metadata: { who: LONG.toLowerCase() }, reasons: [] },
  { metadata: { who: LONG.replace('.', 'x'), what: LONG.replace('*', '') }, reasons: [] },
]

test('text ids are found as values and names, long ones also within longer texts', async (t) => {
  const scratch = await textDatabase(t)
  await log(scratch.sql, NUMBER_ENTRIES)
  for (const about of [42, '42', 42n]) {
    const { out, manifest } = await exported(t, scratch, { about })
    assert.deepEqual(foundIn(out), expected(NUMBER_ENTRIES))
    assert.equal(manifest.about?.id, '42')
  }
  const other = await textDatabase(t)
  await log(other.sql, LONG_ENTRIES)
  assert.deepEqual(foundIn((await exported(t, other, { about: LONG })).out), expected(LONG_ENTRIES))
})

// Goal: dead letters are looked through here and entries by the server, so both must agree.
test('the server finds an id in JSON exactly where this process finds it', async (t) => {
  const { sql } = await scratchDatabase(t)
  const ids: readonly (readonly [string, IdKind])[] = [
    ...([[ADA, 'uuid']] as const),
    ...(['42', '0', '-7', 'ada', 'x"\\', LONG, '1234567890123456'].map((id) => [id, 'text']) as [
      string,
      IdKind,
    ][]),
  ]
  const texts = ids.flatMap(([id]) => [id, id.toUpperCase(), id.slice(1), `/${id}/`, `${id}0`])
  const word = fc.constantFrom(...texts, '', 'a')
  const leaf = fc.oneof(word, fc.constantFrom(42, 0, -7, 42.5, 1234567890123456, null, true))
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(word, tie('tree'), { maxKeys: 3 }),
    ),
  }))
  const documents = fc.sample(fc.dictionary(word, tree, { maxKeys: 2 }), {
    numRuns: 1_000,
    seed: 18,
  })
  let found = 0
  for (const [id, kind] of ids) {
    const rows = await sql`
      select jsonb_path_exists(d, ${pathTo(id, kind)}::text::jsonpath, '{}', true) as holds,
        strpos(case when ${kind} = 'uuid' then lower(d::text) else d::text end,
          ${JSON.stringify(id).slice(1, -1)}) > 0 as text
      from jsonb_array_elements(${JSON.stringify(documents)}::text::jsonb) with ordinality as t (d, n)
      order by n`
    for (const [index, document] of documents.entries()) {
      const holds = holdsId(JSON.parse(JSON.stringify(document)), id, kind)
      assert.equal(rows[index]?.['holds'], holds, `${id} in ${JSON.stringify(document)}`)
      if (holds) found += 1
      if (holds) assert.ok(rows[index]?.['text'], 'what has it has it as text, too')
    }
  }
  assert.ok(found > 200 && found < ids.length * documents.length - 200, `${found} found`)
})

async function bury(sql: postgres.Sql, entries: readonly string[]): Promise<void> {
  for (const entry of entries) {
    await sql`select audit.bury('staging', 'record', '23514', 'unfit', null, null, null, ${entry})`
  }
}

test('the dead letters that name the user stand in a file of their own', async (t) => {
  const scratch = await scratchDatabase(t)
  await log(scratch.sql, UUID_ENTRIES)
  const escaped = ADA.replace('-', '\\u002d')
  const filler = Array.from({ length: 60 }, (_, n) => JSON.stringify({ action: 'a.b', n }))
  await bury(scratch.sql, [
    JSON.stringify({ action: 'a.b', user_id: ADA }),
    JSON.stringify({ action: 'a.b', userId: ADA.toUpperCase(), metadata: { a: [ADA] } }),
    JSON.stringify({ action: 'a.b', user_id: BOB }),
    ...filler, // more than are opened at once
    `{"action": "a.b", "context": {"who": "${escaped}"}}`,
    `{"action": "a.b", "metadata": {"who": "${ADA}", "cut": "of`,
    '{"action": "a.b", "metadata": {"path": "C:\\\\',
  ])
  const { out, manifest } = await exported(t, scratch, {
    about: ADA,
    letters: letterReader(t, scratch),
  })
  const file = `${out}.letters.ndjson`
  assert.deepEqual(
    linesOf(file).map(({ number, about }) => [number, about]),
    [
      [1, ['user_id']],
      [2, ['metadata', 'user_id']],
      [64, ['context']],
      [65, ['entry']],
    ],
  )
  assert.equal(manifest.about?.letters?.count, 4)
  assert.equal(linesOf(file)[0]?.['entry'], JSON.stringify({ action: 'a.b', user_id: ADA }))
  assert.equal(fs.statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(foundIn(out), expected(UUID_ENTRIES), 'no letter is a line of the export')
  fs.appendFileSync(file, '{}\n')
  assert.match((await verifyExport(out)).problems.join(), /^The SHA-256 of its dead letters/)
  fs.rmSync(file)
  assert.match((await verifyExport(out)).problems.join(), /^Its dead letters.*cannot be read/)

  // A resumed export writes its letters again, one that replaces another takes the old ones away.
  const db = readerOf(t, scratch)
  const again = path.join(scratchFolder(t), 'again')
  const halt = new AbortController()
  const plug = () => halt.abort(new Error('pulled the plug'))
  const about = { out: again, about: ADA, letters: letterReader(t, scratch) }
  await assert.rejects(
    exportToFile(db, { ...about, onProgress: plug, signal: halt.signal }),
    /plug/,
  )
  fs.writeFileSync(`${again}.letters.ndjson`, 'of the first attempt')
  const { about: resumed } = await exportToFile(db, { ...about, resume: true })
  assert.equal(resumed?.letters?.count, 4)
  assert.deepEqual((await verifyExport(again)).problems, [])
  await assert.rejects(exportToFile(db, about), /is there already/)
  await exportToFile(db, { out: again, force: true })
  assert.equal(fs.existsSync(`${again}.letters.ndjson`), false)

  // The reader's own login may read the log, and no letter: then nothing is begun.
  const sql = connectAs(t, scratch, 'audit_reader')
  const letters = {
    query: async (text: string, params: unknown[]) => ({
      rows: await sql.unsafe(text, params as string[]),
    }),
  }
  const refused = path.join(scratchFolder(t), 'refused')
  const reader = readerOf(t, scratch)
  await assert.rejects(exportToFile(reader, { out: refused, about: ADA, letters }), {
    code: 'AUDIT_DATABASE_FAILED',
    hint: /audit_relay/,
  })
  assert.deepEqual(fs.readdirSync(path.dirname(refused)), [])
})

test('an export about a user that was broken off goes on about the same user', async (t) => {
  const scratch = await scratchDatabase(t)
  // Large enough for more than one page.
  const large = { a: 'x'.repeat(30_000), who: ADA }
  await log(
    scratch.sql,
    Array.from({ length: 60 }, (_, n) => ({
      ...(n % 2 === 0 ? { metadata: large } : { columns: { user_id: BOB } }),
      reasons: [],
    })),
  )
  const out = path.join(scratchFolder(t), 'about')
  const db = readerOf(t, scratch)
  const begun: unknown[] = []
  const onBegin = async (request: object) => {
    begun.push(Reflect.get(request, 'about'))
  }
  const halt = new AbortController()
  const onProgress = () => halt.abort(new Error('pulled the plug'))
  const first = exportToFile(db, { out, about: ADA, onBegin, onProgress, signal: halt.signal })
  await assert.rejects(first, /plug/)
  const manifest = await exportToFile(db, { out, resume: true, onBegin })
  assert.deepEqual(begun, [ADA, ADA])
  assert.deepEqual([manifest.rows, manifest.about?.found.metadata], [30, 30])
  assert.deepEqual((await verifyExport(out)).problems, [])
  const untold = path.join(scratchFolder(t), 'untold')
  const refusing = async () => {
    throw new Error('not written down')
  }
  await assert.rejects(exportToFile(db, { out: untold, about: ADA, onBegin: refusing }), /written/)
  assert.equal(fs.statSync(`${untold}.part`).size, 0, 'nothing was read')
})

test('audit-relay export --about writes down who read, then reads', async (t) => {
  const scratch = await scratchDatabase(t)
  await log(scratch.sql, UUID_ENTRIES)
  await bury(scratch.sql, [JSON.stringify({ action: 'a.b', user_id: ADA })])
  const folder = scratchFolder(t)
  const out = path.join(folder, 'about.ndjson')
  const reader = { AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader') }
  const both = { ...reader, AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay') }
  const done = await runRelay(t, ['export', '--out', out, '--about', ADA, '--json'], both)
  assert.equal(done.code, 0, done.stderr)
  const { rows, about } = JSON.parse(done.stdout)
  assert.deepEqual([rows, about.letters.count], [expected(UUID_ENTRIES).length, 1])
  assert.match(
    done.stderr,
    /the user is named in: user_id 2, actor_id 1, .*context 2\n1 dead letter/,
  )
  assert.deepEqual((await verifyExport(out)).problems, [])
  const noted = await scratch.sql`select action, metadata, written_by from audit.audit_outbox`
  assert.deepEqual(
    noted.map(({ action, metadata, written_by }) => [action, metadata, written_by]),
    [
      [
        'audit.read',
        { read: 'export', about: ADA, format: 'ndjson', filter: {} },
        new URL(scratch.urlAs('audit_reader')).username,
      ],
    ],
  )

  const alone = path.join(folder, 'alone.csv')
  const args = ['export', '--out', alone, '--about', ADA, '--format', 'csv']
  const refused = await runRelay(t, args, { DATABASE_URL: scratch.urlAs('audit_reader') })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /Dead letters cannot be read.*--no-dead-letters/s)
  const left = await runRelay(t, [...args, '--no-dead-letters'], reader)
  assert.equal(left.code, 0, left.stderr)
  assert.match(left.stderr, /dead letters were not looked through/)
  assert.deepEqual(fs.readdirSync(folder).sort(), [
    ...['about.ndjson', 'about.ndjson.letters.ndjson', 'about.ndjson.manifest.json'],
    ...['alone.csv', 'alone.csv.manifest.json'],
  ])

  // Where it cannot be written down, nothing is read.
  await scratch.sql`revoke execute on function audit.note_read from audit_reader, audit_relay`
  const unnoted = path.join(folder, 'unnoted')
  const silent = ['export', '--out', unnoted, '--about', ADA, '--no-dead-letters']
  const untold = await runRelay(t, silent, reader)
  assert.equal(untold.code, 1)
  assert.match(untold.stderr, /written down first, and that failed, so nothing was read/)
  assert.equal(fs.statSync(`${unnoted}.part`).size, 0)

  for (const [more, says] of [
    [['--out', '-'], /--about makes more than one file/],
    [['--out', 'x', '--format', 'ocsf'], /--about is for --format ndjson and csv/],
    [['--out', 'x', '--resume'], /--resume/],
  ] as const) {
    const misused = await runRelay(t, ['export', '--about', ADA, ...more], both)
    assert.equal(misused.code, 2, misused.stderr)
    assert.match(misused.stderr, says)
  }
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { Database } from '../src/database/connection.ts'
import { exportToStream } from '../src/export/index.ts'
import { MAX_JSON_BYTES, readBatch } from '../src/read/batch.ts'
import { type LoggedEntry, tail } from '../src/read/tail.ts'
import { type AuditDatabase, entry, timeline } from '../src/read/timeline.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { appendToLog, idAt } from './support/log-entries.ts'
import { pageOn } from './support/pages.ts'

// Goal: an entry that cannot be read hides nothing but its own JSON, and costs no memory.
// Method: rows that no door lets in are written as superuser, next to ordinary ones.

const nowMs = Date.now()

function reader(t: TestContext, { urlAs }: ScratchDatabase): Database {
  const options = { applicationName: 'unreadable', statementTimeoutMs: 30_000, isReader: true }
  const db = new Database({ url: urlAs('audit_reader'), ...options })
  t.after(() => db.close())
  return db
}

/** Metadata as SQL, by what is wrong with it. */
const HUGE: Readonly<Record<string, string>> = {
  'a gigabyte of digits in a few kilobytes': `jsonb_build_object('a',
    (select jsonb_agg('1e131071'::jsonb) from generate_series(1, 9000)))`,
  'digits behind the point': `jsonb_build_object('a',
    (select jsonb_agg('1e-16383'::jsonb) from generate_series(1, 9000)), 'b', repeat('x', 1000))`,
  'a text of 8 MB': `jsonb_build_object('a', repeat(md5('1'), 250000))`,
  'a text of 5 MB that does not compress': `jsonb_build_object('a',
    (select string_agg(md5(n::text), '') from generate_series(1, 160000) as n))`,
  'one byte too many': `jsonb_build_object('a', repeat('x', ${MAX_JSON_BYTES - 9 + 1}))`,
}
const FITS: Readonly<Record<string, string>> = {
  'the longest that is read': `jsonb_build_object('a', repeat('x', ${MAX_JSON_BYTES - 9}))`,
  'the longest number of a double, often': `jsonb_build_object('a',
    (select jsonb_agg('1.7976931348623157e308'::jsonb) from generate_series(1, 500)))`,
  'a thousand digits': `jsonb_build_object('a', '1e1000'::jsonb, 'b', repeat('x', 2000))`,
  '3,000 levels': `(repeat('{"a":', 3000) || '1' || repeat('}', 3000))::jsonb`,
}

async function append({ sql: admin }: ScratchDatabase, metadata: string, context = "'{}'") {
  const id = idAt(nowMs)
  await admin.unsafe(`
    with head as (update audit.audit_head set seq = seq + 1 returning seq)
    insert into audit.audit_log (id, seq, occurred_at, action, metadata, context)
    select '${id}', seq, now(), 'thing.huge', ${metadata}, ${context} from head`)
  return id
}

async function take(db: AuditDatabase, count: number, filter = {}): Promise<LoggedEntry[]> {
  const entries: LoggedEntry[] = []
  for await (const one of tail(db, { fromSeq: 1, filter, signal: AbortSignal.timeout(60_000) })) {
    entries.push(one)
    if (entries.length === count) break
  }
  return entries
}

for (const [what, metadata] of Object.entries(HUGE)) {
  test(`${what}: every reader gets past it, and shows its neighbours`, async (t) => {
    const scratch = await scratchDatabase(t)
    const db = reader(t, scratch)
    await appendToLog(scratch.sql, [{ ms: nowMs - 1_000, metadata: { n: 1 } }])
    const id = await append(scratch, metadata, `'{"kept": true}'`)
    const other = await append(scratch, `'{"kept": true}'`, metadata)
    await appendToLog(scratch.sql, [{ ms: nowMs + 1_000, metadata: { n: 2 } }])

    const shown = (entries: readonly LoggedEntry[]) =>
      entries.map(({ seq, metadata, context, unreadable = false }) => {
        return { seq, metadata, context, unreadable }
      })
    const expected = [
      { seq: 1, metadata: { n: 1 }, context: {}, unreadable: false },
      { seq: 2, metadata: {}, context: { kept: true }, unreadable: true },
      { seq: 3, metadata: { kept: true }, context: {}, unreadable: true },
      { seq: 4, metadata: { n: 2 }, context: {}, unreadable: false },
    ]
    const bySeq = (a: { seq: number }, b: { seq: number }) => a.seq - b.seq
    const page = await timeline(db)
    assert.deepEqual([...shown(page.entries)].sort(bySeq), expected)
    assert.deepEqual([page.nextCursor, page.prevCursor], [null, null])
    assert.deepEqual(shown(await take(db, 4)), expected)
    assert.deepEqual(shown(await take(db, 2, { action: 'thing.huge' })), expected.slice(1, 3))
    assert.equal((await entry(db, id))?.unreadable, true)
    assert.equal((await entry(db, other))?.unreadable, true)

    for (const format of ['ndjson', 'csv', 'ocsf', 'cloudevents'] as const) {
      const stream = new PassThrough()
      const written = text(stream)
      const manifest = await exportToStream(db, stream, { format })
      stream.end()
      assert.equal(manifest.rows, 4)
      assert.deepEqual([manifest.unreadableCount, manifest.unreadableSeqs], [2, [2, 3]])
      assert.equal((await written).match(/\[unreadable\]/g)?.length, 2, format)
    }
  })
}

test('what a recorder can have written is read, however large it is', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  for (const metadata of Object.values(FITS)) await append(scratch, metadata)
  const entries = await take(db, 4)
  assert.deepEqual(
    entries.map(({ unreadable }) => unreadable),
    [undefined, undefined, undefined, undefined],
  )
  assert.equal(String(entries[0]?.metadata['a']).length, MAX_JSON_BYTES - 9)
})

test('the page says what cannot be read, and shows what is next to it', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, [{ ms: nowMs - 1_000, action: 'venue.open' }])
  const id = await append(scratch, HUGE['a gigabyte of digits in a few kilobytes'] ?? '')
  const page = pageOn(reader(t, scratch))
  const list = await page.text('?')
  assert.match(list, /· cannot be read/)
  assert.match(list, /venue\.open/)
  const detail = await page.text(`?entry=${id}`)
  assert.match(detail, /cannot be read: it is longer than\s+2 MiB as text, or holds a number/)
})

test('the page of a deep entry is in proportion to the entry', async (t) => {
  const scratch = await scratchDatabase(t)
  const deep = (levels: number) =>
    `(repeat('{"a":', ${levels}) || '"deepest"' || repeat('}', ${levels}))::jsonb`
  const page = pageOn(reader(t, scratch))
  const whole = await page.text(`?entry=${await append(scratch, deep(32))}`)
  assert.match(whole, /deepest/)
  assert.doesNotMatch(whole, /deeper than/)
  const cut = await page.text(`?entry=${await append(scratch, deep(33))}`)
  assert.match(cut, /\[deeper than 32 levels\]/)
  const longest = await page.text(`?entry=${await append(scratch, deep(5_000))}`)
  assert.ok(longest.length < cut.length + 10_000, `${cut.length} and ${longest.length} characters`)
})

test('a page of large entries ends early, and its cursor leads through all of them', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  for (let n = 0; n < 9; n += 1)
    await append(scratch, `jsonb_build_object('a', repeat('x', 1000000))`)
  for (const order of ['newest', 'oldest'] as const) {
    const seen: number[] = []
    let cursor: string | undefined
    do {
      const page = await timeline(db, { order, cursor })
      assert.ok(page.entries.length <= 3, `${page.entries.length} at once`)
      seen.push(...page.entries.map(({ seq }) => seq))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    assert.deepEqual([...seen].sort(), [1, 2, 3, 4, 5, 6, 7, 8, 9], order)
  }
  assert.equal((await take(db, 9)).length, 9)
  const stream = new PassThrough().resume()
  assert.equal((await exportToStream(db, stream)).rows, 9)
})

// Goal: a row that the server cannot write at all, for any reason, is found and stepped over.
// Method: a statement that fails at one of its rows, each time that it is among them.
test('a row at which the server fails is read without its JSON, the others with theirs', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  await scratch.sql.unsafe(`
    create function public.burst(n bigint) returns jsonb language plpgsql as $$ begin
      if n = 7 then raise 'too large' using errcode = '54000'; end if; return '{}'; end $$`)
  const read: [number, boolean][] = []
  for (let from = 1; from <= 20; from = (read.at(-1)?.[0] ?? 0) + 1) {
    const { rows, isCut } = await readBatch(db, {
      limit: 20 - from + 1,
      isDescending: false,
      key: sql`entry.n`,
      metadata: sql`public.burst(entry.n)`,
      context: sql`'{}'::jsonb`,
      columns: sql`entry.n as "id"`,
      from: (limit) => sql`(
        select n from generate_series(${from}::bigint, 20) as n
        order by n limit ${sql.raw(String(limit))}
      ) as entry`,
    })
    read.push(
      ...rows.map((row): [number, boolean] => [Number(row['id']), row['metadata'] !== null]),
    )
    assert.equal(isCut, Number(rows.at(-1)?.['id']) < 20)
  }
  assert.deepEqual(
    read,
    Array.from({ length: 20 }, (_, at) => [at + 1, at + 1 !== 7]),
  )
})

const MAX_MEMORY_MB = 200
/** Node with Drizzle and the driver, from compiled code. tsx alone takes more, so it is left out. */
const START_MB = 60

// Goal: nobody can end a process by what he writes into the log.
// Method: 12 entries, more than an answer may hold, each as large as it may be; a process of its
// own reads them in every way and tells by how much its memory grew.
test(`a process that reads a log of the largest entries stays below ${MAX_MEMORY_MB} MB`, async (t) => {
  const scratch = await scratchDatabase(t)
  const objects = `jsonb_build_object('a', (select jsonb_agg('{}'::jsonb) from generate_series(1, 300000)))`
  for (let n = 0; n < 4; n += 1) {
    await append(scratch, objects)
    await append(scratch, HUGE['digits behind the point'] ?? '')
    await append(scratch, `jsonb_build_object('a', repeat('\\u00e9', 1000000))`, objects)
  }
  const child = spawn(
    process.execPath,
    [
      '--max-old-space-size=96',
      '--import',
      'tsx',
      'test/support/read-everything.ts',
      scratch.urlAs('audit_reader'),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const said = text(child.stdout)
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
  const { entries, grownMb } = JSON.parse(await said) as { entries: number[]; grownMb: number }
  assert.deepEqual(entries, [12, 12, 12])
  assert.ok(START_MB + grownMb < MAX_MEMORY_MB, `${START_MB} and ${grownMb} MB`)
  t.diagnostic(`it grew by ${grownMb} MB`)
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { eraseUser } from '../relay/erase/erase-entries.ts'
import { Erasures } from '../relay/erase/erasures.ts'
import { scrub } from '../relay/erase/scrub.ts'
import { timeline } from '../src/read/timeline.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { openDatabase } from './support/lanes.ts'
import { connect, refusalOf } from './support/logins.ts'
import { ownServer } from './support/own-server.ts'
import { searcherAt } from './support/search-log.ts'

// Goal: after a scrub no file of a table, of an index or of the large values next to it holds a byte of
// what was erased.
// Method: a server of its own, whose whole folder is searched. Autovacuum is off, so that nothing else
// removes it.

const USER = randomUUID()
const ENTRIES = 300
const SECRET = 'scrubbed-ada@example.test'
let own: Awaited<ReturnType<typeof ownServer>>

before(async () => {
  own = await ownServer({ autovacuum: 'off', max_prepared_transactions: '2' })
})
after(() => own.remove())

let databases = 0

/** A database whose log holds entries of the user that no page else has. */
async function filledDatabase(t: TestContext) {
  databases += 1
  const name = `scrub_${databases}`
  const admin = connect(t, own.server.url)
  await admin.unsafe(`create database ${name}`)
  const url = new URL(own.server.url)
  url.pathname = `/${name}`
  await migrateDatabase({ databaseUrl: url.href })
  const sql = connect(t, url.href)
  const secret = `${SECRET}-${databases}`
  // Long and hardly to be compressed, so that some of it is stored next to the table.
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action, user_id, request_id, metadata, context)
    select audit.new_id(), n, now(), 'guest.check_in', case when n % 2 = 0 then ${USER}::uuid end,
      case when n % 2 = 0 then 'r-' || ${secret}::text end,
      jsonb_build_object('mail', case when n % 2 = 0 then ${secret}::text end,
        'long', case when n % 20 = 0 then ${secret}::text || (select string_agg(md5(n::text || i), '') from generate_series(1, 200) as i) end),
      '{}'
    from generate_series(1, ${ENTRIES * 2}::integer) as n`
  await sql`update audit.audit_head set seq = ${ENTRIES * 2}`
  await sql`analyze audit.audit_log`
  await sql`
    insert into audit.audit_dead_letter (entry) values (${`{"user_id": "${USER}", "m": "${secret}"}`})`
  return { name, sql, url: url.href, secret, database: openDatabase(t, url.href) }
}

/** How often a text stands in the files of the server, by their kind. */
async function inFiles(sql: postgres.Sql, text: string) {
  await sql`checkpoint`
  const [statistics] = await sql`
    select array_agg(pg_relation_filepath(oid)) as paths from pg_class
    where relname = 'pg_statistic' or oid = (select reltoastrelid from pg_class where relname = 'pg_statistic')`
  const folder = own.server.dataDir
  let found = ''
  try {
    found = execFileSync('grep', ['-r', '-a', '-o', '-F', text, folder], {
      encoding: 'latin1',
      maxBuffer: 2 ** 28,
    })
  } catch (error) {
    if (Reflect.get(Object(error), 'status') !== 1) throw error // nothing was found
  }
  const counts = { tables: 0, statistics: 0, wal: 0 }
  for (const line of found.split('\n').filter(Boolean)) {
    const file = path.relative(folder, line.slice(0, line.indexOf(':')))
    if (file.startsWith('pg_wal')) counts.wal += 1
    else if (statistics?.['paths'].includes(file.replace(/\.\d+$/, ''))) counts.statistics += 1
    else counts.tables += 1
  }
  return counts
}

function eraseAll(erasures: Erasures) {
  const { signal } = new AbortController()
  return eraseUser(erasures, USER, { reason: 'request 7', signal })
}

const quiet = { onTable() {}, onWait() {} }

test('VACUUM leaves it on the disk, and a scrub does not', async (t) => {
  const { sql, secret, database } = await filledDatabase(t)
  const erasures = new Erasures(database)
  assert.ok((await inFiles(sql, secret)).tables >= ENTRIES * 2)
  assert.equal(await eraseAll(erasures), ENTRIES)
  await sql`delete from audit.audit_dead_letter`
  await sql`vacuum audit.audit_log`
  const left = await inFiles(sql, secret)
  assert.ok(left.tables > 0, 'the search finds what VACUUM leaves')
  assert.ok(left.wal > 0)

  const { signal } = new AbortController()
  const { tables, entries } = await scrub(database, { signal, ...quiet })
  assert.equal(entries, ENTRIES)
  const [row] = await sql`select distinct tableoid::regclass::text as place from audit.audit_log`
  assert.deepEqual(
    tables.map(({ place }) => place),
    [
      row?.['place'],
      'audit.audit_dead_letter',
      'audit.audit_staging',
      'audit.audit_outbox',
      'audit.audit_import',
    ],
  )
  assert.equal((await inFiles(sql, secret)).tables, 0)
  const [kept] = await sql`
    select count(*)::integer as rows, count(user_id)::integer as users from audit.audit_log`
  assert.deepEqual({ ...kept }, { rows: ENTRIES * 2, users: 0 })
  const [stats] = await sql`
    select count(*)::integer as columns from pg_stats
    where schemaname = 'audit' and concat(most_common_vals, histogram_bounds) like ${`%${secret}%`}`
  assert.equal(stats?.['columns'], 0, 'and statistics name nobody')
  const [clustered] =
    await sql`select count(*)::integer as indexes from pg_index where indisclustered`
  assert.equal(clustered?.['indexes'], 0)
  // Nothing is left to do for the next one but the letters and the lanes.
  const again = await scrub(database, { signal, ...quiet })
  assert.equal(again.entries, 0)
  assert.equal(again.tables.length, 4)
})

/** Who keeps old rows, by how: each returns how to let go. */
const VIEWERS: Readonly<
  Record<string, (t: TestContext, url: string, name: string) => Promise<() => Promise<unknown>>>
> = {
  async 'a session that has read'(t, url) {
    const viewer = connect(t, url)
    await viewer`begin isolation level repeatable read`
    await viewer`select from audit.audit_head`
    return () => viewer`commit`
  },
  async 'a session of another database that has written'(t) {
    const viewer = connect(t, own.server.url)
    await viewer`begin`
    await viewer`select pg_current_xact_id()`
    return () => viewer`commit`
  },
  async 'a prepared transaction'(t, url) {
    const viewer = connect(t, url)
    await viewer`begin`
    await viewer`select pg_current_xact_id()`
    await viewer`prepare transaction 'old'`
    return () => viewer`commit prepared 'old'`
  },
}

for (const [who, hold] of Object.entries(VIEWERS)) {
  test(`a scrub waits for ${who}, says so, and ends without having done half of it`, async (t) => {
    const { sql, secret, database, url, name } = await filledDatabase(t)
    const letGo = await hold(t, url, name)
    await eraseAll(new Erasures(database))
    await sql`delete from audit.audit_dead_letter`
    const { signal } = new AbortController()
    const told: string[] = []
    const patient = {
      signal,
      deadlineMs: 700,
      onTable() {},
      onWait: (why: string) => told.push(why),
    }
    await assert.rejects(scrub(database, patient), {
      code: 'AUDIT_DEADLINE_PASSED',
      message:
        /What was erased is erased, but audit\.audit_log\S+ was not rewritten on disk, because rows as they were are still seen by (?:session \d+ \(|prepared transaction old)/,
    })
    assert.ok(told.length > 0)
    const [unscrubbed] = await sql`
      select count(*)::integer as entries from audit.audit_erasure where scrubbed_at is null`
    assert.equal(unscrubbed?.['entries'], ENTRIES)
    const place = await sql`select distinct tableoid::regclass::text as place from audit.audit_log`
    const [cut] = await sql`select pg_snapshot_xmax(pg_current_snapshot())::text as cut`
    const alone = sql`select * from audit.scrub(${place[0]?.['place']}, ${cut?.['cut']}, 100)`
    assert.equal((await refusalOf(alone))?.code, '55006', 'the function looks for itself')
    await letGo()
    const { entries } = await scrub(database, { ...patient, deadlineMs: 60_000 })
    assert.equal(entries, ENTRIES)
    assert.equal((await inFiles(sql, secret)).tables, 0)
  })
}

test('a scrub gives up behind a lock, and fails where a table was not rewritten', async (t) => {
  const { sql, database, url } = await filledDatabase(t)
  await eraseAll(new Erasures(database))
  const { signal } = new AbortController()
  const reader = connect(t, url)
  await reader`begin`
  await reader`declare c cursor for select * from audit.audit_log`
  await reader`fetch 1 from c`
  await reader`close c`
  await assert.rejects(scrub(database, { signal, deadlineMs: 300, ...quiet }), {
    code: 'AUDIT_DEADLINE_PASSED',
    message: /because a lock was not had; it may be held by session \d+/,
  })
  await reader`rollback`
  const refused = async (place: string) => {
    return (await refusalOf(sql`select * from audit.scrub(${place}, '1', 100)`))?.code
  }
  assert.equal(await refused('pg_catalog.pg_class'), '42P01')
  assert.equal(await refused('audit.audit_head'), '42P01')
  await sql.unsafe('create table audit.restored_x_part (like audit.audit_log)')
  assert.equal(await refused('audit.restored_x_part'), '55000')
})

/** How many files of a database, but for those of the WAL, hold these bytes. */
function filesWith(bytes: Buffer): number {
  return fs
    .readdirSync(path.join(own.server.dataDir, 'base'), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .filter((file) => fs.readFileSync(path.join(file.parentPath, file.name)).includes(bytes)).length
}

// Goal: the bits of erased words tell nobody that the log held them.
// Method: a row of the search is looked for in the files, byte for byte.
test('a scrub takes the bits of erased words off the disk', async (t) => {
  const { sql, url, database, secret } = await filledDatabase(t)
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    select audit.new_id(), n, now(), 'guest.check_in' from generate_series(${ENTRIES * 2 + 1}::integer, 8192) as n`
  await sql`update audit.audit_head set seq = 8192`
  await sql`select audit.search_on(1, null)`
  const searcher = searcherAt(t, url)
  await searcher.drain()
  const [row] = await sql`
    select s.slices from audit.audit_search_slice as s where s.first_block = 0
    order by length(replace(encode(s.slices, 'hex'), '00', '')) desc limit 1`
  await sql`checkpoint`
  assert.equal(filesWith(row?.['slices']), 1)
  await eraseAll(new Erasures(database))
  await sql`vacuum audit.audit_search_slice`
  await sql`checkpoint`
  assert.equal(filesWith(row?.['slices']), 1, 'VACUUM leaves them')
  const { signal } = new AbortController()
  const { tables } = await scrub(database, { signal, ...quiet })
  assert.ok(tables.some(({ place }) => place === 'audit.audit_search_slice'))
  await sql`checkpoint`
  assert.equal(filesWith(row?.['slices']), 0)
  await searcher.drain()
  const [made] = await sql`
    select count(*)::integer as runs from audit.audit_search_run where log2 is not null`
  assert.equal(made?.['runs'], 2)
  const { entries } = await timeline(drizzle(connect(t, url)), { query: secret })
  assert.deepEqual(entries, [])
  const again = await scrub(database, { signal, ...quiet })
  assert.ok(!again.tables.some(({ place }) => place === 'audit.audit_search_slice'))
})

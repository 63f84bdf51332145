import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { SQL } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { FollowStatements } from '../relay/follow/follow-statements.ts'
import { applyRetention, undoRetention } from '../relay/retention/apply-retention.ts'
import { exportLog } from '../src/export/index.ts'
import { histogram } from '../src/page/histogram/histogram.ts'
import { UTC } from '../src/query/zone.ts'
import { readRows } from '../src/read/read-rows.ts'
import { sourceOf } from '../src/read/search/search-source.ts'
import { readSearch } from '../src/read/search/search-state.ts'
import { type AuditDatabase, timeline } from '../src/read/timeline.ts'
import { runRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { openDatabase } from './support/lanes.ts'
import { appendToLog } from './support/log-entries.ts'
import { keepUntil, logOld, makePartition, monthsAgo, partitionOf } from './support/old-log.ts'
import { setPolicy } from './support/policies.ts'
import { allPages, countingReader, searcherOf, withoutSearch } from './support/search-log.ts'

/** Entries of a log that nobody asks for, made by the server. Their numbers follow the last one. */
async function pad(
  { sql }: Pick<ScratchDatabase, 'sql'>,
  count: number,
  eventId: string | null = null,
): Promise<void> {
  await sql`
    with head as (update audit.audit_head set seq = seq + ${count}::bigint returning seq)
    insert into audit.audit_log (id, seq, occurred_at, action, event_id, metadata)
    select audit.new_id(), head.seq - ${count}::bigint + n, now(), 'thing.update', ${eventId}::uuid,
      jsonb_build_object('note', 'entry ' || n)
    from head, generate_series(1, ${count}::integer) as n`
}

async function found(db: AuditDatabase, query: string): Promise<readonly number[]> {
  return (await allPages(db, { query, limit: 100 })).map(({ seq }) => seq)
}

async function searchIs({ sql }: Pick<ScratchDatabase, 'sql'>) {
  const runs = await sql`
    select first_block::integer as block, blocks::integer, log2 is not null as "isMade",
      exists (select from audit.audit_search_slice as s where s.first_block = r.first_block) as "hasBits"
    from audit.audit_search_run as r order by first_block`
  return runs.map(({ block, blocks, isMade, hasBits }) => [block, blocks, isMade, hasBits])
}

test('what is erased is out of the search at once, and what is left is made again', async (t) => {
  const scratch = await scratchDatabase(t)
  const ms = Date.now() - 60_000
  await appendToLog(scratch.sql, [
    { metadata: { name: 'goldenrod' }, ms },
    { metadata: { name: 'goldenrod' }, ms: ms + 1 },
  ])
  await pad(scratch, 4_096)
  await scratch.sql`select audit.search_on(1, null)`
  await searcherOf(t, scratch).drain()
  const { db, asked } = countingReader(t, scratch)
  assert.deepEqual(await found(db, 'goldenrod'), [2, 1])
  assert.deepEqual(await searchIs(scratch), [[0, 1, true, true]])
  await scratch.sql`select audit.erase(array[1], array['metadata'], 'asked to')`
  assert.deepEqual(await searchIs(scratch), [[0, 1, false, false]], 'no bit of the block is left')
  assert.deepEqual(await found(db, 'goldenrod'), [2])
  await scratch.sql`select audit.erase(array[2], array['metadata'], 'asked to')`
  await searcherOf(t, scratch).drain()
  assert.deepEqual(await searchIs(scratch), [[0, 1, true, true]])
  const before = asked.statements
  assert.deepEqual(await found(db, 'goldenrod'), [])
  // Its state, the slices, and the entries that are not in a block yet: those of the block are not read.
  assert.ok(asked.statements - before <= 5, `${asked.statements - before} statements`)
})

test('what retention removes is out of the search, and found again after an undo', async (t) => {
  const scratch = await scratchDatabase(t)
  const old = partitionOf(monthsAgo(3))
  await makePartition(scratch.sql, 3)
  await scratch.sql`update audit.audit_lane set oldest_id = audit.id_floor(${monthsAgo(3)})`
  await logOld(
    scratch.sql,
    Array.from({ length: 20 }, () => ({ months: 3, action: 'temp.goldenrod' })),
  )
  await pad(scratch, 4_200)
  await scratch.sql`select audit.search_on(1, null)`
  const follower = searcherOf(t, scratch)
  await follower.drain()
  const { db } = countingReader(t, scratch)
  assert.equal((await found(db, 'goldenrod')).length, 20)
  await setPolicy(scratch.sql, 'temp.*', keepUntil(3))
  const keeper = openDatabase(t, scratch.urlAs('audit_keeper'))
  assert.equal((await applyRetention(keeper)).removed.length, 1)
  assert.deepEqual(await searchIs(scratch), [[0, 1, false, false]])
  assert.deepEqual(await found(db, 'goldenrod'), [])
  await follower.drain()
  assert.deepEqual(await searchIs(scratch), [[0, 1, true, true]])
  assert.deepEqual(await found(db, 'goldenrod'), [])
  assert.ok('entryId' in (await undoRetention(keeper, old)))
  assert.equal((await found(db, 'goldenrod')).length, 20, 'before it is made again')
  await follower.drain()
  assert.equal((await found(db, 'goldenrod')).length, 20)
})

test('what is before the search is found, in both orders, and so is what an import brought', async (t) => {
  const scratch = await scratchDatabase(t)
  const yearAgo = Date.now() - 365 * 86_400_000
  await appendToLog(scratch.sql, [
    { metadata: { name: 'goldenrod' }, ms: Date.now() - 7_200_000 },
    { metadata: { name: 'goldenrod' }, ms: yearAgo },
  ])
  await pad(scratch, 65_536)
  await appendToLog(scratch.sql, [
    { metadata: { name: 'goldenrod' } },
    { metadata: { name: 'goldenrod' }, ms: yearAgo - 1_000 },
  ])
  await pad(scratch, 4_096)
  const [row] = await scratch.sql`select audit.search_on(65600, null)::integer as since`
  assert.equal(row?.['since'], 65_537)
  const [state] = await scratch.sql`select before_id is not null as knows from audit.follow_state()`
  assert.equal(state?.['knows'], true)
  await searcherOf(t, scratch).drain()
  const { db, asked } = countingReader(t, scratch)
  for (const order of ['newest', 'oldest'] as const) {
    const pages = await allPages(db, { query: 'goldenrod', order, limit: 1 })
    const wanted = [65_539, 1, 2, 65_540]
    if (order === 'oldest') wanted.reverse()
    assert.deepEqual(
      pages.map(({ seq }) => seq),
      wanted,
    )
  }
  assert.ok(asked.slices > 0)
  const request = { filter: { query: 'goldenrod' }, zone: UTC, nowMs: Date.now(), countUpTo: 9_000 }
  const bars = (await histogram(db, request))?.bars ?? []
  assert.ok(
    bars.some(({ isEstimate }) => isEstimate),
    'nobody takes what the search has for all',
  )
  const { pages } = await exportLog(db, { format: 'ndjson', filter: { query: 'goldenrod' } })
  let rows = 0
  for await (const page of pages) rows += page.rows
  assert.equal(rows, 4)
})

test('what the search does not have yet is found between what it has', async (t) => {
  const scratch = await scratchDatabase(t)
  const ms = Date.now() - 60_000
  const entry = (at: number) => ({ metadata: { name: 'goldenrod' }, ms: ms + at })
  await appendToLog(scratch.sql, [entry(1), entry(3)])
  await pad(scratch, 4_094)
  await scratch.sql`select audit.search_on(1, null)`
  await searcherOf(t, scratch).drain()
  await appendToLog(scratch.sql, [entry(4), entry(2), entry(0)])
  const { db, asked } = countingReader(t, scratch)
  const wanted = [4_097, 2, 4_098, 1, 4_099]
  assert.deepEqual(await found(db, 'goldenrod'), wanted)
  const pages = await allPages(db, { query: 'goldenrod', order: 'oldest', limit: 1 })
  assert.deepEqual(
    pages.map(({ seq }) => seq),
    wanted.toReversed(),
  )
  assert.ok(asked.slices > 0)
})

test('from a moment on, the search begins at the first number that was recorded since', async (t) => {
  const scratch = await scratchDatabase(t)
  const ms = Date.now() - 86_400_000
  const hour = 3_600_000
  await appendToLog(scratch.sql, [{ ms: ms - hour }])
  await pad(scratch, 65_600)
  // An import brings what was recorded first of all that counts.
  await appendToLog(scratch.sql, [{ ms }])
  const [row] = await scratch.sql`
    select audit.search_on(null, ${new Date(ms - 1)}::timestamptz)::integer as since`
  assert.equal(row?.['since'], 1)
  await scratch.sql`select audit.search_off()`
  const [later] = await scratch.sql`
    select audit.search_on(null, ${new Date(Date.now() + hour)}::timestamptz)::integer as since`
  assert.equal(later?.['since'], 65_537)
})

// Goal: old logs have times that are 0, and an import brings many of them side by side.
test('entries of the first moment of 1970 are found', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(
    scratch.sql,
    Array.from({ length: 70 }, () => ({ metadata: { name: 'goldenrod' }, ms: 0 })),
  )
  await pad(scratch, 4_026)
  await scratch.sql`select audit.search_on(1, null)`
  const follower = searcherOf(t, scratch)
  const { db, asked } = countingReader(t, scratch)
  for (const erased of [70, 69]) {
    await follower.drain()
    for (const order of ['newest', 'oldest'] as const) {
      const pages = await allPages(db, { query: 'goldenrod', order, limit: 30 })
      assert.equal(pages.length, erased)
    }
    await scratch.sql`select audit.erase(array[${erased}]::bigint[], array['metadata'], 'asked to')`
  }
  assert.ok(asked.slices > 0)
})

// Goal: TRUNCATE empties a table for older snapshots, too, so such a reader sees a search without blocks.
test('a reader with a snapshot from before the search was turned off finds everything', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, [{ metadata: { name: 'goldenrod' } }])
  await pad(scratch, 4_096)
  await scratch.sql`select audit.search_on(1, null)`
  await searcherOf(t, scratch).drain()
  const client = postgres(scratch.urlAs('audit_reader'), { max: 1, onnotice: () => {} })
  t.after(() => client.end({ timeout: 1 }))
  await client`begin isolation level repeatable read`
  await client`select from audit.audit_log limit 1`
  await scratch.sql`select audit.search_off()`
  assert.deepEqual(await found(drizzle(client), 'goldenrod'), [1])
  await client`rollback`
})

// Goal: a removal moves the entries of a block to other groups, so bits of before must not lead to groups of then.
test('bits and groups from before a removal are not read together with those from after it', async (t) => {
  const scratch = await scratchDatabase(t)
  await makePartition(scratch.sql, 3)
  await scratch.sql`update audit.audit_lane set oldest_id = audit.id_floor(${monthsAgo(3)})`
  await logOld(
    scratch.sql,
    Array.from({ length: 70 }, () => ({ months: 3, action: 'temp.thing' })),
  )
  await pad(scratch, 2_000)
  await appendToLog(scratch.sql, [{ metadata: { name: 'goldenrod' } }])
  await pad(scratch, 2_100)
  await scratch.sql`select audit.search_on(1, null)`
  const follower = searcherOf(t, scratch)
  await follower.drain()
  const { db } = countingReader(t, scratch)
  const ask = (query: SQL) => readRows(db, query)
  const search = await readSearch(ask)
  assert.ok(search)
  const source = sourceOf(ask, search.version)
  const place = [{ block: 0, group: 32 }]
  assert.equal((await source.groups(place))?.length, 1)
  assert.equal((await source.slices(search.runs, [1]))?.size, 1)
  await setPolicy(scratch.sql, 'temp.*', keepUntil(3))
  const { removed } = await applyRetention(openDatabase(t, scratch.urlAs('audit_keeper')))
  assert.equal(removed.length, 1)
  await follower.drain()
  assert.deepEqual(await searchIs(scratch), [[0, 1, true, true]])
  assert.equal(await source.groups(place), undefined)
  assert.equal(await source.slices(search.runs, [1]), undefined)
  assert.deepEqual(await found(db, 'goldenrod'), [2_071])
})

// Goal: sixteen blocks become one run, by any of two relays, and an erasure in it is made again.
// Method: two followers race, one of which dies at a write now and then.
test('two relays make one search, and one that dies leaves nothing half done', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`select audit.search_on(1, null)`
  await pad(scratch, 30_000)
  await appendToLog(scratch.sql, [{ metadata: { name: 'goldenrod' } }])
  await pad(scratch, 39_000)
  const dies = (statements: FollowStatements): FollowStatements => {
    let calls = 0
    return {
      ...statements,
      async take(...given) {
        calls += 1
        if (calls % 4 === 0) throw new Error('died')
        return await statements.take(...given)
      },
    }
  }
  for (let isDone = false; !isDone; ) {
    const ends = await Promise.allSettled([
      searcherOf(t, scratch, dies).drain(),
      searcherOf(t, scratch).drain(),
    ])
    isDone = ends.every(({ status }) => status === 'fulfilled')
  }
  assert.deepEqual(await searchIs(scratch), [[0, 16, true, true]])
  const { db, asked } = countingReader(t, scratch)
  assert.deepEqual(await found(db, 'goldenrod'), [30_001])
  assert.ok(asked.slices > 0)
  await scratch.sql`select audit.erase(array[30001], array['metadata'], 'asked to')`
  assert.deepEqual(await searchIs(scratch), [[0, 16, false, false]])
  await searcherOf(t, scratch).drain()
  assert.deepEqual(await searchIs(scratch), [[0, 16, true, true]])
  assert.deepEqual(await found(db, 'goldenrod'), [])
  assert.deepEqual(await found(db, '"entry 38999"'), [69_000])
})

test('an event alone is read without the search, because its blocks hold other events', async (t) => {
  const scratch = await scratchDatabase(t)
  const eventId = randomUUID()
  await appendToLog(scratch.sql, [{ eventId, metadata: { name: 'goldenrod' } }])
  // More than a page looks through before it asks the search.
  await pad(scratch, 5_100, eventId)
  await scratch.sql`select audit.search_on(1, null)`
  await searcherOf(t, scratch).drain()
  const { db, asked } = countingReader(t, scratch)
  const pages = await allPages(db, { query: 'goldenrod', eventId })
  assert.deepEqual(
    pages.map(({ seq }) => seq),
    [1],
  )
  assert.equal(asked.slices, 0)
  await timeline(db, { query: 'goldenrod' })
  assert.equal(asked.slices, 1)
})

test('an entry that cannot be read as text is looked at, whatever is asked for', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`
    with head as (update audit.audit_head set seq = seq + 1 returning seq)
    insert into audit.audit_log (id, seq, occurred_at, action, metadata)
    select audit.new_id(), head.seq, now(), 'a.b', jsonb_build_object('name', 'goldenrod', 'n', (
      select jsonb_agg(1e131071) from generate_series(1, 400))) from head`
  await pad(scratch, 4_096)
  await scratch.sql`select audit.search_on(1, null)`
  await searcherOf(t, scratch).drain()
  const { db, asked } = countingReader(t, scratch)
  const plain = await found(withoutSearch(db), 'goldenrod')
  assert.deepEqual(plain, [1])
  assert.deepEqual(await found(db, 'goldenrod'), plain)
  assert.ok(asked.slices > 0)
})

test('the search is turned on and off, and says how far it is', async (t) => {
  const scratch = await scratchDatabase(t)
  await pad(scratch, 5_000)
  const environment = {
    AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper'),
  }
  const run = async (...args: string[]) => await runRelay(t, ['search', ...args], environment)
  assert.equal(JSON.parse((await run('status', '--json')).stdout), null)
  const on = await run('on', '--since', '2020-01-01', '--json')
  assert.deepEqual(JSON.parse(on.stdout), { sinceSeq: 1 })
  await searcherOf(t, scratch).drain()
  const { bytes, movedAt, ...state } = JSON.parse((await run('status', '--json')).stdout)
  assert.deepEqual(state, { sinceSeq: 1, seq: 4_096, waiting: 904, unmade: 0 })
  assert.ok(bytes > 10_000)
  assert.ok(Math.abs(Date.parse(movedAt) - Date.now()) < 600_000)
  const text = await run('status')
  assert.match(text.stdout, /^up to seq {5}4096, at .*\nwaiting {7}904 entries/m)
  assert.equal((await run('off')).code, 0)
  const [left] = await scratch.sql`
    select (select count(*) from audit.audit_search_slice)::integer as slices,
      (select count(*) from audit.audit_search_block)::integer as blocks,
      (select count(*) from audit.audit_search_run)::integer as runs`
  assert.deepEqual({ ...left }, { slices: 0, blocks: 0, runs: 0 })
  assert.equal((await run('off')).code, 1)
})

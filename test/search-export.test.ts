import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuditDatabase, exportLog } from '../src/export/index.ts'
import { recordedMs } from '../src/ids/uuid7.ts'
import { histogram } from '../src/page/histogram/histogram.ts'
import { UTC } from '../src/query/zone.ts'
import { type LoggedEntry, parseQuery, type Projection, timeline } from '../src/read/timeline.ts'
import { scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { answers } from './support/naive-query.ts'
import {
  allPages,
  countingReader,
  fillLog,
  randomBy,
  searcherOf,
  USERS,
} from './support/search-log.ts'
import { randomQuery } from './support/search-queries.ts'

const NOW = Date.now()
const SEED = Number(process.env['AUDIT_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

async function exported(db: AuditDatabase, query: string): Promise<readonly number[]> {
  const { pages } = await exportLog(db, { format: 'ndjson', filter: { query } })
  let text = ''
  for await (const page of pages) text += page.text
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => Number(JSON.parse(line).seq))
}

async function barsOf(db: AuditDatabase, query: string, countUpTo: number) {
  const drawn = await histogram(db, { filter: { query }, zone: UTC, nowMs: Date.now(), countUpTo })
  return drawn?.bars ?? []
}

// Goal: an export of words and the bars above a list are those of a look at each entry.
// Method: random queries over a log of two blocks and a rest, before and after an erasure, against a plain look.
test('with the search an export and the bars have what they have without', async (t) => {
  t.diagnostic(`AUDIT_FUZZ_SEED=${SEED}`)
  const random = randomBy(SEED)
  const scratch = await scratchDatabase(t)
  await scratch.sql`select audit.search_on(1, null)`
  await fillLog(scratch, 4_096 * 2 + 300, random)
  await appendToLog(scratch.sql, [{ metadata: { name: 'goldenrod' } }])
  const follower = searcherOf(t, scratch)
  await follower.drain()
  const { db, asked } = countingReader(t, scratch)
  let all: readonly LoggedEntry[] = await allPages(db, { limit: 500, order: 'oldest' })
  const compare = async (lines: readonly string[]) => {
    for (const line of lines) {
      const query = parseQuery(line)
      const wanted = all.filter((entry) => answers(entry, query))
      const seqs = wanted.map(({ seq }) => seq).sort((one, other) => one - other)
      assert.deepEqual(await exported(db, line), seqs, line)
      const bars = await barsOf(db, line, 1_000)
      for (const { fromMs, toMs, count, isEstimate } of bars) {
        const own = wanted.filter(({ id }) => recordedMs(id) >= fromMs && recordedMs(id) < toMs)
        if (!isEstimate) assert.equal(count, own.length, line)
      }
    }
  }
  const lines = (count: number) => Array.from({ length: count }, () => randomQuery(random))
  await compare(['goldenrod', 'nobody@nowhere', ...lines(15)])
  assert.ok(asked.slices > 15, `the search was asked ${asked.slices} times`)
  await scratch.sql`select audit.erase(array[5, 4100], array['metadata', 'context'], 'asked to')`
  all = await allPages(db, { limit: 500, order: 'oldest' })
  await compare(['goldenrod', ...lines(3)])
})

// Goal: a rare word costs neither of them a look at the whole log.
// Method: the numbers that the statements ask for, and bars that may count only so few entries.
test('of a rare word an export reads some entries, and the bars count each of them', async (t) => {
  const scratch = await scratchDatabase(t)
  await fillLog(scratch, 2_000, randomBy(1))
  await appendToLog(scratch.sql, [{ metadata: { name: 'goldenrod' } }])
  await fillLog(scratch, 6_191, randomBy(2))
  await appendToLog(scratch.sql, [{ metadata: { name: 'goldenrod' } }])
  const { db, asked } = countingReader(t, scratch)
  assert.deepEqual(await exported(db, 'goldenrod'), [2_001, 8_193])
  await scratch.sql`select audit.search_on(1, null)`
  await searcherOf(t, scratch).drain()
  asked.texts = []
  assert.deepEqual(await exported(db, 'goldenrod'), [2_001, 8_193])
  const lists = asked.texts.flatMap((text) => text.match(/\{\d+(?:,\d+)*\}/g) ?? [])
  const candidates = lists.filter((list) => list.slice(1, -1).split(',').includes('2001'))
  assert.equal(candidates.length, 1)
  assert.ok(candidates[0] !== undefined && candidates[0].split(',').length <= 256)

  const bars = await barsOf(db, 'goldenrod', 100)
  assert.ok(bars.every(({ isEstimate }) => !isEstimate))
  assert.equal(
    bars.reduce((sum, { count }) => sum + count, 0),
    2,
  )
  // Where it leaves over more than may be counted, it is not asked for that.
  const many = await barsOf(db, 'firefox', 100)
  assert.ok(many.some(({ isEstimate }) => isEstimate))
})

// Goal: whether a word is in what a viewer does not see is told by nothing that the search does for others.
// Method: a word in another event, or in a hidden field, and one that is nowhere; statements and answers.
test('for those who see less than everything the search is not asked', async (t) => {
  const scratch = await scratchDatabase(t)
  const [own, other] = [USERS[0] ?? '', USERS[1] ?? '']
  await fillLog(scratch, 600, randomBy(3))
  await scratch.sql`alter table audit.audit_log disable trigger user`
  await scratch.sql`update audit.audit_log set event_id = ${own}::uuid`
  await scratch.sql`alter table audit.audit_log enable trigger user`
  await appendToLog(scratch.sql, [
    ...Array.from({ length: 90 }, () => ({ eventId: other, metadata: { name: 'goldenrod' } })),
    { eventId: own, context: { note: 'hawkweed' } },
  ])
  await scratch.sql`select audit.search_on(1, null)`
  await searcherOf(t, scratch).drain()
  const { db, asked } = countingReader(t, scratch)
  const answersFor = async (seenBy: Projection | undefined, query: string) => {
    const filter = { query, seenBy }
    const before = asked.texts.length
    const drawn = await histogram(db, { filter, zone: UTC, nowMs: NOW, countUpTo: 100 })
    const page = await timeline(db, filter)
    const { pages } = await exportLog(db, { format: 'ndjson', filter })
    let bytes = 0
    for await (const part of pages) bytes += part.text.length
    const texts = asked.texts.slice(before)
    const isAsked = texts.some((text) => /audit_search_|follow_state/.test(text))
    const { entries, nextCursor, lookedTo } = page
    return { bars: drawn?.bars, entries, nextCursor, lookedTo, bytes, count: texts.length, isAsked }
  }
  for (const seenBy of [
    { onlyEventId: own, hides: ['context.note'] },
    { onlyEventId: own, actions: ['refund.*', 'x.*'] },
    { onlyEventId: own, hides: ['context'] },
  ] satisfies Projection[]) {
    await answersFor(seenBy, 'thistle') // reads what is kept in memory from then on
    const nowhere = await answersFor(seenBy, 'knapweed')
    assert.equal(nowhere.isAsked, false)
    for (const word of ['goldenrod', 'hawkweed']) {
      assert.deepEqual(await answersFor(seenBy, word), nowhere, word)
    }
  }
  const whole = await answersFor(undefined, 'goldenrod')
  assert.deepEqual([whole.isAsked, whole.entries.length], [true, 50])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseQuery } from '../src/read/timeline.ts'
import { scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { answers } from './support/naive-query.ts'
import {
  allPages,
  countingReader,
  fillLog,
  oneOf,
  randomBy,
  searcherOf,
  withoutSearch,
} from './support/search-log.ts'
import { randomQuery } from './support/search-queries.ts'

const SEED = Number(process.env['AUDIT_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

// Goal: the search changes how long an answer takes, and nothing else.
// Method: random queries over a log of some blocks, whose last one is not finished, against a plain look at each
// entry, before and after erasures.
test('with the search a page has the answers that it has without', async (t) => {
  t.diagnostic(`AUDIT_FUZZ_SEED=${SEED}`)
  const random = randomBy(SEED)
  const scratch = await scratchDatabase(t)
  await scratch.sql`select audit.search_on(1, null)`
  await fillLog(scratch, 4_096 * 2 + 1_500, random)
  const follower = searcherOf(t, scratch)
  await follower.drain()
  const { db, asked } = countingReader(t, scratch)
  const everything = { limit: 500 }
  let all = await allPages(db, everything)
  const compare = async (queries: number) => {
    for (let n = 0; n < queries; n += 1) {
      const text = randomQuery(random)
      const query = parseQuery(text)
      const order = oneOf(random, ['newest', 'oldest'] as const)
      const wanted = all.filter((entry) => answers(entry, query)).map(({ id }) => id)
      if (order === 'oldest') wanted.reverse()
      const limit = oneOf(random, [7, 50, 500])
      const found = await allPages(db, { query, order, limit }, 3 * limit)
      const few = found.length < wanted.length ? wanted.slice(0, found.length) : wanted
      assert.deepEqual(
        found.map(({ id }) => id),
        few,
        `${text} ${order}`,
      )
      assert.ok(found.length >= Math.min(wanted.length, 3 * limit), text)
    }
  }
  await compare(20)
  assert.ok(asked.slices > 5, `the search was asked ${asked.slices} times`)
  const seqs = Array.from({ length: 40 }, () => 1 + Math.floor(random() * all.length))
  await scratch.sql`select audit.erase(${[...new Set(seqs)]}, array['metadata', 'context'], 'asked to')`
  const [forgotten] = await scratch.sql`
    select count(*)::integer as runs from audit.audit_search_run where log2 is null`
  assert.ok(forgotten?.['runs'] > 0)
  all = await allPages(db, everything)
  await compare(6)
  await follower.drain()
  const [made] = await scratch.sql`
    select count(*)::integer as runs from audit.audit_search_run where log2 is null`
  assert.equal(made?.['runs'], 0)
  await compare(6)
})

// Goal: letters that have several forms are found as they are without the search, whatever the server makes of
// them.
test('letters beyond ASCII are found as they are without the search', async (t) => {
  const scratch = await scratchDatabase(t)
  const odd = [
    ...[
      'İstanbul',
      'istanbul',
      'ISTANBUL',
      'ıstanbul',
      'Kelvin \u212a7',
      'ſtraße',
      'STRASSE',
      'GROẞ',
    ],
    ...[
      'ΣΊΣΥΦΟΣ',
      'σίσυφος',
      'Ǆungla',
      'ﬁnance',
      'ＦＵＬＬ',
      '日本語の本',
      '𐐀𐐨𐐀',
      'e\u0301tude',
      'i\u0307x',
    ],
    ...[
      'naïve “quoted”',
      'tab\there',
      'a\\b\\c',
      'emoji 👩‍👩‍👧 here',
      'Ωmega',
      'Ωmega',
      'ÅNGSTRÖM',
      'ÅNGSTRÖM',
    ],
  ]
  await appendToLog(
    scratch.sql,
    Array.from({ length: 4_096 }, (_, at) => ({
      metadata: at % 100 === 0 ? { odd: odd[(at / 100) % odd.length] } : { at },
      entityType: at % 100 === 50 ? (odd[((at - 50) / 100) % odd.length] ?? null) : null,
    })),
  )
  await scratch.sql`select audit.search_on(1, null)`
  await searcherOf(t, scratch).drain()
  const { db, asked } = countingReader(t, scratch)
  for (const text of odd) {
    for (const word of [text, text.toLowerCase(), text.toUpperCase(), text.slice(1, 5)]) {
      const query = parseQuery(`"${word.replaceAll('"', '')}"`)
      const [found, wanted] = await Promise.all(
        [db, withoutSearch(db)].map((one) => allPages(one, { query, limit: 500 })),
      )
      assert.deepEqual(
        found?.map(({ seq }) => seq),
        wanted?.map(({ seq }) => seq),
        word,
      )
    }
  }
  assert.ok(asked.slices > 50)
})

// Goal: two words that are everywhere, and never in one entry, do not have the page look through the log.
test('a word next to an action that no entry has both of is told by the bits alone', async (t) => {
  const scratch = await scratchDatabase(t)
  const actions = ['refund.issue', 'refund.update', 'guest.check_in', 'invoice.pay']
  await appendToLog(
    scratch.sql,
    Array.from({ length: 4_096 }, (_, at) => ({
      action: actions[at % 4] ?? '',
      metadata: { name: at % 4 === 0 ? 'grace' : 'maria', at },
    })),
  )
  await scratch.sql`select audit.search_on(1, null)`
  await searcherOf(t, scratch).drain()
  const { db, asked } = countingReader(t, scratch)
  for (const query of ['maria action:refund.issue', 'maria action:refund.iss*']) {
    const before = asked.statements
    assert.deepEqual(await allPages(db, { query }), [])
    // Where an index leads to the action, some of its entries; then the state of the search, and the slices.
    assert.ok(asked.statements - before <= 6, `${query}: ${asked.statements - before} statements`)
  }
  assert.equal(asked.slices, 2)
})

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
  NAMES,
  oneOf,
  type Random,
  randomBy,
  searcherOf,
  SURNAMES,
  USERS,
  withoutSearch,
} from './support/search-log.ts'

const SEED = Number(process.env['AUDIT_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

function randomWord(random: Random): string {
  const whole = oneOf(random, [
    ...[...NAMES, ...SURNAMES, ...USERS.slice(0, 3)],
    ...[
      '"gonzález"',
      'gold',
      '4711',
      '77',
      '-5',
      'INV-2026-00',
      'example',
      '"left \\"the"',
      'req-7',
    ],
    `${oneOf(random, NAMES)}.${oneOf(random, SURNAMES)}@x${Math.floor(random() * 45)}.example`,
    `"${oneOf(random, NAMES)} ${oneOf(random, SURNAMES)}"`,
    `INV-2026-${String(Math.floor(random() * 12_000)).padStart(6, '0')}`,
    String(Math.floor(random() * 5_000)),
    `10.${Math.floor(random() * 3)}.0.${Math.floor(random() * 250)}`,
  ])
  const bare = whole.replaceAll(/["\\]/g, '')
  if (random() < 0.3) {
    const from = Math.floor(random() * bare.length)
    const part = bare.slice(from, from + 2 + Math.floor(random() * 9))
    if (/^[\p{L}\p{N}.@]{2,}$/u.test(part)) return part
  }
  // ASCII alone: whether Í is a capital of í is up to the locale of the server.
  const capitals = whole.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase())
  return random() < 0.2 ? capitals : whole
}

function randomQuery(random: Random): string {
  const part = () =>
    oneOf(random, [
      () => randomWord(random),
      () => randomWord(random),
      () => `${randomWord(random)} or ${randomWord(random)}`,
      () => `-${randomWord(random)}`,
      () => `by:${oneOf(random, USERS)}`,
      () => 'action:*.update',
      () => 'action:refund.*',
      () => `meta.cents=${Math.floor(random() * 3_000)}`,
      () => `meta.plan=${oneOf(random, ['gold', 'true', 'Gold*', '*member'])}`,
      () => `ip:10.1.0.${Math.floor(random() * 250)}`,
      () => 'type:Invoice',
      () => `request:req-${Math.floor(random() * 99)}`,
    ])()
  return Array.from({ length: 1 + Math.floor(random() * 2.5) }, part).join(' ')
}

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

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { scratchDatabase } from './support/database.ts'
import { appendToLog, type GivenEntry } from './support/log-entries.ts'
import { pageOn, readerOn } from './support/pages.ts'
import { histogram } from '../src/page/histogram/histogram.ts'
import { KINDS, kindOf, NOTHING, sum, totalOf } from '../src/page/histogram/kinds.ts'
import { tops } from '../src/page/histogram/tops.ts'
import { parseQuery } from '../src/query/parse-query.ts'
import { UTC } from '../src/query/zone.ts'
import { neighboursOf } from '../src/read/around/neighbours.ts'
import { timeline } from '../src/read/timeline.ts'

const [ADA, BOB, KEY, VENUE, HALL] = Array.from({ length: 5 }, () => randomUUID()) as [
  string,
  string,
  string,
  string,
  string,
]
const ACTIONS = ['venue.update', 'venue.view', 'invoice.download_all', 'view.create', 'audit.gap']
const OUTCOMES = [null, null, 'denied', 'failed', 'attempted'] as const

/** 200 entries of all kinds, a second apart. */
function mixed(): GivenEntry[] {
  return Array.from({ length: 200 }, (_, n): GivenEntry => {
    return {
      ms: Date.now() - (200 - n) * 1_000,
      action: ACTIONS[n % 5] ?? '',
      outcome: OUTCOMES[(n * 7) % 5] ?? null,
      userId: n % 3 === 0 ? ADA : BOB,
      actorId: n % 11 === 0 ? KEY : null,
      targetId: n % 4 === 0 ? VENUE : HALL,
      moreTargets: n % 10 === 0 ? [VENUE] : null,
      metadata: { word: n % 6 === 0 ? 'rare' : 'common' },
    }
  })
}

// Goal: a bar is stacked of what is there, for any filter and however it is counted.
// Method: each filter's entries counted by hand, against counted bars, sampled ones, and those by number.
test('bars and most frequent values agree with the entries of the filter', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOn(t, scratch)
  await appendToLog(scratch.sql, mixed())
  const lines = ['', `user:${ADA}`, `on:${VENUE}`, `by:${KEY} or ${ADA}`, 'rare', '-venue.*']
  lines.push(
    `on:${VENUE} user:${ADA}`,
    'outcome:denied rare',
    'action:*.update',
    `on:${randomUUID()}`,
  )
  for (const line of lines) {
    const filter = { query: parseQuery(line) }
    const { entries } = await timeline(db, { ...filter, limit: 500 })
    const expected = entries.reduce(
      (counts, entry) => sum(counts, { ...NOTHING, [kindOf(entry)]: 1 }),
      NOTHING,
    )
    const request = { filter, zone: UTC, nowMs: Date.now() }
    const counted = await histogram(db, request)
    const bars = counted?.bars ?? []
    const kinds = bars.reduce((counts, bar) => sum(counts, bar.kinds), NOTHING)
    assert.deepEqual(kinds, expected, line)
    for (const bar of bars) assert.equal(totalOf(bar.kinds), bar.count, line)
    const given = await histogram(db, { ...request, allEntries: entries })
    const ofGiven = (given?.bars ?? []).reduce((counts, bar) => sum(counts, bar.kinds), NOTHING)
    assert.deepEqual(ofGiven, expected, line)
    // More than may be counted: sampled, or by number. A slice holds fewer than 50, so nothing is guessed.
    const sampled = await histogram(db, { ...request, countUpTo: 5 })
    const shares = (sampled?.bars ?? []).reduce((counts, bar) => sum(counts, bar.kinds), NOTHING)
    for (const kind of KINDS) {
      assert.ok(Math.abs(shares[kind] - expected[kind]) <= 2, `${line} ${kind}: ${shares[kind]}`)
    }
    const found = await tops(db, { filter })
    assert.deepEqual(found, await tops(db, { filter, allEntries: entries }), line)
    const most = found.actions[0]
    const times = entries.filter(({ action }) => action === most?.value).length
    assert.equal(most?.count ?? 0, times, line)
    assert.equal(found.newest, undefined)
  }
  const people = (await tops(db, { filter: {} })).people
  assert.ok(
    people.some(({ value, isActor }) => value === KEY && isActor),
    'who really did it',
  )
})

test('the most frequent values are of the newest 5,000 entries, and say so', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOn(t, scratch)
  const old = Array.from(
    { length: 40 },
    (): GivenEntry => ({ ms: 1_700_000_000_000, action: 'old.one' }),
  )
  const rows = Array.from({ length: 5_000 }, (_, n): GivenEntry => ({ action: `new.${n % 2}` }))
  await appendToLog(scratch.sql, [...old, ...rows])
  const { actions, newest } = await tops(db, { filter: {} })
  assert.equal(newest, 5_000)
  assert.deepEqual(
    actions.map(({ value, count }) => [value, count]),
    [
      ['new.0', 2_500],
      ['new.1', 2_500],
    ],
  )
  const html = await pageOn(db).text('')
  assert.match(html, /Top actions, newest 5,000/)
  assert.match(html, /href="\?q=action:new\.0"/)
})

test('a loss and a refusal are seen in a bar of thousands', async (t) => {
  const scratch = await scratchDatabase(t)
  const ms = Date.now() - 60_000
  const rows = Array.from({ length: 3_000 }, (): GivenEntry => ({ ms, action: 'venue.update' }))
  await appendToLog(scratch.sql, [
    { ms: ms - 600_000 },
    ...rows,
    { ms, action: 'audit.gap' },
    { ms, action: 'a.b', outcome: 'denied' },
  ])
  const html = await pageOn(readerOn(t, scratch)).text('')
  const high = (kind: string) =>
    Number(new RegExp(`class="${kind}" d="[^"]*v-(\\d+)`).exec(html)?.[1] ?? 0)
  assert.ok(high('lost') >= 8, `${high('lost')}`)
  assert.ok(high('failed') >= 5, `${high('failed')}`)
  const all = html.match(/<path class="\w+" d="[^"]*/g) ?? []
  const tallest = all
    .map((path) => Number(/v-(\d+)[^v]*$/.exec(path)?.[1]))
    .reduce((a, b) => a + b, 0)
  assert.equal(tallest, 100, 'and the bar is as high as the drawing')
})

// Goal: one goes from an entry to the one before and behind it of the same target.
// Method: the entries of two targets in turn; each one's neighbours, as the sorted list has them.
test('an entry knows those before and after it of the same target', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOn(t, scratch)
  await appendToLog(scratch.sql, mixed())
  const filter = { targetId: HALL }
  const { entries } = await timeline(db, { ...filter, order: 'oldest', limit: 500 })
  for (const at of [0, 1, 70, entries.length - 1]) {
    const neighbours = await neighboursOf(db, filter, entries[at]?.id ?? '')
    assert.deepEqual(neighbours, { before: entries[at - 1]?.id, after: entries[at + 1]?.id })
  }
  const panel = await pageOn(db).text(`?part=entry&entry=${entries[1]?.id}`)
  assert.match(panel, new RegExp(`href="\\?entry=${entries[0]?.id}">← before</a>`))
  assert.match(panel, new RegExp(`href="\\?entry=${entries[2]?.id}">after →</a>`))
  const ofEvent = { targetId: HALL, eventId: VENUE }
  const [mine = ''] = await appendToLog(scratch.sql, [ofEvent, { ...ofEvent, eventId: ADA }])
  const authorize = () => ({ name: 'eve', onlyEventId: VENUE })
  const hers = await pageOn(db, { authorize }).text(`?part=entry&entry=${mine}`)
  assert.match(hers, /Target/)
  assert.doesNotMatch(hers, /← before|after →/, 'those of other events are not hers')
  const event = randomUUID()
  const none = await neighboursOf(db, { ...filter, eventId: event }, entries[70]?.id ?? '')
  assert.deepEqual(none, { before: undefined, after: undefined })
})

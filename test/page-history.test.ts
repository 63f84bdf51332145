import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { JsonSchema } from '../src/page/api/json-schema.ts'
import { ANSWER_SCHEMAS } from '../src/page/api/openapi.ts'
import type { ReadEntry } from '../src/page/requests/note-read.ts'
import { erase } from './support/erasures.ts'
import { fits } from './support/json-schema.ts'
import { appendToLog } from './support/log-entries.ts'
import { connectAs } from './support/logins.ts'
import {
  ADA,
  HOUR,
  LIFE,
  NOON,
  ORDER,
  orderEntry,
  orderPage,
  OTHER,
  TENANT,
} from './support/order-history.ts'

/** The text of the page's middle, on one line. */
function words(html: string): string {
  const main = html.slice(html.indexOf('<section'), html.indexOf('</section>'))
  return main.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ')
}

test('the history of a thing shows its state, from where each field is known, and its changes', async (t) => {
  const { text, get, ids } = await orderPage(t)
  const page = words(await text(`?history=${ORDER}`))
  assert.match(page, /History of Order 4711/)
  assert.match(page, /Made 2026-05-03 12:00:00 UTC by Ada Lovelace/)
  assert.match(page, /address\.city Hamburg 2026-05-03 17:00:00 UTC by Grace Hopper/)
  assert.match(page, /note left at the door/)
  const doubt =
    /2026-05-03 14:00:00 UTC by Ada Lovelace left paid , but 2026-05-04 14:00:00 UTC by Grace Hopper found held : written without an entry/
  assert.match(page, /1 contradiction/)
  assert.match(page, doubt)
  assert.equal(page.split('written without an entry').length, 3, 'in the state and in the line')
  // From the entries of the thing, and from an entry, a link leads there.
  for (const query of [`?q=on:${ORDER}`, `?target=${ORDER}`]) {
    assert.ok((await text(query)).includes(`href="?history=${ORDER}"`), query)
  }
  assert.ok(!(await text('')).includes('?history='), 'of many things')
  const [id] = ids
  assert.ok(
    (await text(`?part=entry&entry=${id}`)).includes(`href="?history=${ORDER}"`),
    'an entry',
  )
  assert.equal((await get(`?history=${randomUUID()}`)).status, 200)
})

test('the state at a time and two times beside each other are asked for by a form', async (t) => {
  const { text, get } = await orderPage(t)
  const follow = async (query: string) => {
    const response = await get(query)
    assert.equal(response.status, 303)
    return words(await text(response.headers.get('location') ?? ''))
  }
  const between = await follow(`?history=${ORDER}&at=2026-05-03 16:00`)
  assert.match(between, /total 49\.00 EUR/)
  assert.match(between, /status paid in doubt/)
  assert.match(between, /note unknown before/)
  // A day is its end.
  const day = await follow(`?history=${ORDER}&at=2026-05-03`)
  assert.match(day, /total 39\.00 EUR/)
  const both = await follow(`?history=${ORDER}&since=2026-05-03 13:00&at=2026-05-03 18:00`)
  assert.match(both, /total 49\.00 EUR 39\.00 EUR different/)
  assert.match(both, /address\.city Berlin Hamburg different/)
  const before = await follow(`?history=${ORDER}&at=2026-05-02`)
  assert.match(before, /It was not made yet/)
})

test('a wrong parameter of a history is named', async (t) => {
  const { get } = await orderPage(t)
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['history=x', /[Mm]ust be a UUID/],
    [`history=${ORDER}&at=whenever`, /at: Must be a time such as 3 May/],
    [`history=${ORDER}&at=2026-05-03&since=2026-05-04`, /since: Must be earlier/],
    ['at=now', /at: Must come with history/],
    [`history=${ORDER}&cursor=x`, /cursor is damaged/],
  ]
  for (const [query, message] of wrong) {
    const response = await get(`?${query}`)
    assert.equal(response.status, 400, query)
    assert.match(await response.text(), message, query)
  }
})

test('older changes are on a page of their own', async (t) => {
  const { text } = await orderPage(t)
  const first = await text(`?history=${ORDER}&limit=2`)
  const [, older = ''] = /rel="next" href="([^"]+)"/.exec(first) ?? []
  const second = words(await text(older.replaceAll('&amp;', '&')))
  assert.match(second, /Newest/)
  assert.match(second, /total 49\.00 EUR → 39\.00 EUR/)
  assert.doesNotMatch(second, /left at the door/)
})

test('a history shows a viewer of one event nothing of another one, and is written down', async (t) => {
  const notes: ReadEntry[] = []
  const recorder = { record: (note: ReadEntry) => notes.push(note) > 0 }
  const { text, scratch } = await orderPage(t, {
    ...{ recorder, authorize: () => ({ name: 'Grace', onlyEventId: TENANT }) },
  })
  const elsewhere = { ...LIFE[1], ms: NOON + 40 * HOUR, eventId: OTHER, userId: OTHER }
  await appendToLog(scratch.sql, [
    { ...elsewhere, metadata: { status: { from: 'x', to: 'SECRET' } } },
  ])
  const page = await text(`?history=${ORDER}`)
  assert.ok(!page.includes('SECRET') && !page.includes(OTHER))
  assert.match(words(page), /status sent/)
  assert.match(words(page), /You may not see everything that changed it/)
  assert.deepEqual(
    notes.map(({ metadata }) => [
      Reflect.get(Object(metadata), 'read'),
      Reflect.get(Object(metadata), 'history'),
    ]),
    [['history', ORDER]],
  )
})

test('an erased entry is shown as erased', async (t) => {
  const { text, scratch } = await orderPage(t)
  await erase(connectAs(t, scratch, 'audit_eraser'), [5], ['metadata'])
  const page = words(await text(`?history=${ORDER}`))
  assert.match(page, /total 39\.00 EUR an entry that may have changed it was erased/)
  assert.match(page, /what it changed is erased or cannot be read/)
})

test('what an entry tells is text, also where it is a field', async (t) => {
  const { text, scratch } = await orderPage(t)
  const evil = '"><script>alert(1)</script>'
  await appendToLog(scratch.sql, [
    orderEntry(50, `order.${evil}`.slice(0, 60), ADA, {
      [evil]: { from: evil, to: { [evil]: [evil] } },
      status: { from: evil, to: evil },
    }),
  ])
  const page = await text(`?history=${ORDER}`)
  assert.ok(!page.includes('<script>alert') && page.includes('&lt;script&gt;alert(1)'))
})

function schemaOf(name: 'History' | 'Comparison'): JsonSchema {
  const schema = ANSWER_SCHEMAS[name]
  assert.ok(schema)
  return schema
}

// Method: a history with a doubt, an erased entry and all that a field can have, in each form.
test('a program gets the history as JSON, as it is described', async (t) => {
  const { get, scratch } = await orderPage(t)
  await appendToLog(scratch.sql, [
    orderEntry(50, 'order.update', ADA, { status: { from: 'lost', to: 'found' } }),
  ])
  const accept = { accept: 'application/json' }
  const answer = await get(`?history=${ORDER}&at=2026-05-03 16:00`, accept)
  assert.equal(answer.status, 200)
  const found: unknown = await answer.json()
  assert.deepEqual(fits(found, schemaOf('History')), [])
  const { targetId, fields, line } = found as Record<string, unknown[]>
  assert.deepEqual([targetId, fields?.length, line?.length], [ORDER, 5, 2])
  const both = await get(`?history=${ORDER}&since=2026-05-03 13:00`, accept)
  const compared: unknown = await both.json()
  assert.deepEqual(Object.keys(Object(compared)), ['from', 'to', 'fields'])
  assert.deepEqual(fits(compared, schemaOf('Comparison')), [])
})

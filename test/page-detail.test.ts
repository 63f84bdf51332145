import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UTC } from '../src/query/zone.ts'
import { wordsOf } from '../src/page/language/words.ts'
import { readQuery } from '../src/page/query/query.ts'
import { entryDetail } from '../src/page/view/entry-detail.ts'
import { entryRow } from '../src/page/view/entry-row.ts'
import { PLAIN_LOOK } from '../src/page/view/look.ts'
import type { ViewState } from '../src/page/view/view-state.ts'
import type { LoggedEntry } from '../src/read/logged-entry.ts'

const MIB = 1_048_576
/** A page of detail is shorter, whatever the entry holds. */
const MAX_PAGE_CHARACTERS = 6 * MIB

function entryWith(metadata: Record<string, unknown>, context = {}): LoggedEntry {
  return {
    ...{ id: '019ac0de-0000-7000-8000-000000000001', seq: 1, writtenBy: 'shop_web' },
    ...{ occurredAt: new Date(1_764_000_000_000), loggedAt: new Date(1_764_000_000_000) },
    ...{ userId: null, eventId: '5a1f0c3e-90ab-4c2d-8e11-000000000e01', targetId: null },
    ...{ action: 'x.y', entityType: null, requestId: null, recorderId: null, recorderSeq: null },
    ...{ moreTargets: null, outcome: null, actorId: null, actorKind: null },
    ...{ metadata, context },
  }
}

const view: ViewState = {
  ...{
    query: readQuery(new URLSearchParams()),
    zone: UTC,
    theme: 'auto',
    viewerName: 'ada',
    savedViews: [],
    sharedViews: undefined,
  },
  words: wordsOf('en'),
  look: PLAIN_LOOK,
  ...{ nowMs: 1_764_000_000_000, nameOf: () => undefined, actions: undefined },
  ...{ readsAreRecorded: true, isSignedLink: false, canSignOut: true, seenBy: undefined },
}

const draw = async (entry: LoggedEntry) => String(await entryDetail(view, entry))

function nested(levels: number, inner: unknown, key?: string): unknown {
  let value = inner
  for (let level = 0; level < levels; level += 1) value = key ? { [key]: value } : [value]
  return value
}

const object = (value: unknown) => ({ value })
const list = (length: number, value: unknown = 1) => Array.from({ length }, () => value)
const fields = (count: number, value: (n: number) => unknown, prefix = '') =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`${prefix}${n}`, value(n)]))

/** Entries of about so many characters, each of a shape that has multiplied what it holds. */
const SHAPES: Readonly<Record<string, (size: number) => Record<string, unknown>>> = {
  'deep lists': (size) => object(nested(28, list(size / 2))),
  'levels beyond the bound': (size) => object(nested(Math.min(3_000, size / 8), list(size / 2))),
  'a wide list of deep ones': (size) => object(list(size / 60, nested(25, 1))),
  'a long name above many changes': (size) => ({
    ['k'.repeat(size / 2)]: {
      from: fields(size / 40, (n) => n),
      to: fields(size / 40, (n) => -n - 1),
    },
  }),
  'long names at each level': (size) =>
    object(nested(24, { from: 1, to: 2 }, 'k'.repeat(size / 24))),
  'two large sides': (size) => ({ from: list(size / 4, 1), to: list(size / 4, 2) }),
  'many pairs of long texts': (size) =>
    fields(200, (n) => ({
      from: `${n}${'a'.repeat(size / 400)}`,
      to: `${n}${'b'.repeat(size / 400)}`,
    })),
  'two texts that differ at the end': (size) => ({
    ...{ from: `${'a'.repeat(size / 2)}x`, to: `${'a'.repeat(size / 2)}y` },
  }),
  'quotes, each of them six characters in HTML': (size) => object('"'.repeat(size / 2)),
  'invisible characters': (size) => object('\u202e'.repeat(size / 3)),
  'many short names': (size) => fields(size / 12, () => 1),
  'web addresses': (size) => fields(size / 1_900, () => `https://x.y/${'"'.repeat(1_800)}`),
}

// Goal: the page of any entry is bounded in size.
// Method: every shape, with as much as an entry may hold, as metadata and as context.
test('the page of an entry is bounded in size', async () => {
  for (const [shape, make] of Object.entries(SHAPES)) {
    const metadata = make(MIB)
    const page = await draw(entryWith(metadata, metadata))
    assert.ok(page.length < MAX_PAGE_CHARACTERS, `${shape}: ${page.length} characters`)
    const row = String(await entryRow(view, entryWith(metadata)))
    assert.ok(row.length < 20_000, `the row of ${shape}: ${row.length} characters`)
  }
})

// Goal: and in time: twice as much takes about twice as long, and never seconds.
// Method: the CPU time of a quarter and of a half of a megabyte, the least of several, as a ratio.
test('the page of an entry takes time in proportion to the entry', async () => {
  const cost = async (entry: LoggedEntry) => {
    let least = Number.POSITIVE_INFINITY
    for (let round = 0; round < 5; round += 1) {
      const before = process.cpuUsage()
      await draw(entry)
      const { user, system } = process.cpuUsage(before)
      least = Math.min(least, (user + system) / 1_000)
    }
    return least
  }
  for (const [shape, make] of Object.entries(SHAPES)) {
    const small = await cost(entryWith(make(MIB / 4)))
    const large = await cost(entryWith(make(MIB)))
    // Four times as much; nine would be halfway to a square.
    assert.ok(
      large < 9 * small + 20,
      `${shape}: ${small} ms, and of four times as much ${large} ms`,
    )
    assert.ok(large < 2_000, `${shape}: ${large} ms`)
  }
})

test('what is cut says so, and how to have the whole', async () => {
  const whole = await draw(entryWith({ note: 'short' }))
  assert.match(whole, /<pre id="json">\{\n {2}&quot;id&quot;/)
  assert.match(whole, /id="copy"/)
  assert.doesNotMatch(whole, /download/)
  const cut = await draw(entryWith({ note: 'x'.repeat(300_000) }))
  assert.doesNotMatch(cut, /id="copy"/, 'half a JSON is not copied')
  const [, address = ''] = /<a href="([^"]+)" download>Export<\/a>/.exec(cut) ?? []
  const query = new URLSearchParams(address.replaceAll('&amp;', '&'))
  assert.equal(query.get('export'), 'ndjson')
  assert.equal(Date.parse(query.get('to') ?? '') - Date.parse(query.get('from') ?? ''), 1)
  assert.equal(query.get('q'), 'event:5a1f0c3e-90ab-4c2d-8e11-000000000e01')
  const { problems } = readQuery(query)
  assert.deepEqual([...problems], [])
  // Between the two bounds it is not indented, and whole.
  const compact = await draw(entryWith({ note: 'x'.repeat(100_000) }))
  assert.match(compact, /<pre id="json">\{&quot;id&quot;/)
  assert.match(compact, /id="copy"/)
})

test('an entry of which something was erased says what, in the list and in full', async () => {
  const erased = { ...entryWith({}), erased: ['userId', 'moreTargets', 'metadata'] as const }
  assert.match(await draw(erased), /Erased from this entry: the user, further targets, metadata\./)
  assert.match(String(await entryRow(view, erased)), /· erased</)
  assert.doesNotMatch(await draw(entryWith({})), /erased/i)
  assert.doesNotMatch(String(await entryRow(view, entryWith({}))), /erased/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { changesOf } from '../src/page/sentence/changes.ts'
import { shortened, visible } from '../src/page/sentence/plain-text.ts'
import { readQuery } from '../src/page/query/query.ts'
import { sentenceOf } from '../src/page/sentence/sentence.ts'
import { pastTense, splitWords } from '../src/page/sentence/verbs.ts'
import { UTC, zoneNamed } from '../src/page/query/zone.ts'
import type { LoggedEntry } from '../src/read/logged-entry.ts'

const ADA = '0b6d9a52-6c1f-4f0e-9a53-3f6d1c1f0a01'
const EVENT = '5a1f0c3e-90ab-4c2d-8e11-000000000e01'

function entry(given: Partial<LoggedEntry>): LoggedEntry {
  const at = new Date('2026-11-22T14:05:31.250Z')
  return {
    ...{ id: '01a203bb-6f15-7315-964b-d20452220636', seq: 7, occurredAt: at, loggedAt: at },
    ...{ userId: ADA, eventId: null, targetId: null, action: 'branding.update' },
    ...{ entityType: null, requestId: null, metadata: {}, context: {} },
    ...{ writtenBy: 'shop_web', recorderId: null, recorderSeq: null },
    ...given,
  }
}

const say = (given: Partial<LoggedEntry>, names?: (id: string) => string | undefined) =>
  sentenceOf(entry(given), names)
    .map(({ text }) => text)
    .join('')

// Goal: a row reads as a person would say it, and says nothing that the entry does not.
// Method: an entry of each kind, and its sentence.
test('an entry is a sentence', () => {
  const cases: readonly (readonly [Partial<LoggedEntry>, string])[] = [
    [{}, '0b6d9a52 updated the branding'],
    [
      { metadata: { primaryColor: { from: '#1d4ed8', to: '#be123c' } } },
      '0b6d9a52 updated the branding: primaryColor #1d4ed8 → #be123c',
    ],
    [
      {
        action: 'ticket.refund',
        entityType: 'order',
        targetId: ADA,
        metadata: { reason: 'twice' },
      },
      '0b6d9a52 refunded the ticket of order 0b6d9a52 — reason twice',
    ],
    [
      { action: 'guest.check_in', targetId: ADA, metadata: { guest: 'Noor', gate: 'North' } },
      '0b6d9a52 checked in guest “Noor” 0b6d9a52 — gate North',
    ],
    [{ userId: null }, 'The branding was updated'],
    [{ userId: null, action: 'letter.write' }, 'The letter was written'],
    [{ action: 'session.login' }, '0b6d9a52 logged in'],
    [{ action: 's3.get_object', metadata: {} }, '0b6d9a52 got object in s3'],
    [{ action: 'featureFlag.toggle' }, '0b6d9a52 toggled the feature flag'],
    [{ action: 'odd' }, '0b6d9a52 did odd'],
    [{ action: '.' }, '0b6d9a52 did .'],
    [
      { metadata: { field: 'price', from: 1, to: null } },
      '0b6d9a52 updated the branding: price 1 → null',
    ],
    [{ context: { impersonatorId: EVENT } }, '5a1f0c3e as 0b6d9a52 updated the branding'],
    [
      { userId: null, context: { invalid: { userId: 'arn:aws:iam::123:user/benjamin' } } },
      'benjamin updated the branding',
    ],
    [
      { action: 'audit.gap', userId: null, metadata: { lane: 'staging' } },
      'Entries may be missing here: staging was emptied before all of it was moved to the log',
    ],
    [
      { action: 'audit.drop', userId: null, metadata: { dropped: { unshapable: 1 } } },
      '1 entry is missing here, dropped by a recorder: not a valid entry',
    ],
    [
      { action: 'audit.drop', userId: null, metadata: { dropped: { full: 1_200, timeout: 3 } } },
      '1,203 entries are missing here, dropped by a recorder: 1,200 the buffer was full, ' +
        '3 not written before the close timeout',
    ],
    [
      { action: 'audit.drop', userId: null, metadata: { dropped: 'all' } },
      'Entries are missing here: a recorder dropped them',
    ],
    [
      {
        ...{ action: 'audit.read', userId: null, context: { viewer: 'grace' } },
        metadata: { read: 'export', format: 'csv', filter: { action: 'x.*' } },
      },
      'grace exported the log as csv — action x.*',
    ],
  ]
  for (const [given, sentence] of cases) assert.equal(say(given), sentence)
})

test('a name stands for an id where somebody knows one', () => {
  assert.equal(
    say({}, (id) => (id === ADA ? 'Ada' : undefined)),
    'Ada updated the branding',
  )
})

// Goal: no entry can break a page, or put a line break or a change of direction into its row.
// Method: anything that JSON can hold, in every place that a sentence looks at.
test('every entry has a sentence', () => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(
      text,
      fc.option(text),
      fc.dictionary(text, fc.jsonValue()),
      (action, type, json) => {
        const metadata = { ...json, name: action, from: json, to: type, before: 1, after: json }
        const given = { action, entityType: type, metadata, context: { ...json, invalid: json } }
        const said = say({ ...given, userId: null })
        assert.ok(said.length > 0 && said.length < 3_000)
        assert.ok(!/[\u202a-\u202e\u2066-\u2069]/.test(said))
      },
    ),
    // An action that is no `entity.verb`, and those in which either half steers the text.
    {
      examples: [['\u202a'], ['a.\u202e'], ['\u2066.b'], ['\u202a c.d \u202e']].map(
        ([action = '']) => [action, null, {}],
      ),
    },
  )
})

test('verbs have a past', () => {
  const cases = { update: 'updated', copy: 'copied', send: 'sent', check_in: 'checked in' }
  for (const [verb, past] of Object.entries({ ...cases, constructor: 'constructored' })) {
    assert.equal(pastTense(splitWords(verb)), past)
  }
})

test('changes are told field by field, and only where something differs', () => {
  const before = { rows: 12, seats: 240, same: { a: 1 }, gone: 'x' }
  const after = { rows: 14, seats: 240, same: { a: 1 }, come: ['y'] }
  assert.deepEqual(changesOf({ before, after, note: 'z' }), [
    { path: 'rows', from: 12, to: 14 },
    { path: 'gone', from: 'x', to: undefined },
    { path: 'come', from: undefined, to: ['y'] },
  ])
  assert.deepEqual(changesOf({ deep: { colour: { from: 1, to: 2 } } }), [
    { path: 'deep.colour', from: 1, to: 2 },
  ])
  assert.deepEqual(changesOf({ from: 'Berlin' }), [], 'a lone "from" is no change')
  assert.deepEqual(changesOf({ __proto__: null, from: 1, to: { from: 2 } }), [
    { path: '', from: 1, to: { from: 2 } },
  ])
})

test('what steers a display is shown by its number', () => {
  assert.equal(visible('a\u202eb\u0007c\u2028'), 'a⟨U+202E⟩b⟨U+0007⟩c⟨U+2028⟩')
  assert.equal(shortened('one\ntwo 👩‍🚒👩‍🚒', 8), 'one two…')
})

// Goal: a time that is typed in means the viewer's own clock, also where clocks are put back.
// Method: Berlin, in summer, in winter, and in the nights between.
test('a wall clock is read in its zone', () => {
  const berlin = zoneNamed('Europe/Berlin')
  assert.ok(berlin)
  const wall = (text: string) => new Date(berlin.fromWall(Date.parse(`${text}Z`))).toISOString()
  assert.equal(wall('2026-07-01T12:00:00'), '2026-07-01T10:00:00.000Z')
  assert.equal(wall('2026-12-01T12:00:00'), '2026-12-01T11:00:00.000Z')
  assert.equal(wall('2026-10-25T02:30:00'), '2026-10-25T00:30:00.000Z', 'the first of two')
  assert.equal(wall('2026-03-29T03:30:00'), '2026-03-29T01:30:00.000Z')
  assert.equal(berlin.wall(Date.parse('2026-07-01T10:00:00Z')), '2026-07-01T12:00:00.000')
  assert.equal(
    new Date(berlin.startOfDay(Date.parse('2026-07-01T22:30:00Z'))).toISOString(),
    '2026-07-01T22:00:00.000Z',
  )
  for (const name of ['Not/A_Zone', '', '../etc', 'x'.repeat(99)]) {
    assert.equal(zoneNamed(name), undefined)
  }
})

test('an address is read into a filter, and a local time into one for everybody', () => {
  const read = (text: string, zone = UTC) => readQuery(new URLSearchParams(text), zone)
  const berlin = zoneNamed('Europe/Berlin')
  assert.ok(berlin)
  const local = read('from=2026-07-01T12%3A00&action=', berlin)
  assert.equal(local.given['from'], '2026-07-01T10:00:00.000Z')
  assert.equal(local.isCanonical, false)
  const exact = read('from=2026-07-01T12:00:00%2B02:00&to=2026-07-01T10:00:01.000Z')
  assert.equal(exact.filter.from, Date.parse('2026-07-01T10:00:00Z'))
  assert.equal(exact.isCanonical, true)
  // A plus sign that nobody has encoded is a blank.
  assert.equal(read('from=2026-07-01T12:00:00+02:00').filter.from, exact.filter.from)
  assert.equal(read('from=2026-07-01 12:00').filter.from, Date.parse('2026-07-01T12:00:00Z'))
})

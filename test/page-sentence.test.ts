import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ActionDefinition } from '../src/actions/define-actions.ts'
import { describeEntry } from '../src/actions/describe-entry.ts'
import { changesOf } from '../src/timeline/changes.ts'
import { shortened, visible } from '../src/page/sentence/plain-text.ts'
import { readQuery } from '../src/page/query/query.ts'
import { sentenceOf } from '../src/page/sentence/sentence.ts'
import { pastTense, splitWords } from '../src/page/sentence/verbs.ts'
import { UTC, zoneNamed } from '../src/query/zone.ts'
import type { LoggedEntry } from '../src/read/logged-entry.ts'

const ADA = '0b6d9a52-6c1f-4f0e-9a53-3f6d1c1f0a01'
const EVENT = '5a1f0c3e-90ab-4c2d-8e11-000000000e01'

function entry(given: Partial<LoggedEntry>): LoggedEntry {
  const at = new Date('2026-11-22T14:05:31.250Z')
  return {
    ...{ id: '01a203bb-6f15-7315-964b-d20452220636', seq: 7, occurredAt: at, loggedAt: at },
    ...{ userId: ADA, eventId: null, targetId: null, action: 'branding.update' },
    ...{ entityType: null, requestId: null, metadata: {}, context: {} },
    ...{ moreTargets: null, outcome: null, actorId: null, actorKind: null },
    ...{ writtenBy: 'shop_web', recorderId: null, recorderSeq: null },
    ...given,
  }
}

const say = (given: Partial<LoggedEntry>, names?: (id: string) => string | undefined) =>
  sentenceOf(entry(given), names)
    .map(({ text }) => text)
    .join('')

const KEEPING: readonly (readonly [string, LoggedEntry['metadata'], string])[] = [
  [
    'audit.policy',
    { actions: 'temp.*', change: 'set', keep: '30 days' },
    'shop_web set a policy: temp.* is kept for 30 days',
  ],
  [
    'audit.policy',
    { actions: '*', change: 'set', keep: null },
    'shop_web set a policy: * is kept forever',
  ],
  ['audit.policy', { actions: '*', change: 'removed' }, 'shop_web removed the policy of *'],
  [
    'audit.policy',
    { actions: '*', change: 'taken back', keep: null },
    'shop_web took back a change of the policy of *',
  ],
  ['audit.hold', { reason: 'case 7', userId: ADA }, 'shop_web placed a hold: case 7'],
  ['audit.hold_release', { reason: 'case 7' }, 'shop_web released a hold: case 7'],
  ['audit.token', { change: 'made', name: 'siem' }, 'shop_web made the token siem'],
  ['audit.token', { change: 'revoked', name: 'siem' }, 'shop_web revoked the token siem'],
  [
    'audit.retention',
    { partition: 'audit_log_2025_01', removed: 1_488, from: 'a', to: 'b' },
    'shop_web removed 1,488 entries of audit_log_2025_01 by policy',
  ],
  [
    'audit.retention_undo',
    { partition: 'audit_log_2025_01', broughtBack: 1 },
    'shop_web took back the removal of 1 entry of audit_log_2025_01',
  ],
  [
    'audit.archive_restore',
    { partition: 'audit_log_2025_01', broughtBack: 2 },
    'shop_web brought 2 entries of audit_log_2025_01 back from an archive',
  ],
  [
    'audit.erase',
    { entries: 3, seqs: [[1, 3]], fields: ['metadata'], reason: 'request 7' },
    'shop_web erased fields of 3 entries: request 7',
  ],
  ['audit.import', { name: 'old-site', state: 'begun' }, 'shop_web began the import old-site'],
  [
    'audit.import',
    { name: 'old-site', state: 'ended', logged: 2 },
    'shop_web ended the import old-site: 2 entries logged',
  ],
  ['audit.retention', {}, 'shop_web removed entries of ? by policy'],
  ['audit.key_rotate', { reason: 'yearly' }, 'shop_web replaced the key of the seal: yearly'],
]

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
    [
      {
        ...{ action: 'audit.read', userId: null, context: {} },
        metadata: { read: 'export', format: 'ndjson', about: ADA, filter: {} },
      },
      'Somebody exported what names 0b6d9a52 as ndjson',
    ],
    [
      {
        ...{ action: 'audit.read', userId: null, context: { viewer: 'grace' } },
        metadata: { read: 'history', history: ADA, filter: {} },
      },
      'grace read the history of 0b6d9a52',
    ],
    ...KEEPING.map(
      ([action, metadata, text]) => [{ action, userId: null, metadata }, text] as const,
    ),
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
  assert.equal(local.given['from'], '2026-07-01T10:00Z')
  assert.equal(local.isCanonical, false)
  const exact = read('from=2026-07-01T12:00:00%2B02:00&to=2026-07-01T10:00:01.000Z')
  assert.equal(exact.filter.from, Date.parse('2026-07-01T10:00:00Z'))
  assert.equal(exact.isCanonical, true)
  // A plus sign that nobody has encoded is a blank.
  assert.equal(read('from=2026-07-01T12:00:00+02:00').filter.from, exact.filter.from)
  assert.equal(read('from=2026-07-01 12:00').filter.from, Date.parse('2026-07-01T12:00:00Z'))
})

const said = (
  given: Partial<LoggedEntry>,
  text: string,
  names?: (id: string) => string | undefined,
) => sentenceOf(entry(given), names, text)

test('a sentence of the catalogue has links in the place of the ids', () => {
  const names = (id: string) => (id === ADA ? 'Ada' : undefined)
  assert.deepEqual(said({ eventId: EVENT }, `${ADA} painted ${EVENT} red`, names), [
    { kind: 'user', id: ADA, text: 'Ada' },
    { kind: 'text', text: ' painted ' },
    { kind: 'event', id: EVENT, text: '5a1f0c3e' },
    { kind: 'text', text: ' red' },
  ])
  const colleague = { context: { impersonator: 'Grace' } }
  const read = (given: Partial<LoggedEntry>, text: string) =>
    said(given, text, names)
      .map((part) => part.text)
      .join('')
  assert.equal(read(colleague, `${ADA} painted it`), 'Grace as Ada painted it')
  assert.equal(read(colleague, 'It was painted'), 'Grace as Ada · It was painted')
  assert.equal(read({ userId: null }, 'It was painted'), 'It was painted')
  assert.equal(read({}, `a\u202eb ${'x'.repeat(400)}`).length, 'Ada · '.length + 300)
  assert.match(read({}, 'a\u202eb'), /⟨U\+202E⟩/)
})

test('an entry of the product keeps its own sentence', () => {
  const text = said({ action: 'audit.gap' }, 'All is well')
    .map((part) => part.text)
    .join('')
  assert.match(text, /^Entries may be missing here/)
})

test('describe gets a copy, and whatever it does, there is a sentence', () => {
  const describing = (describe: unknown) => ({
    definitions: new Map([['branding.update', { describe } as ActionDefinition]]),
  })
  const metadata = { color: 'red', deep: { at: 1 } }
  const describe = (value: unknown, context = {}) =>
    describeEntry(describing(value), entry({ metadata, context }))
  assert.equal(
    describe((one: LoggedEntry) => `now ${one.metadata['color']}`),
    'now red',
  )
  const changed = describe((one: LoggedEntry) => {
    Object.assign(one.metadata, { color: 'blue' })
    Object.assign(Object(one.metadata['deep']), { at: 2 })
    return 'changed'
  })
  assert.equal(changed, 'changed')
  assert.deepEqual(metadata, { color: 'red', deep: { at: 1 } })
  const nonsense: readonly unknown[] = [
    undefined,
    null,
    5,
    '',
    '  ',
    {},
    Promise.reject(new Error()),
  ]
  for (const value of nonsense)
    assert.equal(
      describe(() => value),
      undefined,
    )
  assert.equal(
    describe(() => {
      throw new Error()
    }),
    undefined,
  )
  for (const mark of [
    'metadata.invalid',
    'metadata.unchecked',
    'metadata.truncated',
    'action.unknown',
  ])
    assert.equal(
      describe(() => 'x', { degraded: [mark] }),
      undefined,
      mark,
    )
  assert.equal(
    describe(() => 'x', { degraded: ['userId.invalid'] }),
    'x',
  )
  assert.equal(describeEntry(undefined, entry({})), undefined)
  assert.equal(
    describeEntry(
      describing(() => 'x'),
      entry({ action: 'a.b' }),
    ),
    undefined,
  )
})

// Goal: nothing that did not happen reads as if it had, and who really acted comes first.
test('an outcome, an actor and more targets are told', () => {
  const [GRACE, VENUE] = ['4f1c7e88-6c1f-4f0e-9a53-3f6d1c1f0a01', EVENT]
  const names = new Map([
    [ADA, 'Ada'],
    [GRACE, 'Grace'],
    [VENUE, 'the Roundhouse'],
  ])
  const cases: readonly (readonly [Partial<LoggedEntry>, string])[] = [
    [{ action: 'venue.delete', outcome: 'denied' }, 'Ada tried to delete the venue: denied'],
    [
      { action: 'venue.delete', outcome: 'failed', targetId: VENUE },
      'Ada tried to delete venue the Roundhouse: failed',
    ],
    [{ action: 'user.login', outcome: 'denied' }, 'Ada tried to log in: denied'],
    [
      { action: 'venue.delete', outcome: 'denied', userId: null },
      'Somebody tried to delete the venue: denied',
    ],
    [
      { outcome: 'attempted', metadata: { colour: { from: 'red', to: 'blue' } } },
      'Ada tried to update the branding: attempted, colour red → blue',
    ],
    [{ actorId: GRACE }, 'Grace as Ada updated the branding'],
    [{ actorId: GRACE, actorKind: 'agent' }, 'AI agent Grace as Ada updated the branding'],
    [{ actorKind: 'api_key' }, 'An API key as Ada updated the branding'],
    [{ actorKind: 'system', userId: null }, 'The system updated the branding'],
    [
      { actorId: 'nightly', actorKind: 'service', userId: null },
      'Service nightly updated the branding',
    ],
    [
      { action: 'venue.delete', targetId: VENUE, moreTargets: [ADA, GRACE] },
      'Ada deleted venue the Roundhouse and 2 more',
    ],
    [{ context: { invalid: { actorId: 'grace' } } }, 'grace as Ada updated the branding'],
  ]
  for (const [given, sentence] of cases)
    assert.equal(
      say(given, (id) => names.get(id)),
      sentence,
    )
  const said = (given: Partial<LoggedEntry>, text: string) =>
    sentenceOf(entry(given), (id) => names.get(id), text)
      .map((part) => part.text)
      .join('')
  assert.equal(
    said({ outcome: 'denied' }, 'The colour was set'),
    'Ada · The colour was set: denied',
  )
  assert.equal(said({ outcome: 'denied' }, 'It was denied'), 'Ada · It was denied')
})

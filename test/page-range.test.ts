import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseQuery } from '../src/query/parse-query.ts'
import { UTC, type Zone, zoneNamed } from '../src/query/zone.ts'
import { narrowHref, onlyHref, qualified } from '../src/page/query/narrow.ts'
import { readQuery } from '../src/page/query/query.ts'
import { PRESETS, rangeText, writtenRange } from '../src/page/query/range.ts'

const NOW_MS = Date.parse('2026-05-05T12:00:00Z')
const berlin = zoneNamed('Europe/Berlin') ?? UTC
const ID = '7f9c24e8-3b12-4a91-9d8e-5c6f7a8b9c0d'
const OTHER = '5a1f0c3e-90ab-4c2d-8e11-000000000e01'

const read = (text: string, zone: Zone = UTC) => {
  const range = writtenRange(text, { zone, nowMs: NOW_MS })
  if (typeof range === 'string') return range
  const iso = (ms: number | undefined) => (ms === undefined ? '' : new Date(ms).toISOString())
  return [iso(range.fromMs), iso(range.toMs), range.moves]
}

// Goal: a range is written as one says it, in the zone that is shown.
// Method: each form with the moments that it means.
test('one control reads days, months, moments and ranges in the zone that is shown', () => {
  const day = (zone: Zone) => read('3 May', zone)
  assert.deepEqual(day(UTC), ['2026-05-03T00:00:00.000Z', '2026-05-04T00:00:00.000Z', false])
  assert.deepEqual(day(berlin), ['2026-05-02T22:00:00.000Z', '2026-05-03T22:00:00.000Z', false])
  const of = (text: string) => read(text, berlin)
  assert.deepEqual(of('-2h'), ['2026-05-05T10:00:00.000Z', '', true])
  assert.deepEqual(of('2 hours ago'), of('-2h'))
  assert.deepEqual(of('yesterday'), ['2026-05-03T22:00:00.000Z', '2026-05-04T22:00:00.000Z', true])
  assert.deepEqual(of('last month'), ['2026-03-31T22:00:00.000Z', '2026-04-30T22:00:00.000Z', true])
  assert.deepEqual(of('3 Sept'), ['2025-09-02T22:00:00.000Z', '2025-09-03T22:00:00.000Z', false])
  const may = ['2026-05-02T22:00:00.000Z', '2026-05-05T22:00:00.000Z', false]
  assert.deepEqual(of('3 May..5 May'), may, 'the last day belongs to it')
  assert.deepEqual(of('3 May – 5 May'), may)
  assert.deepEqual(of('3 May to 5 May'), may)
  const hour = ['2026-05-05T12:00:00.000Z', '2026-05-05T12:30:00.000Z', false]
  assert.deepEqual(of('14:00..14:30'), hour, 'a time of day is the end')
  assert.deepEqual(of('..3 May'), ['', '2026-05-03T22:00:00.000Z', false])
  assert.deepEqual(of('-2h..-1h'), ['2026-05-05T10:00:00.000Z', '2026-05-05T11:00:00.000Z', true])
  assert.deepEqual(of('1h'), of('-1h'), 'as older addresses have it')
  for (const text of PRESETS) assert.equal(read(text)[2], true, text)
})

test('what is no range says what one is', () => {
  const none = [
    '',
    '..',
    'soon',
    '1y',
    '3 May..4 May..5 May',
    '__proto__',
    '32 May',
    'x'.repeat(99),
  ]
  for (const text of none) assert.match(String(read(text)), /^Must be a time such as/, text)
  assert.match(String(read('3/5')), /Is it 3 may or 5 march\?/)
  assert.equal(read('5 May..3 May'), 'The range ends before it begins.')
  const { problems } = readQuery(new URLSearchParams('range=soon'))
  assert.match(problems.get('range') ?? '', /Got "soon"/)
})

// Goal: what the control shows of a range is the same range again, also where clocks change.
// Method: ranges around each change of two zones, to the millisecond, written and read back.
test('a range is shown as a text that means the same', () => {
  for (const zone of [UTC, berlin, zoneNamed('America/St_Johns') ?? UTC]) {
    for (const from of [
      '2025-10-26T00:10:00.000Z',
      '2025-10-26T01:10:00.000Z',
      '2026-03-29T01:00:00Z',
    ]) {
      for (const length of [1, 999, 60_000, 3_600_000, 86_400_000, 90_000_000]) {
        const fromMs = Date.parse(from) + length
        const toMs = fromMs + length
        const text = rangeText({ fromMs, toMs }, zone) ?? ''
        const back = writtenRange(text, { zone, nowMs: NOW_MS })
        assert.deepEqual(back, { fromMs, toMs, moves: false }, `${zone.name}: ${text}`)
      }
    }
  }
  const day = { fromMs: Date.parse('2026-05-02T22:00Z'), toMs: Date.parse('2026-05-03T22:00Z') }
  assert.equal(rangeText(day, berlin), '3 May 2026')
  assert.equal(rangeText({}, berlin), undefined)
})

test('a range that stays is rewritten for everybody, and one that moves is kept', () => {
  const of = (text: string) => readQuery(new URLSearchParams({ range: text }), berlin, NOW_MS)
  const day = of('3 May')
  assert.deepEqual({ ...day.given }, { from: '2026-05-02T22:00Z', to: '2026-05-03T22:00Z' })
  assert.equal(day.isCanonical, false)
  const hours = of('-2h')
  assert.deepEqual({ ...hours.given }, { range: '-2h' })
  assert.equal(hours.isCanonical, true)
  assert.equal(hours.filter.from, NOW_MS - 7_200_000)
})

// Goal: a click in the list asks for what was clicked, and for nothing else, next to what is asked.
// Method: each kind of value; the line that a link makes is read again by the parser.
test('a link adds one value to the query line', () => {
  const query = (text: string) => readQuery(new URLSearchParams(text))
  const link = (
    text: string,
    ...value: Parameters<typeof narrowHref> extends [unknown, ...infer Rest] ? Rest : never
  ) => narrowHref(query(text), ...value)
  assert.equal(link('', 'user', ID), `?q=user:${ID}`)
  assert.equal(link('q=refund&cursor=x', 'on', ID), `?q=refund+on:${ID}`)
  assert.equal(link('q=refund+user:ada+-user:bob', 'user', ID), `?q=refund+-user:bob+user:${ID}`)
  assert.equal(link(`q=user:${ID}`, 'user', ID), undefined, 'it is asked for already')
  assert.equal(link(`user=${OTHER}`, 'user', ID), `?q=user:${ID}`, 'an older parameter gives way')
  assert.equal(link('', 'user', 'ada'), '?user=ada', 'this could be the name of others')
  assert.equal(link('user=ada', 'user', 'ada'), undefined)
  assert.equal(link('', 'action', 'a b'), '?action=a+b')
  assert.equal(link('', 'request', 'a "quote"'), '?request=a+%22quote%22')
  const long = 'x'.repeat(1_990)
  assert.equal(link(`q=${long}`, 'user', ID), `?q=${long}&user=${ID}`, 'no line that is too long')
  assert.equal(onlyHref('request', 'r 1'), '?q=request:%22r+1%22')
  for (const value of ['r1', 'a b', 'or', '-x', '(x', 'a:b', '>5', '*', 'å/ß', '«', ' x', '"']) {
    const text = qualified('request', value)
    if (text === undefined) continue
    const [part, ...more] = parseQuery(text).parts
    assert.deepEqual(part?.terms, [{ kind: 'text', column: 'requestId', value }], text)
    assert.equal(more.length, 0)
  }
})

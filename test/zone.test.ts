import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY_MS, type Zone, zoneNamed } from '../src/query/zone.ts'

interface Change {
  readonly zone: Zone
  /** The first moment after it. */
  readonly atMs: number
  readonly beforeMs: number
  readonly afterMs: number
}

const FROM_MS = Date.UTC(2018, 0, 1)
const TO_MS = Date.UTC(2028, 0, 1)
/** No zone changes its clocks and changes them back within so many days. */
const STEP_MS = 28 * DAY_MS
/** Clocks change at whole minutes. */
const MINUTE_MS = 60_000

const named = (name: string): Zone => {
  const zone = zoneNamed(name)
  assert.ok(zone, name)
  return zone
}

/** Every change of clocks of a zone in ten years, found by its offsets alone. */
function changesOf(zone: Zone): readonly Change[] {
  const changes: Change[] = []
  let beforeMs = zone.offsetMs(FROM_MS)
  for (let to = FROM_MS + STEP_MS; to < TO_MS; to += STEP_MS) {
    const afterMs = zone.offsetMs(to)
    if (beforeMs === afterMs) continue
    let [low, high] = [to - STEP_MS, to]
    while (high - low > MINUTE_MS) {
      const middle = low + Math.floor((high - low) / MINUTE_MS / 2) * MINUTE_MS
      if (zone.offsetMs(middle) === beforeMs) low = middle
      else high = middle
    }
    changes.push({ zone, atMs: high, beforeMs, afterMs })
    beforeMs = afterMs
  }
  return changes
}

// Goal: a day begins at its first moment, and a typed time is a moment of that wall time, in every
// zone; where clocks skip it, it is the moment at which they go on.
// Method: between changes of clocks wall time is UTC and a constant, so only the days around a change
// are looked at. What is right there follows from the change alone.
test('days begin at their first moment and times are found in every zone, for ten years', () => {
  let count = 0
  let skippedMidnights = 0
  for (const name of Intl.supportedValuesOf('timeZone')) {
    for (const { zone, atMs, beforeMs, afterMs } of changesOf(named(name))) {
      count += 1
      const where = `${name} ${new Date(atMs).toISOString()}`
      /** The first moment at which the clock shows this time or a later one of the same day. */
      const momentOf = (wallMs: number) =>
        wallMs - beforeMs < atMs ? wallMs - beforeMs : Math.max(atMs, wallMs - afterMs)
      const firstDay = Math.floor((atMs + Math.min(beforeMs, afterMs)) / DAY_MS) - 1
      for (let day = firstDay; day <= firstDay + 3; day += 1) {
        const start = momentOf(day * DAY_MS)
        const noon = momentOf(day * DAY_MS + DAY_MS / 2)
        assert.equal(zone.startOfDay(noon), start, `${where}, day ${day - firstDay}`)
        assert.equal(zone.startOfDay(start), start, `${where}, day ${day - firstDay}`)
        if (zone.wall(start).slice(11) !== '00:00:00.000') skippedMidnights += 1
      }
      const [first, last] = [atMs + beforeMs, atMs + afterMs].sort((a, b) => a - b)
      assert.ok(first !== undefined && last !== undefined)
      for (const wall of [first - 1, first, (first + last) / 2, last - 1, last]) {
        const found: number = zone.fromWall(wall)
        assert.equal(found, momentOf(wall), `${where}, ${new Date(wall).toISOString()}`)
        const isSkipped: boolean = afterMs > beforeMs && wall >= first && wall < last
        assert.equal(found + zone.offsetMs(found), isSkipped ? last : wall, where)
      }
    }
  }
  assert.ok(count > 1_000, `${count} changes were found`)
  assert.ok(skippedMidnights > 10, `${skippedMidnights} days were found that do not begin at 00:00`)
})

test('a day begins at 01:00 where clocks skip midnight, and at the first of two midnights', () => {
  const start = (name: string, at: string) =>
    new Date(named(name).startOfDay(Date.parse(at))).toISOString()
  assert.equal(start('America/Havana', '2026-03-08T18:00:00Z'), '2026-03-08T05:00:00.000Z')
  assert.equal(start('America/Havana', '2026-11-01T18:00:00Z'), '2026-11-01T04:00:00.000Z')
  assert.equal(start('Asia/Beirut', '2026-03-29T12:00:00Z'), '2026-03-28T22:00:00.000Z')
  assert.equal(start('America/Santiago', '2026-09-06T18:00:00Z'), '2026-09-06T04:00:00.000Z')
})

test('of two hours that clocks skip, each time is the moment at which they go on', () => {
  const troll = named('Antarctica/Troll')
  const moment = (wall: string) => new Date(troll.fromWall(Date.parse(`${wall}Z`))).toISOString()
  for (const skipped of ['01:00', '01:30', '02:00', '02:59']) {
    assert.equal(moment(`2026-03-29T${skipped}`), '2026-03-29T01:00:00.000Z')
  }
  assert.equal(moment('2026-03-29T00:59'), '2026-03-29T00:59:00.000Z')
  assert.equal(moment('2026-03-29T03:00'), '2026-03-29T01:00:00.000Z')
  assert.equal(moment('2026-10-25T01:30'), '2026-10-24T23:30:00.000Z')
})

test('a whole day that a zone left out begins where the next one does', () => {
  const apia = named('Pacific/Apia')
  const next = apia.fromWall(Date.UTC(2011, 11, 31))
  assert.equal(new Date(next).toISOString(), '2011-12-30T10:00:00.000Z')
  assert.equal(apia.fromWall(Date.UTC(2011, 11, 30, 12)), next)
})

test('a time with a part of a millisecond is that of the whole millisecond before', () => {
  for (const name of ['Europe/Berlin', 'America/Havana', 'UTC']) {
    const at = Date.UTC(2026, 4, 3, 14)
    for (const part of [0.25, 0.5, 0.999]) {
      assert.equal(named(name).fromWall(at + part), named(name).fromWall(at), `${name} ${part}`)
    }
  }
})

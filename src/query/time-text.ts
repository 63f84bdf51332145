import { inEnglish } from './time-words.ts'
import { DAY_MS, type Zone } from './zone.ts'

/** A time as somebody writes it: from the first millisecond to before the other one. */
export interface TimeSpan {
  readonly fromMs: number
  readonly toMs: number
}

/** Where and when a text is read. */
export interface Clock {
  readonly zone: Zone
  readonly nowMs: number
}

export const MONTHS: readonly string[] =
  'january february march april may june july august september october november december'.split(' ')
const DAYS = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ')
const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
}
const UNIT_NAMES: Readonly<Record<string, string>> = {
  ...{ s: 's', sec: 's', second: 's', m: 'm', min: 'm', minute: 'm', h: 'h', hour: 'h' },
  ...{ d: 'd', day: 'd', w: 'w', week: 'w', mo: 'mo', month: 'mo', y: 'y', year: 'y' },
}
const LATEST_MS = Date.UTC(9999, 11, 31)
/** No time is written in more characters. */
const MAX_CHARACTERS = 40

/** Hours of a day that have a name. A night ends on the next day. */
const HOURS: Readonly<Record<string, readonly [number, number]>> = {
  morning: [6, 12],
  afternoon: [12, 18],
  evening: [18, 24],
  night: [18, 30],
}
const HOUR_MS = 3_600_000

/**
 * Reads a time: `-2h`, `2 days ago`, `last 7 days`, `yesterday 2pm`, `monday`, `last week`, `Q3 2026`,
 * `2026-W18`, `3 May`, `3 May 2026 14:05`, `May 2026`, `2026-05-03`, `2026-05-03T14:05Z`, `14:05`. A day
 * without a year is the last one that has begun. German, Spanish and French words are read as well.
 *
 * @returns undefined where it is no time, or one before 1970 or after 9999
 */
export function timeSpan(given: string, clock: Clock): TimeSpan | undefined {
  const trimmed = given.trim().toLowerCase().replaceAll(/\s+/g, ' ')
  if (trimmed === '' || trimmed.length > MAX_CHARACTERS) return undefined
  const text = inEnglish(trimmed)
  const span =
    relative(text, clock) ??
    lately(text, clock) ??
    named(text, clock) ??
    isoText(text, clock) ??
    numbered(text, clock) ??
    calendar(text, clock) ??
    hourOfDay(text, clock)
  const isSound = span !== undefined && span.fromMs >= 0 && span.toMs <= LATEST_MS
  return isSound && span.fromMs < span.toMs ? span : undefined
}

function relative(text: string, { zone, nowMs }: Clock): TimeSpan | undefined {
  if (text === 'now') return moment(nowMs)
  const [, minus, digits = '', name = '', ago] =
    /^(-?)(\d{1,5}) ?([a-z]+?)s?( ago)?$/.exec(text.replace(/^(?=[a-z]+ ago$)/, '1 ')) ?? []
  const unit = UNIT_NAMES[name]
  if (unit === undefined || (minus === '' && ago === undefined)) return undefined
  const count = Number(digits)
  const unitMs = UNITS_MS[unit]
  if (unitMs !== undefined) return moment(nowMs - count * unitMs)
  const wall = new Date(nowMs + zone.offsetMs(nowMs))
  const months = unit === 'mo' ? count : count * 12
  const day = wall.getUTCDate()
  wall.setUTCDate(1)
  wall.setUTCMonth(wall.getUTCMonth() - months)
  wall.setUTCDate(Math.min(day, daysIn(wall.getUTCFullYear(), wall.getUTCMonth())))
  return wall.getTime() < 0 ? undefined : moment(zone.fromWall(wall.getTime()))
}

/** `14:00 yesterday` and `14:00 on 3 May`. */
function hourOfDay(text: string, clock: Clock): TimeSpan | undefined {
  const [, hour, day] = /^(\d{1,2}:\d{2}) (?:on )?([a-z\d][^:]*)$/.exec(text) ?? []
  return day === undefined ? undefined : timeSpan(`${day} ${hour}`, clock)
}

/** `last 7 days`, `past 24h` and `past week`: until now. */
function lately(text: string, clock: Clock): TimeSpan | undefined {
  const [, count, unit, past] =
    /^(?:last|past) (\d{1,5}) ?([a-z]+)$|^(?:past|last (?=hour|minute)) ?([a-z]+)$/.exec(text) ?? []
  const one = unit ?? past
  if (one === undefined) return undefined
  const begin = relative(`-${count ?? 1} ${one}`, clock)
  return begin && { fromMs: begin.fromMs, toMs: Math.floor(clock.nowMs) + 1 }
}

function named(text: string, clock: Clock): TimeSpan | undefined {
  const today = wallDay(clock)
  const [, day = '', rest] =
    /^(today|yesterday|day before yesterday|(?:last |this )?[a-z]{3,9}day|(?:sun|mon|tue|wed|thu|fri|sat))(?:,? (.+))?$/.exec(
      text,
    ) ?? []
  const atMs = day === '' ? undefined : namedDay(day, today)
  if (atMs !== undefined) return within(atMs, rest, clock)
  if (text === 'tonight') return within(today, 'evening', clock)
  if (text === 'last night') return within(today - DAY_MS, 'night', clock)
  const [, which = '', unit = ''] =
    /^(this|last|previous) (week|month|year|quarter|weekend|morning|afternoon|evening)$/.exec(
      text,
    ) ?? (text === 'weekend' ? [text, 'this', text] : [])
  if (which === '') return undefined
  if (Object.hasOwn(HOURS, unit)) {
    return which === 'this' ? within(today, unit, clock) : undefined
  }
  const back = which === 'this' ? 0 : 1
  const monday = today - ((new Date(today).getUTCDay() + 6) % 7) * DAY_MS
  if (unit === 'week') return daySpan(monday - back * 7 * DAY_MS, 7, clock)
  if (unit === 'weekend') {
    // Until Saturday, this weekend is the last one that there was.
    const saturday = monday + 5 * DAY_MS
    const begun = saturday <= today && which === 'this' ? saturday : saturday - 7 * DAY_MS
    return daySpan(begun, 2, clock)
  }
  const date = new Date(today)
  const year = date.getUTCFullYear()
  if (unit === 'year') return monthSpan(year - back, 0, 12, clock)
  const month = date.getUTCMonth()
  if (unit === 'quarter') return monthSpan(year, month - (month % 3) - back * 3, 3, clock)
  return monthSpan(year, month - back, 1, clock)
}

/** Midnight of `yesterday`, `monday` or `last monday`, which is not today. */
function namedDay(text: string, today: number): number | undefined {
  if (text === 'today') return today
  if (text === 'yesterday') return today - DAY_MS
  if (text === 'day before yesterday') return today - 2 * DAY_MS
  const name = text.replace(/^(?:last|this) /, '')
  const weekday = DAYS.findIndex((one) => one === name || one.slice(0, 3) === name)
  if (weekday < 0) return undefined
  const back = (new Date(today).getUTCDay() - weekday + 7) % 7
  return today - (back === 0 && text.startsWith('last ') ? 7 : back) * DAY_MS
}

/** A day, or hours or a time of it. */
function within(wallMs: number, part: string | undefined, clock: Clock): TimeSpan | undefined {
  const [begin, end] = (Object.hasOwn(HOURS, part ?? '') && HOURS[part ?? '']) || []
  if (begin === undefined || end === undefined) return onDay(wallMs, part, clock)
  const { zone } = clock
  return {
    fromMs: zone.fromWall(wallMs + begin * HOUR_MS),
    toMs: zone.fromWall(wallMs + end * HOUR_MS),
  }
}

/** A quarter or a week of ISO 8601 by its number: `Q3`, `Q3 2026`, `2026-Q3`, `week 18`, `2026-W18`. */
function numbered(text: string, clock: Clock): TimeSpan | undefined {
  const [, before, unit = '', digits = '', behind] =
    /^(?:(\d{4})[- ]?)?(q|w|week ?)(\d{1,2})(?:[ -/](\d{4}))?$/.exec(text) ?? []
  const number = Number(digits)
  if (unit === '' || number === 0 || (before !== undefined && behind !== undefined))
    return undefined
  const today = wallDay(clock)
  const given = before ?? behind
  const year = given === undefined ? new Date(today).getUTCFullYear() : Number(given)
  const wallOf = (ofYear: number) =>
    unit === 'q'
      ? Date.UTC(ofYear, (number - 1) * 3)
      : firstMonday(ofYear) + (number - 1) * 7 * DAY_MS
  const own = given === undefined && wallOf(year) > today ? year - 1 : year
  if (unit === 'q') return number > 4 ? undefined : monthSpan(own, (number - 1) * 3, 3, clock)
  if (own < 1970 || own > 9998 || wallOf(own) >= firstMonday(own + 1)) return undefined
  return daySpan(wallOf(own), 7, clock)
}

/** Of the week that holds 4 January, which is week 1. */
function firstMonday(year: number): number {
  const fourth = Date.UTC(year, 0, 4)
  return fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * DAY_MS
}

function isoText(text: string, clock: Clock): TimeSpan | undefined {
  const [, year = '', month, day, time] =
    /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[t ](\d{2}:\d{2}.*))?)?)?$/.exec(text) ?? []
  if (year === '') return undefined
  if (month === undefined) return monthSpan(Number(year), 0, 12, clock)
  if (day === undefined) {
    return isMonth(Number(month)) ? monthSpan(Number(year), Number(month) - 1, 1, clock) : undefined
  }
  return onDate(Number(year), Number(month) - 1, Number(day), time, clock)
}

function calendar(text: string, clock: Clock): TimeSpan | undefined {
  if (/^\d{1,2}:\d{2}/.test(text)) return onDay(wallDay(clock), text, clock)
  const [, dotDay, dotMonth, dotYear, dotTime] =
    /^(\d{1,2})\.(\d{1,2})\.(?:(\d{4}))?(?: (\d{1,2}:\d{2}.*))?$/.exec(text) ?? []
  if (dotDay !== undefined) {
    return onNamedDay(Number(dotDay), Number(dotMonth) - 1, dotYear, dotTime, clock)
  }
  const [, before, word = '', after, year, time] =
    /^(?:(\d{1,2})(?:st|nd|rd|th|\.)? )?([a-z]{3,9})\.?(?: (\d{1,2})(?:st|nd|rd|th)?(?!\d|:),?)?(?: (\d{4}))?(?:,? (?:at )?(\d{1,2}:\d{2}.*))?$/.exec(
      text,
    ) ?? []
  const month = MONTHS.findIndex((name) => name.startsWith(word))
  if (word === '' || month < 0 || (before !== undefined && after !== undefined)) return undefined
  const day = before ?? after
  if (day !== undefined) return onNamedDay(Number(day), month, year, time, clock)
  if (time !== undefined) return undefined
  const given = year === undefined ? lastYear(month, 1, clock) : Number(year)
  return monthSpan(given, month, 1, clock)
}

function onNamedDay(
  day: number,
  month: number,
  year: string | undefined,
  time: string | undefined,
  clock: Clock,
): TimeSpan | undefined {
  if (!isMonth(month + 1)) return undefined
  return onDate(
    year === undefined ? lastYear(month, day, clock) : Number(year),
    month,
    day,
    time,
    clock,
  )
}

/** The year in which this day has begun last. 29 February may be years ago. */
function lastYear(month: number, day: number, clock: Clock): number {
  const today = wallDay(clock)
  const year = new Date(today).getUTCFullYear()
  for (let back = 0; back <= 8; back += 1) {
    if (day > daysIn(year - back, month)) continue
    if (Date.UTC(year - back, month, day) <= today) return year - back
  }
  return year
}

function onDate(
  year: number,
  month: number,
  day: number,
  time: string | undefined,
  clock: Clock,
): TimeSpan | undefined {
  if (!isMonth(month + 1) || year < 1970 || day < 1 || day > daysIn(year, month)) return undefined
  return onDay(Date.UTC(year, month, day), time, clock)
}

/** A day, or a time of it. The time may have a zone of its own. */
function onDay(wallMs: number, time: string | undefined, clock: Clock): TimeSpan | undefined {
  if (time === undefined) return daySpan(wallMs, 1, clock)
  const [, hours, minutes, seconds, millis = '', zone] =
    /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(z| ?utc| ?[+-]\d{2}:?\d{2})?$/.exec(time) ?? []
  if (hours === undefined || Number(hours) > 23 || Number(minutes) > 59) return undefined
  if (Number(seconds ?? 0) > 59) return undefined
  const ms =
    (Number(hours) * 60 + Number(minutes)) * 60_000 +
    Number(seconds ?? 0) * 1_000 +
    Number(millis.padEnd(3, '0'))
  const length = millis === '' ? (seconds === undefined ? 60_000 : 1_000) : 1
  const fromMs =
    zone === undefined ? clock.zone.fromWall(wallMs + ms) : wallMs + ms - offsetMs(zone.trim())
  return { fromMs, toMs: fromMs + length }
}

function offsetMs(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? []
  if (hours === undefined) return 0
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

/** Midnight of today as if it were UTC. */
function wallDay({ zone, nowMs }: Clock): number {
  return Math.floor((nowMs + zone.offsetMs(nowMs)) / DAY_MS) * DAY_MS
}

function daySpan(wallMs: number, days: number, { zone }: Clock): TimeSpan | undefined {
  if (wallMs < 0 || wallMs > LATEST_MS - 8 * DAY_MS) return undefined
  return { fromMs: zone.fromWall(wallMs), toMs: zone.fromWall(wallMs + days * DAY_MS) }
}

function monthSpan(year: number, month: number, months: number, clock: Clock) {
  const [fromMs, toMs] = [Date.UTC(year, month), Date.UTC(year, month + months)]
  if (year < 1970 || toMs > LATEST_MS - 8 * DAY_MS) return undefined
  return { fromMs: clock.zone.fromWall(fromMs), toMs: clock.zone.fromWall(toMs) }
}

function moment(ms: number): TimeSpan {
  const fromMs = Math.floor(ms)
  return { fromMs, toMs: fromMs + 1 }
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
}

function isMonth(month: number): boolean {
  return Number.isInteger(month) && month >= 1 && month <= 12
}

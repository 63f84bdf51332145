import { types } from 'node:util'

// The years that have four digits. Postgres knows more, but JavaScript writes those as `+010000-…`
// and `-000001-…`, which Postgres does not read.
export const FIRST_TIME_MS = -62_135_596_800_000
export const LAST_TIME_MS = 253_402_300_799_999

/**
 * Numbers in between are seconds since 1970: from March 1973 to the year 5138. As milliseconds they
 * would be days before March 1973.
 */
const FIRST_SECONDS = 1e8
const LAST_SECONDS = 1e11

/** A time as it was given for `occurredAt`. */
export interface GivenTime {
  /** Whole milliseconds since 1970, in the years 1 to 9999. Undefined: it is no such time. */
  readonly ms: number | undefined
  /** How `ms` differs from what was given, for `context.degraded`. */
  readonly marks: readonly string[]
  /** Whether `ms` does not say all that the text said. */
  readonly isRounded: boolean
}

type TimeLike = Date | number | bigint | string

export function isTimeLike(given: unknown): given is TimeLike {
  return ['number', 'bigint', 'string'].includes(typeof given) || types.isDate(given)
}

/**
 * Reads a `Date`, a number or ISO 8601 text. Text without a zone is UTC and marked, and so are
 * fractions of a millisecond in a text.
 */
export function timeOf(given: TimeLike): GivenTime {
  if (typeof given === 'string') return timeOfText(given)
  return isDate(given) ? storable(getTime.call(given)) : timeOfNumber(Number(given))
}

/** What was given as text. */
export function timeText(given: TimeLike): string {
  if (!isDate(given)) return String(given)
  const ms = getTime.call(given)
  return Number.isNaN(ms) ? 'Invalid Date' : new Date(ms).toISOString()
}

const { getTime } = Date.prototype
const isDate = (given: TimeLike): given is Date => typeof given === 'object'

function timeOfNumber(given: number): GivenTime {
  const isSeconds = given >= FIRST_SECONDS && given < LAST_SECONDS
  return isSeconds ? storable(given * 1_000, ['occurredAt.seconds']) : storable(given)
}

function storable(ms: number, marks: readonly string[] = [], isRounded = false): GivenTime {
  if (Number.isNaN(ms)) return INVALID
  const whole = Math.trunc(ms)
  return whole >= FIRST_TIME_MS && whole <= LAST_TIME_MS ? { ms: whole, marks, isRounded } : SKEWED
}

const INVALID: GivenTime = { ms: undefined, marks: ['occurredAt.invalid'], isRounded: false }
/** A time, but one that the log does not hold. */
const SKEWED: GivenTime = { ms: undefined, marks: ['occurredAt.skewed'], isRounded: false }

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,18}))?)?)? ?([Zz]|[+-]\d{2}(?::?\d{2})?)?$/
/** A year of another length, or one before Christ. */
const OTHER_YEAR = /^(?:[+-]\d{4,}|\d{5,}|0000)-\d{2}-\d{2}|\bBC$/
const MINUTE_MS = 60_000

function timeOfText(given: string): GivenTime {
  const text = given.length <= MAX_ISO_CHARACTERS ? given.trim() : ''
  const found = ISO.exec(text)
  if (found === null || found[1] === '0000') return OTHER_YEAR.test(text) ? SKEWED : INVALID
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone] = found
  const millis = `${fraction}000`.slice(0, 3)
  const wall = `${year}-${month}-${day}T${hour}:${minute}:${second}.${millis}Z`
  const wallMs = Date.parse(wall)
  // `Date` reads 30 February as 1 March: what it reads must say the same again.
  if (Number.isNaN(wallMs) || new Date(wallMs).toISOString() !== wall) return INVALID
  const offset = zone === undefined ? 0 : offsetMs(zone)
  if (offset === undefined) return INVALID
  const isRounded = /[1-9]/.test(fraction.slice(3))
  const marks = [
    ...(zone === undefined ? ['occurredAt.zone'] : []),
    ...(isRounded ? ['occurredAt.rounded'] : []),
  ]
  return storable(wallMs - offset, marks, isRounded)
}

/** Longer than any ISO text that `ISO` reads. */
const MAX_ISO_CHARACTERS = 64

function offsetMs(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(3).replace(':', ''))]
  if (hours > 15 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS
}

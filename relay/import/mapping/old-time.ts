import { MAX_RECORDED_MS } from '../../../src/ids/uuid7.ts'
import type { SourceSteps } from './mapping.ts'
import type { WallClock } from './zone.ts'

/** When an old entry happened. */
export interface OldTime {
  /** Whole milliseconds since 1970. */
  readonly ms: number
  /** As ISO 8601 in UTC, with the microseconds. */
  readonly text: string
  /** Where its clock on the wall showed this time twice or never. */
  readonly odd?: 'twice' | 'never' | undefined
}

export interface TimeRules {
  readonly unit?: SourceSteps['unit']
  /** Undefined: the mapping names no zone. */
  readonly clock?: WallClock | undefined
}

const TEXT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)? ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$/i
const NUMBER = /^-?\d{1,17}(?:\.\d{1,9})?$/
const MINUTE_MS = 60_000
const MICROS_OF = { s: 1_000_000, ms: 1_000, us: 1 } as const
/** An id holds no time before 1970. The other bound is that of the log's times, and of UUIDv7. */
const LAST_MS = Math.min(253_402_300_799_999, MAX_RECORDED_MS)

/** @returns why it is no time where it is a text */
export function readOldTime(given: unknown, { unit, clock }: TimeRules): OldTime | string {
  if (given === undefined || given === null || given === '') return 'it has no time'
  if (unit !== undefined) return timeOfNumber(given, unit)
  if (typeof given === 'number') return 'its time is a number, and the mapping names no unit for it'
  if (typeof given !== 'string') return 'its time is neither a text nor a number'
  const found = TEXT.exec(given.trim())
  if (found === null) return 'its time is not written as ISO 8601'
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = ''] = found
  const zone = found[8]
  const wall = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`
  const wallMs = Date.parse(wall)
  // `Date` reads 30 February as 1 March: what it reads must say the same again.
  if (Number.isNaN(wallMs) || new Date(wallMs).toISOString() !== wall) {
    return 'its time is not in the calendar'
  }
  const micros = Number(`${fraction}000000`.slice(0, 6))
  if (zone !== undefined) return timeOf(wallMs - offsetMs(zone), micros)
  if (clock === undefined) return 'its time names no zone, and neither does the mapping (timeZone)'
  const { ms, odd } = clock(wallMs)
  return timeOf(ms, micros, odd)
}

function timeOfNumber(given: unknown, unit: keyof typeof MICROS_OF): OldTime | string {
  const text = String(given)
  if (!NUMBER.test(text)) return 'its time is no number'
  const [whole = '', fraction = ''] = text.split('.')
  const scale = MICROS_OF[unit]
  // In whole numbers, because 1700000000.123456 seconds have no exact double.
  const digits = Math.log10(scale)
  const micros = BigInt(whole) * BigInt(scale) + BigInt(`${fraction}000000`.slice(0, digits) || '0')
  if (micros < 0n) return 'its time is before 1970, and an id holds no such time'
  const second = micros / 1_000_000n
  return timeOf(Number(second) * 1_000, Number(micros % 1_000_000n))
}

/** @param secondMs whole seconds */
function timeOf(secondMs: number, micros: number, odd?: OldTime['odd']): OldTime | string {
  const ms = secondMs + Math.floor(micros / 1_000)
  if (ms < 0) return 'its time is before 1970, and an id holds no such time'
  if (ms > LAST_MS) return 'its time is after the year 9999'
  const text = new Date(ms).toISOString()
  const rest = micros % 1_000
  const exact = rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`
  return odd === undefined ? { ms, text: exact } : { ms, text: exact, odd }
}

function offsetMs(zone: string): number {
  if (!/^[+-]/.test(zone)) return 0
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(3).replace(':', ''))]
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS
}

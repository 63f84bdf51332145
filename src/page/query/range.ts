import { ambiguousDate } from '../../query/time-range.ts'
import { type Clock, timeSpan } from '../../query/time-text.ts'
import { inEnglish } from '../../query/time-words.ts'
import type { Zone } from '../../query/zone.ts'

/** The parameters that one control shows. */
export const RANGE_FIELDS = ['range', 'from', 'to'] as const

/** The ranges that have a link of their own. */
export const PRESETS = ['-24h', 'yesterday', '-7d', '-30d', '-90d', 'this month'] as const

/** A range as somebody writes it. A side that is left out is open. */
export interface WrittenRange {
  readonly fromMs?: number
  /** The range ends before it. */
  readonly toMs?: number
  /** Whether it is another range tomorrow, as `-2h` and `last month` are. */
  readonly moves: boolean
}

const BETWEEN = /\s*(?:\.\.|–|—)\s*|\s+to\s+/
const MOVING = /^(?:-|now$|today|yesterday|this |last )| ago$/
/** How addresses wrote ranges before. */
const OLDER: Readonly<Record<string, string>> = { '1h': '-1h', '7d': '-7d' }
const MINUTE_MS = 60_000
const EXAMPLES = '3 May, -2h, yesterday, last month, or 3 May..5 May'

/**
 * Reads a range: one time, which is all of a day or month, or from a moment such as `-2h` until now;
 * or two times with `..` between them, of which one may be left out. A day or month that ends a range
 * belongs to it, and a time of day is its end.
 *
 * @returns a message where it is none
 */
export function writtenRange(given: string, clock: Clock): WrittenRange | string {
  const text = Object.hasOwn(OLDER, given) ? String(OLDER[given]) : given
  const [first = '', last, more] = text.split(BETWEEN)
  const times = [first, ...(last === undefined ? [] : [last])]
  const spans = times.map((time) => (time === '' ? undefined : timeSpan(time, clock)))
  const misread = times.find((time, at) => time !== '' && spans[at] === undefined)
  if (more !== undefined || misread !== undefined || times.every((time) => time === '')) {
    return ambiguousDate(misread ?? text) ?? `Must be a time such as ${EXAMPLES}.`
  }
  const moves = times.some((time) => MOVING.test(inEnglish(time.toLowerCase())))
  const [begin, end] = spans
  if (last === undefined && begin) {
    const isMoment = begin.toMs - begin.fromMs === 1 && moves
    return isMoment ? { fromMs: begin.fromMs, moves } : { ...begin, moves }
  }
  const toMs = end && (end.toMs - end.fromMs <= MINUTE_MS ? end.fromMs : end.toMs)
  if (begin && toMs !== undefined && begin.fromMs >= toMs) return 'The range ends before it begins.'
  return {
    ...(begin ? { fromMs: begin.fromMs } : {}),
    ...(toMs === undefined ? {} : { toMs }),
    moves,
  }
}

/** A range as text that `writtenRange` reads as the same one, in the zone that is shown. */
export function rangeText(
  { fromMs, toMs }: Omit<WrittenRange, 'moves'>,
  zone: Zone,
): string | undefined {
  if (fromMs === undefined && toMs === undefined) return undefined
  if (fromMs !== undefined && toMs !== undefined && isDay(fromMs, toMs, zone)) {
    return zone.format(fromMs, { day: 'numeric', month: 'short', year: 'numeric' })
  }
  const [begin, end] = [fromMs, toMs].map((ms) => (ms === undefined ? '' : moment(ms, zone)))
  return `${begin}..${end}`
}

function isDay(fromMs: number, toMs: number, zone: Zone): boolean {
  const isWhole = zone.startOfDay(fromMs) === fromMs && zone.startOfDay(toMs) === toMs
  return isWhole && zone.wall(fromMs).slice(0, 10) === zone.wall(toMs - 1).slice(0, 10)
}

/** As short as it is exact. Of an hour that comes twice, the second has its offset. */
function moment(ms: number, zone: Zone): string {
  const wall = zone
    .wall(ms)
    .replace('T', ' ')
    .replace(/\.000$/, '')
    .replace(/(:\d\d):00$/, '$1')
  const isPlain = zone.fromWall(ms + zone.offsetMs(ms)) === ms
  return isPlain ? wall : `${wall} ${zone.offsetName(ms)}`
}

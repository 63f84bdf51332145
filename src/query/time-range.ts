import { type Clock, MONTHS, type TimeSpan, timeSpan } from './time-text.ts'

const BETWEEN = /\s*\.\.\s*|\s+(?:to|until|till|bis|hasta|a)\s+/

/**
 * Reads two times with `..` or `to` between them, of which one may be left out. The end belongs to it.
 * What both sides have may be said once: `1..5 May`, `2..4pm`, `yesterday 14:00..15:00`.
 *
 * @returns undefined where there is no such range; otherwise a side that is left out, or misread, is
 * undefined
 */
export function timeRange(
  given: string,
  clock: Clock,
):
  | {
      readonly sides: readonly [string, string]
      readonly begin?: TimeSpan
      readonly end?: TimeSpan
    }
  | undefined {
  const [first, last, more] = given.trim().split(BETWEEN)
  if (first === undefined || last === undefined || more !== undefined) return undefined
  const begin = timeSpan(completed(first, last), clock) ?? timeSpan(first, clock)
  // A time of day belongs to the day of the other side.
  const isOfDay = begin !== undefined && /^\d{1,2}(?::\d{2})? ?(?:[ap]m)?$/i.test(last)
  const end = timeSpan(last, isOfDay ? { ...clock, nowMs: begin.fromMs } : clock)
  return { sides: [first, last], ...(begin ? { begin } : {}), ...(end ? { end } : {}) }
}

/** `1` before `5 May` as `1 May`, and `2` before `4pm` as `2pm`. */
function completed(first: string, last: string): string {
  if (!/(?:^|\s)\d{1,2}(?::\d\d)?\.?$/.test(first)) return first
  const [, half] = /\d ?([ap]m)$/i.exec(last) ?? []
  if (half !== undefined) return `${first}${half}`
  const [, month] = /^\d{1,2}\.? (\p{L}.*)$/u.exec(last) ?? []
  return month === undefined ? first : `${first} ${month}`
}

/** Why a date cannot be read that could be two days. */
export function ambiguousDate(given: string): string | undefined {
  const [, one = '', other = ''] = /^(\d{1,2})\/(\d{1,2})(?:\/\d{2,4})?$/.exec(given.trim()) ?? []
  if (one === '') return undefined
  const first = MONTHS[Number(other) - 1]
  const second = MONTHS[Number(one) - 1]
  const readings = [first && `${Number(one)} ${first}`, second && `${Number(other)} ${second}`]
  return `Is it ${readings.filter(Boolean).join(' or ')}? Write the month as a word, or 2026-05-03.`
}

import { isRecordable } from '../ids/uuid7.ts'

/** `2026-11-22`, or with `T14:05`, `T14:05:30` or `T14:05:30.250` and `Z`, `+01:00` or `-0330`. */
const ISO =
  /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(Z|[+-]\d{2}:?\d{2}))?$/

/**
 * Reads an instant as people and forms write it. Returns its Unix milliseconds, or undefined where
 * it is none. A date alone is its midnight in UTC. A time needs a zone. It is stricter than `Date`,
 * which takes 30 February for a date.
 */
export function parseInstant(text: string): number | undefined {
  const [, date, time = '00:00', seconds = '00', fraction = '', zone = 'Z'] = ISO.exec(text) ?? []
  if (date === undefined) return undefined
  const millis = `${fraction}000`.slice(0, 3)
  const asUtc = Date.parse(`${date}T${time}:${seconds}.${millis}Z`)
  // `Date` takes 24:00, and reads 30 February as 2 March. So its own text has to equal the given
  // one.
  if (Number.isNaN(asUtc)) return undefined
  if (new Date(asUtc).toISOString() !== `${date}T${time}:${seconds}.${millis}Z`) return undefined
  const offset = zoneOffsetMs(zone)
  const ms = offset === undefined ? Number.NaN : asUtc - offset
  return isRecordable(ms) ? ms : undefined
}

function zoneOffsetMs(zone: string): number | undefined {
  if (zone === 'Z') return 0
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? []
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

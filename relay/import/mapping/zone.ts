const OFFSET = /^([+-])(\d{2}):?(\d{2})$/
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** No zone has ever changed its offset at another moment than a quarter of an hour, since 1970. */
const STEP_MS = 15 * MINUTE_MS
const MAX_KNOWN = 100_000

/** What a clock on the wall showed, as an instant. */
export interface WallInstant {
  readonly ms: number
  /** `twice`: it showed this twice, and the later time is taken. `never`: it skipped this time. */
  readonly odd?: 'twice' | 'never'
}

/** Reads what clocks of one zone show. */
export type WallClock = (wallMs: number) => WallInstant

export function isZone(name: string): boolean {
  if (OFFSET.test(name)) return true
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/**
 * What a clock of the zone shows as an instant. Where it was put back it showed some times twice, and
 * where it was put forward it never showed some: then it is what Postgres takes, the standard time.
 *
 * @param name of a zone, as `isZone` knows it
 * @returns a function of what the clock showed, in milliseconds as if it were UTC
 */
export function wallClock(name: string): WallClock {
  const [, sign, hours, minutes] = OFFSET.exec(name) ?? []
  if (sign !== undefined) {
    const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MS
    return (wallMs) => ({ ms: wallMs - offset })
  }
  const offsetAt = offsets(name)
  return (wallMs) => {
    const before = offsetAt(wallMs - DAY_MS)
    const after = offsetAt(wallMs + DAY_MS)
    if (before === after) return { ms: wallMs - before }
    const fitsBefore = offsetAt(wallMs - before) === before
    const fitsAfter = offsetAt(wallMs - after) === after
    if (fitsBefore && fitsAfter) return { ms: wallMs - Math.min(before, after), odd: 'twice' }
    if (fitsBefore) return { ms: wallMs - before }
    if (fitsAfter) return { ms: wallMs - after }
    return { ms: wallMs - before, odd: 'never' }
  }
}

/** How much the zone's clocks were ahead of UTC at an instant, in milliseconds. */
function offsets(zone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  })
  const known = new Map<number, number>()
  return (ms) => {
    const step = Math.floor(ms / STEP_MS)
    const found = known.get(step)
    if (found !== undefined) return found
    const parts: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(step * STEP_MS)) parts[type] = Number(value)
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts
    const offset = Date.UTC(year, month - 1, day, hour, minute, second) - step * STEP_MS
    if (known.size === MAX_KNOWN) known.clear()
    known.set(step, offset)
    return offset
  }
}

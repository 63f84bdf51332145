/** Names that Node's own time zone data know, each with its formatters, made once. */
const known = new Map<string, Zone | undefined>()
const MAX_KNOWN = 700 // there are about 600; a visitor must not fill the memory with misspelt ones

/** A time zone: what the clock on the wall says there, and when that is. */
export class Zone {
  readonly name: string
  readonly #parts: Intl.DateTimeFormat
  readonly #formats = new Map<string, Intl.DateTimeFormat>()

  constructor(name: string) {
    this.name = name
    this.#parts = new Intl.DateTimeFormat('en-GB', {
      ...{ timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
      ...{ hour: 'numeric', minute: 'numeric', second: 'numeric', fractionalSecondDigits: 3 },
    })
  }

  /** What is to be added to UTC for the wall's time at this moment, in milliseconds. */
  offsetMs(atMs: number): number {
    const read: Record<string, number> = {}
    for (const { type, value } of this.#parts.formatToParts(atMs)) read[type] = Number(value)
    const { year = 0, month = 1, day, hour, minute, second } = read
    return Date.UTC(year, month - 1, day, hour, minute, second, read['fractionalSecond']) - atMs
  }

  /** The moment at which the wall's clock says so. In an hour that comes twice: the first one. */
  fromWall(wallAsUtcMs: number): number {
    const guess = wallAsUtcMs - this.offsetMs(wallAsUtcMs)
    const earlier = wallAsUtcMs - this.offsetMs(guess - 3_600_000)
    if (earlier + this.offsetMs(earlier) === wallAsUtcMs && earlier < guess) return earlier
    return wallAsUtcMs - this.offsetMs(guess)
  }

  startOfDay(atMs: number): number {
    const offset = this.offsetMs(atMs)
    return this.fromWall(Math.floor((atMs + offset) / DAY_MS) * DAY_MS)
  }

  /** `2026-11-22T14:05:31.250` on the wall, for a form's own field. */
  wall(atMs: number): string {
    return new Date(atMs + this.offsetMs(atMs)).toISOString().slice(0, -1)
  }

  format(atMs: number, options: Intl.DateTimeFormatOptions): string {
    const key = JSON.stringify(options)
    const format =
      this.#formats.get(key) ??
      new Intl.DateTimeFormat('en-GB', { timeZone: this.name, hourCycle: 'h23', ...options })
    this.#formats.set(key, format)
    return format.format(atMs)
  }

  time(atMs: number): string {
    return this.wall(atMs).slice(11, 19)
  }

  day(atMs: number): string {
    const parts = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' } as const
    return this.format(atMs, parts)
  }

  /** To the millisecond, with the zone: what is said beside an entry. */
  exact(atMs: number): string {
    const zone = this.name === 'UTC' ? 'UTC' : this.offsetName(atMs)
    return `${this.wall(atMs).replace('T', ' ')} ${zone}`
  }

  offsetName(atMs: number): string {
    const minutes = Math.round(this.offsetMs(atMs) / 60_000)
    const size = Math.abs(minutes)
    const pad = (part: number) => String(part).padStart(2, '0')
    return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`
  }
}

export const DAY_MS = 86_400_000
export const UTC = new Zone('UTC')

/** The zone of that name, or undefined where there is none. */
export function zoneNamed(name: string): Zone | undefined {
  if (name === 'UTC') return UTC
  if (!/^[A-Za-z][\w+\-/]{1,49}$/.test(name)) return undefined
  if (known.has(name)) return known.get(name)
  let zone: Zone | undefined
  try {
    zone = new Zone(name)
  } catch {
    // No such zone: remembered as such.
  }
  if (known.size < MAX_KNOWN) known.set(name, zone)
  return zone
}

/** Each zone with its formatters, made once; undefined for a name that Node does not know. */
const zones = new Map<string, Zone | undefined>()
/** There are about 600 zones. The limit keeps misspelt names from filling the memory. */
const MAX_ZONES = 700

/** A time zone. Wall time is what a clock there shows. */
export class Zone {
  readonly name: string
  readonly #parts: Intl.DateTimeFormat
  readonly #formats = new Map<string, Intl.DateTimeFormat>()
  /** The last answer of `offsetMs`, because a row asks for the same time several times. */
  #lastOffset = { atMs: Number.NaN, offsetMs: 0 }

  constructor(name: string) {
    this.name = name
    this.#parts = new Intl.DateTimeFormat('en-GB', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      fractionalSecondDigits: 3,
    })
  }

  /** Wall time minus UTC at this moment, in milliseconds. */
  offsetMs(atMs: number): number {
    if (atMs === this.#lastOffset.atMs) return this.#lastOffset.offsetMs
    const numbers: Record<string, number> = {}
    for (const { type, value } of this.#parts.formatToParts(atMs)) numbers[type] = Number(value)
    const { year = 0, month = 1, day, hour, minute, second, fractionalSecond } = numbers
    const wallMs = Date.UTC(year, month - 1, day, hour, minute, second, fractionalSecond)
    this.#lastOffset = { atMs, offsetMs: wallMs - atMs }
    return wallMs - atMs
  }

  /**
   * The moment of a wall time. Of an hour that comes twice it takes the first, and for a time that
   * clocks skip the moment at which they go on.
   */
  fromWall(wallTimeMs: number): number {
    // Offsets are of whole milliseconds. Of a part of one, none would fit.
    const wallAsUtcMs = Math.floor(wallTimeMs)
    // No offset is as large as a day, so the moment is between these two. No zone changes its clocks
    // twice in two days.
    const [fromMs, toMs] = [wallAsUtcMs - DAY_MS, wallAsUtcMs + DAY_MS]
    const [before, after] = [this.offsetMs(fromMs), this.offsetMs(toMs)]
    if (this.offsetMs(wallAsUtcMs - before) === before) return wallAsUtcMs - before
    if (this.offsetMs(wallAsUtcMs - after) === after) return wallAsUtcMs - after
    return this.#firstWith(after, fromMs, toMs)
  }

  /** The first moment after `fromMs`, up to `toMs`, with this offset: where clocks change. */
  #firstWith(offsetMs: number, fromMs: number, toMs: number): number {
    let [unlike, like] = [fromMs, toMs]
    while (like - unlike > 1) {
      const middle = Math.floor((unlike + like) / 2)
      if (this.offsetMs(middle) === offsetMs) like = middle
      else unlike = middle
    }
    return like
  }

  /** The first moment of the day that it is there at this moment. It need not be 00:00. */
  startOfDay(atMs: number): number {
    const offset = this.offsetMs(atMs)
    return this.fromWall(Math.floor((atMs + offset) / DAY_MS) * DAY_MS)
  }

  /** Wall time as `2026-11-22T14:05:31.250`, which `datetime-local` fields take. */
  wall(atMs: number): string {
    return new Date(atMs + this.offsetMs(atMs)).toISOString().slice(0, -1)
  }

  /** @param locale the language of its words. Its clock has 24 hours in any case. */
  format(atMs: number, options: Intl.DateTimeFormatOptions, locale = 'en-GB'): string {
    const key = `${locale} ${JSON.stringify(options)}`
    const format =
      this.#formats.get(key) ??
      new Intl.DateTimeFormat(locale, {
        timeZone: this.name,
        hourCycle: 'h23',
        ...options,
      })
    this.#formats.set(key, format)
    return format.format(atMs)
  }

  time(atMs: number): string {
    return this.wall(atMs).slice(11, 19)
  }

  day(atMs: number, locale = 'en-GB'): string {
    const parts = {
      weekday: 'long',
      day: 'numeric',
      month: 'long',
      year: 'numeric',
    } as const
    return this.format(atMs, parts, locale)
  }

  /** `2026-11-22 14:05:31.250 +01:00`: wall time with its offset. */
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

/** @returns undefined where there is no zone with this name */
export function zoneNamed(name: string): Zone | undefined {
  if (name === 'UTC') return UTC
  if (!/^[A-Za-z][\w+\-/]{1,49}$/.test(name)) return undefined
  if (zones.has(name)) return zones.get(name)
  let zone: Zone | undefined
  try {
    zone = new Zone(name)
  } catch {
    // An unknown zone is stored as undefined.
  }
  if (zones.size < MAX_ZONES) zones.set(name, zone)
  return zone
}

const DAY_MS = 86_400_000
// The years that have four digits. Postgres knows more, but JavaScript writes those as `+010000-…`
// and `-000001-…`, which Postgres does not read.
const FIRST_TIME_MS = -62_135_596_800_000
const LAST_TIME_MS = 253_402_300_799_999

/**
 * Formats milliseconds since 1970 as ISO text. It keeps the last text, because entries of one flush
 * often share a millisecond. Measured in hotpath-parts.md, "a millisecond's text made once".
 */
export function createInstantText(): (ms: number) => string {
  let knownMs = Number.NaN
  let text = ''
  return (ms) => {
    if (ms !== knownMs) {
      knownMs = ms
      text = new Date(ms).toISOString()
    }
    return text
  }
}

/**
 * When the entry was recorded, in whole milliseconds since 1970. Now, if the recorder's clock
 * returned no valid time.
 */
export function recordedTime(ms: number): number {
  return ms >= 0 && ms <= LAST_TIME_MS ? Math.trunc(ms) : Date.now()
}

/**
 * When it happened, as the closest time that can be stored, in whole milliseconds since 1970. The
 * mark says whether the given time was invalid, or outside the years 1 to 9999, or more than a day
 * ahead.
 */
export function occurredTime(
  given: number | undefined,
  recordedMs: number,
): { ms: number; mark: string | undefined } {
  if (given === undefined) return { ms: recordedMs, mark: undefined }
  if (!Number.isFinite(given)) return { ms: recordedMs, mark: 'occurredAt.invalid' }
  const ms = Math.trunc(given)
  if (ms < FIRST_TIME_MS || ms > LAST_TIME_MS) return { ms: recordedMs, mark: 'occurredAt.skewed' }
  return { ms, mark: ms > recordedMs + DAY_MS ? 'occurredAt.skewed' : undefined }
}

import { LAST_TIME_MS } from '../capture/given-time.ts'

const DAY_MS = 86_400_000

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

/** Whether a time is more than a day after the entry was recorded. */
export function isAhead(ms: number, recordedMs: number): boolean {
  return ms > recordedMs + DAY_MS
}

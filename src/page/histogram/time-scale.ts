import { DAY_MS, type Zone } from '../../query/zone.ts'

const MAX_BARS = 60
/**
 * A sample is taken from each slice of a bar. Seven does not divide 24 hours, so the slices of a bar
 * of several days begin at different hours, and not all of them in the quiet of the night.
 */
const SLICES_PER_BAR = 7
const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const STEPS_MS = [
  ...[1, 2, 5, 10, 30].map((seconds) => seconds * SECOND_MS),
  ...[1, 2, 5, 10, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR_MS),
  ...[1, 2, 7, 14, 28, 91, 182].map((days) => days * DAY_MS),
]

/** Where the bars of a histogram begin and end. */
export interface TimeScale {
  readonly fromMs: number
  readonly toMs: number
  /** The width of a bar. The first and the last bar are narrower, where the range cuts them. */
  readonly stepMs: number
  /** The beginning of each bar, and the end of the last. */
  readonly edges: readonly number[]
}

/** At most 61 bars of a round width, which begin where the viewer's hours and days begin. */
export function timeScale(fromMs: number, toMs: number, zone: Zone): TimeScale {
  const spanMs = toMs - fromMs
  const stepMs =
    STEPS_MS.find((step) => spanMs / step <= MAX_BARS - 1) ?? Math.ceil(spanMs / (MAX_BARS - 1))
  const offsetMs = zone.offsetMs(fromMs)
  const edges = [fromMs]
  for (let at = Math.floor((fromMs + offsetMs) / stepMs + 1) * stepMs - offsetMs; at < toMs; ) {
    edges.push(at)
    at += stepMs
  }
  return { fromMs, toMs, stepMs, edges: [...edges, toMs] }
}

/** The slices of all bars, in order. A bar of fewer than seven milliseconds has fewer slices. */
export function slicesOf({ edges }: TimeScale): { bar: number; fromMs: number; toMs: number }[] {
  return pairs(edges).flatMap(([fromMs, toMs], bar) => {
    const cuts = Array.from({ length: SLICES_PER_BAR + 1 }, (_, n) =>
      Math.round(fromMs + ((toMs - fromMs) * n) / SLICES_PER_BAR),
    )
    return pairs([...new Set(cuts)]).map(([from, to]) => ({ bar, fromMs: from, toMs: to }))
  })
}

/** Each edge with the next one. */
export function pairs(edges: readonly number[]): [number, number][] {
  return edges.slice(1).map((to, at) => [edges[at] ?? to, to])
}

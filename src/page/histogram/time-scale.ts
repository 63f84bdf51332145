import { DAY_MS, type Zone } from '../query/zone.ts'

const MAX_BARS = 60
/**
 * Each bar is looked at in so many slices. Seven, so that slices of a bar of days begin at other
 * hours each: in the first of a night there is hardly an entry.
 */
const SLICES = 7
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000]
const STEPS_MS = [
  ...[SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND],
  ...[MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE],
  ...[HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR],
  ...[DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS, 28 * DAY_MS, 91 * DAY_MS, 182 * DAY_MS],
]

/** Where bars begin and end. */
export interface Frame {
  readonly fromMs: number
  readonly toMs: number
  /** The width of a whole bar. The first and the last are cut off where the range is. */
  readonly stepMs: number
  readonly edges: readonly number[]
}

/** Bars of a width that clocks have, beginning where the viewer's hours and days begin. */
export function frameOf(fromMs: number, toMs: number, zone: Zone): Frame {
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

/** The bars' slices, in order. A bar of fewer milliseconds than slices has as many as it can. */
export function slicesOf({ edges }: Frame): { bar: number; fromMs: number; toMs: number }[] {
  return pairs(edges).flatMap(([fromMs, toMs], bar) => {
    const cuts = Array.from({ length: SLICES + 1 }, (_, n) =>
      Math.round(fromMs + ((toMs - fromMs) * n) / SLICES),
    )
    return pairs([...new Set(cuts)]).map(([from, to]) => ({ bar, fromMs: from, toMs: to }))
  })
}

/** Each edge with the one after it. */
export function pairs(edges: readonly number[]): [number, number][] {
  return edges.slice(1).map((to, at) => [edges[at] ?? to, to])
}

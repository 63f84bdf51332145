import type { TimeScale } from '../../histogram/time-scale.ts'
import { html, type Html } from '../../http/html.ts'
import { DAY_MS, type Zone } from '../../../query/zone.ts'
import type { ViewState } from '../view-state.ts'

const MAX_TICKS = 5
const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** Distances between two labels. */
const STEPS_MS = [
  ...[1, 5, 15, 30].map((seconds) => seconds * SECOND_MS),
  ...[1, 2, 5, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR_MS),
  ...[1, 2, 7, 14, 28, 91, 365, 730, 1_826, 3_652].map((days) => days * DAY_MS),
]
/**
 * Half the width of a character on a narrow screen, as a share of the axis. A label that would cross
 * an end is aligned to its inner side.
 */
const HALF_CHARACTER = 0.0095

/** The labels under the bars, at round times of the viewer's zone. */
export function timeAxis(
  view: Pick<ViewState, 'zone' | 'words'>,
  { fromMs, toMs }: TimeScale,
): Html[] {
  const { zone } = view
  const spanMs = toMs - fromMs
  const minStepMs = spanMs / (MAX_TICKS - 1)
  const stepMs = STEPS_MS.find((step) => step >= minStepMs) ?? Math.ceil(minStepMs)
  const ticks = ticksOf(zone, fromMs, toMs, stepMs)
  const times = ticks.length > 0 ? ticks : [fromMs]
  return times.map((ms, at) => {
    const share = (ms - fromMs) / spanMs
    const text = label(view, ms, stepMs, times[at - 1])
    const room = text.length * HALF_CHARACTER
    const anchor = share < room ? 'start' : share > 1 - room ? 'end' : 'middle'
    const x = `${(share * 100).toFixed(2)}%`
    return html`<line x1="${x}" x2="${x}" y2="4"/>
<text x="${x}" y="17" text-anchor="${anchor}">${text}</text>`
  })
}

function ticksOf(zone: Zone, fromMs: number, toMs: number, stepMs: number): readonly number[] {
  const ticks: number[] = []
  // In wall time, so that the label of a day is at its midnight even when daylight saving begins.
  const wallMs = (ms: number) => ms + zone.offsetMs(ms)
  const lastMs = wallMs(toMs)
  for (let at = Math.ceil(wallMs(fromMs) / stepMs) * stepMs; at <= lastMs; at += stepMs) {
    const ms = zone.fromWall(at)
    if (ms >= fromMs && ms <= toMs) ticks.push(ms)
  }
  return ticks
}

function label(
  { zone, words }: Pick<ViewState, 'zone' | 'words'>,
  ms: number,
  stepMs: number,
  beforeMs: number | undefined,
): string {
  const { locale } = words
  const wall = zone.wall(ms)
  const isNewYear = beforeMs === undefined || zone.wall(beforeMs).slice(0, 4) !== wall.slice(0, 4)
  const day = { day: 'numeric', month: 'short' } as const
  if (stepMs >= 91 * DAY_MS) return zone.format(ms, { month: 'short', year: 'numeric' }, locale)
  if (stepMs >= DAY_MS) {
    const parts = isNewYear && beforeMs !== undefined ? ({ ...day, year: 'numeric' } as const) : day
    return zone.format(ms, parts, locale)
  }
  const time = wall.slice(11, stepMs < MINUTE_MS ? 19 : 16)
  const isNewDay =
    beforeMs === undefined
      ? stepMs >= HOUR_MS
      : zone.wall(beforeMs).slice(0, 10) !== wall.slice(0, 10)
  return isNewDay ? `${zone.format(ms, day, locale)} ${time}` : time
}

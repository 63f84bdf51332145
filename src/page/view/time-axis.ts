import { html } from 'hono/html'
import type { Frame } from '../histogram/time-scale.ts'
import { DAY_MS, type Zone } from '../query/zone.ts'
import type { Html } from './view-state.ts'

const MAX_TICKS = 5
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000]
/** Distances at which a clock or a calendar is read. */
const STEPS_MS = [
  ...[SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND],
  ...[MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE],
  ...[HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR],
  ...[DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS, 28 * DAY_MS, 91 * DAY_MS, 365 * DAY_MS],
]
/** Half of a character on a narrow screen: nearer to an end, a label is written inwards. */
const HALF_CHARACTER = 0.0095

/** The times beneath the bars, where the viewer's clock shows a round one. */
export function axis(zone: Zone, { fromMs, toMs }: Frame): Html[] {
  const spanMs = toMs - fromMs
  const wanted = spanMs / (MAX_TICKS - 1)
  const stepMs = STEPS_MS.find((step) => step >= wanted) ?? wanted
  const ticks = ticksOf(zone, fromMs, toMs, stepMs)
  const times = ticks.length > 0 ? ticks : [fromMs]
  return times.map((ms, at) => {
    const share = (ms - fromMs) / spanMs
    const said = label(zone, ms, stepMs, times[at - 1])
    const room = said.length * HALF_CHARACTER
    const anchor = share < room ? 'start' : share > 1 - room ? 'end' : 'middle'
    const x = `${(share * 100).toFixed(2)}%`
    return html`<line x1="${x}" x2="${x}" y1="0" y2="4"/>
<text x="${x}" y="17" text-anchor="${anchor}">${said}</text>`
  })
}

function ticksOf(zone: Zone, fromMs: number, toMs: number, stepMs: number): readonly number[] {
  const ticks: number[] = []
  // On the wall, so that a day's tick is a midnight there, also where clocks are put forward.
  const wallMs = (ms: number) => ms + zone.offsetMs(ms)
  const lastMs = wallMs(toMs)
  for (let at = Math.ceil(wallMs(fromMs) / stepMs) * stepMs; at <= lastMs; at += stepMs) {
    const ms = zone.fromWall(at)
    if (ms >= fromMs && ms <= toMs) ticks.push(ms)
  }
  return ticks
}

function label(zone: Zone, ms: number, stepMs: number, beforeMs: number | undefined): string {
  const wall = zone.wall(ms)
  const isNewYear = beforeMs === undefined || zone.wall(beforeMs).slice(0, 4) !== wall.slice(0, 4)
  const day = { day: 'numeric', month: 'short' } as const
  if (stepMs >= 91 * DAY_MS) return zone.format(ms, { month: 'short', year: 'numeric' })
  if (stepMs >= DAY_MS) {
    return zone.format(ms, isNewYear && beforeMs !== undefined ? { ...day, year: 'numeric' } : day)
  }
  const time = wall.slice(11, stepMs < MINUTE ? 19 : 16)
  const isNewDay =
    beforeMs === undefined ? stepMs >= HOUR : zone.wall(beforeMs).slice(0, 10) !== wall.slice(0, 10)
  return isNewDay ? `${zone.format(ms, day)} ${time}` : time
}

import { html } from 'hono/html'
import type { Bar, Histogram } from '../histogram/histogram.ts'
import { filterHref } from '../query/address.ts'
import { DAY_MS } from '../query/zone.ts'
import { axis } from './time-axis.ts'
import { entries, type Html, inFigures, type Scene } from './view-state.ts'

const WIDTH = 1_000
const HEIGHT = 100

/** `failed`: it could not be worked out in time. The list does not wait for it. */
export type Drawn = Histogram | 'failed' | undefined

/** The bars, and beneath them the same as a table for those who do not see them. */
export function histogramView(scene: Scene, drawn: Drawn): Html {
  if (drawn === 'failed') return none('Too many entries to count in time: a narrower filter helps.')
  const bars = drawn?.bars.filter(({ count }) => count > 0) ?? []
  if (drawn === undefined || bars.length === 0) return none('')
  if (bars.length === 1 && bars[0]?.count === 1) return none('') // the list says when it was
  const { fromMs, toMs } = drawn
  const most = Math.max(...bars.map(({ count }) => count))
  const range = filterHref(scene.query.given, { range: null, live: null, from: 'FROM', to: 'TO' })
  return html`<figure class="histogram" id="histogram" data-from="${fromMs}" data-to="${toMs}"
data-href="${range}" data-zone="${scene.zone.name}">
<figcaption>${caption(drawn, most)}</figcaption>
<svg class="bars" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"
focusable="false">
${drawn.bars.map((bar) => drawBar(scene, drawn, bar, most))}
<rect class="selection" x="0" y="0" width="0" height="${HEIGHT}"/>
</svg>
<svg class="axis" aria-hidden="true" focusable="false">${axis(scene.zone, drawn)}</svg>
<details class="as-table"><summary>As a table</summary>
<table><thead><tr><th scope="col">From</th><th scope="col">Entries</th></tr></thead>
<tbody>${bars.map((bar) => tableRow(scene, bar))}</tbody></table></details>
</figure>`
}

function none(why: string): Html {
  const caption = why === '' ? '' : html`<figcaption>${why}</figcaption>`
  return html`<figure class="histogram none" id="histogram">${caption}</figure>`
}

const ESTIMATED = `What is read for the bars is bounded. Where a bar holds more, its height comes
from a sample of its entries, or from their numbers.`

function caption({ bars, stepMs }: Histogram, most: number): Html {
  const total = bars.reduce((sum, { count }) => sum + count, 0)
  const isEstimate = bars.some((bar) => bar.isEstimate)
  const note = isEstimate ? html`, <span title="${ESTIMATED}">estimated and not counted</span>` : ''
  const [about, circa] = isEstimate ? ['about ', '≈ '] : ['', '']
  return html`<b>${about}${entries(roughly(total, isEstimate))}</b>
<span class="by">by time of recording, ${width(stepMs)}${note}</span>
<span class="most">most in a bar: ${circa}${inFigures(roughly(most, isEstimate))}</span>`
}

function tableRow(scene: Scene, bar: Bar): Html {
  return html`<tr>
<td><a href="${barHref(scene, bar)}">${scene.zone.exact(bar.fromMs)}</a></td>
<td>${said(bar)}</td></tr>`
}

function drawBar(scene: Scene, { fromMs, toMs }: Histogram, bar: Bar, most: number): Html {
  const scale = WIDTH / (toMs - fromMs)
  const x = (bar.fromMs - fromMs) * scale
  const width = (bar.toMs - bar.fromMs) * scale
  const height = bar.count === 0 ? 0 : Math.max(3, (bar.count / most) * HEIGHT)
  const gap = Math.min(2, width * 0.15)
  const rect = (kind: string, at: number, wide: number, high: number) =>
    html`<rect class="${kind}" x="${at.toFixed(2)}" y="${(HEIGHT - high).toFixed(2)}"
width="${wide.toFixed(2)}" height="${high.toFixed(2)}"/>`
  return html`<a class="bar${bar.isEstimate ? ' estimate' : ''}" href="${barHref(scene, bar)}"
tabindex="-1"><title>${scene.zone.exact(bar.fromMs)} · ${said(bar)}</title>
${rect('hit', x, width, HEIGHT)}
${rect('fill', x + gap / 2, Math.max(0.5, width - gap), height)}</a>`
}

/** To whole seconds, which is what the form's own fields hold. */
function barHref({ query }: Scene, { fromMs, toMs }: Bar): string {
  const from = new Date(Math.floor(fromMs / 1_000) * 1_000).toISOString()
  const to = new Date(Math.ceil(toMs / 1_000) * 1_000).toISOString()
  return filterHref(query.given, { range: null, live: null, from, to })
}

function said({ count, isEstimate }: Bar): string {
  return `${isEstimate ? 'about ' : ''}${entries(roughly(count, isEstimate))}`
}

/** An estimate is not to look like a count: two figures of it are all that is known. */
function roughly(count: number, isEstimate: boolean): number {
  return isEstimate && count > 100 ? Number(count.toPrecision(2)) : count
}

function width(stepMs: number): string {
  const units = [
    [DAY_MS, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1_000, 'second'],
  ] as const
  for (const [unitMs, name] of units) {
    if (stepMs < unitMs) continue
    const count = Math.round(stepMs / unitMs)
    return `${inFigures(count)} ${name}${count === 1 ? '' : 's'} a bar`
  }
  return `${stepMs} ms a bar`
}

import type { Bar, Histogram } from '../histogram/histogram.ts'
import { html, type Html } from '../http/html.ts'
import { filterHref } from '../query/address.ts'
import { DAY_MS } from '../../query/zone.ts'
import { entryCount, formatCount } from './format.ts'
import { timeAxis } from './time-axis.ts'
import type { ViewState } from './view-state.ts'

const WIDTH = 1_000
const HEIGHT = 100

/** `failed`: it was not ready in time, and the page does not wait. Undefined: nothing to draw. */
export type HistogramResult = Histogram | 'failed' | undefined

/** The bars, and a table with the same numbers for screen readers. */
export function histogramView(view: ViewState, result: HistogramResult): Html {
  if (result === 'failed') {
    return emptyHistogram('Counting the entries took too long. A narrower filter is faster.')
  }
  const bars = result?.bars.filter(({ count }) => count > 0) ?? []
  if (result === undefined || bars.length === 0) return emptyHistogram('')
  // A single entry needs no bar: the list shows its time.
  if (bars.length === 1 && bars[0]?.count === 1) return emptyHistogram('')
  const { fromMs, toMs } = result
  const maxCount = Math.max(...bars.map(({ count }) => count))
  const range = filterHref(view.query.given, { range: null, live: null, from: 'FROM', to: 'TO' })
  return html`<figure class="histogram" id="histogram" data-from="${fromMs}" data-to="${toMs}"
data-href="${range}" data-zone="${view.zone.name}">
<figcaption>${caption(result, maxCount)}</figcaption>
<svg class="bars" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"
focusable="false">
${result.bars.map((bar) => barLink(view, result, bar, maxCount))}
<rect class="selection" x="0" y="0" width="0" height="${HEIGHT}"/>
</svg>
<svg class="axis" aria-hidden="true" focusable="false">${timeAxis(view.zone, result)}</svg>
<details class="as-table"><summary>As a table</summary>
<table><thead><tr><th scope="col">From</th><th scope="col">Entries</th></tr></thead>
<tbody>${bars.map((bar) => tableRow(view, bar))}</tbody></table></details>
</figure>`
}

function emptyHistogram(reason: string): Html {
  const caption = reason === '' ? '' : html`<figcaption>${reason}</figcaption>`
  return html`<figure class="histogram" id="histogram">${caption}</figure>`
}

const ESTIMATE_HINT = `The number of entries read for the bars is limited. The height of a bar with more
entries comes from a sample, or from sequence numbers.`

function caption({ bars, stepMs }: Histogram, maxCount: number): Html {
  const total = bars.reduce((sum, { count }) => sum + count, 0)
  const isEstimate = bars.some((bar) => bar.isEstimate)
  const note = isEstimate ? html`, <span title="${ESTIMATE_HINT}">estimated</span>` : ''
  return html`<b>${isEstimate ? 'about ' : ''}${entryCount(rounded(total, isEstimate))}</b>
<span class="range">by time of recording, ${barWidth(stepMs)}${note}</span>
<span class="highest">highest bar: ${isEstimate ? '≈ ' : ''}${formatCount(rounded(maxCount, isEstimate))}</span>`
}

function tableRow(view: ViewState, bar: Bar): Html {
  return html`<tr>
<td><a href="${barHref(view, bar)}">${view.zone.exact(bar.fromMs)}</a></td>
<td>${countText(bar)}</td></tr>`
}

function barLink(view: ViewState, { fromMs, toMs }: Histogram, bar: Bar, maxCount: number): Html {
  const scale = WIDTH / (toMs - fromMs)
  const x = (bar.fromMs - fromMs) * scale
  const width = (bar.toMs - bar.fromMs) * scale
  const height = bar.count === 0 ? 0 : Math.max(3, (bar.count / maxCount) * HEIGHT)
  const gap = Math.min(2, width * 0.15)
  const rect = (kind: string, at: number, wide: number, high: number) =>
    html`<rect class="${kind}" x="${short(at)}" y="${short(HEIGHT - high)}"
width="${short(wide)}" height="${short(high)}"/>`
  return html`<a class="bar${bar.isEstimate ? ' estimate' : ''}" href="${barHref(view, bar)}"
tabindex="-1"><title>${view.zone.exact(bar.fromMs)} · ${countText(bar)}</title>
${rect('hit', x, width, HEIGHT)}
${rect('fill', x + gap / 2, Math.max(0.5, width - gap), height)}</a>`
}

/** Of 1,000 units, a tenth is finer than a pixel. */
function short(size: number): string {
  return String(Number(size.toFixed(1)))
}

/** To whole seconds, as in the fields of the form. */
function barHref({ query }: ViewState, { fromMs, toMs }: Bar): string {
  const from = new Date(Math.floor(fromMs / 1_000) * 1_000).toISOString()
  const to = new Date(Math.ceil(toMs / 1_000) * 1_000).toISOString()
  return filterHref(query.given, { range: null, live: null, from, to })
}

function countText({ count, isEstimate }: Bar): string {
  return `${isEstimate ? 'about ' : ''}${entryCount(rounded(count, isEstimate))}`
}

/** An estimate is rounded to two digits, so that it does not look like a count. */
function rounded(count: number, isEstimate: boolean): number {
  return isEstimate && count > 100 ? Number(count.toPrecision(2)) : count
}

function barWidth(stepMs: number): string {
  const units = [
    [DAY_MS, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1_000, 'second'],
  ] as const
  for (const [unitMs, name] of units) {
    if (stepMs < unitMs) continue
    const count = Math.round(stepMs / unitMs)
    return `${formatCount(count)} ${name}${count === 1 ? '' : 's'} per bar`
  }
  return `${stepMs} ms per bar`
}

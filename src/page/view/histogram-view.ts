import type { Bar, Histogram } from '../histogram/histogram.ts'
import { html, type Html } from '../http/html.ts'
import { filterHref } from '../query/address.ts'
import { DAY_MS } from '../../query/zone.ts'
import type { TextKey } from '../language/texts.ts'
import type { Words } from '../language/words.ts'
import { timeAxis } from './time-axis.ts'
import type { ViewState } from './view-state.ts'

const WIDTH = 1_000
const HEIGHT = 100

/** `failed`: it was not ready in time, and the page does not wait. Undefined: nothing to draw. */
export type HistogramResult = Histogram | 'failed' | undefined

/** The bars, and a table with the same numbers for screen readers. */
export function histogramView(view: ViewState, result: HistogramResult): Html {
  if (result === 'failed') {
    return emptyHistogram(view.words.say('countingFailed'))
  }
  const bars = result?.bars.filter(({ count }) => count > 0) ?? []
  if (result === undefined || bars.length === 0) return emptyHistogram('')
  // A single entry needs no bar: the list shows its time.
  if (bars.length === 1 && bars[0]?.count === 1) return emptyHistogram('')
  const { fromMs, toMs } = result
  const { words } = view
  const maxCount = Math.max(...bars.map(({ count }) => count))
  const range = filterHref(view.query.given, { range: null, live: null, from: 'FROM', to: 'TO' })
  return html`<figure class="histogram" id="histogram" data-from="${fromMs}" data-to="${toMs}"
data-href="${range}" data-zone="${view.zone.name}">
<figcaption>${caption(words, result, maxCount)}</figcaption>
<svg class="bars" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"
focusable="false">
${result.bars.map((bar) => barLink(view, result, bar, maxCount))}
<rect class="selection" x="0" y="0" width="0" height="${HEIGHT}"/>
</svg>
<svg class="axis" aria-hidden="true" focusable="false">${timeAxis(view, result)}</svg>
<details class="as-table"><summary>${words.say('asTable')}</summary>
<table><thead><tr><th scope="col">${words.say('from')}</th><th scope="col">${words.say('entriesColumn')}</th></tr></thead>
<tbody>${bars.map((bar) => tableRow(view, bar))}</tbody></table></details>
</figure>`
}

function emptyHistogram(reason: string): Html {
  const caption = reason === '' ? '' : html`<figcaption>${reason}</figcaption>`
  return html`<figure class="histogram" id="histogram">${caption}</figure>`
}

function caption(words: Words, { bars, stepMs }: Histogram, maxCount: number): Html {
  const total = bars.reduce((sum, { count }) => sum + count, 0)
  const isEstimate = bars.some((bar) => bar.isEstimate)
  const note = isEstimate
    ? html`, <span title="${words.say('estimateHint')}">${words.say('estimated')}</span>`
    : ''
  const highest = `${isEstimate ? '≈ ' : ''}${words.number(rounded(maxCount, isEstimate))}`
  return html`<b>${countText(words, { count: total, isEstimate })}</b>
<span class="range">${words.say('byRecording', { width: barWidth(words, stepMs) })}${note}</span>
<span class="highest">${words.say('highestBar', { count: highest })}</span>`
}

function tableRow(view: ViewState, bar: Bar): Html {
  return html`<tr>
<td><a href="${barHref(view, bar)}">${view.zone.exact(bar.fromMs)}</a></td>
<td>${countText(view.words, bar)}</td></tr>`
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
tabindex="-1"><title>${view.zone.exact(bar.fromMs)} · ${countText(view.words, bar)}</title>
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

function countText(words: Words, { count, isEstimate }: Pick<Bar, 'count' | 'isEstimate'>): string {
  const text = words.count('entries', rounded(count, isEstimate))
  return isEstimate ? words.say('about', { text }) : text
}

/** An estimate is rounded to two digits, so that it does not look like a count. */
function rounded(count: number, isEstimate: boolean): number {
  return isEstimate && count > 100 ? Number(count.toPrecision(2)) : count
}

const BAR_WIDTHS = [
  [DAY_MS, 'barDays'],
  [3_600_000, 'barHours'],
  [60_000, 'barMinutes'],
  [1_000, 'barSeconds'],
  [1, 'barMs'],
] as const satisfies readonly (readonly [number, TextKey])[]

function barWidth(words: Words, stepMs: number): string {
  const [unitMs, key] = BAR_WIDTHS.find(([ms]) => stepMs >= ms) ?? BAR_WIDTHS[4]
  return words.count(key, Math.round(stepMs / unitMs))
}

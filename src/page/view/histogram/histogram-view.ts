import type { Bar, Histogram } from '../../histogram/histogram.ts'
import { type Kind, type KindCounts, KINDS } from '../../histogram/kinds.ts'
import type { Tops } from '../../histogram/tops.ts'
import { html, type Html } from '../../http/html.ts'
import { filterHref, href, isoText } from '../../query/address.ts'
import { DAY_MS } from '../../../query/zone.ts'
import type { TextKey } from '../../language/texts.ts'
import type { Words } from '../../language/words.ts'
import { timeAxis } from './time-axis.ts'
import { topsView } from './tops-view.ts'
import type { ViewState } from '../view-state.ts'

/** Of the drawing. The page's script knows the width, too. */
const WIDTH = 2_000
const HEIGHT = 100
/** The least height of what must not be overlooked. */
const LEAST: KindCounts = { change: 3, read: 3, failed: 5, lost: 8 }

const NAMES = {
  change: 'kindChange',
  read: 'kindRead',
  failed: 'kindFailed',
  lost: 'kindLost',
} as const satisfies Record<Kind, TextKey>

/** `failed`: it was not ready in time, and the page does not wait. Undefined: nothing to draw. */
export type HistogramResult = Histogram | 'failed' | undefined

/** The bars, stacked by kind, with the most frequent actions and people beside them. */
export function histogramView(view: ViewState, result: HistogramResult, tops?: Tops): Html {
  if (result === 'failed') {
    return emptyHistogram(view.words.say('countingFailed'))
  }
  const bars = result?.bars.filter(({ count }) => count > 0) ?? []
  if (result === undefined || bars.length === 0) return emptyHistogram('')
  // A single entry needs no bar: the list shows its time.
  if (bars.length === 1 && bars[0]?.count === 1) return emptyHistogram('')
  const { words } = view
  const { fromMs, toMs, stepMs, edges } = result
  const maxCount = Math.max(...bars.map(({ count }) => count))
  const range = filterHref(view.query.given, { range: null, live: null, from: 'FROM', to: 'TO' })
  const isTable = view.query.given['bars'] === '1'
  const table = href(view.query.given, { bars: isTable ? null : '1' })
  // Without the script, the bars lead to the table, where each has a link of its own.
  return html`<figure class="histogram" id="histogram" data-from="${fromMs}" data-to="${toMs}"
data-first="${(edges[1] ?? toMs) - fromMs}" data-step="${stepMs}" data-href="${range}" data-zone="${view.zone.name}">
<figcaption>${caption(words, result, maxCount)} ${legend(words, bars)}</figcaption>
<div class="drawn"><a href="${isTable ? '#bars' : table}" tabindex="-1" aria-hidden="true"><svg class="bars${bars.some(({ isEstimate }) => isEstimate) ? ' estimate' : ''}" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">
<rect class="selection" height="${HEIGHT}"/>${KINDS.map((kind) => stackPath(result, kind, maxCount))}</svg></a>
<svg class="axis" aria-hidden="true">${timeAxis(view, result)}</svg></div>
${topsView(view, tops)}
<a class="as-table" href="${table}">${words.say(isTable ? 'withoutTable' : 'asTable')}</a>
${isTable ? barTable(view, bars) : ''}</figure>`
}

/** What the colours mean, as far as they are there. */
function legend(words: Words, bars: readonly Bar[]): Html[] {
  return KINDS.flatMap((kind) => {
    const total = bars.reduce((all, { kinds }) => all + kinds[kind], 0)
    return total === 0 ? [] : [html`<span class="kind ${kind}">${words.say(NAMES[kind])}</span> `]
  })
}

/** The parts of one kind of all bars as one path, and how many there are of it in each bar. */
function stackPath({ bars, fromMs, toMs }: Histogram, kind: Kind, maxCount: number): Html | '' {
  const scale = WIDTH / (toMs - fromMs)
  const counts = bars.map((bar) => Math.ceil(bar.kinds[kind]))
  if (counts.every((count) => count === 0)) return ''
  const path = bars.map((bar) => {
    const { bottom, high } = place(bar.kinds, kind, maxCount)
    if (high === 0) return ''
    const x = Math.round((bar.fromMs - fromMs) * scale)
    const width = Math.round((bar.toMs - fromMs) * scale) - x
    const gap = Math.min(4, Math.round(width * 0.15))
    const wide = Math.max(1, width - gap)
    return `M${x + Math.floor(gap / 2)} ${HEIGHT - bottom}h${wide}v-${high}h-${wide}z`
  })
  return html`<path class="${kind}" d="${path.join('')}" data-n="${counts.map((count) => count || '').join()}"/>`
}

/** Where a kind lies in its bar. The heights are whole, so that a page is short. */
function place(
  kinds: KindCounts,
  wanted: Kind,
  maxCount: number,
): { bottom: number; high: number } {
  const highs = KINDS.map((kind) =>
    kinds[kind] === 0 ? 0 : Math.max(LEAST[kind], Math.round((kinds[kind] / maxCount) * HEIGHT)),
  )
  // What the least heights add to a high bar is taken from its largest part.
  const surplus = highs.reduce((all, high) => all + high, 0) - HEIGHT
  const largest = highs.indexOf(Math.max(...highs))
  if (surplus > 0) highs[largest] = (highs[largest] ?? 0) - surplus
  const at = KINDS.indexOf(wanted)
  return { bottom: highs.slice(0, at).reduce((all, high) => all + high, 0), high: highs[at] ?? 0 }
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

function barTable(view: ViewState, bars: readonly Bar[]): Html {
  const { words } = view
  const kinds = KINDS.filter((kind) => bars.some((bar) => bar.kinds[kind] > 0))
  const rows = bars.map((bar) => {
    const counts = kinds.map((kind) => html`<td>${words.number(Math.ceil(bar.kinds[kind]))}</td>`)
    return html`<tr><td><a href="${barHref(view, bar)}">${view.zone.exact(bar.fromMs)}</a></td>
<td>${countText(words, bar)}</td>${counts}</tr>`
  })
  return html`<table id="bars"><thead><tr><th scope="col">${words.say('from')}</th><th scope="col">${words.say('entriesColumn')}</th>
${kinds.map((kind) => html`<th scope="col">${words.say(NAMES[kind])}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table>`
}

/** To whole seconds, as in the fields of the form. */
function barHref({ query }: ViewState, { fromMs, toMs }: Bar): string {
  const from = isoText(Math.floor(fromMs / 1_000) * 1_000)
  const to = isoText(Math.ceil(toMs / 1_000) * 1_000)
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

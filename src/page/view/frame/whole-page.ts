import type { LoggedEntry } from '../../../read/logged-entry.ts'
import { html, type Html } from '../../http/html.ts'
import { FIELD_NAMES } from '../../query/address.ts'
import { document } from '../document.ts'
import { type Column, COLUMNS } from '../look.ts'
import type { Words } from '../../language/words.ts'
import { visible } from '../../sentence/plain-text.ts'
import { formatTime } from '../format.ts'
import { filterForm } from './filter-form.ts'
import { shownRange } from './range-control.ts'
import { titleOf, topBar } from './top-bar.ts'
import type { ViewState } from '../view-state.ts'

/** What the script says, and what it says of a live view. A page without one need not hold it. */
const SCRIPT_TEXTS = ['copied', 'copyJson', 'copyLink', 'selected'] as const
const LIVE_TEXTS = [
  ...(['newEntries', 'lostLog', 'lostConnection'] as const),
  ...(['liveOn', 'liveWaiting', 'liveEnded', 'liveIsOver'] as const),
]

const LEFT_OUT: Readonly<Record<Column, string>> = { action: 'no-action', request: 'no-request' }

export interface PageParts {
  readonly main: Html
  readonly histogram?: Html | undefined
  readonly detail?: Html | undefined
  readonly shownEntries?: readonly LoggedEntry[]
  /** The address of the live stream, while the view is live. */
  readonly stream?: string | undefined
}

/** The top bar and the filter, under them the histogram and the list, with an open entry at its side. */
export function wholePage(view: ViewState, parts: PageParts): Html {
  const { main, histogram = '', detail = '', shownEntries = [], stream } = parts
  const { words, look } = view
  const streamData = stream === undefined ? '' : html` data-stream="${stream}"`
  const bar = look.hasHeader
    ? topBar(view)
    : html`<header><h1 class="unseen">${titleOf(view)}</h1></header>`
  const left = COLUMNS.filter((name) => !look.columns.has(name)).map((name) => LEFT_OUT[name])
  const classes = [...(detail === '' ? [] : ['with-detail']), ...left].join(' ')
  const body = html`${bar}
<main class="${classes}" id="page"
data-words="${scriptWords(words, stream !== undefined)}"${streamData}>
${filterForm(view, shownEntries)}
${printed(view)}
${histogram}
<div class="columns">
${main}
<div id="aside">${detail}</div>
</div>
</main>`
  return document({ title: pageTitle(view), theme: view.theme, words, look }, body)
}

/** What a printed page says in the place of the filter. */
function printed({ query, zone, viewerName, nowMs, words }: ViewState): Html {
  const { given } = query
  const asked = FIELD_NAMES.flatMap((name) => {
    const value = given[name]
    return value === undefined ? [] : [`${words.say(name)}: ${visible(value)}`]
  })
  const what = [...(given['q'] === undefined ? [] : [visible(given['q'])]), ...asked].join(', ')
  const range = shownRange(query, zone) ?? words.say('allTime')
  return html`<div class="printed"><p><b>${what || words.say('printedAll')}</b></p>
<p>${words.say('printedTime', { range, zone: zone.name })}</p>
<p>${words.say('printedBy', { viewer: viewerName, time: formatTime(zone, nowMs) })}</p></div>`
}

/** What the page's script says, as JSON. */
function scriptWords(words: Words, isLive: boolean): string {
  const keys = isLive ? [...SCRIPT_TEXTS, ...LIVE_TEXTS] : SCRIPT_TEXTS
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key, words.template(key)])))
}

function pageTitle(view: ViewState): string {
  const names = ['q', ...FIELD_NAMES] as const
  const values = names.flatMap((name) => view.query.given[name]?.slice(0, 40) ?? [])
  return [...values, titleOf(view)].join(' · ')
}

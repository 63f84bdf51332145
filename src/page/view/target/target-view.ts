import type { TargetComparison, TargetHistory } from '../../../timeline/index.ts'
import { html, type Html } from '../../http/html.ts'
import { href } from '../../query/address.ts'
import { onlyHref } from '../../query/narrow.ts'
import { shortId, visible } from '../../sentence/plain-text.ts'
import { formatTime } from '../format.ts'
import { TextBudget } from '../text-budget.ts'
import type { ViewState } from '../view-state.ts'
import { comparedTable, stateTable } from './state-table.ts'
import { targetLine } from './target-line.ts'
import { targetTabs } from '../target-tabs.ts'
import { entryLink } from './told.ts'

/** Of all values on the page together. */
const MAX_CHARACTERS = 200_000
const LIVES = {
  there: 'lifeThere',
  deleted: 'lifeDeleted',
  'not made yet': 'lifeNotYet',
} as const

/** The history of one thing: its state, beside that of an earlier time where one is given, and its changes. */
export function targetView(
  view: ViewState,
  history: TargetHistory,
  comparison?: TargetComparison,
): Html {
  const { words, nameOf } = view
  const { targetId, doubts } = history
  const budget = new TextBudget(MAX_CHARACTERS, words)
  const name = visible(nameOf(targetId) ?? shortId(targetId))
  const target = html`<a href="${onlyHref('on', targetId)}" title="${visible(targetId)}">${name}</a>`
  const state = comparison
    ? comparedTable(view, comparison, budget)
    : stateTable(view, history, budget)
  return html`<section class="entry-list target-view" id="entries" aria-labelledby="entries-heading" tabindex="-1">
<div class="heading">${targetTabs(view, targetId, true)}<h2 id="entries-heading">${words.html('historyOf', { target })}</h2></div>
${times(view, targetId)}
<p>${lifeText(view, history)}</p>
${doubts.length === 0 ? '' : html`<p class="doubt" role="status">${words.count('doubts', doubts.length)}</p>`}
${state}
${history.looked.hasMoreFields ? html`<p class="looked-to">${words.say('moreFields')}</p>` : ''}
<h3>${words.say('changes')}</h3>
${targetLine(view, history, budget)}
${lookedAt(view, history)}
${pager(view, history)}
</section>`
}

/** A form, which works without a script. */
function times({ query, zone, words }: ViewState, targetId: string): Html {
  const place = zone.name === 'UTC' ? 'UTC' : zone.name.replaceAll('_', ' ')
  const title = words.say('momentTitle', { zone: place })
  const input = (name: 'at' | 'since', label: string, placeholder: string) => html`<label>${label}
<input name="${name}" value="${written(query.given[name], query.history, name, zone)}" placeholder="${placeholder}" title="${title}" maxlength="100"></label>`
  return html`<form class="target-times" aria-label="${words.say('historyTimes')}" autocomplete="off">
<input type="hidden" name="history" value="${targetId}">
${input('at', words.say('stateAt'), words.say('now'))}
${input('since', words.say('comparedWith'), words.say('rangeExample').split(',')[0] ?? '')}
<button>${words.say('show')}</button></form>`
}

/** A time as it was given where it moves, else as it can be written in the zone that is shown. */
function written(
  given: string | undefined,
  asked: ViewState['query']['history'],
  name: 'at' | 'since',
  zone: ViewState['zone'],
): string {
  const ms = name === 'at' ? asked?.atMs : asked?.sinceMs
  if (given === undefined || ms === undefined || !given.endsWith('Z')) return given ?? ''
  if (zone.startOfDay(ms + 1) === ms + 1) {
    return zone.format(ms, { day: 'numeric', month: 'short', year: 'numeric' })
  }
  return zone
    .wall(ms)
    .replace('T', ' ')
    .replace(/\.000$/, '')
}

function lifeText(view: ViewState, { targetId, life, line, fields }: TargetHistory): Html | string {
  const { state, entry } = life
  if (entry !== null && state !== 'unknown') {
    return view.words.html(LIVES[state], { entry: entryLink(view, targetId, entry) })
  }
  return line.length === 0 && fields.length === 0 ? view.words.say('lifeUnknown') : ''
}

function lookedAt({ words, zone }: ViewState, { looked }: TargetHistory): Html | '' {
  const { isAll, entries, since, removedBefore, mayLackChanges } = looked
  const notes: string[] = []
  if (mayLackChanges) notes.push(words.say('mayLackChanges'))
  if (!isAll && since !== null) {
    const time = formatTime(zone, since.getTime())
    notes.push(words.say('lookedAtNewest', { entries: words.count('entries', entries), time }))
  }
  if (removedBefore !== null) {
    const parts = { day: 'numeric', month: 'short', year: 'numeric' } as const
    const date = zone.format(removedBefore.getTime(), parts, words.locale)
    notes.push(words.say('removedBefore', { date }))
  }
  return notes.length === 0 ? '' : html`<p class="log-begin">${notes.join(' ')}</p>`
}

function pager({ query, words }: ViewState, { nextCursor }: TargetHistory): Html | '' {
  const { given } = query
  const { cursor } = given
  if (nextCursor === null && cursor === undefined) return ''
  const newest = href(given, { cursor: null })
  const older =
    nextCursor === null ? '' : href(given, { cursor: nextCursor, at: null, since: null })
  return html`<nav class="pager" aria-label="${words.say('pages')}">
${cursor === undefined ? '' : html`<a href="${newest}">${words.say('newest')}</a>`}
${older === '' ? html`<span class="off">${words.say('older')}</span>` : html`<a rel="next" href="${older}">${words.say('older')}</a>`}
</nav>`
}

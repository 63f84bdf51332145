import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { TimelinePage as EntryPage } from '../../read/timeline.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { html, type Html } from '../http/html.ts'
import { otherReadings } from '../../query/other-readings.ts'
import { visible } from '../sentence/plain-text.ts'
import { filterHref, href } from '../query/address.ts'
import { askedTarget } from '../query/asked-target.ts'
import { rowForms } from '../query/row-links.ts'
import { entryRow } from './entry-row.ts'
import type { LogBegin } from '../../removed/log-begin.ts'
import { inCommas } from './format.ts'
import { targetTabs } from './target-tabs.ts'
import type { ViewState } from './view-state.ts'

/** Fewer reads in a row are shown as they are. */
const FEWEST_FOLDED = 3

/** The entries by day, newest first, and links to the other pages. */
export function entryList(view: ViewState, page: EntryPage, begin?: LogBegin): Html {
  const days = page.entries.length === 0 ? noEntries(view, page) : byDay(view, page.entries)
  const links = JSON.stringify(rowForms(view.query))
  const forms = links === '{}' ? '' : html` data-links="${links}"`
  return html`<section class="entry-list" id="entries" aria-labelledby="entries-heading" tabindex="-1">
<div class="heading">${tabs(view)}<h2 id="entries-heading">${heading(view, page)}</h2>
<p id="news" role="status" aria-live="polite"></p>
${exports(view, page)}</div>
<div id="days"${forms}>${days}</div>
${begin === undefined ? '' : beginning(view, begin)}
${page.entries.length === 0 ? '' : lookedTo(view, page)}
${pager(view, page)}
</section>`
}

/** Where the entries are those of one thing. */
function tabs(view: ViewState): Html | '' {
  const targetId = askedTarget(view.query)
  return targetId === undefined ? '' : targetTabs(view, targetId, false)
}

/** How far a page has looked that found less than it could hold. */
function lookedTo(
  { query, zone, words }: ViewState,
  { lookedTo: time, nextCursor }: EntryPage,
): Html | '' {
  if (time === undefined || nextCursor === null) return ''
  const address = href(query.given, { cursor: nextCursor, entry: null, live: null })
  const link = html`<a href="${address}">${words.say('lookFurther')}</a>`
  return html`<p class="looked-to">${words.say('lookedTo', { time: zone.exact(time.getTime()) })}
${words.html('lookFurtherOr', { link })}</p>`
}

/** Why older entries are not in the list. */
function beginning({ zone, words }: ViewState, { atMs, isArchived }: LogBegin): Html {
  const parts = { day: 'numeric', month: 'short', year: 'numeric' } as const
  const date = zone.format(atMs, parts, words.locale)
  return html`<p class="log-begin">${words.say(isArchived ? 'archivedBefore' : 'removedBefore', { date })}
${words.say('stillListed')}</p>`
}

function heading(
  { query, zone, words }: ViewState,
  { entries: shown, nextCursor, prevCursor }: EntryPage,
) {
  const first = shown[0]
  const last = shown.at(-1)
  if (!first || !last) return words.say('noEntries')
  if (nextCursor === null && prevCursor === null) return words.count('entries', shown.length)
  const isOneDay =
    zone.wall(recordedMs(first.id)).slice(0, 10) === zone.wall(recordedMs(last.id)).slice(0, 10)
  const minute = ({ id }: LoggedEntry) => zone.wall(recordedMs(id)).slice(0, 16)
  const length = minute(first) === minute(last) ? 8 : 5
  const time = ({ id }: LoggedEntry) => {
    const clock = zone.time(recordedMs(id)).slice(0, length)
    if (isOneDay) return clock
    const day = zone.format(recordedMs(id), { day: 'numeric', month: 'short' }, words.locale)
    return `${day}, ${clock}`
  }
  const count = words.count('entries', shown.length)
  const entries =
    query.cursor === undefined && query.given['order'] === undefined
      ? words.say('newestEntries', { entries: count })
      : count
  return words.say('fromTo', { entries, first: time(last), last: time(first) })
}

function pager(view: ViewState, { prevCursor, nextCursor }: EntryPage): Html | '' {
  const { words } = view
  const { cursor, given } = view.query
  const isNewest = cursor === undefined && given['order'] === undefined
  if (isNewest && prevCursor === null && nextCursor === null) return ''
  return html`<nav class="pager" aria-label="${words.say('pages')}">
${isNewest ? '' : newest(view)}
${turn(view, prevCursor, words.say('newer'), 'prev')}
${turn(view, nextCursor, words.say('older'), 'next')}
${nextCursor === null ? '' : oldest(view)}
</nav>`
}

function newest({ query, words }: ViewState): Html {
  const address = href(query.given, { order: null, cursor: null, entry: null })
  return html`<a href="${address}">${words.say('newest')}</a>`
}

function oldest({ query, words }: ViewState): Html {
  const address = href(query.given, { order: 'oldest', cursor: null, entry: null, live: null })
  return html`<a href="${address}">${words.say('oldest')}</a>`
}

function turn({ query }: ViewState, cursor: string | null, label: string, rel: string): Html {
  if (cursor === null) return html`<span class="off">${label}</span>`
  // New entries belong on the newest page, so a link to another page turns live off.
  const address = href(query.given, { cursor, entry: null, live: null })
  return html`<a rel="${rel}" href="${address}">${label}</a>`
}

function exports({ query, words }: ViewState, page: EntryPage): Html | '' {
  if (page.entries.length === 0) return ''
  const link = (format: string, label: string) => {
    const address = filterHref(query.given, { live: null, limit: null, export: format })
    return html`<a href="${address}" download>${label}</a>`
  }
  return html`<p class="exports">${words.say('exportAll')}
${link('ndjson', 'NDJSON')} ${link('csv', 'CSV')}</p>`
}

function byDay(view: ViewState, shown: readonly LoggedEntry[]): Html[] {
  const days = new Map<string, LoggedEntry[]>()
  for (const entry of shown) {
    const day = view.zone.wall(recordedMs(entry.id)).slice(0, 10)
    const sameDay = days.get(day)
    if (sameDay) sameDay.push(entry)
    else days.set(day, [entry])
  }
  return [...days].map(([day, ofDay]) => {
    const name = view.zone.day(recordedMs(ofDay[0]?.id ?? ''), view.words.locale)
    return html`<section class="day" data-day="${day}" aria-label="${name}"><h3>${name}</h3>
<ol>${runsOf(ofDay).map((run) => folded(view, run))}</ol></section>`
  })
}

/** Entries that follow each other and are all reads, or one that is none. */
function runsOf(entries: readonly LoggedEntry[]): readonly (readonly LoggedEntry[])[] {
  const runs: LoggedEntry[][] = []
  for (const entry of entries) {
    const last = runs.at(-1)
    if (isRead(entry) && last?.[0] && isRead(last[0])) last.push(entry)
    else runs.push([entry])
  }
  return runs
}

function isRead({ action }: LoggedEntry): boolean {
  return action === 'audit.read'
}

/** Several reads in a row are one line, until somebody opens it. */
function folded(view: ViewState, run: readonly LoggedEntry[]): Html {
  const rows = run.map((entry) => entryRow(view, entry))
  if (rows.length < FEWEST_FOLDED) return html`${rows}`
  const isOpen = run.some(({ id }) => id === view.query.entry)
  return html`<li class="reads"><details${isOpen ? html` open` : ''}>
<summary>${view.words.count('logWasRead', rows.length)}</summary>
<ol>${rows}</ol></details></li>`
}

/** Tells an empty log from a filter that no entry matches. */
function noEntries(view: ViewState, page: EntryPage): Html {
  const { query, words } = view
  const { from, to } = query.filter
  const goesOn = page.lookedTo !== undefined && page.nextCursor !== null
  if (goesOn || (query.given['order'] !== undefined && page.prevCursor !== null)) {
    return html`<div class="message"><h3>${words.say('nothingYet')}</h3>${lookedTo(view, page)}</div>`
  }
  if (Object.keys(query.filter).length === 0) {
    return html`<div class="message"><h3>${words.say('logIsEmpty')}</h3>
<p>${words.say('emptyHint')}</p></div>`
  }
  const anyTime = filterHref(query.given, { range: null, from: null, to: null })
  const hasTime = from !== undefined || to !== undefined
  const all = html`<a href="?">${words.say('showAllEntries')}</a>`
  const allTimes = html`<a href="${anyTime}">${words.say('searchAllTimes')}</a>`
  return html`<div class="message"><h3>${words.say('noMatch')}</h3>
${meantOtherwise(view)}
<p>${hasTime ? words.html('noMatchInTime', { anyTime: allTimes, all }) : words.html('noMatchHint', { all })}</p></div>`
}

const MOST_READINGS = 4

/** Links to other readings of what found nothing. */
function meantOtherwise({ query, words }: ViewState): Html | '' {
  const { line, given } = query
  if (line === undefined) return ''
  const links = otherReadings(line).flatMap(({ from, to, texts }) =>
    texts.map((text) => {
      const q = `${line.text.slice(0, from)}${text}${line.text.slice(to)}`
      return html` <a href="${filterHref(given, { q })}">${visible(text)}</a>`
    }),
  )
  const near = inCommas(links.slice(0, MOST_READINGS))
  return links.length === 0 ? '' : html`<p>${words.html('didYouMean', { near })}</p>`
}

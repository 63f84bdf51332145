import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { TimelinePage as EntryPage } from '../../read/timeline.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { html, type Html } from '../http/html.ts'
import { filterHref, href } from '../query/address.ts'
import { entryRow } from './entry-row.ts'
import { entryCount } from './format.ts'
import type { ViewState } from './view-state.ts'

/** The entries by day, newest first, and links to the other pages. */
export function entryList(view: ViewState, page: EntryPage): Html {
  const days = page.entries.length === 0 ? noEntries(view) : byDay(view, page.entries)
  return html`<section class="entry-list" id="entries" aria-labelledby="entries-heading" tabindex="-1">
<div class="heading"><h2 id="entries-heading">${heading(view, page)}</h2>
<p id="news" role="status" aria-live="polite"></p>
${exports(view, page)}</div>
<div id="days">${days}</div>
${pager(view, page)}
</section>`
}

function heading(
  { query, zone }: ViewState,
  { entries: shown, nextCursor, prevCursor }: EntryPage,
) {
  const first = shown[0]
  const last = shown.at(-1)
  if (!first || !last) return 'No entries'
  if (nextCursor === null && prevCursor === null) return entryCount(shown.length)
  const isOneDay =
    zone.wall(recordedMs(first.id)).slice(0, 10) === zone.wall(recordedMs(last.id)).slice(0, 10)
  const minute = ({ id }: LoggedEntry) => zone.wall(recordedMs(id)).slice(0, 16)
  const length = minute(first) === minute(last) ? 8 : 5
  const time = ({ id }: LoggedEntry) => {
    const clock = zone.time(recordedMs(id)).slice(0, length)
    if (isOneDay) return clock
    return `${zone.format(recordedMs(id), { day: 'numeric', month: 'short' })}, ${clock}`
  }
  const which = query.cursor === undefined ? 'Newest ' : ''
  return `${which}${entryCount(shown.length)}: ${time(last)} to ${time(first)}`
}

function pager(view: ViewState, { prevCursor, nextCursor }: EntryPage): Html | '' {
  const { cursor } = view.query
  if (cursor === undefined && prevCursor === null && nextCursor === null) return ''
  return html`<nav class="pager" aria-label="Pages">
${cursor === undefined ? '' : newest(view)}
${turn(view, prevCursor, '← Newer', 'prev')}
${turn(view, nextCursor, 'Older →', 'next')}
</nav>`
}

function newest({ query }: ViewState): Html {
  return html`<a href="${href(query.given, { cursor: null, entry: null })}">Newest</a>`
}

function turn({ query }: ViewState, cursor: string | null, label: string, rel: string): Html {
  if (cursor === null) return html`<span class="off">${label}</span>`
  // New entries belong on the newest page, so a link to another page turns live off.
  const address = href(query.given, { cursor, entry: null, live: null })
  return html`<a rel="${rel}" href="${address}">${label}</a>`
}

function exports({ query }: ViewState, page: EntryPage): Html | '' {
  if (page.entries.length === 0) return ''
  const link = (format: string, label: string) => {
    const address = filterHref(query.given, { live: null, limit: null, export: format })
    return html`<a href="${address}" download>${label}</a>`
  }
  return html`<p class="exports">Export all matching entries:
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
    const name = view.zone.day(recordedMs(ofDay[0]?.id ?? ''))
    return html`<section class="day" data-day="${day}" aria-label="${name}"><h3>${name}</h3>
<ol>${ofDay.map((entry) => entryRow(view, entry))}</ol></section>`
  })
}

/** Tells an empty log from a filter that no entry matches. */
function noEntries({ query }: ViewState): Html {
  const { from, to } = query.filter
  if (Object.keys(query.filter).length === 0) {
    return html`<div class="message"><h3>The log is empty</h3>
<p>An entry appears here when an application has recorded it and the relay has moved it to the
log.</p></div>`
  }
  const anyTime = filterHref(query.given, { range: null, from: null, to: null })
  const hasTime = from !== undefined || to !== undefined
  return html`<div class="message"><h3>No entry matches this filter</h3>
<p>Remove a filter above, ${hasTime ? html`<a href="${anyTime}">search all times</a>, ` : ''}or
<a href="?">show all entries</a>.</p></div>`
}

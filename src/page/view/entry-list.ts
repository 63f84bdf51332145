import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { TimelinePage as EntryPage } from '../../read/timeline.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { html, type Html } from '../http/html.ts'
import { filterHref, href } from '../query/address.ts'
import { entryRow } from './entry-row.ts'
import { entryCount } from './format.ts'
import type { LogBegin } from '../../removed/log-begin.ts'
import type { ViewState } from './view-state.ts'

/** Fewer reads in a row are shown as they are. */
const FEWEST_FOLDED = 3

/** The entries by day, newest first, and links to the other pages. */
export function entryList(view: ViewState, page: EntryPage, begin?: LogBegin): Html {
  const days = page.entries.length === 0 ? noEntries(view, page) : byDay(view, page.entries)
  return html`<section class="entry-list" id="entries" aria-labelledby="entries-heading" tabindex="-1">
<div class="heading"><h2 id="entries-heading">${heading(view, page)}</h2>
<p id="news" role="status" aria-live="polite"></p>
${exports(view, page)}</div>
<div id="days">${days}</div>
${begin === undefined ? '' : beginning(view, begin)}
${page.entries.length === 0 ? '' : lookedTo(view, page)}
${pager(view, page)}
</section>`
}

/** How far a page has looked that found less than it could hold. */
function lookedTo(
  { query, zone }: ViewState,
  { lookedTo: time, nextCursor }: EntryPage,
): Html | '' {
  if (time === undefined || nextCursor === null) return ''
  const address = href(query.given, { cursor: nextCursor, entry: null, live: null })
  return html`<p class="looked-to">Looked through everything from ${zone.exact(time.getTime())} on.
<a href="${address}">Look further back</a>, or narrow the filter by a time, a person or an action.</p>`
}

/** Why older entries are not in the list. */
function beginning({ zone }: ViewState, { atMs, isArchived }: LogBegin): Html {
  const date = zone.format(atMs, { day: 'numeric', month: 'short', year: 'numeric' })
  return html`<p class="log-begin">Before ${date}: removed by policy${isArchived ? ', archived' : ''}.
What a longer policy or a hold keeps is still listed.</p>`
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
  const [newest] = run
  if (newest === undefined || rows.length < FEWEST_FOLDED) return html`${rows}`
  const isOpen = run.some(({ id }) => id === view.query.entry)
  return html`<li class="reads" data-id="${newest.id}"><details${isOpen ? html` open` : ''}>
<summary>The log was read ${rows.length} times</summary>
<ol>${rows}</ol></details></li>`
}

/** Tells an empty log from a filter that no entry matches. */
function noEntries(view: ViewState, page: EntryPage): Html {
  const { query } = view
  const { from, to } = query.filter
  if (page.lookedTo !== undefined && page.nextCursor !== null) {
    return html`<div class="message"><h3>Nothing found yet</h3>${lookedTo(view, page)}</div>`
  }
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

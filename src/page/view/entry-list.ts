import { html } from 'hono/html'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { TimelinePage } from '../../read/timeline.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { filterHref, href } from '../query/address.ts'
import { row } from './entry-row.ts'
import { entries, type Html, type Scene } from './view-state.ts'

/** The entries by their days, newest first, and the ways on and back. */
export function list(scene: Scene, page: TimelinePage): Html {
  const days = page.entries.length === 0 ? nothing(scene) : byDay(scene, page.entries)
  return html`<section class="list" id="entries" aria-labelledby="entries-heading" tabindex="-1">
<div class="above"><h2 id="entries-heading">${heading(scene, page)}</h2>
<p id="news" role="status" aria-live="polite"></p>
${exports(scene, page)}</div>
<div id="days">${days}</div>
${pager(scene, page)}
</section>`
}

function heading({ query, zone }: Scene, { entries: shown, nextCursor, prevCursor }: TimelinePage) {
  const first = shown[0]
  const last = shown.at(-1)
  if (!first || !last) return 'No entries'
  if (nextCursor === null && prevCursor === null) return entries(shown.length)
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
  return `${which}${entries(shown.length)}: ${time(last)} to ${time(first)}`
}

function pager(scene: Scene, { prevCursor, nextCursor }: TimelinePage): Html | '' {
  const { cursor } = scene.query
  if (cursor === undefined && prevCursor === null && nextCursor === null) return ''
  return html`<nav class="pager" aria-label="Pages">
${cursor === undefined ? '' : newest(scene)}
${turn(scene, prevCursor, '← Newer', 'prev')}
${turn(scene, nextCursor, 'Older →', 'next')}
</nav>`
}

function newest({ query }: Scene): Html {
  return html`<a href="${href(query.given, { cursor: null, entry: null })}">Newest</a>`
}

function turn({ query }: Scene, cursor: string | null, label: string, rel: string): Html {
  if (cursor === null) return html`<span class="off">${label}</span>`
  // A page further back is no place for what happens now.
  const address = href(query.given, { cursor, entry: null, live: null })
  return html`<a rel="${rel}" href="${address}">${label}</a>`
}

function exports({ query }: Scene, page: TimelinePage): Html | '' {
  if (page.entries.length === 0) return ''
  const link = (format: string, label: string) => {
    const address = filterHref(query.given, { live: null, limit: null, export: format })
    return html`<a href="${address}" download>${label}</a>`
  }
  return html`<p class="exports">Export all that is filtered:
${link('ndjson', 'NDJSON')} ${link('csv', 'CSV')}</p>`
}

function byDay(scene: Scene, shown: readonly LoggedEntry[]): Html[] {
  const days = new Map<string, LoggedEntry[]>()
  for (const entry of shown) {
    const day = scene.zone.wall(recordedMs(entry.id)).slice(0, 10)
    const those = days.get(day)
    if (those) those.push(entry)
    else days.set(day, [entry])
  }
  return [...days].map(([day, those]) => {
    const name = scene.zone.day(recordedMs(those[0]?.id ?? ''))
    return html`<section class="day" data-day="${day}" aria-label="${name}"><h3>${name}</h3>
<ol>${those.map((entry) => row(scene, entry))}</ol></section>`
  })
}

/** Says which nothing it is: an empty log, or a filter that lets nothing through. */
function nothing({ query }: Scene): Html {
  const { from, to } = query.filter
  if (Object.keys(query.filter).length === 0) {
    return html`<div class="state"><h3>The log is empty</h3>
<p>Nothing has been logged yet. As soon as an application records an entry and the relay has moved
it, it stands here.</p></div>`
  }
  const anyTime = filterHref(query.given, { range: null, from: null, to: null })
  const where = from === undefined && to === undefined ? '' : ' in this range of time'
  return html`<div class="state"><h3>No entry fits this filter</h3>
<p>The log holds none with all of these values${where}. Take something off above,
${where === '' ? '' : html`<a href="${anyTime}">look for it at any time</a>,`} or
<a href="?">look at all entries</a>.</p></div>`
}

import { html, type Html } from '../http/html.ts'
import { href } from '../query/address.ts'
import { ariaCurrent } from './format.ts'
import { THEMES, type ViewState } from './view-state.ts'

/** How the query line is written, each with what it finds. */
const LINES = [
  ['maria@x.example', 'a word: an id, a name, an action, or text anywhere in the entry'],
  ['"left the company"', 'a phrase'],
  ['action:*.update', 'an action, or several: refund.*'],
  ['by:ada on:"Old Mill"', 'who did it, to what: ids or names'],
  ['outcome:denied or failed', 'one of these'],
  ['-audit.*', 'not this'],
  ['meta.plan=gold', 'a field of the metadata; also meta.cents>1000'],
  ['changed:email', 'a field that changed'],
  ['ip:10.0.0.0/8', 'an address, or a range'],
  ['after:-2h date:"3 May"', 'a time: yesterday, last week, 3 May 14:05'],
] as const

const KEYS = [
  ['/', 'Go to the query line'],
  ['j', 'Next entry'],
  ['k', 'Previous entry'],
  ['Enter', 'Open the entry'],
  ['Esc', 'Close the entry'],
  ['l', 'Turn live on or off'],
  ['?', 'Show this help'],
] as const

/** The bar at the top: live view, time zone, colours, help, and the viewer's name. */
export function topBar(view: ViewState): Html {
  const { viewerName } = view
  return html`<header class="top-bar">
<a class="skip" href="#entries">Skip to the entries</a>
<h1><a href="?">Audit log</a></h1>
<nav aria-label="View">
${liveSwitch(view)}
${zoneSwitch(view)}
${themeSwitch(view)}
${help(view)}
<span class="viewer" title="You are reading as ${viewerName}">${viewerName}</span>
${signOut(view)}
</nav>
</header>`
}

/** A form, because a link could be followed by a browser that only looks ahead. */
function signOut({ canSignOut, viewerName }: ViewState): Html | '' {
  if (!canSignOut) return ''
  return html`<form class="sign-out" method="post" action="?sign-out=1">
<button title="Sign out ${viewerName}"><span>Sign out</span>
<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M9.5 2H3v12h6.5M6.5 8H14m-3-3 3 3-3 3"/></svg>
</button></form>`
}

function liveSwitch({ query }: ViewState): Html {
  const { given, isLive } = query
  const address = href(given, { live: isLive ? null : '1', cursor: null, to: null })
  const title = isLive
    ? 'New entries appear as they are logged'
    : 'Show new entries as they are logged'
  return html`<a class="live" id="live" href="${address}" data-on="${isLive ? 'yes' : 'no'}"
title="${title}">
<span class="dot" aria-hidden="true"></span>Live <b>${isLive ? 'on' : 'off'}</b></a>`
}

function help({ readsAreRecorded }: ViewState): Html {
  return html`<details class="help" id="help">
<summary title="Keys and help"><span aria-hidden="true">?</span><span class="unseen">Help</span>
</summary>
<div class="sheet"><h2>Query line</h2>
<dl class="lines">
${LINES.map(([line, what]) => html`<div><dt><code>${line}</code></dt><dd>${what}</dd></div>`)}
</dl>
<p>All parts must hold. Its times are in the zone that is chosen above.</p>
<h2>Keys</h2>
<dl>
${KEYS.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}
</dl>
<h2>Links</h2>
<p>Click a user, event or target in the list to filter by it. Click a request to see all of its
entries. Ids in an open entry show all entries with that id.</p>
<p>The address contains the filter: send it to a colleague to show the same entries.</p>
<p>Click a bar, or drag over several, to choose a time range.</p>
${readsAreRecorded ? html`<p>What you read here is recorded in the log.</p>` : ''}
</div></details>`
}

function zoneSwitch({ query, zone }: ViewState): Html {
  const isUtc = zone.name === 'UTC'
  const addressOf = (name: string) => href(query.given, { zone: name })
  const place = zone.name.split('/').at(-1)?.replaceAll('_', ' ')
  // Only the browser knows its time zone, so the page's script completes and shows this link.
  const local = isUtc
    ? html`<a id="local-zone" href="${addressOf('UTC')}" hidden>Local</a>`
    : html`<a href="${addressOf(zone.name)}"${ariaCurrent(true)}>${place}</a>`
  return html`<span class="switch" role="group" aria-label="Time zone">
<a href="${addressOf('UTC')}"${ariaCurrent(isUtc)}>UTC</a>${local}</span>`
}

/** Each press goes one step on: auto (as the system), light, dark. */
function themeSwitch({ query, theme }: ViewState): Html {
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto'
  const label = `Colours: ${theme}. Change to ${next}`
  const address = href(query.given, { theme: next })
  return html`<a class="theme ${theme}" href="${address}" title="${label}">
<span class="unseen">${label}</span>
<svg viewBox="0 0 16 16" aria-hidden="true">
<circle cx="8" cy="8" r="6.2"/><path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z"/>
</svg></a>`
}

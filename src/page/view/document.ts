import { html } from 'hono/html'
import { assetHref } from '../http/assets.ts'
import { href } from '../query/address.ts'
import { current, type Html, type Scene, THEMES, type Theme } from './view-state.ts'

export interface DocumentParts {
  readonly title: string
  readonly theme: Theme
  /** Asks again by itself once, after so many seconds. */
  readonly refreshAfterS?: number | undefined
}

/** The frame of every page. Nothing in it is a script or a style of its own: both are files. */
export function document(parts: DocumentParts, body: Html): Html {
  const { title, theme, refreshAfterS } = parts
  return html`<!doctype html>
<html lang="en" data-theme="${theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${refreshAfterS === undefined ? '' : html`<meta http-equiv="refresh" content="${refreshAfterS}">`}
<title>${title}</title>
<link rel="icon" href="${assetHref('icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${assetHref('page.css')}">
<script type="module" src="${assetHref('page.js')}"></script>
</head>
<body>
${body}
</body>
</html>
`
}

const KEYS = [
  ['/', 'go to the filter'],
  ['j', 'next entry'],
  ['k', 'previous entry'],
  ['Enter', 'open the entry'],
  ['Esc', 'close it'],
  ['l', 'live on or off'],
  ['?', 'this help'],
] as const

/** The line at the top: where one is, who one is, and how one likes to read. */
export function masthead(scene: Scene): Html {
  const { viewerName } = scene
  return html`<header class="masthead">
<a class="skip" href="#entries">Skip to the entries</a>
<h1><a href="?">Audit log</a></h1>
<nav aria-label="Reading">
${liveSwitch(scene)}
${zoneSwitch(scene)}
${themeSwitch(scene)}
${help(scene)}
<span class="viewer" title="You are reading as ${viewerName}">${viewerName}</span>
</nav>
</header>`
}

function liveSwitch({ query }: Scene): Html {
  const { given, isLive } = query
  const address = href(given, { live: isLive ? null : '1', cursor: null, to: null })
  return html`<a class="live" id="live" href="${address}" data-on="${isLive ? 'yes' : 'no'}">
<span class="dot" aria-hidden="true"></span>Live <b>${isLive ? 'on' : 'off'}</b></a>`
}

function help({ isRecorded }: Scene): Html {
  return html`<details class="help" id="help">
<summary title="Keys and help"><span aria-hidden="true">?</span><span class="unseen">Help</span>
</summary>
<div class="sheet"><h2>Keys</h2>
<dl class="keys">
${KEYS.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}
</dl>
<p>Every id is a link. In the list it narrows what is shown, but for a request, which is shown as a
whole; beside the list it shows all entries with it. The address holds the filter: send it to a
colleague.
Drag over the bars to choose a range of time; each bar is a link, too.</p>
${isRecorded ? html`<p>What you read here is itself written into the log.</p>` : ''}
</div></details>`
}

function zoneSwitch({ query, zone }: Scene): Html {
  const isUtc = zone.name === 'UTC'
  const addressOf = (name: string) => href(query.given, { zone: name })
  const place = zone.name.split('/').at(-1)?.replaceAll('_', ' ')
  // Only the browser knows its zone: its script shows the link and fills it in.
  const local = isUtc
    ? html`<a id="local-zone" href="${addressOf('UTC')}" hidden>Local</a>`
    : html`<a href="${addressOf(zone.name)}"${current(true)}>${place}</a>`
  return html`<span class="switch" role="group" aria-label="Time zone">
<a href="${addressOf('UTC')}"${current(isUtc)}>UTC</a>${local}</span>`
}

/** One step on at each press: as the system has it, light, dark. */
function themeSwitch({ query, theme }: Scene): Html {
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto'
  const label = `Colours: ${theme}. Change to ${next}`
  const address = href(query.given, { theme: next })
  return html`<a class="theme ${theme}" href="${address}" title="${label}">
<span class="unseen">${label}</span>
<svg viewBox="0 0 16 16" aria-hidden="true">
<circle cx="8" cy="8" r="6.2"/><path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z"/>
</svg></a>`
}

import { type Language, LANGUAGES } from '../../../actions/language.ts'
import { html, type Html } from '../../http/html.ts'
import { href } from '../../query/address.ts'
import { ariaCurrent } from '../format.ts'
import { THEMES } from '../look.ts'
import type { ViewState } from '../view-state.ts'
import type { TextKey } from '../../language/texts.ts'

/** How the query line is written, each with what it finds. */
const LINES = [
  ['maria "left the company" yesterday', 'lineWord'],
  ['action:*.update', 'lineAction'],
  ['by:ada on:"Old Mill"', 'lineBy'],
  ['outcome:denied or failed', 'lineOr'],
  ['-by:me -audit.*', 'lineNot'],
  ['is:impersonated no:actor', 'lineIs'],
  ['order:1042 amount>1000', 'lineMeta'],
  ['changed:email ip:10.0.0.0/8', 'lineChanged'],
  ['after:-2h date:"3 May"', 'lineTime'],
] as const satisfies readonly (readonly [string, TextKey])[]

const KEYS = [
  ['/', 'keySlash'],
  ['j', 'keyJ'],
  ['k', 'keyK'],
  ['Enter', 'keyEnter'],
  ['Esc', 'keyEsc'],
  ['l', 'keyL'],
  ['?', 'keyHelp'],
] as const satisfies readonly (readonly [string, TextKey])[]

/** "Audit log", or what the application calls it. */
export function titleOf({ look, words }: Pick<ViewState, 'look' | 'words'>): string {
  return look.title ?? words.say('auditLog')
}

/** The bar at the top: live view, time zone, colours, help, and the viewer's name. */
export function topBar(view: ViewState): Html {
  const { viewerName, words } = view
  return html`<header class="top-bar">
<a class="skip" href="#entries">${words.say('skip')}</a>
<h1><a href="?">${titleOf(view)}</a></h1>
<nav aria-label="${words.say('view')}">
${liveSwitch(view)}
${zoneSwitch(view)}
${themeSwitch(view)}
${help(view)}
<span class="viewer" title="${words.say('readingAs', { viewer: viewerName })}">${viewerName}</span>
${signOut(view)}
</nav>
</header>`
}

/** A form, because a link could be followed by a browser that only looks ahead. */
function signOut({ canSignOut, viewerName, words }: ViewState): Html | '' {
  if (!canSignOut) return ''
  return html`<form class="sign-out" method="post" action="?sign-out=1">
<button title="${words.say('signOutAs', { viewer: viewerName })}"><span>${words.say('signOut')}</span>
<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M9.5 2H3v12h6.5M6.5 8H14m-3-3 3 3-3 3"/></svg>
</button></form>`
}

function liveSwitch({ query, words }: ViewState): Html {
  const { given, isLive } = query
  // A range that has ended has no new entries.
  const hasEnd = given['range'] !== undefined && query.filter.to !== undefined
  const withoutEnd = hasEnd ? { to: null, range: null } : { to: null }
  const address = href(given, {
    live: isLive ? null : '1',
    order: null,
    cursor: null,
    ...withoutEnd,
  })
  const title = words.say(isLive ? 'liveIsOn' : 'liveIsOff')
  return html`<a class="live" id="live" href="${address}" data-on="${isLive ? 'yes' : 'no'}"
title="${title}">
<span class="dot" aria-hidden="true"></span>${words.say('live')} <b>${words.say(isLive ? 'liveOn' : 'liveOff')}</b></a>`
}

/** Each by its own name, so that a reader who cannot read the page finds theirs. */
const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  fr: 'Français',
}

function languageLink({ query, words }: ViewState, language: Language): Html {
  const isCurrent = words.language === language
  return html`<a href="${href(query.given, { lang: language })}" lang="${language}"
hreflang="${language}"${ariaCurrent(isCurrent)}>${LANGUAGE_NAMES[language]}</a>`
}

function help(view: ViewState): Html {
  const { isSignedLink, readsAreRecorded, words } = view
  return html`<details class="help" id="help">
<summary title="${words.say('keysAndHelp')}"><span aria-hidden="true">?</span><span class="unseen">${words.say('help')}</span>
</summary>
<div class="sheet"><h2>${words.say('queryLine')}</h2>
<dl class="lines">
${LINES.map(([line, what]) => html`<div><dt><code>${line}</code></dt><dd>${words.say(what)}</dd></div>`)}
</dl>
<p>${words.say('lineRule')}</p>
<h2>${words.say('keys')}</h2>
<dl>
${KEYS.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${words.say(what)}</dd></div>`)}
</dl>
<h2>${words.say('links')}</h2>
<p>${words.say('linksFilter')}</p>
${isSignedLink ? '' : html`<p>${words.say('linksShare')}</p>`}
<p>${words.say('linksRange')}</p>
${readsAreRecorded ? html`<p>${words.say('readsRecorded')}</p>` : ''}
<h2>${words.say('language')}</h2>
<span class="switch">${LANGUAGES.map((language) => languageLink(view, language))}</span>
</div></details>`
}

function zoneSwitch({ query, zone, words }: ViewState): Html {
  const isUtc = zone.name === 'UTC'
  const addressOf = (name: string) => href(query.given, { zone: name })
  const place = zone.name.split('/').at(-1)?.replaceAll('_', ' ')
  // Only the browser knows its time zone, so the page's script completes and shows this link.
  const local = isUtc
    ? html`<a id="local-zone" href="${addressOf('UTC')}" hidden>${words.say('local')}</a>`
    : html`<a href="${addressOf(zone.name)}"${ariaCurrent(true)}>${place}</a>`
  return html`<span class="switch" role="group" aria-label="${words.say('timeZone')}">
<a href="${addressOf('UTC')}"${ariaCurrent(isUtc)}>UTC</a>${local}</span>`
}

/** Each press goes one step on: auto (as the system), light, dark. */
function themeSwitch({ query, theme, words }: ViewState): Html {
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto'
  const label = words.say('colours', { now: words.say(theme), next: words.say(next) })
  const address = href(query.given, { theme: next })
  return html`<a class="theme ${theme}" href="${address}" title="${label}">
<span class="unseen">${label}</span>
<svg viewBox="0 0 16 16" aria-hidden="true">
<circle cx="8" cy="8" r="6.2"/><path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z"/>
</svg></a>`
}

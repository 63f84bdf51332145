import { html } from 'hono/html'
import { document } from './document.ts'
import type { Html, Theme } from './view-state.ts'

/** The log could not be read: said in the list's own place, with the filter still above it. */
export function outage(message: string, hint: string | undefined, again: string): Html {
  return html`<section class="list" id="entries" tabindex="-1">
<div class="state failure" role="alert">
<h2>The log cannot be read right now</h2>
<p>${message}${hint === undefined ? '' : html` ${hint}`}</p>
<p>This page only reads: recording does not go through it.
<a href="${again}">Try again</a></p>
</div></section>`
}

const BESIDE = 'What is wrong stands beside its field above.'

/** The question was wrong: what is wrong stands beside its field, and the rest of it here. */
export function refusal(problems: ReadonlyMap<string, string>): Html {
  const fields = new Set(['action', 'user', 'event', 'target', 'request', 'from', 'to'])
  const others = [...problems].filter(([name]) => !fields.has(name))
  return html`<section class="list" id="entries" tabindex="-1">
<div class="state failure" role="alert">
<h2>This filter cannot be used</h2>
${others.map(([name, message]) => html`<p>${name === '' ? '' : `${name}: `}${message}</p>`)}
${others.length < problems.size ? html`<p>${BESIDE}</p>` : ''}
<p><a href="?">Look at all entries</a></p>
</div></section>`
}

export interface NoticeParts {
  readonly title: string
  readonly message: string
  readonly theme: Theme
  readonly refreshAfterS?: number | undefined
}

/** A page that holds a message and nothing of the log. */
export function notice({ title, message, theme, refreshAfterS }: NoticeParts): Html {
  const body = html`<main class="notice"><h1>${title}</h1><p>${message}</p></main>`
  return document({ title: `${title} · Audit log`, theme, refreshAfterS }, body)
}

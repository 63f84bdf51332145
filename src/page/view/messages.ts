import { html, type Html } from '../http/html.ts'
import { FIELD_NAMES } from '../query/address.ts'
import { document } from './document.ts'
import type { Theme } from './view-state.ts'

/** Shown in place of the list, under the filter, when the database cannot be read. */
export function logUnreadable(message: string, hint: string | undefined, retryHref: string): Html {
  return html`<section class="entry-list" id="entries" tabindex="-1">
<div class="message warning" role="alert">
<h2>The log cannot be read right now</h2>
<p>${message}${hint === undefined ? '' : html` ${hint}`}</p>
<p>This page only reads the log and does not affect recording.
<a href="${retryHref}">Try again</a></p>
</div></section>`
}

/** Shown in place of the list when parameters are invalid. Fields of the form show their own. */
export function filterProblems(problems: ReadonlyMap<string, string>): Html {
  const fields = new Set<string>([...FIELD_NAMES, 'from', 'to'])
  const others = [...problems].filter(([name]) => !fields.has(name))
  return html`<section class="entry-list" id="entries" tabindex="-1">
<div class="message warning" role="alert">
<h2>This filter is invalid</h2>
${others.map(([name, message]) => html`<p>${name === '' ? '' : `${name}: `}${message}</p>`)}
${others.length < problems.size ? html`<p>See the message next to each field.</p>` : ''}
<p><a href="?">Show all entries</a></p>
</div></section>`
}

export interface NoticeParts {
  readonly title: string
  readonly message: string
  readonly theme: Theme
  readonly refreshAfterS?: number | undefined
}

/** A page with a message and nothing of the log. */
export function noticePage({ title, message, theme, refreshAfterS }: NoticeParts): Html {
  const body = html`<main class="notice"><h1>${title}</h1><p>${message}</p></main>`
  return document({ title: `${title} · Audit log`, theme, refreshAfterS }, body)
}

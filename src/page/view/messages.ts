import { html, type Html } from '../http/html.ts'
import { FIELD_NAMES } from '../query/address.ts'
import type { Words } from '../language/words.ts'
import { RANGE_FIELDS } from '../query/range.ts'
import { document } from './document.ts'
import type { Look, Theme } from './look.ts'

/** Shown in place of the list, under the filter, when the database cannot be read. */
export function logUnreadable(
  words: Words,
  message: string,
  hint: string | undefined,
  retryHref: string,
): Html {
  return html`<section class="entry-list" id="entries" tabindex="-1">
<div class="message warning" role="alert">
<h2>${words.say('unreadableNow')}</h2>
<p>${message}${hint === undefined ? '' : html` ${hint}`}</p>
<p>${words.say('onlyReads')}
<a href="${retryHref}">${words.say('tryAgain')}</a></p>
</div></section>`
}

/** Shown in place of the list when parameters are invalid. Fields of the form show their own. */
export function filterProblems(words: Words, problems: ReadonlyMap<string, string>): Html {
  const fields = new Set<string>([...FIELD_NAMES, ...RANGE_FIELDS])
  const others = [...problems].filter(([name]) => !fields.has(name))
  return html`<section class="entry-list" id="entries" tabindex="-1">
<div class="message warning" role="alert">
<h2>${words.say(problems.has('view') ? 'viewNotSaved' : 'invalidFilter')}</h2>
${others.map(([name, message]) => html`<p>${name === '' || name === 'view' ? '' : `${name}: `}${words.message(message)}</p>`)}
${others.length < problems.size ? html`<p>${words.say('seeFields')}</p>` : ''}
<p><a href="?">${words.say('showAll')}</a></p>
</div></section>`
}

export interface NoticeParts {
  readonly title: string
  readonly message: string
  readonly theme: Theme
  readonly words: Words
  readonly look: Look
  readonly refreshAfterS?: number | undefined
}

/** A page with a message and nothing of the log. */
export function noticePage({
  title,
  message,
  theme,
  words,
  look,
  refreshAfterS,
}: NoticeParts): Html {
  const body = html`<main class="notice"><h1>${title}</h1><p>${message}</p></main>`
  const full = `${title} · ${look.title ?? words.say('auditLog')}`
  return document({ title: full, theme, words, look, refreshAfterS }, body)
}

import { ACTOR_KINDS, OUTCOMES } from '../../../entry.ts'
import { type LogQuery, type QueryProblem, withoutPart } from '../../../query/log-query.ts'
import { MAX_QUERY_CHARACTERS } from '../../../query/parse-query.ts'
import type { LoggedEntry } from '../../../read/logged-entry.ts'
import { html, type Html } from '../../http/html.ts'
import { FIELD_NAMES, type FieldName, filterHref } from '../../query/address.ts'
import { hidesReads } from '../../query/hidden-reads.ts'
import type { Query } from '../../query/query.ts'
import { RANGE_FIELDS } from '../../query/range.ts'
import type { Words } from '../../language/words.ts'
import { shortened, visible } from '../../sentence/plain-text.ts'
import { currentFilter } from './current-filter.ts'
import { viewsMenu } from './views-menu.ts'
import { presets, rangeInput } from './range-control.ts'
import { inCommas } from '../format.ts'
import type { ViewState } from '../view-state.ts'

/** Names that one text stands for, as many as are listed. */
const MOST_NAMES = 5
const MOST_PROBLEMS = 5
const MAX_TEXT = 60
const MOST_SUGGESTIONS = 16

/** Fields that take one of a few words. */
const WORDS: Readonly<Partial<Record<FieldName, readonly string[]>>> = {
  outcome: OUTCOMES,
  kind: ACTOR_KINDS,
}

/** The form, the ranges that have a link, and the current filter with a link to remove each value. */
export function filterForm(view: ViewState, shownEntries: readonly LoggedEntry[]): Html {
  const { words } = view
  const { given, problems } = view.query
  const isOpen = FIELD_NAMES.some((name) => problems.has(name))
  return html`<search>
<form class="filter-form" aria-label="${words.say('filterForm')}" autocomplete="off" autocapitalize="none" spellcheck="false">
${KEPT.map((name) => {
  const value = given[name]
  return value === undefined ? '' : html`<input type="hidden" name="${name}" value="${value}">`
})}
<div class="query-line">
<input id="q" name="q" type="search" aria-label="${words.say('search')}" value="${given['q'] ?? ''}" placeholder="${EXAMPLE}"
maxlength="${MAX_QUERY_CHARACTERS}">
${rangeInput(view)}
<button>${words.say('filter')}</button>
</div>
${RANGE_FIELDS.map((name) => problemText(words, problems, name))}
<details class="more" id="filters"${isOpen ? html` open` : ''}>
<summary>${words.say('moreFilters')}</summary>
<div class="fields">
${FIELD_NAMES.map((name) => textField(view, name))}</div>
<datalist id="actions">${suggestions(shownEntries).map((name) => html`<option>${name}</option>`)}</datalist>
</details>
</form>
<div class="current-filter">
${presets(view)}
${readsSwitch(view)}
${currentFilter(view)}
${viewsMenu(view)}
</div>
${lineNotes(view)}
</search>`
}

/** What the form keeps of the address. */
const KEPT = ['limit', 'live', 'reads', 'bars'] as const
const EXAMPLE = 'maria refund failed  last week  by:ada  amount>1000  -audit.*'

function textField({ query, words }: ViewState, name: FieldName): Html {
  const list = name === 'action' ? 'actions' : WORDS[name] && `words-${name}`
  const value = query.given[name]
  return html`<div class="field"><label>${words.say(name)}
<input name="${name}"${value === undefined ? '' : html` value="${value}"`}${list === undefined ? '' : html` list="${list}"`}${invalidAttributes(query.problems, name)}></label>
${wordList(name)}${problemText(words, query.problems, name)}</div>
`
}

function wordList(name: FieldName): Html | '' {
  const words = WORDS[name]
  if (words === undefined) return ''
  return html`<datalist id="words-${name}">${words.map((word) => html`<option>${word}</option>`)}</datalist>`
}

function invalidAttributes(problems: ReadonlyMap<string, string>, name: string): Html | '' {
  return problems.has(name) ? html` aria-invalid="true" aria-describedby="p-${name}"` : ''
}

function problemText(words: Words, problems: ReadonlyMap<string, string>, name: string): Html | '' {
  const message = problems.get(name)
  return message === undefined
    ? ''
    : html`<p class="problem" id="p-${name}">${words.message(message)}</p>`
}

/** Actions of the entries on the page, so that they need no query of their own. */
function suggestions(entries: readonly LoggedEntry[]): readonly string[] {
  const actions = entries.map(({ action }) => action)
  const patterns = actions
    .filter((name) => /^[^.]+\./.test(name))
    .map((name) => `${name.split('.')[0]}.*`)
  return [...new Set([...actions, ...patterns])].slice(0, MOST_SUGGESTIONS).sort()
}

/** What of the query line was not understood, and what its names stand for. */
function lineNotes(view: ViewState): Html | '' {
  const { line } = view.query
  if (line === undefined) return ''
  const notes = [...problems(view, line), ...crowds(view, line)]
  return notes.length === 0
    ? ''
    : html`<div role="status"><ul class="line-notes">${notes}</ul></div>`
}

function problems({ query, words }: ViewState, line: LogQuery): Html[] {
  const shown = line.problems.slice(0, MOST_PROBLEMS).map((problem) => {
    const near = problem.near.map((text) => nearLink(query, line, problem, text))
    const part = html`<b>${visible(shortened(problem.text, MAX_TEXT))}</b>`
    const said = words.html(problem.isUsed ? 'findsNothing' : 'notUsed', {
      part,
      why: visible(words.message(problem.message)),
    })
    const meant = near.length === 0 ? '' : words.html('didYouMean', { near: inCommas(near) })
    return html`<li class="problem">${said} ${meant}</li>`
  })
  const left = line.problems.length - shown.length
  const more = html`<li class="problem">${words.count('moreProblems', left)}</li>`
  return left === 0 ? shown : [...shown, more]
}

function nearLink(query: Query, line: LogQuery, { from, to }: QueryProblem, text: string): Html {
  const q = `${line.text.slice(0, from)}${text}${line.text.slice(to)}`
  return html` <a href="${filterHref(query.given, { q })}">${visible(text)}</a>`
}

/** Several that have one name: each with a link that asks for it alone. */
function crowds({ query, nameOf, seenBy, words }: ViewState, line: LogQuery): Html[] {
  if (seenBy?.onlyEventId !== undefined || seenBy?.staffAs !== undefined) return []
  return line.parts.flatMap((part) =>
    part.terms.flatMap((term) => {
      if (term.kind !== 'id' || term.ids === undefined || term.ids.length < 2) return []
      const links = term.ids.slice(0, MOST_NAMES).map((id) => {
        const own = `${part.isNot ? '-' : ''}${term.place}:${id}`
        const q = `${withoutPart(line, part)} ${own}`.trim()
        return html` <a href="${filterHref(query.given, { q })}">${visible(nameOf(id) ?? id)}</a>`
      })
      const others = term.ids.length > MOST_NAMES ? ` ${words.say('andOthers')}` : ''
      const values = {
        count: words.number(term.ids.length),
        name: visible(term.text),
        people: html`${links}${others}`,
      }
      return [html`<li>${words.html('crowd', values)}</li>`]
    }),
  )
}

/** Whether the list has the entries about those who read the log. */
function readsSwitch({ query, words }: ViewState): Html | '' {
  const { given } = query
  if (given['reads'] !== '1' && !hidesReads(query)) return ''
  const isShown = given['reads'] === '1'
  const address = filterHref(given, { reads: isShown ? null : '1' })
  const title = words.say(isShown ? 'hideReadsTitle' : 'showReadsTitle')
  const label = words.say(isShown ? 'hideReads' : 'showReads')
  return html`<a class="reads" href="${address}" title="${title}">${label}</a>`
}

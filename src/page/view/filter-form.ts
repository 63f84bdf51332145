import { ACTOR_KINDS, OUTCOMES } from '../../entry.ts'
import { type LogQuery, type QueryProblem, withoutPart } from '../../query/log-query.ts'
import { MAX_QUERY_CHARACTERS } from '../../query/parse-query.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { html, type Html } from '../http/html.ts'
import { FIELD_NAMES, type FieldName, filterHref } from '../query/address.ts'
import { hidesReads } from '../query/hidden-reads.ts'
import { type Query, RANGES, type RangeName } from '../query/query.ts'
import type { TextKey } from '../language/texts.ts'
import { shortened, shortId, visible } from '../sentence/plain-text.ts'
import { ariaCurrent } from './format.ts'
import type { ViewState } from './view-state.ts'

/** Names that one text stands for, as many as are listed. */
const MOST_NAMES = 5
const MOST_PROBLEMS = 5
const MAX_TEXT = 60

const PLACEHOLDERS: Readonly<Record<FieldName, string>> = {
  action: 'branding.*',
  user: 'id',
  event: 'id',
  target: 'id',
  request: 'id',
  outcome: 'denied',
  actor: 'id',
  kind: 'agent',
  also: 'id',
}
/** Fields that take one of a few words. */
const WORDS: Readonly<Partial<Record<FieldName, readonly string[]>>> = {
  outcome: OUTCOMES,
  kind: ACTOR_KINDS,
}

/** The form, the preset time ranges, and the current filter with a link to remove each value. */
export function filterForm(view: ViewState, shownEntries: readonly LoggedEntry[]): Html {
  const { words } = view
  const { given } = view.query
  const isOpen = [...FIELD_NAMES, 'from', 'to'].some((name) => view.query.problems.has(name))
  return html`<search>
<form class="filter-form" method="get" aria-label="${words.say('filterForm')}">
${['range', 'limit', 'live', 'reads'].map((name) =>
  given[name] === undefined
    ? ''
    : html`<input type="hidden" name="${name}" value="${given[name]}">`,
)}
<div class="query-line">
<label for="q" class="unseen">${words.say('search')}</label>
<input id="q" name="q" type="search" value="${given['q'] ?? ''}" placeholder="${EXAMPLE}"
maxlength="${MAX_QUERY_CHARACTERS}" autocomplete="off" autocapitalize="none" spellcheck="false">
<button type="submit">${words.say('filter')}</button>
</div>
<details class="more" id="filters"${isOpen ? html` open` : ''}>
<summary>${words.say('moreFilters')}</summary>
<div class="fields">
${FIELD_NAMES.map((name) => textField(view, name))}
${timeField(view, 'from')}
${timeField(view, 'to')}
</div>
<datalist id="actions">
${suggestions(shownEntries).map((name) => html`<option value="${name}"></option>`)}
</datalist>
</details>
</form>
<div class="current-filter">
${presets(view)}
${readsSwitch(view)}
${currentFilter(view)}
</div>
${lineNotes(view)}
</search>`
}

const EXAMPLE = 'maria@x.example  -audit.*  action:refund.* or invoice.*  by:ada  after:-2h'

function textField({ query, words }: ViewState, name: FieldName): Html {
  const list = name === 'action' ? 'actions' : WORDS[name] && `words-${name}`
  return html`<div class="field ${name}">
<label for="f-${name}">${words.say(name)}</label>
<input id="f-${name}" name="${name}" type="text" value="${query.given[name] ?? ''}"
placeholder="${PLACEHOLDERS[name]}" autocomplete="off" autocapitalize="none" spellcheck="false"
${list === undefined ? '' : html` list="${list}"`}${invalidAttributes(query.problems, name)}>
${wordList(name)}${problemText(query.problems, name)}
</div>`
}

function wordList(name: FieldName): Html | '' {
  const words = WORDS[name]
  if (words === undefined) return ''
  return html`<datalist id="words-${name}">
${words.map((word) => html`<option value="${word}"></option>`)}
</datalist>`
}

function timeField({ query, zone, words }: ViewState, name: 'from' | 'to'): Html {
  const ms = query.given[name] === undefined ? undefined : query.filter[name]
  const value = ms === undefined ? '' : zone.wall(Number(ms)).slice(0, 19)
  const where = zone.name === 'UTC' ? 'UTC' : words.say('zoneLocal')
  return html`<div class="field time">
<label for="f-${name}">${words.say(name)} <small>${where}</small></label>
<input id="f-${name}" name="${name}" type="datetime-local" step="1" value="${value}"
${invalidAttributes(query.problems, name)}>
${problemText(query.problems, name)}
</div>`
}

function invalidAttributes(problems: ReadonlyMap<string, string>, name: string): Html | '' {
  return problems.has(name) ? html` aria-invalid="true" aria-describedby="p-${name}"` : ''
}

function problemText(problems: ReadonlyMap<string, string>, name: string): Html | '' {
  const message = problems.get(name)
  return message === undefined ? '' : html`<p class="problem" id="p-${name}">${message}</p>`
}

/** The actions of the entries on the page, so that they need no query of their own. */
function suggestions(entries: readonly LoggedEntry[]): readonly string[] {
  const actions = entries.map(({ action }) => action)
  const patterns = actions
    .filter((name) => /^[^.]+\./.test(name))
    .map((name) => `${name.split('.')[0]}.*`)
  return [...new Set([...actions, ...patterns])].sort()
}

const RANGE_TEXTS = {
  '1h': 'lastHour',
  today: 'today',
  '7d': 'sevenDays',
} as const satisfies Record<RangeName, TextKey>

function presets({ query, words }: ViewState): Html {
  const { given } = query
  const hasRange = given['range'] ?? given['from'] ?? given['to']
  const link = (name: RangeName | null, label: string, isOn: boolean) => {
    const address = filterHref(given, { range: name, from: null, to: null })
    return html`<a href="${address}"${ariaCurrent(isOn)}>${label}</a>`
  }
  const links = RANGES.map((name) =>
    link(name, words.say(RANGE_TEXTS[name]), given['range'] === name),
  )
  return html`<span class="switch" role="group" aria-label="${words.say('timeRange')}">
${link(null, words.say('allTime'), !hasRange)}${links}</span>`
}

/** The current filter. */
function currentFilter(view: ViewState): Html[] {
  const { query, zone, nameOf, words } = view
  const { given } = query
  const ids = FIELD_NAMES.filter((name) => given[name] !== undefined).map((name) => {
    const value = given[name] ?? ''
    const isWord = name === 'action' || WORDS[name] !== undefined
    const text = isWord ? shortened(value, 60) : (nameOf(value) ?? shortId(value))
    return chip(view, words.inside(name), text, value, filterHref(given, { [name]: null }))
  })
  const times = (['from', 'to'] as const).flatMap((name) => {
    const ms = query.filter[name]
    if (given[name] === undefined || ms === undefined) return []
    const text = zone.exact(Number(ms)).replace(/\.000 /, ' ')
    const label = words.say(name === 'from' ? 'chipFrom' : 'chipTo')
    return [chip(view, label, text, text, filterHref(given, { [name]: null }))]
  })
  const chips = [...lineChips(view), ...ids, ...times]
  const clear = html`<a class="clear" href="?">${words.say('clearAll')}</a>`
  return chips.length < 2 ? chips : [...chips, clear]
}

/** A part of the query line each, with a link that takes it out. */
function lineChips(view: ViewState): Html[] {
  const { query, words } = view
  const { given, line } = query
  if (line === undefined) return []
  return line.parts.map((part) => {
    const name = part.name === '' ? words.say('chipText') : part.name
    const label = part.isNot ? words.say('chipNot', { name }) : name
    const address = filterHref(given, { q: withoutPart(line, part) || null })
    return chip(view, label, shortened(part.value, MAX_TEXT), part.value, address)
  })
}

/** What of the query line was not understood, and what its names stand for. */
function lineNotes(view: ViewState): Html | '' {
  const { line } = view.query
  if (line === undefined) return ''
  const notes = [...problems(view, line), ...crowds(view, line)]
  return notes.length === 0 ? '' : html`<ul class="line-notes" role="status">${notes}</ul>`
}

function problems({ query, words }: ViewState, line: LogQuery): Html[] {
  const shown = line.problems.slice(0, MOST_PROBLEMS).map((problem) => {
    const near = problem.near.map((text) => nearLink(query, line, problem, text))
    const part = html`<b>${visible(shortened(problem.text, MAX_TEXT))}</b>`
    const said = words.html(problem.isUsed ? 'findsNothing' : 'notUsed', {
      part,
      why: visible(problem.message),
    })
    const meant = near.length === 0 ? '' : words.html('didYouMean', { near: html`${near}` })
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

function chip(
  { words }: ViewState,
  label: string,
  text: string,
  fullText: string,
  removeHref: string,
): Html {
  return html`<span class="chip" title="${visible(fullText)}"><small>${label}</small> ${text}
<a href="${removeHref}" aria-label="${words.say('remove', { name: label })}">×</a></span>`
}

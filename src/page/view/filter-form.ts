import { ACTOR_KINDS, OUTCOMES } from '../../entry.ts'
import { type LogQuery, type QueryProblem, withoutPart } from '../../query/log-query.ts'
import { MAX_QUERY_CHARACTERS } from '../../query/parse-query.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { html, type Html } from '../http/html.ts'
import { FIELDS, FIELD_NAMES, type FieldName, filterHref } from '../query/address.ts'
import { hidesReads } from '../query/hidden-reads.ts'
import { type Query, RANGES, type RangeName } from '../query/query.ts'
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
  const { given } = view.query
  const isOpen = [...FIELD_NAMES, 'from', 'to'].some((name) => view.query.problems.has(name))
  return html`<search>
<form class="filter-form" method="get" aria-label="Filter the entries">
${['range', 'limit', 'live', 'reads'].map((name) =>
  given[name] === undefined
    ? ''
    : html`<input type="hidden" name="${name}" value="${given[name]}">`,
)}
<div class="query-line">
<label for="q" class="unseen">Search</label>
<input id="q" name="q" type="search" value="${given['q'] ?? ''}" placeholder="${EXAMPLE}"
maxlength="${MAX_QUERY_CHARACTERS}" autocomplete="off" autocapitalize="none" spellcheck="false">
<button type="submit">Filter</button>
</div>
<details class="more" id="filters"${isOpen ? html` open` : ''}>
<summary>More filters</summary>
<div class="fields">
${FIELD_NAMES.map((name) => textField(view, name))}
${timeField(view, 'from', 'From')}
${timeField(view, 'to', 'To')}
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

function textField({ query }: ViewState, name: FieldName): Html {
  const list = name === 'action' ? 'actions' : WORDS[name] && `words-${name}`
  return html`<div class="field ${name}">
<label for="f-${name}">${FIELDS[name].label}</label>
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

function timeField({ query, zone }: ViewState, name: 'from' | 'to', label: string): Html {
  const ms = query.given[name] === undefined ? undefined : query.filter[name]
  const value = ms === undefined ? '' : zone.wall(Number(ms)).slice(0, 19)
  const where = zone.name === 'UTC' ? 'UTC' : 'local'
  return html`<div class="field time">
<label for="f-${name}">${label} <small>${where}</small></label>
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

function presets({ query }: ViewState): Html {
  const { given } = query
  const hasRange = given['range'] ?? given['from'] ?? given['to']
  const link = (name: RangeName | null, label: string, isOn: boolean) => {
    const address = filterHref(given, { range: name, from: null, to: null })
    return html`<a href="${address}"${ariaCurrent(isOn)}>${label}</a>`
  }
  const links = (Object.entries(RANGES) as [RangeName, string][]).map(([name, label]) =>
    link(name, label, given['range'] === name),
  )
  return html`<span class="switch" role="group" aria-label="Time range">
${link(null, 'All time', !hasRange)}${links}</span>`
}

/** The current filter. */
function currentFilter({ query, zone, nameOf }: ViewState): Html[] {
  const { given } = query
  const words = lineChips(query)
  const ids = FIELD_NAMES.filter((name) => given[name] !== undefined).map((name) => {
    const value = given[name] ?? ''
    const isWord = name === 'action' || WORDS[name] !== undefined
    const text = isWord ? shortened(value, 60) : (nameOf(value) ?? shortId(value))
    return chip(FIELDS[name].label.toLowerCase(), text, value, filterHref(given, { [name]: null }))
  })
  const times = (['from', 'to'] as const).flatMap((name) => {
    const ms = query.filter[name]
    if (given[name] === undefined || ms === undefined) return []
    const text = zone.exact(Number(ms)).replace(/\.000 /, ' ')
    return [chip(name, text, text, filterHref(given, { [name]: null }))]
  })
  const chips = [...words, ...ids, ...times]
  return chips.length < 2 ? chips : [...chips, html`<a class="clear" href="?">Clear all</a>`]
}

/** A part of the query line each, with a link that takes it out. */
function lineChips({ given, line }: Query): Html[] {
  if (line === undefined) return []
  return line.parts.map((part) => {
    const name = part.name === '' ? 'text' : part.name
    const label = part.isNot ? `not ${name}` : name
    const address = filterHref(given, { q: withoutPart(line, part) || null })
    return chip(label, shortened(part.value, MAX_TEXT), part.value, address)
  })
}

/** What of the query line was not understood, and what its names stand for. */
function lineNotes(view: ViewState): Html | '' {
  const { line } = view.query
  if (line === undefined) return ''
  const notes = [...problems(view, line), ...crowds(view, line)]
  return notes.length === 0 ? '' : html`<ul class="line-notes" role="status">${notes}</ul>`
}

function problems({ query }: ViewState, line: LogQuery): Html[] {
  const shown = line.problems.slice(0, MOST_PROBLEMS).map((problem) => {
    const near = problem.near.map((text) => nearLink(query, line, problem, text))
    return html`<li class="problem"><b>${visible(shortened(problem.text, MAX_TEXT))}</b>
${problem.isUsed ? 'finds nothing' : 'is not used'}: ${visible(problem.message)}${near.length === 0 ? '' : html` Did you mean${near}?`}</li>`
  })
  const left = line.problems.length - shown.length
  return left === 0 ? shown : [...shown, html`<li class="problem">And ${left} more.</li>`]
}

function nearLink(query: Query, line: LogQuery, { from, to }: QueryProblem, text: string): Html {
  const q = `${line.text.slice(0, from)}${text}${line.text.slice(to)}`
  return html` <a href="${filterHref(query.given, { q })}">${visible(text)}</a>`
}

/** Several that have one name: each with a link that asks for it alone. */
function crowds({ query, nameOf, seenBy }: ViewState, line: LogQuery): Html[] {
  if (seenBy?.onlyEventId !== undefined || seenBy?.staffAs !== undefined) return []
  return line.parts.flatMap((part) =>
    part.terms.flatMap((term) => {
      if (term.kind !== 'id' || term.ids === undefined || term.ids.length < 2) return []
      const links = term.ids.slice(0, MOST_NAMES).map((id) => {
        const own = `${part.isNot ? '-' : ''}${term.place}:${id}`
        const q = `${withoutPart(line, part)} ${own}`.trim()
        return html` <a href="${filterHref(query.given, { q })}">${visible(nameOf(id) ?? id)}</a>`
      })
      const more = term.ids.length > MOST_NAMES ? ' and others' : ''
      return [html`<li>${term.ids.length} are called “${visible(term.text)}”:${links}${more}</li>`]
    }),
  )
}

/** Whether the list has the entries about those who read the log. */
function readsSwitch({ query }: ViewState): Html | '' {
  const { given } = query
  if (given['reads'] !== '1' && !hidesReads(query)) return ''
  const isShown = given['reads'] === '1'
  const address = filterHref(given, { reads: isShown ? null : '1' })
  const title = isShown ? 'Leave out who has read this log' : 'Show who has read this log, too'
  return html`<a class="reads" href="${address}" title="${title}">${isShown ? 'Hide' : 'Show'} reads</a>`
}

function chip(label: string, text: string, fullText: string, removeHref: string): Html {
  return html`<span class="chip" title="${visible(fullText)}"><small>${label}</small> ${text}
<a href="${removeHref}" aria-label="Remove ${label}">×</a></span>`
}

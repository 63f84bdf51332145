import type { LoggedEntry } from '../../read/logged-entry.ts'
import { html, type Html } from '../http/html.ts'
import { FIELDS, FIELD_NAMES, type FieldName, filterHref } from '../query/address.ts'
import { RANGES, type RangeName } from '../query/query.ts'
import { shortened, shortId, visible } from '../sentence/plain-text.ts'
import { ariaCurrent } from './format.ts'
import type { ViewState } from './view-state.ts'

const PLACEHOLDERS: Readonly<Record<FieldName, string>> = {
  action: 'branding.*',
  user: 'id',
  event: 'id',
  target: 'id',
  request: 'id',
}

/** The form, the preset time ranges, and the current filter with a link to remove each value. */
export function filterForm(view: ViewState, shownEntries: readonly LoggedEntry[]): Html {
  const { given } = view.query
  return html`<search>
<details class="filter-form" id="filters" open>
<summary><span>Filters</span></summary>
<form method="get" aria-label="Filter the entries">
${['range', 'limit', 'live'].map((name) =>
  given[name] === undefined
    ? ''
    : html`<input type="hidden" name="${name}" value="${given[name]}">`,
)}
${FIELD_NAMES.map((name) => textField(view, name))}
${timeField(view, 'from', 'From')}
${timeField(view, 'to', 'To')}
<button type="submit">Filter</button>
<datalist id="actions">
${suggestions(shownEntries).map((name) => html`<option value="${name}"></option>`)}
</datalist>
</form>
</details>
<div class="current-filter">
${presets(view)}
${currentFilter(view)}
</div>
</search>`
}

function textField({ query }: ViewState, name: FieldName): Html {
  const list = name === 'action' ? html` list="actions"` : ''
  return html`<div class="field ${name}">
<label for="f-${name}">${FIELDS[name].label}</label>
<input id="f-${name}" name="${name}" type="text" value="${query.given[name] ?? ''}"
placeholder="${PLACEHOLDERS[name]}" autocomplete="off" autocapitalize="none" spellcheck="false"
${list}${invalidAttributes(query.problems, name)}>
${problemText(query.problems, name)}
</div>`
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
  const ids = FIELD_NAMES.filter((name) => given[name] !== undefined).map((name) => {
    const value = given[name] ?? ''
    const text = name === 'action' ? shortened(value, 60) : (nameOf(value) ?? shortId(value))
    return chip(FIELDS[name].label.toLowerCase(), text, value, filterHref(given, { [name]: null }))
  })
  const times = (['from', 'to'] as const).flatMap((name) => {
    const ms = query.filter[name]
    if (given[name] === undefined || ms === undefined) return []
    const text = zone.exact(Number(ms)).replace(/\.000 /, ' ')
    return [chip(name, text, text, filterHref(given, { [name]: null }))]
  })
  const chips = [...ids, ...times]
  return chips.length < 2 ? chips : [...chips, html`<a class="clear" href="?">Clear all</a>`]
}

function chip(label: string, text: string, fullText: string, removeHref: string): Html {
  return html`<span class="chip" title="${visible(fullText)}"><small>${label}</small> ${text}
<a href="${removeHref}" aria-label="Remove ${label}">×</a></span>`
}

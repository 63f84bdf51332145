import { html } from 'hono/html'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { FIELDS, FIELD_NAMES, type FieldName, filterHref } from '../query/address.ts'
import { RANGES, type RangeName } from '../query/query.ts'
import { shortened, shortId, visible } from '../sentence/plain-text.ts'
import { current, type Html, type Scene } from './view-state.ts'

const HINTS: Readonly<Record<FieldName, string>> = {
  action: 'branding.*',
  user: 'id',
  event: 'id',
  target: 'id',
  request: 'id',
}

/** The form, its presets, and what is chosen, each with a way to take it off again. */
export function filters(scene: Scene, shown: readonly LoggedEntry[]): Html {
  const { given } = scene.query
  return html`<search>
<details class="filters" id="filters" open>
<summary><span>Filters</span></summary>
<form method="get" aria-label="Filter the entries">
${['range', 'limit', 'live'].map((name) =>
  given[name] === undefined
    ? ''
    : html`<input type="hidden" name="${name}" value="${given[name]}">`,
)}
${FIELD_NAMES.map((name) => textField(scene, name))}
${timeField(scene, 'from', 'From')}
${timeField(scene, 'to', 'To')}
<button type="submit">Filter</button>
<datalist id="actions">
${suggestions(shown).map((name) => html`<option value="${name}"></option>`)}
</datalist>
</form>
</details>
<div class="chosen">
${presets(scene)}
${chips(scene)}
</div>
</search>`
}

function textField({ query }: Scene, name: FieldName): Html {
  const list = name === 'action' ? html` list="actions"` : ''
  return html`<div class="field ${name}">
<label for="f-${name}">${FIELDS[name].label}</label>
<input id="f-${name}" name="${name}" type="text" value="${query.given[name] ?? ''}"
placeholder="${HINTS[name]}" autocomplete="off" autocapitalize="none" spellcheck="false"
${list}${faulty(query.problems, name)}>
${problem(query.problems, name)}
</div>`
}

function timeField({ query, zone }: Scene, name: 'from' | 'to', label: string): Html {
  const ms = query.given[name] === undefined ? undefined : query.filter[name]
  const value = ms === undefined ? '' : zone.wall(Number(ms)).slice(0, 19)
  const where = zone.name === 'UTC' ? 'UTC' : 'local'
  return html`<div class="field time">
<label for="f-${name}">${label} <small>${where}</small></label>
<input id="f-${name}" name="${name}" type="datetime-local" step="1" value="${value}"
${faulty(query.problems, name)}>
${problem(query.problems, name)}
</div>`
}

function faulty(problems: ReadonlyMap<string, string>, name: string): Html | '' {
  return problems.has(name) ? html` aria-invalid="true" aria-describedby="p-${name}"` : ''
}

function problem(problems: ReadonlyMap<string, string>, name: string): Html | '' {
  const message = problems.get(name)
  return message === undefined ? '' : html`<p class="problem" id="p-${name}">${message}</p>`
}

/** Of what is on the page: nothing is asked of the database for it. */
function suggestions(shown: readonly LoggedEntry[]): readonly string[] {
  const actions = shown.map(({ action }) => action)
  const entities = actions.filter((name) => /^[^.]+\./.test(name)).map((name) => name.split('.')[0])
  return [...new Set([...actions, ...entities.map((name) => `${name}.*`)])].sort()
}

function presets({ query }: Scene): Html {
  const { given } = query
  const hasRange = given['range'] ?? given['from'] ?? given['to']
  const link = (name: RangeName | null, label: string, isOn: boolean) => {
    const address = filterHref(given, { range: name, from: null, to: null })
    return html`<a href="${address}"${current(isOn)}>${label}</a>`
  }
  const links = (Object.entries(RANGES) as [RangeName, string][]).map(([name, label]) =>
    link(name, label, given['range'] === name),
  )
  return html`<span class="switch" role="group" aria-label="Time range">
${link(null, 'All time', !hasRange)}${links}</span>`
}

/** What narrows the list now. */
function chips({ query, zone, nameOf }: Scene): Html[] {
  const { given } = query
  const ids = FIELD_NAMES.filter((name) => given[name] !== undefined).map((name) => {
    const value = given[name] ?? ''
    const said = name === 'action' ? shortened(value, 60) : (nameOf(value) ?? shortId(value))
    return chip(FIELDS[name].label.toLowerCase(), said, value, filterHref(given, { [name]: null }))
  })
  const times = (['from', 'to'] as const).flatMap((name) => {
    const ms = query.filter[name]
    if (given[name] === undefined || ms === undefined) return []
    const said = zone.exact(Number(ms)).replace(/\.000 /, ' ')
    return [chip(name, said, said, filterHref(given, { [name]: null }))]
  })
  const all = [...ids, ...times]
  return all.length < 2 ? all : [...all, html`<a class="clear" href="?">Clear all</a>`]
}

function chip(label: string, said: string, full: string, without: string): Html {
  return html`<span class="chip" title="${visible(full)}"><small>${label}</small> ${said}
<a href="${without}" aria-label="Take off ${label}">×</a></span>`
}

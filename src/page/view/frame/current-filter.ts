import { withoutPart } from '../../../query/log-query.ts'
import { html, type Html } from '../../http/html.ts'
import { FIELD_NAMES, filterHref } from '../../query/address.ts'
import { shortened, shortId, visible } from '../../sentence/plain-text.ts'
import { shownRange } from './range-control.ts'
import type { ViewState } from '../view-state.ts'

const MAX_TEXT = 60
/** Fields whose value is a word that anybody can read. */
const WORDS: readonly string[] = ['action', 'outcome', 'kind']

/** What is asked for now, each with a link that takes it out. */
export function currentFilter(view: ViewState): Html[] {
  const { query, zone, nameOf, words } = view
  const { given } = query
  const ids = FIELD_NAMES.filter((name) => given[name] !== undefined).map((name) => {
    const value = given[name] ?? ''
    const isWord = WORDS.includes(name)
    const text = isWord ? shortened(value, MAX_TEXT) : (nameOf(value) ?? shortId(value))
    return chip(view, words.inside(name), text, value, filterHref(given, { [name]: null }))
  })
  const range = shownRange(query, zone)
  const anyTime = filterHref(given, { range: null, from: null, to: null })
  const times =
    range === undefined ? [] : [chip(view, words.say('chipTime'), range, range, anyTime)]
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

function chip(
  { words }: ViewState,
  label: string,
  text: string,
  fullText: string,
  removeHref: string,
): Html {
  const title = fullText === text ? '' : html` title="${visible(fullText)}"`
  return html`<span class="chip"${title}><small>${label}</small> ${text}
<a href="${removeHref}" aria-label="${words.say('remove', { name: label })}">×</a></span>`
}

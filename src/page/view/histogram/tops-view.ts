import type { Top, Tops } from '../../histogram/tops.ts'
import { html, type Html } from '../../http/html.ts'
import { narrowHref } from '../../query/narrow.ts'
import { shortened, shortId, visible } from '../../sentence/plain-text.ts'
import type { ViewState } from '../view-state.ts'

const MAX_TEXT = 32
/** A list of one says nothing that the list of entries does not. */
const FEWEST = 2

/** The most frequent actions and people, each with a link that adds it to the query. */
export function topsView(view: ViewState, tops: Tops | undefined): Html | '' {
  if (tops === undefined) return ''
  const { query, nameOf, words } = view
  const actions = tops.actions.map((top) => {
    return item(view, top, shortened(top.value, MAX_TEXT), narrowHref(query, 'action', top.value))
  })
  const people = tops.people.map((top) => {
    const name = nameOf(top.value) ?? shortId(top.value)
    const address = narrowHref(query, top.isActor ? 'actor' : 'user', top.value)
    return item(view, top, visible(shortened(name, MAX_TEXT)), address)
  })
  const title = (what: string) =>
    tops.newest === undefined
      ? what
      : words.say('ofNewest', { what, count: words.number(tops.newest) })
  const list = (what: string, items: Html[]) =>
    items.length < FEWEST ? '' : html`<div><h2>${title(what)}</h2><ol>${items}</ol></div>`
  const lists = [list(words.say('topActions'), actions), list(words.say('topPeople'), people)]
  return lists.every((one) => one === '') ? '' : html`<div class="tops">${lists}</div>`
}

function item(
  { words }: ViewState,
  { count }: Top,
  text: string,
  address: string | undefined,
): Html {
  const label = address === undefined ? html`${text}` : html`<a href="${address}">${text}</a>`
  return html`<li>${label} <b>${words.number(count)}</b></li>`
}

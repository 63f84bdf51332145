import { html, type Html } from '../../http/html.ts'
import { savedParameters } from '../../query/address.ts'
import { MAX_VIEW_NAME } from '../../query/saved-views.ts'
import { visible } from '../../sentence/plain-text.ts'
import type { ViewState } from '../view-state.ts'

/** The viewer's own views, and a field that gives what is asked for now a name. */
export function viewsMenu({ query, savedViews, words }: ViewState): Html | '' {
  const asked = savedParameters(query.given)
  if (asked.length === 0 && savedViews.length === 0) return ''
  const list = savedViews.map(
    ({ name, address }) => html`<li><a href="${address}">${visible(name)}</a>
<form><input type="hidden" name="forget" value="${name}"><button aria-label="${words.say('remove', { name: visible(name) })}">×</button></form></li>`,
  )
  const hidden = asked.map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )
  const save =
    asked.length === 0
      ? ''
      : html`<form>${hidden}<input name="save" required maxlength="${MAX_VIEW_NAME}" autocomplete="off" aria-label="${words.say('viewName')}" placeholder="${words.say('viewName')}">
<button>${words.say('saveView')}</button></form>`
  return html`<details class="views"><summary>${words.say('views')}</summary>
<div>${list.length === 0 ? '' : html`<ul>${list}</ul>`}${save}</div></details>`
}

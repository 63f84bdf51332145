import { html, type Html } from '../../http/html.ts'
import { savedParameters } from '../../query/address.ts'
import {
  addressOf,
  MAX_VIEW_NAME,
  type SavedView,
  type SharedView,
} from '../../query/saved-views.ts'
import { visible } from '../../sentence/plain-text.ts'
import { ariaCurrent } from '../format.ts'
import type { ViewState } from '../view-state.ts'

/** The viewer's own views and the shared ones, and a field that gives what is asked for now a name. */
export function viewsMenu(view: ViewState): Html | '' {
  const { query, savedViews, sharedViews = [], words } = view
  const isAsked = savedParameters(query.given).length > 0
  if (!isAsked && savedViews.length === 0 && sharedViews.length === 0) return ''
  const isOpen = query.problems.has('view')
  return html`<details class="views"${isOpen ? html` open` : ''}><summary>${words.say('views')}</summary>
<div>${lists(view)}${isAsked ? saveForm(view) : ''}</div></details>`
}

/** With headings where there are two kinds of views. */
function lists(view: ViewState): Html | '' {
  const { savedViews, sharedViews, words } = view
  const own = savedViews.map((one) => html`<li>${link(view, one)}${forgetForm(view, one)}</li>`)
  if (sharedViews === undefined) return own.length === 0 ? '' : html`<ul>${own}</ul>`
  const shared = sharedViews.map((one) => sharedView(view, one))
  return html`${own.length === 0 ? '' : html`<h2>${words.say('ownViews')}</h2><ul>${own}</ul>`}
${shared.length === 0 ? '' : html`<h2>${words.say('sharedViews')}</h2><ul>${shared}</ul>`}`
}

function link({ query }: ViewState, { name, address }: SavedView): Html {
  return html`<a href="${address}"${ariaCurrent(address === addressOf(query.given))}>${visible(name)}</a>`
}

function forgetForm({ words }: ViewState, { name }: SavedView): Html {
  return html`<form><input type="hidden" name="forget" value="${name}"><button aria-label="${words.say('remove', { name: visible(name) })}">×</button></form>`
}

/** It is removed for everybody, so one press more asks whether it should be. */
function sharedView(view: ViewState, shared: SharedView): Html {
  const { query, words } = view
  const { id, madeBy } = shared
  const name = visible(shared.name)
  const by =
    madeBy === undefined
      ? ''
      : html`<small>${words.say('viewBy', { viewer: visible(madeBy) })}</small>`
  return html`<li><span>${link(view, shared)} ${by}</span>
<details class="sure"><summary aria-label="${words.say('remove', { name })}">×</summary>
<form method="post" action="${addressOf(query.given)}"><input type="hidden" name="forget" value="${id}"><button>${words.say('removeForAll')}</button></form></details></li>`
}

/** Without a method it saves in the browser, which works where the page is mounted for GET alone. */
function saveForm({ query, sharedViews, words }: ViewState): Html {
  const hidden = savedParameters(query.given).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )
  const share =
    sharedViews === undefined
      ? ''
      : html`<button formmethod="post" title="${words.say('shareViewTitle')}">${words.say('shareView')}</button>`
  const problem = query.problems.get('view')
  // The name stays where it was refused.
  const name = query.given['save']
  return html`<form>${hidden}<input name="save"${name === undefined ? '' : html` value="${name}"`} required maxlength="${MAX_VIEW_NAME}" autocomplete="off" aria-label="${words.say('viewName')}" placeholder="${words.say('viewName')}">
<button>${words.say('saveView')}</button>${share}</form>${problem === undefined ? '' : html`<p class="problem">${words.message(problem)}</p>`}`
}

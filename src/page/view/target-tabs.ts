import { html, type Html } from '../http/html.ts'
import { href } from '../query/address.ts'
import { onlyHref } from '../query/narrow.ts'
import { ariaCurrent } from './format.ts'
import type { ViewState } from './view-state.ts'

/** The address of the history of a thing. */
export function historyHref(targetId: string): string {
  return href({}, { history: targetId })
}

/** The two views of one thing: its entries, and its history. */
export function targetTabs({ words }: ViewState, targetId: string, isHistory: boolean): Html {
  const entries = html`<a href="${onlyHref('on', targetId)}"${ariaCurrent(!isHistory)}>${words.say('entriesColumn')}</a>`
  const history = html`<a href="${historyHref(targetId)}"${ariaCurrent(isHistory)}>${words.say('history')}</a>`
  return html`<span class="switch" role="group" aria-label="${words.say('view')}">${entries}${history}</span>`
}

import type { FieldState, TargetComparison, TargetHistory } from '../../../timeline/index.ts'
import { html, type Html } from '../../http/html.ts'
import { visible } from '../../sentence/plain-text.ts'
import type { TextBudget } from '../text-budget.ts'
import type { ViewState } from '../view-state.ts'
import { doubtText, entryLink, shownValue } from './told.ts'

/** Each field with its value, and the entry from which it is known. */
export function stateTable(
  view: ViewState,
  { targetId, fields }: TargetHistory,
  budget: TextBudget,
): Html | '' {
  if (fields.length === 0) return ''
  const { words } = view
  const rows = fields.map(
    (field) => html`<tr class="${rowClass(field)}">${nameCell(field.path)}
<td>${shownState(view, targetId, field, budget)}</td>
<td>${field.since === null ? '' : entryLink(view, targetId, field.since)}</td></tr>`,
  )
  return html`<div class="change-table"><table><thead><tr><th scope="col">${words.say('field')}</th>
<th scope="col">${words.say('value')}</th><th scope="col">${words.say('knownSince')}</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
}

const SAME = { same: 'sameAtBoth', different: 'differentAtBoth', unsure: 'unsureAtBoth' } as const

/** Each field at two times, those that differ marked. */
export function comparedTable(
  view: ViewState,
  { from, to, fields }: TargetComparison,
  budget: TextBudget,
): Html | '' {
  if (fields.length === 0) return ''
  const { words, zone } = view
  const targetId = to.targetId
  const time = ({ at }: TargetHistory) => zone.exact(at.getTime())
  const cell = (field: FieldState | undefined, tag: 'del' | 'ins', isMarked: boolean) => {
    if (field === undefined) return html`<span class="null">–</span>`
    if (!isMarked) return shownState(view, targetId, field, budget)
    const value = shownValue(field.value, budget)
    return tag === 'del' ? html`<del>${value}</del>` : html`<ins>${value}</ins>`
  }
  const rows = fields.map(
    (field) => html`<tr class="${field.is}">${nameCell(field.path)}
<td>${cell(field.from, 'del', field.is === 'different')}</td>
<td>${cell(field.to, 'ins', field.is === 'different')}</td>
<td>${words.say(SAME[field.is])}</td></tr>`,
  )
  return html`<div class="change-table"><table><thead><tr><th scope="col">${words.say('field')}</th>
<th scope="col">${time(from)}</th><th scope="col">${time(to)}</th><th scope="col">${words.say('bothTimes')}</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
}

function rowClass({ state }: FieldState): string {
  return state === 'known' ? '' : 'unsure'
}

function nameCell(path: string): Html {
  return html`<th scope="row">${path === '' ? '–' : visible(path)}</th>`
}

/** The value, and what makes it unsure. */
function shownState(
  view: ViewState,
  targetId: string,
  field: FieldState,
  budget: TextBudget,
): Html {
  const { words } = view
  const { state, value, doubt, next } = field
  if (state === 'unknown') {
    if (next === undefined) return html`<span class="null">${words.say('unknown')}</span>`
    const found = shownValue(next.value, budget)
    const entry = entryLink(view, targetId, next.entry)
    return html`<span class="null">${words.html('unknownBefore', { entry, value: found })}</span>`
  }
  const shown = shownValue(value, budget)
  if (state === 'erased') return html`${shown} <small>${words.say('mayBeErased')}</small>`
  if (doubt === undefined) return shown
  return html`${shown} <b>${words.say('inDoubt')}</b>
<small>${doubtText(view, targetId, doubt, budget)}</small>`
}

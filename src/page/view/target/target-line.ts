import { describeEntry } from '../../../actions/describe-entry.ts'
import { recordedMs } from '../../../ids/uuid7.ts'
import type { FieldChange, TargetHistory, TargetMoment } from '../../../timeline/index.ts'
import { html, type Html } from '../../http/html.ts'
import { href } from '../../query/address.ts'
import { qualified } from '../../query/narrow.ts'
import { visible } from '../../sentence/plain-text.ts'
import type { SentencePart } from '../../sentence/sentence-parts.ts'
import { sentenceOf } from '../../sentence/sentence.ts'
import { sentenceHtml } from '../entry-row.ts'
import { formatTime } from '../format.ts'
import { shallowEntry } from '../shallow-entry.ts'
import type { TextBudget } from '../text-budget.ts'
import type { ViewState } from '../view-state.ts'
import { doubtText, shownValue } from './told.ts'

/** Of one entry. The open entry shows all of them. */
const MOST_CHANGES = 20
const KINDS = { begin: 'wasMade', end: 'wasDeleted', attempt: 'wasTried' } as const

/** What changed the thing, the newest first. */
export function targetLine(
  view: ViewState,
  { targetId, line }: TargetHistory,
  budget: TextBudget,
): Html {
  if (line.length === 0) return html`<p class="looked-to">${view.words.say('noChanges')}</p>`
  const q = qualified('on', targetId)
  const filter = q === undefined ? { target: targetId } : { q }
  return html`<ol class="target-line">${line.map((moment) => {
    const address = href({}, { ...filter, entry: moment.entry.id })
    return momentItem(view, targetId, moment, address, budget)
  })}</ol>`
}

function momentItem(
  view: ViewState,
  targetId: string,
  { entry: given, kind, changes }: TargetMoment,
  address: string,
  budget: TextBudget,
): Html {
  const { words, zone, nameOf, actions } = view
  const entry = shallowEntry(given)
  const atMs = recordedMs(entry.id)
  const parts = sentenceOf(entry, nameOf, describeEntry(actions, given))
  const sentence = sentenceHtml(view, changes.length === 0 ? parts : withoutDetails(parts))
  const mark = kind === 'change' || kind === 'blank' ? '' : html` <b>${words.say(KINDS[kind])}</b>`
  const shown = changes.slice(0, MOST_CHANGES).map((one) => changeItem(view, targetId, one, budget))
  const left = changes.length - shown.length
  if (left > 0) shown.push(html`<li>${words.count('moreChanges', left)}</li>`)
  if (kind === 'blank') shown.push(html`<li class="null">${words.say('changesUnread')}</li>`)
  return html`<li class="${kind}"><a href="${address}"
><time datetime="${new Date(atMs).toISOString()}">${formatTime(zone, atMs)}</time></a>${mark}
<p>${sentence}</p>${shown.length === 0 ? '' : html`<ul class="change-table">${shown}</ul>`}</li>`
}

/** A sentence without the changes and values at its end, because all changes stand below it. */
function withoutDetails(parts: readonly SentencePart[]): readonly SentencePart[] {
  const details = parts.findIndex(({ kind }) => ['field', 'from', 'to', 'aside'].includes(kind))
  if (details < 0) return parts
  const isColon = parts[details - 1]?.text === ': '
  return parts.slice(0, isColon ? details - 1 : details)
}

function changeItem(
  view: ViewState,
  targetId: string,
  { path, from, to, doubt }: FieldChange,
  budget: TextBudget,
): Html {
  const about =
    doubt === undefined
      ? ''
      : html`<p class="doubt">${doubtText(view, targetId, doubt, budget)}</p>`
  const field = path === '' ? '' : html`<b>${visible(path)}</b> `
  const before = from === undefined ? '' : html`<del>${shownValue(from, budget)}</del> → `
  return html`<li>${field}${before}<ins>${shownValue(to, budget)}</ins>${about}</li>`
}

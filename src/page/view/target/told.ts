import type { FieldDoubt, NamedEntry } from '../../../timeline/index.ts'
import { html, type Html } from '../../http/html.ts'
import { href } from '../../query/address.ts'
import { qualified } from '../../query/narrow.ts'
import { shortId, visible } from '../../sentence/plain-text.ts'
import { formatTime } from '../format.ts'
import { jsonLeaf } from '../json-tree.ts'
import type { TextBudget } from '../text-budget.ts'
import type { ViewState } from '../view-state.ts'

const MAX_VALUE_CHARACTERS = 500

/** A value of a field. */
export function shownValue(value: unknown, budget: TextBudget): Html {
  if (value === undefined) return html`<span class="null">${budget.words.say('notThere')}</span>`
  if (typeof value === 'object' && value !== null) {
    return html`<bdi>${budget.take(JSON.stringify(value), MAX_VALUE_CHARACTERS)}</bdi>`
  }
  return jsonLeaf(value, budget)
}

/** An entry by its time and who did it, with a link that opens it among those of the thing. */
export function entryLink(view: ViewState, targetId: string, entry: NamedEntry): Html {
  const { zone, words } = view
  const q = qualified('on', targetId)
  const filter = q === undefined ? { target: targetId } : { q }
  const address = href({}, { ...filter, entry: entry.id })
  const time = html`<a href="${address}">${formatTime(zone, entry.recordedAt.getTime())}</a>`
  const who = whoOf(view, entry)
  return who === undefined ? time : words.html('timeBy', { time, who })
}

function whoOf({ nameOf }: ViewState, entry: NamedEntry): string | undefined {
  const { shownAs, actorId, userId } = entry
  const id = actorId ?? (shownAs?.actorId === undefined ? userId : null)
  const shown = shownAs?.actorId ?? (id === null ? shownAs?.userId : undefined)
  if (shown !== undefined) return visible(shown)
  return id === null ? undefined : visible(nameOf(id) ?? shortId(id))
}

/** What contradicts what, with both entries and both values. */
export function doubtText(
  view: ViewState,
  targetId: string,
  { why, told, found }: FieldDoubt,
  budget: TextBudget,
): Html {
  const link = (entry: NamedEntry) => entryLink(view, targetId, entry)
  const after = shownValue(found.value, budget)
  const { words } = view
  if (why === 'attempted') return words.html('doubtAttempted', { found: link(found.entry), after })
  if (why === 'unreadable' && found.value === undefined) {
    return words.html('doubtUnreadable', { found: link(found.entry) })
  }
  const before = shownValue(told.value, budget)
  const key = why === 'unreadable' ? 'doubtBetween' : 'doubtPast'
  return words.html(key, { told: link(told.entry), before, found: link(found.entry), after })
}

import { describeEntry } from '../../actions/describe-entry.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { html, type Html } from '../http/html.ts'
import { narrowHref, onlyHref } from '../query/narrow.ts'
import { rowEntryHref, rowHref } from '../query/row-links.ts'
import { shortened, shortId, visible } from '../sentence/plain-text.ts'
import type { SentencePart } from '../sentence/sentence-parts.ts'
import { LOSS_ACTIONS } from '../sentence/loss-sentences.ts'
import { sentenceOf } from '../sentence/sentence.ts'
import { actionKind } from '../sentence/verbs.ts'
import { ariaCurrent, formatTime } from './format.ts'
import { shallowEntry } from './shallow-entry.ts'
import type { ViewState } from './view-state.ts'

/** With a smaller difference between recording and happening, the row shows one time. */
const SAME_TIME_MS = 60_000

/**
 * An entry as a row of the list.
 *
 * @param isAlone whether it comes without its day, as in a stream, and has to say which one that is
 */
export function entryRow(view: ViewState, given: LoggedEntry, isAlone = false): Html {
  const entry = shallowEntry(given)
  const { query, zone, words } = view
  const atMs = recordedMs(entry.id)
  const day = isAlone
    ? html` data-day="${zone.wall(atMs).slice(0, 10)}" data-day-name="${zone.day(atMs, words.locale)}"`
    : ''
  const sentence = sentenceOf(
    entry,
    view.nameOf,
    describeEntry(view.actions, given, words.language),
    words,
  )
  return html`<li class="entry ${kindOf(entry)}"${day}${ariaCurrent(query.entry === entry.id)}>
<a class="open" href="${rowEntryHref(query, entry.id)}">${zone.time(atMs)}</a><p>${sentenceHtml(view, sentence, rowHref)}${happenedAt(view, entry, atMs)}${unreadable(view, entry)}${erased(view, entry)}</p>${actionLink(view, entry)}${requestLink(view, entry)}</li>
`
}

function actionLink({ query, look }: ViewState, { action }: LoggedEntry): Html | '' {
  if (!look.columns.has('action')) return ''
  return link('action', rowHref(query, 'action', action), shortened(action, 60))
}

/** All entries of the request, even if the list is filtered. */
function requestLink({ look }: ViewState, { requestId }: LoggedEntry): Html | '' {
  if (requestId === null || !look.columns.has('request')) return ''
  return link('request', onlyHref('request', requestId), shortId(requestId))
}

/** Text alone where the link would change nothing. */
function link(kind: string, address: string | undefined, text: string): Html {
  return address === undefined
    ? html`<span class="${kind}">${text}</span>`
    : html`<a class="${kind}" href="${address}">${text}</a>`
}

const QUALIFIERS = { user: 'user', actor: 'actor', target: 'on', event: 'event' } as const

/** A sentence with links for its ids. */
export function sentenceHtml(
  { query }: ViewState,
  parts: readonly SentencePart[],
  hrefOf = narrowHref,
): Html[] {
  return parts.map((piece) => {
    const text = visible(piece.text)
    if ('id' in piece) {
      return link(piece.kind, hrefOf(query, QUALIFIERS[piece.kind], piece.id), text)
    }
    if (piece.kind === 'text') return html`${text}`
    if (piece.kind === 'from') return html`<del>${text}</del>`
    if (piece.kind === 'to') return html`<ins>${text}</ins>`
    return html`<span class="${piece.kind}">${text}</span>`
  })
}

function kindOf({ action }: LoggedEntry): string {
  if (LOSS_ACTIONS.has(action)) return 'gap'
  if (action === 'audit.read' || action === 'audit.read_denied') return 'log-read'
  return actionKind(action.slice(action.lastIndexOf('.') + 1))
}

function unreadable({ words }: ViewState, entry: LoggedEntry): Html | '' {
  if (!entry.unreadable) return ''
  return html` <span class="happened">· ${words.say('cannotBeRead')}</span>`
}

function erased({ words }: ViewState, entry: LoggedEntry): Html | '' {
  return entry.erased ? html` <span class="happened">· ${words.say('isErased')}</span>` : ''
}

/** An entry that was recorded later than it happened shows both times. */
function happenedAt(
  { zone, words }: ViewState,
  { occurredAt }: LoggedEntry,
  atMs: number,
): Html | '' {
  const happenedMs = occurredAt.getTime()
  if (Math.abs(happenedMs - atMs) < SAME_TIME_MS) return ''
  return html` <span class="happened">· ${words.say('happenedAt', { time: formatTime(zone, happenedMs) })}</span>`
}

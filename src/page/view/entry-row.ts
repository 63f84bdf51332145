import { describeEntry } from '../../actions/describe-entry.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { html, type Html } from '../http/html.ts'
import { filterHref, href } from '../query/address.ts'
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
  const address = href(query.given, { entry: entry.id })
  const iso = new Date(atMs).toISOString()
  return html`<li class="entry ${kindOf(entry)}" id="e-${entry.id}" data-id="${entry.id}"
data-seq="${entry.seq}"${day}${ariaCurrent(query.entry === entry.id)}>
<a class="open" href="${address}" title="${zone.exact(atMs)}"
><time datetime="${iso}">${zone.time(atMs)}</time></a>
<p class="sentence">${sentenceHtml(view, sentenceOf(entry, view.nameOf, describeEntry(view.actions, given)))}${happenedAt(view, entry, atMs)}${unreadable(view, entry)}${erased(view, entry)}</p>
${actionLink(view, entry)}
${requestLink(view, entry)}
</li>`
}

function actionLink({ query, words }: ViewState, { action }: LoggedEntry): Html {
  const address = filterHref(query.given, { action })
  return html`<a class="action" href="${address}" title="${words.say('filterBy', { value: visible(action) })}">
${shortened(action, 60)}</a>`
}

/** All entries of the request, even if the list is filtered. */
function requestLink({ words }: ViewState, { requestId }: LoggedEntry): Html | '' {
  if (requestId === null) return ''
  const address = filterHref({}, { request: requestId })
  return html`<a class="request" href="${address}"
title="${words.say('allOfRequest', { id: visible(requestId) })}">${shortId(requestId)}</a>`
}

/** A sentence with links for its ids. */
export function sentenceHtml({ query, words }: ViewState, parts: readonly SentencePart[]): Html[] {
  return parts.map((piece) => {
    const text = visible(piece.text)
    if ('id' in piece) {
      const address = filterHref(query.given, { [piece.kind]: piece.id })
      return html`<a class="${piece.kind}" href="${address}" title="${words.say('linkTo', { kind: words.say(piece.kind), id: visible(piece.id) })}"
>${text}</a>`
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

import { MAX_NAME_LENGTH, saidName } from '../../names/said-names.ts'
import type { HideableColumn } from '../../projection/projection.ts'
import type { Neighbours } from '../../read/around/neighbours.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { html, type Html } from '../http/html.ts'
import type { Words } from '../language/words.ts'
import { filterHref, href, isoText } from '../query/address.ts'
import { onlyHref } from '../query/narrow.ts'
import { visible } from '../sentence/plain-text.ts'
import { formatTime } from './format.ts'
import { historyHref } from './target-tabs.ts'
import type { ViewState } from './view-state.ts'

const AROUND_MS = 300_000
const HOUR_MS = 3_600_000
/** With a smaller difference between recording and happening, one time is shown. */
const SAME_TIME_MS = 1_000

/** The fields of an entry, each with links to what is like it. */
export function facts(
  view: ViewState,
  entry: LoggedEntry,
  neighbours: Neighbours | undefined,
): (Html | '')[] {
  const { zone, words } = view
  const { action, requestId, shownAs } = entry
  const atMs = recordedMs(entry.id)
  const happenedMs = entry.occurredAt.getTime()
  // Ignores the current filter, but stays within the entry's event.
  const around = timesAround(atMs, AROUND_MS)
  const aroundHref =
    entry.eventId === null ? filterHref({}, around) : onlyHref('event', entry.eventId, around)
  const entity = /^([^.]+)\./.exec(action)?.[1]
  const all = entity
    ? more(
        onlyHref('action', `${entity}.*`),
        words.say('allOf', { pattern: `${visible(entity)}.*` }),
      )
    : ''
  const shown = [
    fact(
      words.say('recorded'),
      html`<time datetime="${new Date(atMs).toISOString()}">${zone.exact(atMs)}</time>
${more(aroundHref, words.say('fiveMinutes'))}`,
    ),
    Math.abs(happenedMs - atMs) >= SAME_TIME_MS &&
      fact(words.say('happened'), html`${formatTime(zone, happenedMs)}`),
    entry.outcome !== null &&
      fact(
        words.say('outcome'),
        html`<a href="${filterHref({}, { q: `outcome:${entry.outcome}` })}">${entry.outcome}</a>`,
      ),
    fact(
      words.say('action'),
      html`<a href="${onlyHref('action', action)}">${visible(action)}</a> ${all}`,
    ),
    idFact(
      view,
      words.say('user'),
      'user',
      entry.userId,
      html`${nameThen(view, entry, 'user', entry.userId)}${hourOf(view, entry)}`,
    ),
    shownAs?.userId !== undefined && fact(words.say('user'), html`${shownAs.userId}`),
    idFact(
      view,
      words.say('actor'),
      'actor',
      entry.actorId,
      nameThen(view, entry, 'actor', entry.actorId),
    ),
    shownAs?.actorId !== undefined && fact(words.say('actor'), html`${shownAs.actorId}`),
    entry.actorKind !== null &&
      fact(
        words.say('kind'),
        html`<a href="${filterHref({}, { q: `kind:${entry.actorKind}` })}">${entry.actorKind}</a>`,
      ),
    idFact(view, words.say('event'), 'event', entry.eventId),
    ...targetFacts(view, entry, neighbours),
    requestId !== null &&
      fact(
        words.say('request'),
        html`<a href="${onlyHref('request', requestId)}">${visible(requestId)}</a>`,
      ),
  ]
  return shown.map((row) => row || '')
}

function targetFacts(
  view: ViewState,
  entry: LoggedEntry,
  neighbours: Neighbours | undefined,
): (Html | false | '' | null)[] {
  const { words, query } = view
  const { entityType, targetId, moreTargets } = entry
  const label = entityType
    ? words.say('targetOfType', { type: visible(entityType) })
    : words.say('target')
  const turn = (id: string | undefined, key: 'beforeOfTarget' | 'afterOfTarget') =>
    id === undefined ? '' : more(href(query.given, { entry: id }), words.say(key))
  const turns = html`${turn(neighbours?.before, 'beforeOfTarget')} ${turn(neighbours?.after, 'afterOfTarget')}`
  const hasTurns = (neighbours?.before ?? neighbours?.after) !== undefined
  return [
    idFact(view, label, 'on', targetId, historyOf(view, targetId)),
    hasTurns && fact(words.say('ofTarget'), turns),
    targetId === null && entityType && fact(words.say('target'), html`${visible(entityType)}`),
    moreTargets !== null &&
      fact(
        words.say('also'),
        html`${moreTargets.map((one) => html`<a href="${onlyHref('on', one)}">${visible(one)}</a> `)}`,
      ),
  ]
}

/** An id with its name, and a link to everything of it. */
function idFact(
  { nameOf }: ViewState,
  label: string,
  name: 'user' | 'actor' | 'event' | 'on',
  id: string | null,
  rest: Html | '' = '',
): Html | false {
  if (id === null) return false
  const known = visible(nameOf(id) ?? '')
  return fact(label, html`<a href="${onlyHref(name, id)}">${visible(id)}</a> ${known}${rest}`)
}

/** The name that the entry gives, where it is another one by now. */
function nameThen(
  { nameOf, words }: ViewState,
  entry: LoggedEntry,
  of: 'user' | 'actor',
  id: string | null,
): Html | '' {
  const then = saidName(entry, of, id)?.slice(0, MAX_NAME_LENGTH)
  const now = id === null ? undefined : nameOf(id)
  if (then === undefined || now === undefined || then === now) return ''
  return html`, ${words.say('thenKnownAs', { name: visible(then) })}`
}

function historyOf({ words }: ViewState, targetId: string | null): Html | '' {
  return targetId === null
    ? ''
    : html` ${more(historyHref(targetId), words.say('historyOfTarget'))}`
}

/** Everything that the user did around it. */
function hourOf({ words }: ViewState, { id, userId }: LoggedEntry): Html | '' {
  if (userId === null) return ''
  const address = onlyHref('user', userId, timesAround(recordedMs(id), HOUR_MS))
  return html` ${more(address, words.say('hourOfUser'))}`
}

function timesAround(atMs: number, distanceMs: number): { from: string; to: string } {
  return { from: isoText(atMs - distanceMs), to: isoText(atMs + distanceMs) }
}

/** Where the entry stands in the log and who wrote it, which few want to know. */
export function record({ words, zone, seenBy }: ViewState, entry: LoggedEntry): Html {
  const hides = (field: HideableColumn) => seenBy?.hides?.includes(field) === true
  const logged = words.say('timeAndNumber', {
    time: zone.exact(entry.loggedAt.getTime()),
    seq: String(entry.seq),
  })
  return html`<details class="record"><summary>${words.say('record')}</summary><dl class="facts">
${fact(words.say('logged'), html`${logged}`)}
${fact(words.say('entry'), html`<code>${entry.id}</code>`)}
${hides('recorder') ? '' : origin(words, entry)}
${hides('writtenBy') ? '' : fact(words.say('login'), html`<code>${visible(entry.writtenBy)}</code>`)}
</dl></details>`
}

/** The recorder of an entry, or what else wrote it. */
function origin(words: Words, { action, recorderId, recorderSeq }: LoggedEntry): Html {
  if (recorderId === null) {
    const writer = words.say(action === 'audit.gap' ? 'byRelay' : 'byOutbox')
    return fact(words.say('writtenBy'), html`${writer}`)
  }
  const seq = String(recorderSeq ?? words.say('unknown'))
  const parts = { id: html`<code>${recorderId}</code>`, seq }
  return fact(words.say('recorder'), words.html('recorderNumber', parts))
}

function more(address: string, label: string): Html {
  return html`<a class="more" href="${address}">${label}</a>`
}

function fact(label: string, value: Html): Html {
  return html`<div><dt>${label}</dt><dd>${value}</dd></div>`
}

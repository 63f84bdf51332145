import { describeEntry } from '../../actions/describe-entry.ts'
import type { SealFacts } from '../../export/sealed/seal-facts.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { changesOf } from '../sentence/changes.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { html, type Html } from '../http/html.ts'
import { filterHref, href } from '../query/address.ts'
import { shortened, visible } from '../sentence/plain-text.ts'
import { LOSS_ACTIONS } from '../sentence/loss-sentences.ts'
import { sentenceOf } from '../sentence/sentence.ts'
import type { HideableColumn } from '../../projection/projection.ts'
import { changeTable } from './change-table.ts'
import { sentenceHtml } from './entry-row.ts'
import { formatCount, formatTime } from './format.ts'
import { jsonTree } from './json-tree.ts'
import { sealSection } from './seal-section.ts'
import { shallowEntry } from './shallow-entry.ts'
import type { ViewState } from './view-state.ts'

const AROUND_MS = 300_000
const MAX_MARKS = 20
const MAX_MARK_CHARACTERS = 200
/** Indented, a text of 32 levels is up to 33 times as long, so that a longer one is not. */
const MAX_INDENTED_CHARACTERS = 65_536
/** A longer one is cut. The export has the whole. */
const MAX_JSON_CHARACTERS = 262_144
/** With a smaller difference between recording and happening, one time is shown. */
const SAME_TIME_MS = 1_000

/** Shows everything that the log holds about one entry. */
export function entryDetail(
  view: ViewState,
  given: LoggedEntry | undefined,
  seal?: SealFacts,
): Html {
  const entry = given && shallowEntry(given)
  const { query, nameOf } = view
  const closeHref = href(query.given, { entry: null })
  const close = html`<a class="close" id="close" href="${closeHref}" aria-label="Close">×</a>`
  if (!entry) {
    return html`<aside class="entry-detail" id="detail" aria-labelledby="detail-heading">${close}
<h2 id="detail-heading" tabindex="-1">No such entry</h2>
<p>The log holds no entry with the id <code>${query.entry ?? ''}</code>.</p></aside>`
  }
  const changes = changesOf(entry.metadata)
  const kind = LOSS_ACTIONS.has(entry.action) ? 'entry-detail gap' : 'entry-detail'
  const heading = sentenceHtml(
    view,
    sentenceOf(entry, nameOf, given && describeEntry(view.actions, given)),
  )
  return html`<aside class="${kind}" id="detail" data-id="${entry.id}"
aria-labelledby="detail-heading">${close}
<h2 class="sentence" id="detail-heading" tabindex="-1">${heading}</h2>
${unreadable(entry)}${erased(entry)}${degraded(entry)}
<dl class="facts">${facts(view, entry)}</dl>
${changes.length === 0 ? '' : changeTable(changes)}
${section('Metadata', entry.metadata)}
${section('Context', entry.context)}
${sealSection(view, entry, seal)}
${json(entry)}
</aside>`
}

function facts({ zone, nameOf, seenBy }: ViewState, entry: LoggedEntry): (Html | '')[] {
  const { action, entityType, requestId, shownAs } = entry
  const hides = (field: HideableColumn) => seenBy?.hides?.includes(field) === true
  const atMs = recordedMs(entry.id)
  const happenedMs = entry.occurredAt.getTime()
  const iso = (ms: number) => new Date(ms).toISOString()
  const times = { from: iso(atMs - AROUND_MS), to: iso(atMs + AROUND_MS) }
  // Ignores the current filter, but stays within the entry's event.
  const around = onlyHref({ ...(entry.eventId ? { event: entry.eventId } : {}), ...times })
  const entity = /^([^.]+)\./.exec(action)?.[1]
  const all = entity ? more(onlyHref({ action: `${entity}.*` }), `all ${visible(entity)}.*`) : ''
  const targetLabel = entityType ? `Target, ${visible(entityType)}` : 'Target'
  const id = (label: string, name: string, given: string | null) => {
    const known = given === null ? '' : visible(nameOf(given) ?? '')
    return (
      given !== null &&
      fact(label, html`<a href="${onlyHref({ [name]: given })}">${visible(given)}</a> ${known}`)
    )
  }
  const shown = [
    fact(
      'Recorded',
      html`<time datetime="${iso(atMs)}">${zone.exact(atMs)}</time>
${more(around, '5 minutes before and after')}`,
    ),
    Math.abs(happenedMs - atMs) >= SAME_TIME_MS &&
      fact('Happened', html`${formatTime(zone, happenedMs)}`),
    fact('Logged', html`${zone.exact(entry.loggedAt.getTime())}, number ${entry.seq}`),
    entry.outcome !== null &&
      fact('Outcome', html`<a href="${onlyHref({ outcome: entry.outcome })}">${entry.outcome}</a>`),
    fact('Action', html`<a href="${onlyHref({ action })}">${visible(action)}</a> ${all}`),
    id('User', 'user', entry.userId),
    shownAs?.userId !== undefined && fact('User', html`${shownAs.userId}`),
    id('Actor', 'actor', entry.actorId),
    shownAs?.actorId !== undefined && fact('Actor', html`${shownAs.actorId}`),
    entry.actorKind !== null &&
      fact(
        'Kind of actor',
        html`<a href="${onlyHref({ kind: entry.actorKind })}">${entry.actorKind}</a>`,
      ),
    id('Event', 'event', entry.eventId),
    id(targetLabel, 'target', entry.targetId),
    entry.targetId === null && entityType && fact('Target', html`${visible(entityType)}`),
    entry.moreTargets !== null &&
      fact(
        'Also on',
        html`${entry.moreTargets.map((one) => html`<a href="${onlyHref({ also: one })}">${visible(one)}</a> `)}`,
      ),
    requestId !== null &&
      fact(
        'Request',
        html`<a href="${onlyHref({ request: requestId })}">${visible(requestId)}</a>
${more(onlyHref({ request: requestId }), 'all entries of this request')}`,
      ),
    fact('Entry', html`<code>${entry.id}</code>`),
    !hides('recorder') && origin(entry),
    !hides('writtenBy') && fact('Database login', html`<code>${visible(entry.writtenBy)}</code>`),
  ]
  return shown.map((row) => row || '')
}

/** The recorder of an entry, or what else wrote it. */
function origin({ action, recorderId, recorderSeq }: LoggedEntry): Html {
  return recorderId === null
    ? fact('Written by', html`${writerOf(action)}`)
    : fact('Recorder', html`<code>${recorderId}</code>, number ${recorderSeq ?? 'unknown'}`)
}

/** Who wrote an entry that no recorder wrote. */
function writerOf(action: string): string {
  if (action === 'audit.gap') return 'the relay, which detected the loss'
  return 'the application’s own transaction (outbox)'
}

/** A filter with these values and no others. */
function onlyHref(values: Readonly<Record<string, string>>): string {
  return filterHref({}, values)
}

function more(address: string, label: string): Html {
  return html`<a class="more" href="${address}">${label}</a>`
}

function fact(label: string, value: Html): Html {
  return html`<div><dt>${label}</dt><dd>${value}</dd></div>`
}

/** A warning about an entry whose JSON cannot be read. */
function unreadable(entry: LoggedEntry): Html | '' {
  if (!entry.unreadable) return ''
  return html`<p class="degraded">Metadata or context of this entry cannot be read: it is longer than
2 MiB as text, or holds a number of more than 1,000 digits.</p>`
}

/** What was erased since, so that nobody takes an empty field for one that was always empty. */
function erased({ erased: fields }: LoggedEntry): Html | '' {
  if (!fields) return ''
  const names = fields.map((field) => ERASED_NAMES[field])
  return html`<p class="degraded">Erased from this entry: ${names.join(', ')}.</p>`
}

const ERASED_NAMES: Readonly<Record<NonNullable<LoggedEntry['erased']>[number], string>> = {
  userId: 'the user',
  actorId: 'the actor',
  targetId: 'the target',
  moreTargets: 'further targets',
  requestId: 'the request',
  metadata: 'metadata',
  context: 'context',
}

/** A warning about values that `record()` omitted or changed. */
function degraded({ context }: LoggedEntry): Html | '' {
  const marks = context['degraded']
  if (!Array.isArray(marks) || marks.length === 0) return ''
  const shown = marks
    .slice(0, MAX_MARKS)
    .map((mark) => shortened(String(mark), MAX_MARK_CHARACTERS))
  return html`<p class="degraded">Parts of this entry were changed or left out when it was recorded: ${shown.join(', ')}</p>`
}

function section(title: string, value: Readonly<Record<string, unknown>>): Html | '' {
  if (Object.keys(value).length === 0) return ''
  return html`<section><h3>${title}</h3>${jsonTree(value)}</section>`
}

function json(entry: LoggedEntry): Html {
  const compact = JSON.stringify(entry)
  const indented =
    compact.length <= MAX_INDENTED_CHARACTERS ? JSON.stringify(entry, null, 2) : compact
  const text = indented.length <= MAX_JSON_CHARACTERS ? indented : compact
  const isWhole = text.length <= MAX_JSON_CHARACTERS
  return html`<section class="json">
<details><summary>JSON</summary>${isWhole ? '' : cutJson(entry, text.length)}
<pre id="json">${text.slice(0, MAX_JSON_CHARACTERS)}</pre></details>
${isWhole ? html`<button type="button" id="copy" hidden>Copy as JSON</button>` : ''}</section>`
}

/** A cut JSON is no JSON, so it is not there to be copied. */
function cutJson({ id, eventId }: LoggedEntry, characters: number): Html {
  const atMs = recordedMs(id)
  const times = {
    from: new Date(atMs).toISOString(),
    to: new Date(atMs + 1).toISOString(),
  }
  const address = onlyHref({ ...(eventId ? { event: eventId } : {}), ...times, export: 'ndjson' })
  return html`<p class="degraded">The first ${formatCount(MAX_JSON_CHARACTERS)} of ${formatCount(characters)}
characters. <a href="${address}" download>Export</a> what was recorded in this millisecond to have all
of it.</p>`
}

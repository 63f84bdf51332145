import { describeEntry } from '../../actions/describe-entry.ts'
import type { SealFacts } from '../../export/sealed/seal-facts.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { changesOf } from '../sentence/changes.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { html, type Html } from '../http/html.ts'
import { filterHref, href } from '../query/address.ts'
import type { TextKey } from '../language/texts.ts'
import type { Words } from '../language/words.ts'
import { shortened, visible } from '../sentence/plain-text.ts'
import { LOSS_ACTIONS } from '../sentence/loss-sentences.ts'
import { sentenceOf } from '../sentence/sentence.ts'
import type { HideableColumn } from '../../projection/projection.ts'
import { changeTable } from './change-table.ts'
import { sentenceHtml } from './entry-row.ts'
import { formatTime } from './format.ts'
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
  const { query, nameOf, words } = view
  const closeHref = href(query.given, { entry: null })
  const close = html`<a class="close" id="close" href="${closeHref}" aria-label="${words.say('close')}">×</a>`
  if (!entry) {
    return html`<aside class="entry-detail" id="detail" aria-labelledby="detail-heading">${close}
<h2 id="detail-heading" tabindex="-1">${words.say('noSuchEntry')}</h2>
<p>${words.html('noEntryWithId', { id: html`<code>${query.entry ?? ''}</code>` })}</p></aside>`
  }
  const changes = changesOf(entry.metadata)
  const kind = LOSS_ACTIONS.has(entry.action) ? 'entry-detail gap' : 'entry-detail'
  const heading = sentenceHtml(
    view,
    sentenceOf(entry, nameOf, given && describeEntry(view.actions, given, words.language), words),
  )
  return html`<aside class="${kind}" id="detail" data-id="${entry.id}"
aria-labelledby="detail-heading">${close}
<h2 class="sentence" id="detail-heading" tabindex="-1">${heading}</h2>
${unreadable(view, entry)}${erased(view, entry)}${degraded(view, entry)}
<dl class="facts">${facts(view, entry)}</dl>
${changes.length === 0 ? '' : changeTable(changes, words)}
${section(view, 'metadata', entry.metadata)}
${section(view, 'context', entry.context)}
${sealSection(view, entry, seal)}
${json(view, entry)}
</aside>`
}

function facts({ zone, nameOf, seenBy, words }: ViewState, entry: LoggedEntry): (Html | '')[] {
  const { action, entityType, requestId, shownAs } = entry
  const hides = (field: HideableColumn) => seenBy?.hides?.includes(field) === true
  const atMs = recordedMs(entry.id)
  const happenedMs = entry.occurredAt.getTime()
  const iso = (ms: number) => new Date(ms).toISOString()
  const times = { from: iso(atMs - AROUND_MS), to: iso(atMs + AROUND_MS) }
  // Ignores the current filter, but stays within the entry's event.
  const around = onlyHref({ ...(entry.eventId ? { event: entry.eventId } : {}), ...times })
  const entity = /^([^.]+)\./.exec(action)?.[1]
  const all = entity
    ? more(
        onlyHref({ action: `${entity}.*` }),
        words.say('allOf', { pattern: `${visible(entity)}.*` }),
      )
    : ''
  const targetLabel = entityType
    ? words.say('targetOfType', { type: visible(entityType) })
    : words.say('target')
  const id = (label: string, name: string, given: string | null) => {
    const known = given === null ? '' : visible(nameOf(given) ?? '')
    return (
      given !== null &&
      fact(label, html`<a href="${onlyHref({ [name]: given })}">${visible(given)}</a> ${known}`)
    )
  }
  const shown = [
    fact(
      words.say('recorded'),
      html`<time datetime="${iso(atMs)}">${zone.exact(atMs)}</time>
${more(around, words.say('fiveMinutes'))}`,
    ),
    Math.abs(happenedMs - atMs) >= SAME_TIME_MS &&
      fact(words.say('happened'), html`${formatTime(zone, happenedMs)}`),
    fact(
      words.say('logged'),
      html`${words.say('timeAndNumber', { time: zone.exact(entry.loggedAt.getTime()), seq: String(entry.seq) })}`,
    ),
    entry.outcome !== null &&
      fact(
        words.say('outcome'),
        html`<a href="${onlyHref({ outcome: entry.outcome })}">${entry.outcome}</a>`,
      ),
    fact(
      words.say('action'),
      html`<a href="${onlyHref({ action })}">${visible(action)}</a> ${all}`,
    ),
    id(words.say('user'), 'user', entry.userId),
    shownAs?.userId !== undefined && fact(words.say('user'), html`${shownAs.userId}`),
    id(words.say('actor'), 'actor', entry.actorId),
    shownAs?.actorId !== undefined && fact(words.say('actor'), html`${shownAs.actorId}`),
    entry.actorKind !== null &&
      fact(
        words.say('kind'),
        html`<a href="${onlyHref({ kind: entry.actorKind })}">${entry.actorKind}</a>`,
      ),
    id(words.say('event'), 'event', entry.eventId),
    id(targetLabel, 'target', entry.targetId),
    entry.targetId === null &&
      entityType &&
      fact(words.say('target'), html`${visible(entityType)}`),
    entry.moreTargets !== null &&
      fact(
        words.say('also'),
        html`${entry.moreTargets.map((one) => html`<a href="${onlyHref({ also: one })}">${visible(one)}</a> `)}`,
      ),
    requestId !== null &&
      fact(
        words.say('request'),
        html`<a href="${onlyHref({ request: requestId })}">${visible(requestId)}</a>
${more(onlyHref({ request: requestId }), words.say('allEntriesOfRequest'))}`,
      ),
    fact(words.say('entry'), html`<code>${entry.id}</code>`),
    !hides('recorder') && origin(words, entry),
    !hides('writtenBy') && fact(words.say('login'), html`<code>${visible(entry.writtenBy)}</code>`),
  ]
  return shown.map((row) => row || '')
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
function unreadable({ words }: ViewState, entry: LoggedEntry): Html | '' {
  if (!entry.unreadable) return ''
  return html`<p class="degraded">${words.say('unreadable')}</p>`
}

/** What was erased since, so that nobody takes an empty field for one that was always empty. */
function erased({ words }: ViewState, { erased: names }: LoggedEntry): Html | '' {
  if (!names) return ''
  const fields = names.map((name) => words.say(ERASED_NAMES[name])).join(', ')
  return html`<p class="degraded">${words.say('erasedFields', { fields })}</p>`
}

const ERASED_NAMES = {
  userId: 'theUser',
  actorId: 'theActor',
  targetId: 'theTarget',
  moreTargets: 'theMoreTargets',
  requestId: 'theRequest',
  metadata: 'theMetadata',
  context: 'theContext',
} as const satisfies Record<NonNullable<LoggedEntry['erased']>[number], TextKey>

/** A warning about values that `record()` omitted or changed. */
function degraded({ words }: ViewState, { context }: LoggedEntry): Html | '' {
  const marks = context['degraded']
  if (!Array.isArray(marks) || marks.length === 0) return ''
  const shown = marks
    .slice(0, MAX_MARKS)
    .map((mark) => shortened(String(mark), MAX_MARK_CHARACTERS))
  return html`<p class="degraded">${words.say('degraded', { marks: shown.join(', ') })}</p>`
}

function section(
  { words }: ViewState,
  title: 'metadata' | 'context',
  value: Readonly<Record<string, unknown>>,
): Html | '' {
  if (Object.keys(value).length === 0) return ''
  return html`<section><h3>${words.say(title)}</h3>${jsonTree(value, words)}</section>`
}

function json(view: ViewState, entry: LoggedEntry): Html {
  const compact = JSON.stringify(entry)
  const indented =
    compact.length <= MAX_INDENTED_CHARACTERS ? JSON.stringify(entry, null, 2) : compact
  const text = indented.length <= MAX_JSON_CHARACTERS ? indented : compact
  const isWhole = text.length <= MAX_JSON_CHARACTERS
  return html`<section class="json">
<details><summary>JSON</summary>${isWhole ? '' : cutJson(view, entry, text.length)}
<pre id="json">${text.slice(0, MAX_JSON_CHARACTERS)}</pre></details>
${isWhole ? html`<button type="button" id="copy" hidden>${view.words.say('copyJson')}</button>` : ''}</section>`
}

/** A cut JSON is no JSON, so it is not there to be copied. */
function cutJson({ words }: ViewState, { id, eventId }: LoggedEntry, characters: number): Html {
  const atMs = recordedMs(id)
  const times = {
    from: new Date(atMs).toISOString(),
    to: new Date(atMs + 1).toISOString(),
  }
  const address = onlyHref({ ...(eventId ? { event: eventId } : {}), ...times, export: 'ndjson' })
  const values = {
    shown: words.number(MAX_JSON_CHARACTERS),
    all: words.number(characters),
    link: html`<a href="${address}" download>${words.say('export')}</a>`,
  }
  return html`<p class="degraded">${words.html('cutJson', values)}</p>`
}

import { describeEntry } from '../../actions/describe-entry.ts'
import type { SealFacts } from '../../export/sealed/seal-facts.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { changesOf, isPartOfChange, MAX_CHANGES } from '../../timeline/changes.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { html, type Html } from '../http/html.ts'
import type { Neighbours } from '../../read/around/neighbours.ts'
import { filterHref, href, isoText } from '../query/address.ts'
import { onlyHref } from '../query/narrow.ts'
import type { TextKey } from '../language/texts.ts'
import { shortened } from '../sentence/plain-text.ts'
import { LOSS_ACTIONS } from '../sentence/loss-sentences.ts'
import { sentenceOf } from '../sentence/sentence.ts'
import { changeTable } from './change-table.ts'
import { sentenceHtml } from './entry-row.ts'
import { facts, record } from './entry-facts.ts'
import { jsonTree } from './json-tree.ts'
import { sealSection } from './seal-section.ts'
import { shallowEntry } from './shallow-entry.ts'
import type { ViewState } from './view-state.ts'

const MAX_MARKS = 20
const MAX_MARK_CHARACTERS = 200
/** Indented, a text of 32 levels is up to 33 times as long, so that a longer one is not. */
const MAX_INDENTED_CHARACTERS = 65_536
/** A longer one is cut. The export has the whole. */
const MAX_JSON_CHARACTERS = 262_144

/** What is shown with an entry, as far as the page knows it. */
export interface DetailParts {
  readonly seal?: SealFacts | undefined
  /** Those of the same target. */
  readonly neighbours?: Neighbours | undefined
  /** The next entries of the list, where the whole list is shown with it. */
  readonly steps?: Steps | undefined
}

export interface Steps {
  readonly newer: string | undefined
  readonly older: string | undefined
}

/** Shows everything that the log holds about one entry. */
export function entryDetail(
  view: ViewState,
  given: LoggedEntry | undefined,
  { seal, neighbours, steps }: DetailParts = {},
): Html {
  const entry = given && shallowEntry(given)
  const { query, nameOf, words } = view
  const closeHref = href(query.given, { entry: null })
  const close = html`<nav class="steps">${step(view, 'newer', steps)}${step(view, 'older', steps)}
<a class="close" id="close" href="${closeHref}" aria-label="${words.say('close')}">×</a></nav>`
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
<dl class="facts">${facts(view, entry, neighbours)}</dl>
${changes.length === 0 ? '' : changeTable(changes, words)}
${section(view, 'metadata', withoutChanges(entry.metadata))}
${section(view, 'context', withoutMarks(entry.context))}
${sealSection(view, entry, seal)}
${record(view, entry)}
${link(view, entry)}
${json(view, entry)}
</aside>`
}

/** For a colleague. A signed link is none: it would let them in as this viewer. */
function link({ isSignedLink, words }: ViewState, { id }: LoggedEntry): Html | '' {
  if (isSignedLink) return ''
  return html`<p class="links"><a id="permalink" href="${href({}, { entry: id })}">${words.say('entryLink')}</a>
<button type="button" id="copy-link" hidden>${words.say('copyLink')}</button></p>`
}

/** The script knows the list and sets the link, where the page does not. */
function step({ query, words }: ViewState, which: keyof Steps, steps: Steps | undefined): Html {
  const id = steps?.[which]
  const address = id === undefined ? '' : href(query.given, { entry: id })
  const label = words.say(which === 'newer' ? 'newerEntry' : 'olderEntry')
  return html`<a id="${which}" href="${address}" aria-label="${label}" title="${label}"${id === undefined ? html` hidden` : ''}>${which === 'newer' ? '↑' : '↓'}</a>`
}

/** What the table of changes says is not said again. The JSON has all of it. */
function withoutChanges(metadata: LoggedEntry['metadata']): LoggedEntry['metadata'] {
  const told = changesOf(metadata).length
  // A table that is full does not hold all.
  if (told === 0 || told >= MAX_CHANGES) return metadata
  const rest = Object.entries(metadata).filter(
    ([key, value]) => !isPartOfChange(key, value, metadata),
  )
  return Object.fromEntries(rest) as LoggedEntry['metadata']
}

/** The warning has the marks. */
function withoutMarks(context: LoggedEntry['context']): LoggedEntry['context'] {
  const { degraded: marks, ...rest } = context
  return Array.isArray(marks) && marks.length > 0 && marks.length <= MAX_MARKS ? rest : context
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
  const asked = { from: isoText(atMs), to: isoText(atMs + 1), export: 'ndjson' }
  const address = eventId === null ? filterHref({}, asked) : onlyHref('event', eventId, asked)
  const values = {
    shown: words.number(MAX_JSON_CHARACTERS),
    all: words.number(characters),
    link: html`<a href="${address}" download>${words.say('export')}</a>`,
  }
  return html`<p class="degraded">${words.html('cutJson', values)}</p>`
}

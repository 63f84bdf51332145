import { html } from 'hono/html'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { changesOf } from '../sentence/changes.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { filterHref, href } from '../query/address.ts'
import { visible } from '../sentence/plain-text.ts'
import { DECLARED_LOSSES } from '../sentence/loss-sentences.ts'
import { sentenceOf } from '../sentence/sentence.ts'
import { diff } from './change-table.ts'
import { said, shownTime } from './entry-row.ts'
import type { Html, Scene } from './view-state.ts'
import { tree } from './json-tree.ts'

const AROUND_MS = 300_000
const MAX_MARKS = 20
/** The id and the entry are made one after the other: below it, they tell the same moment. */
const SAME_TIME_MS = 1_000

/** Everything that is known of one entry. */
export function detail(scene: Scene, entry: LoggedEntry | undefined): Html {
  const { query, nameOf } = scene
  const back = href(query.given, { entry: null })
  const close = html`<a class="close" id="close" href="${back}" aria-label="Close">×</a>`
  if (!entry) {
    return html`<aside class="detail" id="detail" aria-labelledby="detail-heading">${close}
<h2 id="detail-heading" tabindex="-1">No such entry</h2>
<p>The log holds no entry with the id <code>${query.entry ?? ''}</code>.</p></aside>`
  }
  const changes = changesOf(entry.metadata)
  const kind = DECLARED_LOSSES.has(entry.action) ? 'detail gap' : 'detail'
  const heading = said(scene, sentenceOf(entry, nameOf))
  return html`<aside class="${kind}" id="detail" data-id="${entry.id}"
aria-labelledby="detail-heading">${close}
<h2 class="said" id="detail-heading" tabindex="-1">${heading}</h2>
${degraded(entry)}
<dl class="facts">${facts(scene, entry)}</dl>
${changes.length === 0 ? '' : diff(changes)}
${section('Metadata', entry.metadata)}
${section('Context', entry.context)}
${json(entry)}
</aside>`
}

function facts({ zone, nameOf }: Scene, entry: LoggedEntry): (Html | '')[] {
  const { action, entityType, requestId, recorderId, recorderSeq } = entry
  const atMs = recordedMs(entry.id)
  const happenedMs = entry.occurredAt.getTime()
  const iso = (ms: number) => new Date(ms).toISOString()
  const times = { from: iso(atMs - AROUND_MS), to: iso(atMs + AROUND_MS) }
  // What else was going on, whatever the list is narrowed to; but never among other events' noise.
  const around = only({ ...(entry.eventId ? { event: entry.eventId } : {}), ...times })
  const entity = /^([^.]+)\./.exec(action)?.[1]
  const all = entity ? more(only({ action: `${entity}.*` }), `all of ${visible(entity)}`) : ''
  const targetLabel = entityType ? `Target, ${visible(entityType)}` : 'Target'
  const id = (label: string, name: string, given: string | null) => {
    const known = given === null ? '' : visible(nameOf(given) ?? '')
    return (
      given !== null &&
      fact(label, html`<a href="${only({ [name]: given })}">${given}</a> ${known}`)
    )
  }
  const shown = [
    fact(
      'Recorded',
      html`<time datetime="${iso(atMs)}">${zone.exact(atMs)}</time>
${more(around, '5 minutes around')}`,
    ),
    Math.abs(happenedMs - atMs) >= SAME_TIME_MS &&
      fact('Happened', html`${shownTime(zone, happenedMs)}`),
    fact('Logged', html`${zone.exact(entry.loggedAt.getTime())}, as number ${entry.seq}`),
    fact('Action', html`<a href="${only({ action })}">${visible(action)}</a> ${all}`),
    id('User', 'user', entry.userId),
    id('Event', 'event', entry.eventId),
    id(targetLabel, 'target', entry.targetId),
    entry.targetId === null && entityType && fact('Target', html`${visible(entityType)}`),
    requestId !== null &&
      fact(
        'Request',
        html`<a href="${only({ request: requestId })}">${visible(requestId)}</a>
${more(only({ request: requestId }), 'everything in this request')}`,
      ),
    fact('Entry', html`<code>${entry.id}</code>`),
    recorderId === null
      ? fact('Written by', html`${writerOf(action)}`)
      : fact('Recorder', html`<code>${recorderId}</code>, its number ${recorderSeq ?? 'unknown'}`),
  ]
  return shown.map((one) => one || '')
}

/** Who wrote what has no recorder. */
function writerOf(action: string): string {
  if (action === 'audit.gap') return 'the relay, which found the loss'
  return 'the application’s own transaction (outbox)'
}

/** Everything with these values, whatever was filtered before. */
function only(values: Readonly<Record<string, string>>): string {
  return filterHref({}, values)
}

function more(address: string, label: string): Html {
  return html`<a class="more" href="${address}">${label}</a>`
}

function fact(label: string, value: Html): Html {
  return html`<div><dt>${label}</dt><dd>${value}</dd></div>`
}

/** What `record()` had to leave out or to alter is said before anything else is believed. */
function degraded({ context }: LoggedEntry): Html | '' {
  const marks = context['degraded']
  if (!Array.isArray(marks) || marks.length === 0) return ''
  const shown = marks.slice(0, MAX_MARKS).map((mark) => visible(String(mark)))
  return html`<p class="warning">Stored less faithfully than it was given: ${shown.join(', ')}</p>`
}

function section(title: string, value: Readonly<Record<string, unknown>>): Html | '' {
  if (Object.keys(value).length === 0) return ''
  return html`<section><h3>${title}</h3>${tree(value)}</section>`
}

function json(entry: LoggedEntry): Html {
  const text = JSON.stringify(entry, null, 2)
  return html`<section class="json">
<details><summary>JSON</summary><pre id="json">${text}</pre></details>
<button type="button" id="copy" hidden>Copy as JSON</button></section>`
}

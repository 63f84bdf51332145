import { html } from 'hono/html'
import type { LoggedEntry } from '../../../src/logged-entry.ts'
import { type Change, changesOf } from '../changes.ts'
import { recordedMs } from '../histogram.ts'
import { filterHref, href } from '../query.ts'
import { visible } from '../plain-text.ts'
import { sentenceOf } from '../sentence.ts'
import { said, shownTime } from './row.ts'
import type { Html, Scene } from './scene.ts'
import { leaf, tree } from './tree.ts'

const AROUND_MS = 300_000

/** Everything that is known of one entry. */
export function detail(scene: Scene, entry: LoggedEntry | undefined): Html {
  const { query } = scene
  const close = html`<a class="close" id="close" href="${href(query.given, { entry: null })}" aria-label="Close">×</a>`
  if (!entry) {
    return html`<aside class="detail" id="detail" aria-labelledby="detail-heading">${close}
<h2 id="detail-heading" tabindex="-1">No such entry</h2>
<p>The log holds no entry with the id <code>${query.entry ?? ''}</code>.</p></aside>`
  }
  const changes = changesOf(entry.metadata)
  return html`<aside class="detail${entry.action === 'audit.gap' ? ' gap' : ''}" id="detail" data-id="${entry.id}" aria-labelledby="detail-heading">${close}
<h2 class="said" id="detail-heading" tabindex="-1">${said(scene, sentenceOf(entry, scene.nameOf))}</h2>
${degraded(entry)}
${facts(scene, entry)}
${changes.length === 0 ? '' : diff(changes)}
${section('Metadata', entry.metadata)}
${section('Context', entry.context)}
${json(entry)}
</aside>`
}

function facts(scene: Scene, entry: LoggedEntry): Html {
  const { zone, query } = scene
  const atMs = recordedMs(entry.id)
  const around = filterHref(query.given, {
    range: null,
    from: new Date(atMs - AROUND_MS).toISOString(),
    to: new Date(atMs + AROUND_MS).toISOString(),
  })
  const onlyThis = (name: string, value: string) => `?${new URLSearchParams({ [name]: value })}`
  const entity = /^([^.]+)\./.exec(entry.action)?.[1]
  return html`<dl class="facts">
<div><dt>Recorded</dt><dd><time datetime="${new Date(atMs).toISOString()}">${zone.exact(atMs)}</time> <a class="more" href="${around}">5 minutes around</a></dd></div>
${fact('Happened', html`${shownTime(zone, entry.occurredAt.getTime())}`, entry.occurredAt.getTime() !== atMs)}
<div><dt>Logged</dt><dd>${zone.exact(entry.loggedAt.getTime())}, as number ${entry.seq}</dd></div>
<div><dt>Action</dt><dd><a href="${onlyThis('action', entry.action)}">${visible(entry.action)}</a>${entity === undefined ? '' : html` <a class="more" href="${onlyThis('action', `${entity}.*`)}">all of ${visible(entity)}</a>`}</dd></div>
${idFact(scene, 'User', 'user', entry.userId)}
${idFact(scene, 'Event', 'event', entry.eventId)}
${idFact(scene, entry.entityType ? `Target, ${visible(entry.entityType)}` : 'Target', 'target', entry.targetId)}
${fact('Target', html`${visible(entry.entityType ?? '')}`, entry.targetId === null && entry.entityType !== null)}
${
  entry.requestId === null
    ? ''
    : html`<div><dt>Request</dt><dd><a href="${onlyThis('request', entry.requestId)}">${visible(entry.requestId)}</a> <span class="more">everything in this request</span></dd></div>`
}
<div><dt>Entry</dt><dd><code>${entry.id}</code></dd></div>
${entry.recorderId === null ? html`<div><dt>Lane</dt><dd>outbox: in a transaction of its own</dd></div>` : html`<div><dt>Recorder</dt><dd><code>${entry.recorderId}</code>, its number ${entry.recorderSeq ?? 'unknown'}</dd></div>`}
</dl>`
}

function fact(label: string, value: Html, isShown: boolean): Html | '' {
  return isShown ? html`<div><dt>${label}</dt><dd>${value}</dd></div>` : ''
}

function idFact({ nameOf }: Scene, label: string, name: string, id: string | null): Html | '' {
  if (id === null) return ''
  const known = nameOf(id)
  return html`<div><dt>${label}</dt><dd><a href="?${new URLSearchParams({ [name]: id })}">${id}</a>${known === undefined ? '' : html` ${visible(known)}`}</dd></div>`
}

/** What `record()` had to leave out or to alter is said before anything else is believed. */
function degraded({ context }: LoggedEntry): Html | '' {
  const marks = context['degraded']
  if (!Array.isArray(marks) || marks.length === 0) return ''
  return html`<p class="warning">Stored less faithfully than it was given: ${marks.slice(0, 20).map(String).map(visible).join(', ')}</p>`
}

function diff(changes: readonly Change[]): Html {
  return html`<section class="diff"><h3>Changes</h3>
<table><thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead><tbody>
${changes.map(({ path, from, to }) => html`<tr><th scope="row">${path === '' ? '–' : visible(path)}</th><td>${side(from, to, 'del')}</td><td>${side(to, from, 'ins')}</td></tr>`)}
</tbody></table></section>`
}

const MIN_ALIKE = 8

/** Of two long texts that are mostly alike, only what differs is marked. */
function side(value: unknown, other: unknown, tag: 'del' | 'ins'): Html {
  if (value === undefined) return html`<span class="null">not there</span>`
  const mark = (inner: unknown) =>
    tag === 'del' ? html`<del>${inner}</del>` : html`<ins>${inner}</ins>`
  if (typeof value === 'object' && value !== null) return mark(visible(JSON.stringify(value)))
  if (typeof value !== 'string' || typeof other !== 'string') return mark(leaf(value))
  const one = Array.from(value.slice(0, 4_000))
  const two = Array.from(other.slice(0, 4_000))
  const shorter = Math.min(one.length, two.length)
  let head = 0
  while (head < shorter && one[head] === two[head]) head += 1
  let tail = 0
  while (tail < shorter - head && one.at(-1 - tail) === two.at(-1 - tail)) tail += 1
  if (head + tail < MIN_ALIKE) return mark(leaf(value))
  const text = (from: number, to: number) => visible(one.slice(from, to).join(''))
  const end = one.length - tail
  return html`${text(0, head)}${mark(text(head, end))}${text(end, one.length)}`
}

function section(title: string, value: Readonly<Record<string, unknown>>): Html | '' {
  if (Object.keys(value).length === 0) return ''
  return html`<section><h3>${title}</h3>${tree(value)}</section>`
}

function json(entry: LoggedEntry): Html {
  return html`<section class="json"><details><summary>JSON</summary><pre id="json">${JSON.stringify(entry, null, 2)}</pre></details>
<button type="button" id="copy" hidden>Copy as JSON</button></section>`
}

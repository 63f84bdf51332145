import { html } from 'hono/html'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import { filterHref, href } from '../query/address.ts'
import { shortened, shortId, visible } from '../sentence/plain-text.ts'
import type { Piece } from '../sentence/sentence-parts.ts'
import { DECLARED_LOSSES } from '../sentence/loss-sentences.ts'
import { sentenceOf } from '../sentence/sentence.ts'
import { deedOf } from '../sentence/verbs.ts'
import { current, type Html, type Scene } from './view-state.ts'

/** Between recording and happening: below it, one time is enough. */
const SAME_TIME_MS = 60_000

/** The entry as a line of the list. */
export function row(scene: Scene, entry: LoggedEntry): Html {
  const { query, zone } = scene
  const atMs = recordedMs(entry.id)
  const day = html` data-day="${zone.wall(atMs).slice(0, 10)}" data-day-name="${zone.day(atMs)}"`
  const address = href(query.given, { entry: entry.id })
  const iso = new Date(atMs).toISOString()
  return html`<li class="entry ${kindOf(entry)}" id="e-${entry.id}" data-id="${entry.id}"
data-seq="${entry.seq}"${day}${current(query.entry === entry.id)}>
<a class="open" href="${address}" title="${zone.exact(atMs)}"
><time datetime="${iso}">${zone.time(atMs)}</time></a>
<p class="said">${said(scene, sentenceOf(entry, scene.nameOf))}${happened(scene, entry, atMs)}</p>
${actionLink(scene, entry)}
${requestLink(entry)}
</li>`
}

function actionLink({ query }: Scene, { action }: LoggedEntry): Html {
  const address = filterHref(query.given, { action })
  return html`<a class="action" href="${address}" title="Only ${visible(action)}">
${shortened(action, 60)}</a>`
}

/** All of it, also where the list is narrowed: what else came of it is what one asks then. */
function requestLink({ requestId }: LoggedEntry): Html | '' {
  if (requestId === null) return ''
  const address = filterHref({}, { request: requestId })
  return html`<a class="request" href="${address}"
title="Everything in request ${visible(requestId)}">${shortId(requestId)}</a>`
}

/** A sentence, with its ids as links. */
export function said({ query }: Scene, pieces: readonly Piece[]): Html[] {
  return pieces.map((piece) => {
    const text = visible(piece.text)
    if ('id' in piece) {
      const address = filterHref(query.given, { [piece.kind]: piece.id })
      return html`<a class="${piece.kind}" href="${address}" title="${piece.kind} ${piece.id}"
>${text}</a>`
    }
    if (piece.kind === 'text') return html`${text}`
    if (piece.kind === 'from') return html`<del>${text}</del>`
    if (piece.kind === 'to') return html`<ins>${text}</ins>`
    return html`<span class="${piece.kind}">${text}</span>`
  })
}

function kindOf({ action }: LoggedEntry): string {
  if (DECLARED_LOSSES.has(action)) return 'gap'
  if (action === 'audit.read') return 'reading'
  return deedOf(action.slice(action.lastIndexOf('.') + 1))
}

/** The list goes by the time of recording; an entry that came from elsewhere has another, too. */
function happened({ zone }: Scene, { occurredAt }: LoggedEntry, atMs: number): Html | '' {
  const happenedMs = occurredAt.getTime()
  if (Math.abs(happenedMs - atMs) < SAME_TIME_MS) return ''
  return html` <span class="late">· happened ${shownTime(zone, happenedMs)}</span>`
}

/** A `Date` may be of any year, and a wall's clock knows only those of four figures. */
export function shownTime(zone: Scene['zone'], ms: number): string {
  try {
    return zone.exact(ms).replace(/\.\d{3} /, ' ')
  } catch {
    return `${new Date(ms).toISOString()}`
  }
}

import { AuditError } from '../../errors.ts'
import { within } from '../../within.ts'
import { faultHint } from '../../database/faults.ts'
import { lastSeq } from '../../read/tail.ts'
import { entry as readEntry, timeline, type TimelinePage } from '../../read/timeline.ts'
import * as answers from '../http/responses.ts'
import { exportResponse } from './export-response.ts'
import { histogram } from '../histogram/histogram.ts'
import { namesOf } from './name-lookup.ts'
import { choosePreference, preferencesOf } from './preferences.ts'
import { href } from '../query/address.ts'
import { type Query, readQuery } from '../query/query.ts'
import { recordRead } from './record-read.ts'
import { streamResponse } from './live-response.ts'
import { detail } from '../view/entry-detail.ts'
import { type Drawn, histogramView } from '../view/histogram-view.ts'
import { list } from '../view/entry-list.ts'
import { page } from '../view/whole-page.ts'
import type { Scene } from '../view/view-state.ts'
import { outage, refusal } from '../view/messages.ts'
import type { Viewer } from '../auth/viewer.ts'
import type { Library, Visit } from './services.ts'

/** The bars come with the page, unless they take longer than one waits for a page. */
const HISTOGRAM_WAIT_MS = 1_500
const RETRY_AFTER = { 'retry-after': '5' }

/** The answer to somebody who may read. */
export async function answerViewer(library: Library, visit: Visit): Promise<Response> {
  const { request, parameters, viewer } = visit
  const { zone, theme } = preferencesOf(request)
  const nowMs = Date.now()
  const query = narrowed(readQuery(parameters, zone, nowMs), viewer)
  const scene: Scene = {
    ...{ query, zone, theme, nowMs, viewerName: viewer.name, nameOf: () => undefined },
    isRecorded: library.recorder !== undefined,
  }
  const chosen = choosePreference(request, parameters, query)
  if (chosen instanceof Response) return chosen
  if (chosen !== undefined) return refused(scene, new Map([['', chosen]]))
  if (query.problems.size > 0) return refused(scene, query.problems)
  try {
    if (query.given['stream']) return await streamResponse(library, visit, scene)
    if (parameters.has('export')) return await exportResponse(library, visit, scene)
    const part = parameters.get('part')
    if (part === 'entry') return await entryPart(library, visit, scene)
    if (part === 'histogram') return await histogramPart(library, scene)
    if (part !== null) return refused(scene, new Map([['part', 'Must be entry or histogram.']]))
    if (!query.isCanonical) return answers.redirect(href(query.given))
    return await wholePage(library, visit, scene)
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    if (error.code === 'AUDIT_FILTER_INVALID') return refused(scene, new Map([['', error.message]]))
    return unreadable(library, scene, error)
  }
}

/** A viewer who may see one event's entries asks for that event, whatever the address says. */
function narrowed(query: Query, { onlyEventId }: Viewer): Query {
  if (onlyEventId === undefined) return query
  const asked = query.filter.eventId
  if (asked !== undefined && asked.toLowerCase() !== onlyEventId.toLowerCase()) {
    const problems = new Map([...query.problems, ['event', 'This event is not yours to read.']])
    return { ...query, problems }
  }
  return { ...query, filter: { ...query.filter, eventId: onlyEventId } }
}

async function wholePage(library: Library, visit: Visit, given: Scene): Promise<Response> {
  const { db } = library
  const { query, nowMs, zone } = given
  // Before the list: what is logged between the two is in both, and the page leaves out doubles.
  const seenSeq = query.isLive ? await lastSeq(db) : 0
  const [found, open] = await Promise.all([
    timeline(db, { ...query.filter, cursor: query.cursor, limit: query.limit }),
    openEntry(library, visit, query.entry),
  ])
  const isWhole = found.nextCursor === null && found.prevCursor === null
  const all = isWhole ? found.entries : undefined
  const [drawn, nameOf] = await Promise.all([
    inTime(histogram(db, { filter: query.filter, zone, nowMs, all })),
    namesOf(library.names, [...found.entries, ...(open ? [open] : [])]),
  ])
  const scene: Scene = { ...given, nameOf }
  writeDown(library, visit, query, found)
  const html = page(scene, {
    main: list(scene, found),
    histogram: histogramView(scene, drawn),
    detail: query.entry === undefined ? undefined : detail(scene, open),
    shown: found.entries,
    stream: query.isLive ? href(query.given, { stream: '1', after: String(seenSeq) }) : undefined,
  })
  return answers.page(html, query.entry !== undefined && open === undefined ? 404 : 200)
}

/** What was shown, so that it can be told later what somebody could have seen. */
function writeDown(
  { recorder }: Library,
  { request, viewer }: Visit,
  query: Query,
  { entries }: TimelinePage,
): void {
  const shown = { entries: entries.length, newest: entries[0]?.id, oldest: entries.at(-1)?.id }
  const read = query.isLive ? 'live' : 'page'
  recordRead(recorder, { request, viewer, query, read, more: { shown } })
}

async function entryPart(library: Library, visit: Visit, given: Scene): Promise<Response> {
  const { request, viewer } = visit
  const { query } = given
  const open = await openEntry(library, visit, query.entry)
  const nameOf = await namesOf(library.names, open ? [open] : [])
  recordRead(library.recorder, { request, viewer, query, read: 'entry' })
  return answers.page(detail({ ...given, nameOf }, open), open ? 200 : 404)
}

/** By its id, whatever the filter says; but never another event's than the viewer may see. */
async function openEntry({ db }: Library, { viewer }: Visit, id: string | undefined) {
  if (id === undefined) return undefined
  const found = await readEntry(db, id)
  const { onlyEventId } = viewer
  const isTheirs = onlyEventId === undefined || found?.eventId === onlyEventId.toLowerCase()
  return isTheirs ? found : undefined
}

async function histogramPart({ db }: Library, scene: Scene): Promise<Response> {
  const { query, zone, nowMs } = scene
  const drawn = await inTime(histogram(db, { filter: query.filter, zone, nowMs }))
  return answers.page(histogramView(scene, drawn))
}

/** Drawn or failed, soon: the list has its own say about a database that fails. */
function inTime(drawing: Promise<Drawn>): Promise<Drawn> {
  const failed = (): Drawn => 'failed'
  return within(HISTOGRAM_WAIT_MS, drawing.catch(failed), failed)
}

function refused(scene: Scene, problems: ReadonlyMap<string, string>): Promise<Response> {
  const query = { ...scene.query, problems }
  return answers.page(page({ ...scene, query }, { main: refusal(problems) }), 400)
}

function unreadable({ logger }: Library, scene: Scene, error: AuditError): Promise<Response> {
  const { code, message, fault } = error
  logger.warn({ code, fault }, 'audit page cannot read the log')
  const hint = fault ? faultHint(fault.code) : undefined
  const main = outage(message, hint, href(scene.query.given))
  return answers.page(page(scene, { main }), 503, RETRY_AFTER)
}

import { AuditError } from '../../errors.ts'
import { faultHint } from '../../database/faults.ts'
import { lastSeq } from '../../read/tail-query.ts'
import { entry as readEntry, timeline } from '../../read/timeline.ts'
import { within } from '../../within.ts'
import type { Viewer } from '../auth/viewer.ts'
import { histogram } from '../histogram/histogram.ts'
import { htmlResponse, redirectResponse } from '../http/responses.ts'
import { href } from '../query/address.ts'
import { type Query, readQuery } from '../query/query.ts'
import { entryDetail } from '../view/entry-detail.ts'
import { entryList } from '../view/entry-list.ts'
import { type HistogramResult, histogramView } from '../view/histogram-view.ts'
import { filterProblems, logUnreadable } from '../view/messages.ts'
import type { ViewState } from '../view/view-state.ts'
import { wholePage } from '../view/whole-page.ts'
import { exportResponse } from './export-response.ts'
import { liveResponse } from './live-response.ts'
import { namesIn } from './name-lookup.ts'
import { givenFilter, noteRead } from './note-read.ts'
import type { PageServices } from './page-services.ts'
import { changePreference, readPreferences } from './preferences.ts'
import type { ViewerRequest } from './viewer-request.ts'

/** The page does not wait longer than this for its bars. */
const HISTOGRAM_TIMEOUT_MS = 1_500
const RETRY_AFTER = { 'retry-after': '5' }

/** Answers any request of somebody who may read. */
export async function respondToViewer(
  services: PageServices,
  viewerRequest: ViewerRequest,
): Promise<Response> {
  const { request, parameters, viewer } = viewerRequest
  const { zone, theme } = readPreferences(request)
  const nowMs = Date.now()
  const query = limitToViewer(readQuery(parameters, zone, nowMs), viewer)
  const view: ViewState = {
    query,
    zone,
    theme,
    viewerName: viewer.name,
    nowMs,
    nameOf: () => undefined,
    readsAreRecorded: services.recording.recorder !== undefined,
    canSignOut: services.canSignOut,
  }
  const preference = changePreference(request, parameters, query)
  if (preference instanceof Response) return preference
  if (preference !== undefined) return badRequest(view, new Map([['', preference]]))
  if (query.problems.size > 0) return badRequest(view, query.problems)
  try {
    if (query.given['stream']) return await liveResponse(services, viewerRequest, view)
    if (parameters.has('export')) return await exportResponse(services, viewerRequest, view)
    const part = parameters.get('part')
    if (part === 'entry') return await entryPart(services, viewerRequest, view)
    if (part === 'histogram') return await histogramPart(services, viewerRequest, view)
    if (part !== null) {
      return badRequest(view, new Map([['part', 'Must be entry or histogram.']]))
    }
    if (!query.isCanonical) return redirectResponse(href(query.given))
    return await pageResponse(services, viewerRequest, view)
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    if (error.code === 'AUDIT_FILTER_INVALID' || error.code === 'AUDIT_HISTORY_CHANGED') {
      return badRequest(view, new Map([['', error.message]]))
    }
    return unavailable(services, view, error)
  }
}

/** Adds the only event that the viewer may see to the filter. It replaces that of the address. */
function limitToViewer(query: Query, { onlyEventId }: Viewer): Query {
  if (onlyEventId === undefined) return query
  const eventId = query.filter.eventId
  if (eventId !== undefined && eventId.toLowerCase() !== onlyEventId) {
    const problems = new Map([...query.problems, ['event', 'You may not read this event.']])
    return { ...query, problems }
  }
  return { ...query, filter: { ...query.filter, eventId: onlyEventId } }
}

async function pageResponse(
  services: PageServices,
  viewerRequest: ViewerRequest,
  viewWithoutNames: ViewState,
): Promise<Response> {
  const { db, recording, lookUpNames } = services
  const { query, nowMs, zone } = viewWithoutNames
  // Asked before the list: an entry that is logged between the two comes by both ways, and the
  // page's script leaves out the second.
  const seenSeq = query.isLive ? await lastSeq(db) : 0
  const [found, openEntry] = await Promise.all([
    timeline(db, { ...query.filter, cursor: query.cursor, limit: query.limit }),
    readOpenEntry(services, viewerRequest, query.entry),
  ])
  const { entries } = found
  const isOnlyPage = found.nextCursor === null && found.prevCursor === null
  const allEntries = isOnlyPage ? entries : undefined
  const [bars, nameOf] = await Promise.all([
    orFailed(histogram(db, { filter: query.filter, zone, nowMs, allEntries })),
    namesIn(openEntry ? [...entries, openEntry] : entries, lookUpNames),
  ])
  const view: ViewState = { ...viewWithoutNames, nameOf }
  const shown = { entries: entries.length, newest: entries[0]?.id, oldest: entries.at(-1)?.id }
  await noteRead(recording, viewerRequest, {
    read: query.isLive ? 'live' : 'page',
    query,
    details: { shown },
  })
  const html = wholePage(view, {
    main: entryList(view, found),
    histogram: histogramView(view, bars),
    detail: query.entry === undefined ? undefined : entryDetail(view, openEntry),
    shownEntries: entries,
    stream: query.isLive ? href(query.given, { stream: '1', after: String(seenSeq) }) : undefined,
  })
  return htmlResponse(html, query.entry !== undefined && openEntry === undefined ? 404 : 200)
}

async function entryPart(
  services: PageServices,
  viewerRequest: ViewerRequest,
  view: ViewState,
): Promise<Response> {
  const { query } = view
  const openEntry = await readOpenEntry(services, viewerRequest, query.entry)
  const nameOf = await namesIn(openEntry ? [openEntry] : [], services.lookUpNames)
  await noteRead(services.recording, viewerRequest, { read: 'entry', query })
  return htmlResponse(entryDetail({ ...view, nameOf }, openEntry), openEntry ? 200 : 404)
}

/** Found by its id even if the filter excludes it, but only if the viewer may see its event. */
async function readOpenEntry(
  { db }: PageServices,
  { viewer }: ViewerRequest,
  id: string | undefined,
) {
  if (id === undefined) return undefined
  const entry = await readEntry(db, id)
  const { onlyEventId } = viewer
  const isAllowed = onlyEventId === undefined || entry?.eventId === onlyEventId
  return isAllowed ? entry : undefined
}

/** The bars of a live view that is open are a part of it: its script asks for them again and again. */
async function histogramPart(
  { db, recording, liveViews }: PageServices,
  viewerRequest: ViewerRequest,
  view: ViewState,
): Promise<Response> {
  const { query, zone, nowMs } = view
  if (!liveViews.holds(viewerRequest.viewer, JSON.stringify(givenFilter(query)))) {
    await noteRead(recording, viewerRequest, { read: 'histogram', query })
  }
  const bars = await orFailed(histogram(db, { filter: query.filter, zone, nowMs }))
  return htmlResponse(histogramView(view, bars))
}

/** Failed also where the database fails; that fails the list, too, which reports it. */
function orFailed(result: Promise<HistogramResult>): Promise<HistogramResult> {
  const failed = (): HistogramResult => 'failed'
  return within(HISTOGRAM_TIMEOUT_MS, result.catch(failed), failed)
}

function badRequest(view: ViewState, problems: ReadonlyMap<string, string>): Promise<Response> {
  const query = { ...view.query, problems }
  return htmlResponse(wholePage({ ...view, query }, { main: filterProblems(problems) }), 400)
}

function unavailable(
  { logger }: PageServices,
  view: ViewState,
  { code, message, fault }: AuditError,
): Promise<Response> {
  logger.warn({ code, fault }, 'audit page: cannot read the log')
  const hint = fault ? faultHint(fault.code) : undefined
  const main = logUnreadable(message, hint, href(view.query.given))
  return htmlResponse(wholePage(view, { main }), 503, RETRY_AFTER)
}

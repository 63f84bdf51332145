import { AuditError } from '../../errors.ts'
import { faultHint } from '../../database/faults.ts'
import { lastSeq } from '../../read/tail-query.ts'
import { entry as readEntry, timeline, understood } from '../../read/timeline.ts'
import { readRows } from '../../read/read-rows.ts'
import { type LogBegin, logBegin } from '../../removed/log-begin.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import type { IdKind } from '../../entry.ts'
import { isUuid } from '../../ids/uuid.ts'
import { hidesParts } from '../../projection/projection.ts'
import { idKindOf } from '../../read/bound-filter.ts'
import { type SealFacts, sealFacts } from '../../export/sealed/seal-facts.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { type AdmittedViewer, knowsNames, nameViewer } from '../auth/viewer.ts'
import { jsonResponse, wantsJson } from '../http/refusals.ts'
import { htmlResponse, redirectResponse } from '../http/responses.ts'
import { FIELD_NAMES, FIELDS, href } from '../query/address.ts'
import { listFilter } from '../query/hidden-reads.ts'
import { type Query, readQuery, withIdProblems, withLine } from '../query/query.ts'
import { entryDetail } from '../view/entry-detail.ts'
import { entryList } from '../view/entry-list.ts'
import { histogramView } from '../view/histogram/histogram-view.ts'
import { filterProblems, logUnreadable } from '../view/messages.ts'
import type { ViewState } from '../view/view-state.ts'
import { wholePage } from '../view/frame/whole-page.ts'
import { barsAndTops, topIds } from './around/bars-and-tops.ts'
import { openapi } from '../api/openapi.ts'
import { zoneNamed } from '../../query/zone.ts'
import { neighboursIn, stepsIn } from './around/entry-neighbours.ts'
import { exportResponse } from './export-response.ts'
import { jsonAnswer, jsonFailure, jsonProblems } from './json-answer.ts'
import { historyResponse } from './history-response.ts'
import { liveResponse } from './live-response.ts'
import { proofResponse } from './proof-response.ts'
import { namesIn } from './name-lookup.ts'
import { givenFilter, noteRead } from './note-read.ts'
import type { PageServices } from './page-services.ts'
import { changePreference, changeViews, readPreferences } from './preferences.ts'
import type { ViewerRequest } from './viewer-request.ts'

const RETRY_AFTER = { 'retry-after': '5' }

/** Answers any request of somebody who may read. */
export async function respondToViewer(
  services: PageServices,
  viewerRequest: ViewerRequest,
): Promise<Response> {
  const { request, parameters, viewer } = viewerRequest
  const isJson = wantsJson(request)
  const { theme, words, savedViews, ...preferences } = readPreferences(request, services.look)
  const zone = (isJson && zoneNamed(parameters.get('zone') ?? '')) || preferences.zone
  const nowMs = Date.now()
  const query = readQuery(parameters, zone, nowMs)
  const view: ViewState = {
    query,
    zone,
    theme,
    words,
    look: services.look,
    viewerName: viewer.name,
    savedViews,
    nowMs,
    nameOf: () => undefined,
    actions: services.actions,
    readsAreRecorded: services.recording.recorder !== undefined,
    canSignOut: services.canSignOut,
    seenBy: viewer.seenBy,
  }
  const refuse = (problems: ReadonlyMap<string, string>) =>
    isJson ? jsonProblems(problems) : badRequest(view, problems)
  const preference =
    changePreference(request, parameters, query, services.look) ??
    changeViews(request, parameters, query)
  if (preference instanceof Response && !isJson) return preference
  if (typeof preference === 'string') return refuse(new Map([['', preference]]))
  if (query.problems.size > 0) return refuse(await allProblems(services, query))
  if (query.given['openapi'] !== undefined) return jsonResponse(openapi(viewerRequest.path))
  try {
    return await respond(services, viewerRequest, view)
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    if (error.code === 'AUDIT_FILTER_INVALID' || error.code === 'AUDIT_HISTORY_CHANGED') {
      return refuse(new Map([['', error.message]]))
    }
    return unavailable(services, view, error, isJson)
  }
}

async function respond(
  services: PageServices,
  given: ViewerRequest,
  givenView: ViewState,
): Promise<Response> {
  const { parameters } = given
  const ids = needsKind(givenView.query, given.viewer) ? await idKindOf(services.db) : 'uuid'
  const viewer = inKind(given.viewer, ids)
  const viewerRequest = { ...given, viewer }
  const limited = limitToViewer(withIdProblems(givenView.query, ids), viewer, ids)
  const isJson = wantsJson(given.request)
  if (limited.problems.size > 0) {
    if (isJson) return jsonProblems(limited.problems)
    return await badRequest({ ...givenView, query: limited }, limited.problems)
  }
  const query = await withNamesFound(services, limited, viewer)
  const view = { ...givenView, query }
  if (query.given['stream']) return await liveResponse(services, viewerRequest, view)
  if (parameters.has('export')) return await exportResponse(services, viewerRequest, view)
  if (query.given['proof']) {
    const openEntry = await readOpenEntry(services, viewerRequest, query.entry)
    return await proofResponse(services, viewerRequest, view, openEntry)
  }
  if (query.history && (isJson || query.isCanonical)) {
    return await historyResponse(services, viewerRequest, view, query.history)
  }
  if (isJson) return await jsonAnswer(services, viewerRequest, view)
  const part = parameters.get('part')
  if (part === 'entry') return await entryPart(services, viewerRequest, view)
  if (part === 'histogram') return await histogramPart(services, viewerRequest, view)
  if (!query.isCanonical) return redirectResponse(href(query.given))
  return await pageResponse(services, viewerRequest, view)
}

/** The query with the names of its line looked up, and without what can be no id. */
async function withNamesFound(
  { db, find }: PageServices,
  query: Query,
  viewer: AdmittedViewer,
): Promise<Query> {
  if (query.line === undefined) return query
  const findForViewer = find && ((text: string) => find(text, nameViewer(viewer)))
  return withLine(query, await understood(db, query.line, findForViewer, viewer.seenBy))
}

/** Those of the ids, too, as far as the database says now what ids are. */
async function allProblems({ db }: PageServices, query: Query): Promise<Query['problems']> {
  if (!hasOddId(query)) return query.problems
  const ids = await idKindOf(db).catch(() => undefined)
  return ids === undefined ? query.problems : withIdProblems(query, ids).problems
}

/** Whether the answer depends on what the ids of the database are. */
function needsKind(query: Query, { onlyEventId }: AdmittedViewer): boolean {
  return onlyEventId !== undefined || hasOddId(query)
}

function hasOddId({ filter, history }: Query): boolean {
  const { userId, eventId, targetId, actorId, moreTargets } = filter
  return [userId, eventId, targetId, actorId, moreTargets, history?.targetId].some(
    (id) => id !== undefined && !isUuid(String(id)),
  )
}

/** The viewer, whose event is written as the log writes it. */
function inKind(viewer: AdmittedViewer, ids: IdKind): AdmittedViewer {
  const { onlyEventId } = viewer
  if (onlyEventId === undefined || ids === 'text') return viewer
  return { ...viewer, onlyEventId: onlyEventId.toLowerCase() }
}

/** Narrows the filter to what the viewer may see. What it asks for beyond that is a problem. */
function limitToViewer(query: Query, { onlyEventId, seenBy }: AdmittedViewer, ids: IdKind): Query {
  if (seenBy === undefined) return query
  const problems = new Map(query.problems)
  const { eventId } = query.filter
  const asked = ids === 'uuid' ? String(eventId).toLowerCase() : String(eventId)
  if (onlyEventId !== undefined && eventId !== undefined && asked !== onlyEventId) {
    problems.set('event', 'You may not read this event.')
  }
  for (const name of FIELD_NAMES) {
    const isHidden = seenBy.hides?.some((field) => field === FIELDS[name])
    if (isHidden && query.given[name] !== undefined) problems.set(name, 'You may not ask for this.')
  }
  return { ...query, problems, filter: { ...query.filter, seenBy } }
}

async function pageResponse(
  services: PageServices,
  viewerRequest: ViewerRequest,
  viewWithoutNames: ViewState,
): Promise<Response> {
  const { db, recording, lookUpNames } = services
  const { viewer } = viewerRequest
  const { query, nowMs, zone } = viewWithoutNames
  // Asked before the list: an entry that is logged between the two comes by both ways, and the
  // page's script leaves out the second.
  const seenSeq = query.isLive ? await lastSeq(db) : 0
  const [found, openEntry] = await Promise.all([
    timeline(db, { ...listFilter(query), cursor: query.cursor, limit: query.limit }),
    readOpenEntry(services, viewerRequest, query.entry),
  ])
  const { entries } = found
  const isOnlyPage = found.nextCursor === null && found.prevCursor === null
  const allEntries = isOnlyPage ? entries : undefined
  const above = barsAndTops(db, { filter: listFilter(query), zone, nowMs, allEntries })
  const namesOf = async () => {
    const more = knowsNames(viewer) ? [...foundIds(query), ...topIds(await above.most)] : []
    const named = openEntry ? [...entries, openEntry] : entries
    return await namesIn(named, { lookUpNames, viewer, more })
  }
  const [bars, most, nameOf, begin, seal, neighbours] = await Promise.all([
    above.bars,
    above.most,
    namesOf(),
    found.nextCursor === null ? beginOf(db, query) : undefined,
    sealOf(db, openEntry, viewer),
    neighboursIn(db, openEntry, viewer),
  ])
  const view: ViewState = { ...viewWithoutNames, nameOf }
  const shown = { entries: entries.length, newest: entries[0]?.id, oldest: entries.at(-1)?.id }
  await noteRead(recording, viewerRequest, {
    read: query.isLive ? 'live' : 'page',
    query,
    details: { shown },
  })
  const html = wholePage(view, {
    main: entryList(view, found, begin),
    histogram: histogramView(view, bars, most),
    detail:
      query.entry === undefined
        ? undefined
        : entryDetail(view, openEntry, { seal, neighbours, steps: stepsIn(entries, query.entry) }),
    shownEntries: entries,
    stream: query.isLive ? href(query.given, { stream: '1', after: String(seenSeq) }) : undefined,
  })
  return htmlResponse(html, query.entry !== undefined && openEntry === undefined ? 404 : 200)
}

/** The ids that names of the query line stand for. */
function foundIds({ line }: Query): readonly string[] {
  return (line?.parts ?? []).flatMap(({ terms }) =>
    terms.flatMap((term) => (term.kind === 'id' ? (term.ids ?? []) : [])),
  )
}

async function entryPart(
  services: PageServices,
  viewerRequest: ViewerRequest,
  view: ViewState,
): Promise<Response> {
  const { query } = view
  const openEntry = await readOpenEntry(services, viewerRequest, query.entry)
  const [nameOf, seal, neighbours] = await Promise.all([
    namesIn(openEntry ? [openEntry] : [], { ...services, viewer: viewerRequest.viewer }),
    sealOf(services.db, openEntry, viewerRequest.viewer),
    neighboursIn(services.db, openEntry, viewerRequest.viewer),
  ])
  await noteRead(services.recording, viewerRequest, { read: 'entry', query })
  const detail = entryDetail({ ...view, nameOf }, openEntry, { seal, neighbours })
  return htmlResponse(detail, openEntry ? 200 : 404)
}

/**
 * An entry is shown without it where the database does not say, and to those who may not see the whole
 * entry, because what proves it shows all of it.
 */
async function sealOf(
  db: AuditDatabase,
  entry: LoggedEntry | undefined,
  { seenBy = {} }: AdmittedViewer,
): Promise<SealFacts | undefined> {
  if (hidesParts(seenBy)) return undefined
  return entry && (await sealFacts(db, entry.seq).catch(() => undefined))
}

/** Found by its id even if the filter excludes it, as far as the viewer may see it. */
async function readOpenEntry(
  { db }: PageServices,
  { viewer: { seenBy } }: ViewerRequest,
  id: string | undefined,
) {
  return id === undefined ? undefined : await readEntry(db, id, { seenBy })
}

/** The bars of a live view that is open are a part of it: its script asks for them again and again. */
async function histogramPart(
  { db, recording, liveViews, lookUpNames }: PageServices,
  viewerRequest: ViewerRequest,
  view: ViewState,
): Promise<Response> {
  const { query, zone, nowMs } = view
  if (!liveViews.holds(viewerRequest.viewer, JSON.stringify(givenFilter(query)))) {
    await noteRead(recording, viewerRequest, { read: 'histogram', query })
  }
  const above = barsAndTops(db, { filter: listFilter(query), zone, nowMs })
  const [bars, most] = await Promise.all([above.bars, above.most])
  const { viewer } = viewerRequest
  const more = knowsNames(viewer) ? topIds(most) : []
  const nameOf = await namesIn([], { lookUpNames, viewer, more })
  return htmlResponse(histogramView({ ...view, nameOf }, bars, most))
}

/**
 * Where the log begins, for the end of a list: undefined where nothing was removed, and where the filter
 * does not go back so far or asks for entries that no policy removes. The list is shown without it where
 * the database does not say.
 */
async function beginOf(db: AuditDatabase, { filter }: Query): Promise<LogBegin | undefined> {
  if (isKeptForEver(filter.action)) return undefined
  const begin = await logBegin((ask) => readRows(db, ask)).catch(() => undefined)
  const from = filter.from === undefined ? Number.NEGATIVE_INFINITY : Number(filter.from)
  return begin !== undefined && from < begin.atMs ? begin : undefined
}

/** The log's own entries, of which a policy may remove those about reads alone. */
function isKeptForEver(action = ''): boolean {
  return action.startsWith('audit.') && action !== 'audit.read'
}

function badRequest(view: ViewState, problems: ReadonlyMap<string, string>): Promise<Response> {
  const query = { ...view.query, problems }
  return htmlResponse(
    wholePage({ ...view, query }, { main: filterProblems(view.words, problems) }),
    400,
  )
}

function unavailable(
  { logger }: PageServices,
  view: ViewState,
  error: AuditError,
  isJson: boolean,
): Promise<Response> | Response {
  const { code, message, fault } = error
  logger.warn({ code, fault }, 'audit page: cannot read the log')
  if (isJson) return jsonFailure(error, RETRY_AFTER)
  // How to cure it is for those who run the application, and no customer of theirs.
  const hint = fault && view.seenBy === undefined ? faultHint(error) : undefined
  const main = logUnreadable(view.words, message, hint, href(view.query.given))
  return htmlResponse(wholePage(view, { main }), 503, RETRY_AFTER)
}

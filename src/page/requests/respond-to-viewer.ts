import { AuditError } from '../../errors.ts'
import { faultHint } from '../../database/faults.ts'
import { idKindOf } from '../../read/bound-filter.ts'
import { zoneNamed } from '../../query/zone.ts'
import { openapi } from '../api/openapi.ts'
import { jsonResponse, wantsJson } from '../http/refusals.ts'
import { htmlResponse, redirectResponse } from '../http/responses.ts'
import { href } from '../query/address.ts'
import { readQuery, withIdProblems } from '../query/query.ts'
import type { SharedView } from '../query/saved-views.ts'
import { filterProblems, logUnreadable } from '../view/messages.ts'
import type { ViewState } from '../view/view-state.ts'
import { wholePage } from '../view/frame/whole-page.ts'
import { readOpenEntry } from './around/open-entry.ts'
import {
  allProblems,
  inKind,
  limitToViewer,
  needsKind,
  withNamesFound,
} from './asked/viewer-query.ts'
import { exportResponse } from './export-response.ts'
import { historyResponse } from './history-response.ts'
import { jsonAnswer, jsonFailure, jsonProblems, viewsJson } from './json-answer.ts'
import { liveResponse } from './live-response.ts'
import { entryPart, histogramPart } from './page-parts.ts'
import { pageResponse } from './page-response.ts'
import type { PageServices } from './page-services.ts'
import { changePreference, readPreferences } from './preferences.ts'
import { proofResponse } from './proof-response.ts'
import { changeOwnViews, changeSharedViews } from '../views/change-views.ts'
import { senderOf } from './note-read.ts'
import type { ViewerRequest } from './viewer-request.ts'

/** Parameters that ask for something other than the whole page. */
const PARTS = ['part', 'export', 'stream', 'proof'] as const
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
    sharedViews: undefined,
    nowMs,
    nameOf: () => undefined,
    actions: services.actions,
    readsAreRecorded: services.recording.recorder !== undefined,
    isSignedLink: viewerRequest.by === 'link',
    canSignOut: services.canSignOut,
    seenBy: viewer.seenBy,
  }
  const refuse = (problems: ReadonlyMap<string, string>) =>
    isJson ? jsonProblems(problems) : badRequest(view, problems)
  const isForm = request.method === 'POST'
  if (!isForm) {
    const preference = changePreference(request, parameters, query, services.look)
    if (preference instanceof Response && !isJson) return preference
    if (typeof preference === 'string') return refuse(new Map([['', preference]]))
    const ownViews = changeOwnViews(request, parameters, query)
    if (ownViews instanceof Response && !isJson) return ownViews
    if (typeof ownViews === 'string') return refuse(new Map([['view', ownViews]]))
  }
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
  if (given.request.method === 'POST' && services.sharedViews) {
    const who = { ...viewer.context, ...senderOf(viewerRequest) }
    const changed = await changeSharedViews(
      services.sharedViews,
      { parameters, viewer, who },
      limited,
    )
    if (changed instanceof Response) return changed
    const problems = new Map([['view', changed]])
    if (isJson) return jsonProblems(problems)
    const sharedViews = await sharedViewsOf(services, viewerRequest)
    return await badRequest({ ...givenView, sharedViews }, problems)
  }
  const part = parameters.get('part')
  if (part === 'views') return viewsJson(await sharedViewsOf(services, viewerRequest))
  const isWholePage = !isJson && !PARTS.some((name) => parameters.has(name))
  const [query, sharedViews] = await Promise.all([
    withNamesFound(services, limited, viewer),
    isWholePage ? sharedViewsOf(services, viewerRequest) : undefined,
  ])
  const view: ViewState = { ...givenView, query, sharedViews }
  if (query.given['stream']) return await liveResponse(services, viewerRequest, view)
  if (parameters.has('export')) return await exportResponse(services, viewerRequest, view)
  if (query.given['proof']) {
    const openEntry = await readOpenEntry(services.db, query.entry, viewer)
    return await proofResponse(services, viewerRequest, view, openEntry)
  }
  if (query.history && (isJson || query.isCanonical)) {
    return await historyResponse(services, viewerRequest, view, query.history)
  }
  if (isJson) return await jsonAnswer(services, viewerRequest, view)
  if (part === 'entry') return await entryPart(services, viewerRequest, view)
  if (part === 'histogram') return await histogramPart(services, viewerRequest, view)
  if (!query.isCanonical) return redirectResponse(href(query.given))
  return await pageResponse(services, viewerRequest, view)
}

/** A page is shown without them where the database does not say. */
async function sharedViewsOf(
  { sharedViews }: PageServices,
  { viewer, by }: ViewerRequest,
): Promise<readonly SharedView[] | undefined> {
  if (!sharedViews?.isSharedWith(viewer, by)) return undefined
  return await sharedViews.list(viewer).catch(() => undefined)
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

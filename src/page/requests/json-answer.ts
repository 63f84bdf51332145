import type { AuditError } from '../../errors.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { entry as readEntry, timeline } from '../../read/timeline.ts'
import { entryJson } from '../api/entry-json.ts'
import { histogram } from '../histogram/histogram.ts'
import { jsonRefusal, jsonResponse } from '../http/refusals.ts'
import { listFilter } from '../query/hidden-reads.ts'
import type { SharedView } from '../query/saved-views.ts'
import type { NameOf } from '../sentence/sentence-parts.ts'
import type { ViewState } from '../view/view-state.ts'
import { idsIn, namesIn } from './name-lookup.ts'
import { noteRead } from './note-read.ts'
import type { PageServices } from './page-services.ts'
import type { ViewerRequest } from './viewer-request.ts'

const DETAILS = { as: 'json' } as const

/** The list, one entry or the histogram, as JSON. Each is written down as the page's own are. */
export async function jsonAnswer(
  services: PageServices,
  viewerRequest: ViewerRequest,
  view: ViewState,
): Promise<Response> {
  const part = viewerRequest.parameters.get('part')
  if (part === 'histogram') return await histogramJson(services, viewerRequest, view)
  if (view.query.entry !== undefined) {
    return await oneEntry(services, viewerRequest, view, view.query.entry)
  }
  return await list(services, viewerRequest, view)
}

async function list(
  { db, recording, lookUpNames }: PageServices,
  viewerRequest: ViewerRequest,
  { query }: ViewState,
): Promise<Response> {
  const { viewer } = viewerRequest
  const { limit, cursor } = query
  const order = query.given['order'] === undefined ? 'newest' : 'oldest'
  const found = await timeline(db, { ...listFilter(query), cursor, limit, order })
  const { entries, nextCursor, prevCursor, lookedTo } = found
  const nameOf = await namesIn(entries, { lookUpNames, viewer })
  const shown = { entries: entries.length, newest: entries[0]?.id, oldest: entries.at(-1)?.id }
  await noteRead(recording, viewerRequest, { read: 'page', query, details: { ...DETAILS, shown } })
  return jsonResponse({
    entries: entries.map(entryJson),
    ...{ nextCursor, prevCursor },
    ...(lookedTo === undefined ? {} : { lookedTo: lookedTo.toISOString() }),
    problems: query.line?.problems ?? [],
    names: namesOf(entries, nameOf),
  })
}

async function oneEntry(
  { db, recording, lookUpNames }: PageServices,
  viewerRequest: ViewerRequest,
  { query }: ViewState,
  id: string,
): Promise<Response> {
  const { viewer } = viewerRequest
  const entry = await readEntry(db, id, { seenBy: viewer.seenBy })
  const nameOf = await namesIn(entry ? [entry] : [], { lookUpNames, viewer })
  await noteRead(recording, viewerRequest, { read: 'entry', query, details: DETAILS })
  if (entry === undefined) {
    const message = 'The log holds no entry with this id.'
    return jsonRefusal({ status: 404, code: 'not-found', message })
  }
  return jsonResponse({ entry: entryJson(entry), names: namesOf([entry], nameOf) })
}

async function histogramJson(
  { db, recording }: PageServices,
  viewerRequest: ViewerRequest,
  { query, zone, nowMs }: ViewState,
): Promise<Response> {
  await noteRead(recording, viewerRequest, { read: 'histogram', query, details: DETAILS })
  const found = await histogram(db, { filter: listFilter(query), zone, nowMs })
  const bars = (found?.bars ?? []).map(({ fromMs, toMs, ...bar }) => {
    return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), ...bar }
  })
  return jsonResponse({ bars })
}

function namesOf(
  entries: readonly LoggedEntry[],
  nameOf: NameOf,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...idsIn(entries)].flatMap((id) => {
      const name = nameOf(id)
      return name === undefined ? [] : [[id, name]]
    }),
  )
}

/** The views that a viewer shares with others, as JSON. */
export function viewsJson(views: readonly SharedView[] | undefined): Response {
  if (views !== undefined) return jsonResponse({ views })
  const message = 'No views are shared with you here.'
  return jsonRefusal({ status: 403, code: 'forbidden', message })
}

/** What is wrong with a request, as JSON. */
export function jsonProblems(problems: ReadonlyMap<string, string>): Response {
  const message = [...problems]
    .map(([name, problem]) => (name === '' ? problem : `${name}: ${problem}`))
    .join(' ')
  return jsonRefusal({ status: 400, code: 'AUDIT_FILTER_INVALID', message, problems })
}

/** What the database did not answer, as JSON. */
export function jsonFailure(
  error: AuditError,
  headers: Readonly<Record<string, string>>,
): Response {
  const { code, message } = error
  return jsonRefusal({ status: 503, code, message, headers })
}

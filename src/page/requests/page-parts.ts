import { knowsNames } from '../auth/viewer.ts'
import { htmlResponse } from '../http/responses.ts'
import { listFilter } from '../query/hidden-reads.ts'
import { entryDetail } from '../view/entry-detail.ts'
import { histogramView } from '../view/histogram/histogram-view.ts'
import type { ViewState } from '../view/view-state.ts'
import { barsAndTops, topIds } from './around/bars-and-tops.ts'
import { neighboursIn } from './around/entry-neighbours.ts'
import { readOpenEntry, sealOf } from './around/open-entry.ts'
import { namesIn } from './name-lookup.ts'
import { givenFilter, noteRead } from './note-read.ts'
import type { PageServices } from './page-services.ts'
import type { ViewerRequest } from './viewer-request.ts'

// The parts of a page that its script asks for.

/** The panel of an entry. */
export async function entryPart(
  services: PageServices,
  viewerRequest: ViewerRequest,
  view: ViewState,
): Promise<Response> {
  const { query } = view
  const openEntry = await readOpenEntry(services.db, query.entry, viewerRequest.viewer)
  const [nameOf, seal, neighbours] = await Promise.all([
    namesIn(openEntry ? [openEntry] : [], { ...services, viewer: viewerRequest.viewer }),
    sealOf(services.db, openEntry, viewerRequest.viewer),
    neighboursIn(services.db, openEntry, viewerRequest.viewer),
  ])
  await noteRead(services.recording, viewerRequest, { read: 'entry', query })
  const detail = entryDetail({ ...view, nameOf }, openEntry, { seal, neighbours })
  return htmlResponse(detail, openEntry ? 200 : 404)
}

/** The bars of a live view that is open are a part of it: its script asks for them again and again. */
export async function histogramPart(
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

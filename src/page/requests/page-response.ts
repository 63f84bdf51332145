import { lastSeq } from '../../read/tail-query.ts'
import { timeline, type TimelinePage } from '../../read/timeline.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { knowsNames } from '../auth/viewer.ts'
import { htmlResponse } from '../http/responses.ts'
import { href } from '../query/address.ts'
import { listFilter } from '../query/hidden-reads.ts'
import type { Query } from '../query/query.ts'
import { entryDetail } from '../view/entry-detail.ts'
import { entryList } from '../view/entry-list.ts'
import { wholePage } from '../view/frame/whole-page.ts'
import { histogramView } from '../view/histogram/histogram-view.ts'
import type { ViewState } from '../view/view-state.ts'
import { barsAndTops, topIds } from './around/bars-and-tops.ts'
import { beginOf } from './around/begin-of-list.ts'
import { neighboursIn, stepsIn } from './around/entry-neighbours.ts'
import { readOpenEntry, sealOf } from './around/open-entry.ts'
import { namesIn } from './name-lookup.ts'
import { noteRead } from './note-read.ts'
import type { PageServices } from './page-services.ts'
import type { ViewerRequest } from './viewer-request.ts'

/** The whole page: the list, what is shown around it, and the entry that is open. */
export async function pageResponse(
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
    listOf(db, query),
    readOpenEntry(db, query.entry, viewer),
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

/** A page of the list. The page of the oldest entries is read from the other end, and shown alike. */
async function listOf(db: AuditDatabase, query: Query): Promise<TimelinePage> {
  const { cursor, limit } = query
  const asked = { ...listFilter(query), cursor, limit }
  if (query.given['order'] === undefined) return await timeline(db, asked)
  const { entries, nextCursor, prevCursor } = await timeline(db, { ...asked, order: 'oldest' })
  return { entries: entries.toReversed(), nextCursor: prevCursor, prevCursor: nextCursor }
}

/** The ids that names of the query line stand for. */
function foundIds({ line }: Query): readonly string[] {
  return (line?.parts ?? []).flatMap(({ terms }) =>
    terms.flatMap((term) => (term.kind === 'id' ? (term.ids ?? []) : [])),
  )
}

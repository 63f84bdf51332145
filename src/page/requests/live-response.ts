import { lastSeq } from '../../read/tail-query.ts'
import { entryJson } from '../api/entry-json.ts'
import { type Refusal, refuse, wantsJson } from '../http/refusals.ts'
import { streamResponse } from '../http/responses.ts'
import { listFilter } from '../query/hidden-reads.ts'
import { entryRow } from '../view/entry-row.ts'
import type { ViewState } from '../view/view-state.ts'
import { liveStream } from '../live/live-stream.ts'
import { namesIn } from './name-lookup.ts'
import { givenFilter, noteRead } from './note-read.ts'
import type { PageServices } from './page-services.ts'
import type { ViewerRequest } from './viewer-request.ts'

const TOO_MANY: Pick<Refusal, 'code' | 'headers'> = {
  code: 'too-many',
  headers: { 'retry-after': '30' },
}

/**
 * The stream of a live view, or of entries as JSON. It starts after the entry in `Last-Event-ID`, or else after the one in
 * the parameter `after`. A browser does not reconnect by itself after a 400, a 429 or a 503.
 */
export async function liveResponse(
  { db, headWatcher, lookUpNames, liveViews, recording }: PageServices,
  viewerRequest: ViewerRequest,
  view: ViewState,
): Promise<Response> {
  const { query } = view
  const { viewer, request } = viewerRequest
  const after = request.headers.get('last-event-id') || query.given['after']
  if (after !== undefined && !/^\d{1,15}$/.test(after)) {
    const message = 'Last-Event-ID must be the sequence number of an entry.'
    return refuse(request, { status: 400, code: 'AUDIT_FILTER_INVALID', message })
  }
  // Taken before the first wait, so that simultaneous requests cannot pass the limit.
  const giveBack = liveViews.take(viewer, JSON.stringify(givenFilter(query)))
  const { max, maxOfOne } = liveViews.limits
  if (giveBack === 'own') {
    const message = `You have ${maxOfOne} live views open. Close one.`
    return refuse(request, { status: 429, message, ...TOO_MANY })
  }
  if (giveBack === 'all') {
    const message = `All ${max} live views are in use. Try again later.`
    return refuse(request, { status: 503, message, ...TOO_MANY })
  }
  try {
    const fromSeq = (after === undefined ? await lastSeq(db) : Number(after)) + 1
    await noteRead(recording, viewerRequest, { read: 'stream', query, details: { fromSeq } })
    const stream = liveStream({
      db,
      headWatcher,
      filter: listFilter(query),
      fromSeq,
      renderRow: async (entry) => {
        if (wantsJson(request)) return JSON.stringify(entryJson(entry))
        const nameOf = await namesIn([entry], { lookUpNames, viewer })
        return entryRow({ ...view, nameOf }, entry, true)
      },
      onEnd: giveBack,
    })
    return streamResponse(stream, {
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no', // nginx would hold entries back until its buffer is full
    })
  } catch (error) {
    giveBack()
    throw error
  }
}

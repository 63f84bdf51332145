import { lastSeq } from '../../read/tail-query.ts'
import { streamResponse, textResponse } from '../http/responses.ts'
import { listFilter } from '../query/hidden-reads.ts'
import { entryRow } from '../view/entry-row.ts'
import type { ViewState } from '../view/view-state.ts'
import { liveStream } from './live-stream.ts'
import { namesIn } from './name-lookup.ts'
import { givenFilter, noteRead } from './note-read.ts'
import type { PageServices } from './page-services.ts'
import type { ViewerRequest } from './viewer-request.ts'

const RETRY_AFTER = { 'retry-after': '30' }

/**
 * The stream of a live view. It starts after the entry in `Last-Event-ID`, or else after the one in
 * the parameter `after`. A browser does not reconnect by itself after a 400, a 429 or a 503.
 */
export async function liveResponse(
  { db, headWatcher, lookUpNames, liveViews, recording }: PageServices,
  viewerRequest: ViewerRequest,
  view: ViewState,
): Promise<Response> {
  const { query } = view
  const { viewer } = viewerRequest
  const after = viewerRequest.request.headers.get('last-event-id') || query.given['after']
  if (after !== undefined && !/^\d{1,15}$/.test(after)) {
    return textResponse('Last-Event-ID must be the sequence number of an entry.', 400)
  }
  // Taken before the first wait, so that simultaneous requests cannot pass the limit.
  const giveBack = liveViews.take(viewerRequest.viewer, JSON.stringify(givenFilter(query)))
  const { max, maxOfOne } = liveViews.limits
  if (giveBack === 'own') {
    return textResponse(`You have ${maxOfOne} live views open. Close one.`, 429, RETRY_AFTER)
  }
  if (giveBack === 'all') {
    return textResponse(`All ${max} live views are in use. Try again later.`, 503, RETRY_AFTER)
  }
  try {
    const fromSeq = (after === undefined ? await lastSeq(db) : Number(after)) + 1
    await noteRead(recording, viewerRequest, { read: 'stream', query, details: { fromSeq } })
    const stream = liveStream({
      db,
      headWatcher,
      filter: listFilter(query),
      fromSeq,
      renderRow: async (entry) =>
        entryRow({ ...view, nameOf: await namesIn([entry], lookUpNames, { viewer }) }, entry, true),
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

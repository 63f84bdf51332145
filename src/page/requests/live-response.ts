import { lastSeq } from '../../read/tail-query.ts'
import { streamResponse, textResponse } from '../http/responses.ts'
import { entryRow } from '../view/entry-row.ts'
import type { ViewState } from '../view/view-state.ts'
import { liveStream } from './live-stream.ts'
import { namesIn } from './name-lookup.ts'
import type { PageServices } from './page-services.ts'
import type { ViewerRequest } from './viewer-request.ts'

const MAX_LIVE_VIEWS = 100

/**
 * The stream of a live view. It starts after the entry in `Last-Event-ID`, or else after the one in
 * the parameter `after`. A browser does not reconnect by itself after a 400 or a 503.
 */
export async function liveResponse(
  { db, headWatcher, lookUpNames, liveViews }: PageServices,
  { request }: ViewerRequest,
  view: ViewState,
): Promise<Response> {
  const after = request.headers.get('last-event-id') || view.query.given['after']
  if (after !== undefined && !/^\d{1,15}$/.test(after)) {
    return textResponse('Last-Event-ID must be the sequence number of an entry.', 400)
  }
  if (liveViews.openCount >= MAX_LIVE_VIEWS) {
    const message = `All ${MAX_LIVE_VIEWS} live views are in use. Try again later.`
    return textResponse(message, 503, { 'retry-after': '30' })
  }
  // Counted before the first wait, so that simultaneous requests cannot pass the limit.
  liveViews.openCount += 1
  try {
    const fromSeq = (after === undefined ? await lastSeq(db) : Number(after)) + 1
    const stream = liveStream({
      db,
      headWatcher,
      filter: view.query.filter,
      fromSeq,
      renderRow: async (entry) =>
        entryRow({ ...view, nameOf: await namesIn([entry], lookUpNames) }, entry),
      onEnd: () => {
        liveViews.openCount -= 1
      },
    })
    return streamResponse(stream, {
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no', // nginx would hold entries back until its buffer is full
    })
  } catch (error) {
    liveViews.openCount -= 1
    throw error
  }
}

import { lastSeq } from '../../read/tail.ts'
import * as answers from '../http/responses.ts'
import { liveStream } from './live-stream.ts'
import { namesOf } from './name-lookup.ts'
import { row } from '../view/entry-row.ts'
import type { Scene } from '../view/view-state.ts'
import type { Library, Visit } from './services.ts'

const MAX_STREAMS = 100

/**
 * The live view's source. It goes on after the last entry that the browser names, or the page was
 * drawn with. A browser that is refused with 400 or 503 does not ask again by itself.
 */
export async function streamResponse(
  { db, pulse, names, streams }: Library,
  { request }: Visit,
  scene: Scene,
): Promise<Response> {
  const given = request.headers.get('last-event-id') || scene.query.given['after']
  if (given !== undefined && !/^\d{1,15}$/.test(given)) {
    return answers.plain('Last-Event-ID must be a number of the log.', 400)
  }
  if (streams.open >= MAX_STREAMS) {
    return answers.plain('Too many are watching at this moment.', 503, { 'retry-after': '30' })
  }
  // Counted before anything is waited for, so that many at once cannot slip past.
  streams.open += 1
  try {
    const fromSeq = (given === undefined ? await lastSeq(db) : Number(given)) + 1
    const stream = liveStream({
      ...{ db, pulse, fromSeq, filter: scene.query.filter },
      draw: async (entry) => row({ ...scene, nameOf: await namesOf(names, [entry]) }, entry),
      onEnd: () => {
        streams.open -= 1
      },
    })
    return answers.stream(stream, {
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no', // nginx would keep it until there is more
    })
  } catch (error) {
    streams.open -= 1
    throw error
  }
}

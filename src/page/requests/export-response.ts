import { AuditError } from '../../errors.ts'
import { exportLog, type LogExport } from '../../export/index.ts'
import { refuse } from '../http/refusals.ts'
import { streamResponse } from '../http/responses.ts'
import { PARAMETER_CHECKS } from '../query/parameter-checks.ts'
import type { ViewState } from '../view/view-state.ts'
import type { PageServices } from './page-services.ts'
import { noteRead } from './note-read.ts'
import type { ViewerRequest } from './viewer-request.ts'

/** All entries that match the filter, streamed at the browser's pace. */
export async function exportResponse(
  { db, recording, exports, logger }: PageServices,
  viewerRequest: ViewerRequest,
  { query, nowMs }: ViewState,
): Promise<Response> {
  const formats = PARAMETER_CHECKS.export.words
  const format = formats.find((known) => known === query.given['export'])
  if (format === undefined) {
    throw new AuditError('AUDIT_FILTER_INVALID', `export must be one of ${formats.join(', ')}.`)
  }
  const giveBack = exports.take(viewerRequest.viewer)
  if (giveBack === 'own' || giveBack === 'all') {
    const { max, maxOfOne } = exports.limits
    const [whose, status] =
      giveBack === 'own' ? [`You have ${maxOfOne}`, 429] : [`There are ${max}`, 503]
    const message = `${whose} exports under way. Wait until one has ended.`
    const headers = { 'retry-after': '30' }
    return refuse(viewerRequest.request, { status, code: 'too-many', message, headers })
  }
  try {
    const abort = new AbortController()
    const logExport = await exportLog(db, {
      format,
      // Its reader opens it in a spreadsheet.
      byteOrderMark: format === 'csv',
      filter: query.filter,
      signal: abort.signal,
      onFailure: () => logger.warn({}, 'audit page: an export waits for the database'),
    })
    await noteRead(recording, viewerRequest, { read: 'export', query, details: { format } })
    const time = new Date(nowMs).toISOString().slice(0, 19).replaceAll(':', '-')
    return streamResponse(exportStream(logExport, abort, giveBack), {
      'content-type': logExport.mediaType,
      'content-disposition': `attachment; filename="audit-log-${time}.${format}"`,
    })
  } catch (error) {
    giveBack()
    throw error
  }
}

/**
 * On a failure in the middle the stream errors and the connection breaks, so that the browser does
 * not take a partial file for a complete one.
 */
function exportStream(
  { head, pages }: LogExport,
  abort: AbortController,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const iterator = pages[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (head !== '') controller.enqueue(encoder.encode(head))
      },
      async pull(controller) {
        try {
          for (;;) {
            const { value, done } = await iterator.next()
            if (done) break
            if (value.text !== '') return controller.enqueue(encoder.encode(value.text))
          }
        } catch (error) {
          onEnd()
          throw error
        }
        onEnd()
        controller.close()
      },
      cancel() {
        abort.abort(new Error('the browser has closed the connection'))
        onEnd()
      },
    },
    { highWaterMark: 1 },
  )
}

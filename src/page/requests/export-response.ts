import { AuditError } from '../../errors.ts'
import { exportLog, type LogExport } from '../../export/index.ts'
import * as answers from '../http/responses.ts'
import { recordRead } from './record-read.ts'
import type { Scene } from '../view/view-state.ts'
import type { Library, Visit } from './services.ts'

const FORMATS = ['ndjson', 'csv'] as const

/** Exactly what the filter lets through, streamed: the browser's pace is the database's. */
export async function exportResponse(
  { db, recorder, logger }: Library,
  { request, parameters, viewer }: Visit,
  { query, nowMs }: Scene,
): Promise<Response> {
  const format = FORMATS.find((known) => known === parameters.get('export'))
  if (format === undefined) {
    throw new AuditError('AUDIT_FILTER_INVALID', `export must be one of ${FORMATS.join(', ')}.`)
  }
  const halt = new AbortController()
  const onFailure = () => logger.warn({}, 'an export of the audit page waits for the database')
  const found = await exportLog(db, {
    format,
    filter: query.filter,
    signal: halt.signal,
    onFailure,
  })
  recordRead(recorder, { request, viewer, query, read: 'export', more: { format } })
  const name = `audit-log-${new Date(nowMs).toISOString().slice(0, 19).replaceAll(':', '-')}`
  return answers.stream(streamOf(found, halt), {
    'content-type': found.mediaType,
    'content-disposition': `attachment; filename="${name}.${format}"`,
  })
}

/** A failure in the middle ends the connection without its end: a cut file must not look whole. */
function streamOf({ head, pages }: LogExport, halt: AbortController): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const iterator = pages[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (head !== '') controller.enqueue(encoder.encode(head))
      },
      async pull(controller) {
        for (;;) {
          const { value, done } = await iterator.next()
          if (done) return controller.close()
          if (value.text !== '') return controller.enqueue(encoder.encode(value.text))
        }
      },
      cancel() {
        halt.abort(new Error('the browser has gone'))
      },
    },
    { highWaterMark: 1 },
  )
}

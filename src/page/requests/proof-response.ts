import { proveEntry } from '../../export/index.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { hidesParts } from '../../projection/projection.ts'
import { NotProvedError } from '../../seal/not-proved.ts'
import { refuse } from '../http/refusals.ts'
import { wholeFile } from '../http/responses.ts'
import type { ViewState } from '../view/view-state.ts'
import { noteRead } from './note-read.ts'
import type { PageServices } from './page-services.ts'
import type { ViewerRequest } from './viewer-request.ts'

const MEDIA_TYPES = { line: 'application/x-ndjson', proof: 'text/plain; charset=utf-8' } as const
const NAMES = { line: 'ndjson', proof: 'tlog-proof' } as const

/** The entry as a line with its seal, or the proof of it, as a file. */
export async function proofResponse(
  { db, recording }: PageServices,
  viewerRequest: ViewerRequest,
  { query }: ViewState,
  openEntry: LoggedEntry | undefined,
): Promise<Response> {
  const { request } = viewerRequest
  if (openEntry === undefined) {
    return refuse(request, { status: 404, code: 'not-found', message: 'There is no such entry.' })
  }
  if (hidesParts(viewerRequest.viewer.seenBy ?? {})) {
    const message = 'A proof shows all of an entry, and you may not see all of it.'
    return refuse(request, { status: 403, code: 'forbidden', message })
  }
  const what = query.given['proof'] === 'line' ? 'line' : 'proof'
  await noteRead(recording, viewerRequest, { read: 'entry', query, details: { proof: what } })
  try {
    const proved = await proveEntry(db, openEntry.seq)
    return wholeFile(proved[what], {
      'content-type': MEDIA_TYPES[what],
      'content-disposition': `attachment; filename="${openEntry.seq}.${NAMES[what]}"`,
    })
  } catch (error) {
    if (error instanceof NotProvedError) {
      return refuse(request, { status: 409, code: error.code, message: error.message })
    }
    throw error
  }
}

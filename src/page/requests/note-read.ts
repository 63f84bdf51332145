import type { AuditEntry } from '../../entry.ts'
import { AuditError, databaseFault } from '../../errors.ts'
import { within } from '../../within.ts'
import { FIELD_NAMES } from '../query/address.ts'
import type { Query } from '../query/query.ts'
import type { ViewerRequest } from './viewer-request.ts'

/** An entry about reading: `audit.read`, or `audit.read_denied` where somebody could not get in. */
export interface ReadEntry extends Pick<AuditEntry, 'metadata' | 'context'> {
  readonly action: 'audit.read' | 'audit.read_denied'
  readonly userId?: string | undefined
}

/** Takes the page's entries about reading. */
export interface ReadRecorder {
  /** Takes an entry without waiting. False: it was not taken, and what was read is not shown. */
  record(entry: ReadEntry): boolean
  /** Resolves once the entry is written for good, else rejects. Needed where `strict` is set. */
  write?(entry: ReadEntry): Promise<void>
}

/** How the page writes down who reads. */
export interface ReadRecording {
  /** Undefined: reads are not written down. */
  readonly recorder: ReadRecorder | undefined
  /** Whether nothing is shown before its entry is written. */
  readonly isStrict: boolean
}

export interface ReadToNote {
  readonly read: 'page' | 'entry' | 'history' | 'live' | 'stream' | 'histogram' | 'export'
  readonly query: Query
  /** Added to the metadata: what was shown, or the format of an export. */
  readonly details?: Readonly<Record<string, unknown>>
}

const FILTER_PARAMETERS = ['q', ...FIELD_NAMES, 'range', 'from', 'to'] as const
const MAX_USER_AGENT_LENGTH = 256
const WRITE_TIMEOUT_MS = 5_000

/**
 * Writes down who has read and with which filter: each page, entry, histogram, export and stream.
 *
 * @throws {AuditError} `AUDIT_DATABASE_FAILED` where it was not written; then show nothing
 */
export async function noteRead(
  { recorder, isStrict }: ReadRecording,
  viewerRequest: ViewerRequest,
  { read, query, details = {} }: ReadToNote,
): Promise<void> {
  if (recorder === undefined) return
  const { viewer } = viewerRequest
  const filter: Record<string, string> = givenFilter(query)
  if (viewer.onlyEventId !== undefined) filter['event'] = viewer.onlyEventId
  const metadata: Record<string, unknown> = { read, filter }
  if (query.given['entry'] !== undefined) metadata['entry'] = query.given['entry']
  Object.assign(metadata, details)
  const context = { ...viewer.context, viewer: viewer.name, ...senderOf(viewerRequest) }
  const { userId } = viewer
  const entry: ReadEntry = {
    ...{ action: 'audit.read', metadata, context },
    ...(userId === undefined ? {} : { userId }),
  }
  if (!isStrict) {
    if (!recorder.record(entry)) throw notWritten('UNKNOWN')
    return
  }
  try {
    await within(WRITE_TIMEOUT_MS, recorder.write?.(entry), () => {
      throw new AuditError('AUDIT_DEADLINE_PASSED', `No answer within ${WRITE_TIMEOUT_MS} ms.`)
    })
  } catch (error) {
    throw notWritten(databaseFault(error).code)
  }
}

function notWritten(code: string): AuditError {
  return new AuditError(
    'AUDIT_DATABASE_FAILED',
    'What is read here is written down, and that failed, so nothing is shown.',
    { code },
  )
}

/** The parts of the address that say which entries are read. */
export function givenFilter({ given }: Query): Record<string, string> {
  const filter: Record<string, string> = {}
  for (const name of FILTER_PARAMETERS) {
    const value = given[name]
    if (value !== undefined) filter[name] = value
  }
  return filter
}

/** From where a request came: the browser's name, and the address of the connection. */
export function senderOf({
  request,
  peer,
}: Pick<ViewerRequest, 'request' | 'peer'>): Readonly<Record<string, string>> {
  const userAgent = request.headers.get('user-agent')?.slice(0, MAX_USER_AGENT_LENGTH)
  return { ...(userAgent ? { userAgent } : {}), ...(peer ? { peer } : {}) }
}

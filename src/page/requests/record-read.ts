import type { AuditEntry } from '../../entry.ts'
import { FIELD_NAMES } from '../query/address.ts'
import type { Query } from '../query/query.ts'
import type { ViewerRequest } from './viewer-request.ts'

/** The part of a recorder that the page needs. */
export interface ReadRecorder {
  record(entry: AuditEntry): boolean
}

export interface ReadToRecord {
  readonly read: 'page' | 'entry' | 'live' | 'export'
  readonly query: Query
  /** Added to the metadata: what was shown, or the format of an export. */
  readonly details?: Readonly<Record<string, unknown>>
}

const FILTER_PARAMETERS = [...FIELD_NAMES, 'range', 'from', 'to'] as const
const MAX_USER_AGENT_LENGTH = 256

/**
 * Records who has read and with which filter, once for each thing that a person opens: a page, an
 * entry, an export, a live view. What the page's script does by itself, such as reconnecting, is not
 * recorded, so a live view that shows an `audit.read` entry does not cause another one.
 */
export function recordRead(
  recorder: ReadRecorder | undefined,
  { request, viewer }: ViewerRequest,
  { read, query, details = {} }: ReadToRecord,
): void {
  if (recorder === undefined) return
  const filter: Record<string, string> = {}
  for (const name of FILTER_PARAMETERS) {
    const value = query.given[name]
    if (value !== undefined) filter[name] = value
  }
  if (viewer.onlyEventId) filter['event'] = viewer.onlyEventId
  const metadata: Record<string, unknown> = { read, filter }
  if (query.given['entry'] !== undefined) metadata['entry'] = query.given['entry']
  Object.assign(metadata, details)
  const context: Record<string, unknown> = { ...viewer.context, viewer: viewer.name }
  const userAgent = request.headers.get('user-agent')?.slice(0, MAX_USER_AGENT_LENGTH)
  if (userAgent) context['userAgent'] = userAgent
  const entry: AuditEntry = { action: 'audit.read', metadata, context }
  recorder.record(viewer.userId === undefined ? entry : { ...entry, userId: viewer.userId })
}

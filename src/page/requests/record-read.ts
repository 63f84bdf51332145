import type { AuditEntry } from '../../entry.ts'
import { FIELD_NAMES } from '../query/address.ts'
import type { Query } from '../query/query.ts'
import type { Viewer } from '../auth/viewer.ts'

/** What is needed of a recorder: ours, a child of it, or one of the tests. */
export interface ReadRecorder {
  record(entry: AuditEntry): boolean
}

export type ReadKind = 'page' | 'entry' | 'live' | 'export'

export interface Read {
  readonly request: Request
  readonly viewer: Viewer
  readonly query: Query
  readonly read: ReadKind
  /** The rest of what tells what was seen: how many, of which format. */
  readonly more?: Readonly<Record<string, unknown>>
}

const FILTERS = [...FIELD_NAMES, 'range', 'from', 'to'] as const
const MAX_USER_AGENT = 256

/**
 * Writes down who has read, and with which filter. Once for what a person does: opening a page, an
 * entry, an export, a live view. What the page's script does by itself, such as connecting again,
 * is no reading, so a live view that shows this entry does not make another one.
 */
export function recordRead(
  recorder: ReadRecorder | undefined,
  { request, viewer, query, read, more = {} }: Read,
): void {
  if (recorder === undefined) return
  const { entry } = query.given
  const filter: Record<string, string> = {}
  for (const name of FILTERS) if (query.given[name] !== undefined) filter[name] = query.given[name]
  const userAgent = request.headers.get('user-agent')?.slice(0, MAX_USER_AGENT)
  recorder.record({
    action: 'audit.read',
    ...(viewer.userId === undefined ? {} : { userId: viewer.userId }),
    metadata: {
      read,
      filter: viewer.onlyEventId ? { ...filter, event: viewer.onlyEventId } : filter,
      ...(entry === undefined ? {} : { entry }),
      ...more,
    },
    context: { ...viewer.context, viewer: viewer.name, ...(userAgent ? { userAgent } : {}) },
  })
}

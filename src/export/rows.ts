import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { Row } from '../database/callers-database.ts'
import { entryRow } from '../read/logged-entry.ts'

/** An entry as an export has it: texts as the database writes them, so that nothing is rounded. */
export interface ExportRow {
  readonly seq: number
  readonly id: string
  /** ISO 8601 in UTC with microseconds, as are all of its times; `infinity` where it says so. */
  readonly occurredAt: string
  readonly loggedAt: string
  /** The database login that wrote it. */
  readonly writtenBy: string
  readonly userId: string | null
  readonly eventId: string | null
  readonly action: string
  readonly entityType: string | null
  readonly targetId: string | null
  /** JSON text of a list. */
  readonly moreTargets: string | null
  readonly outcome: string | null
  readonly actorId: string | null
  readonly actorKind: string | null
  readonly requestId: string | null
  /** JSON text of one line. */
  readonly metadata: string
  /** JSON text of one line. */
  readonly context: string
  readonly recorderId: string | null
  readonly recorderSeq: string | null
  /** JSON text of a list. Only in an export about a user. */
  readonly about?: string
  /** What opens its leaf, as `openingOf` reads it. Only in an export with proofs. */
  readonly seal?: string | null
  /** JSON text of a list: the columns of which something was erased. Null or absent: none. */
  readonly erased?: string | null
  /** The name in the place of `userId`, and of `actorId`. Only for a reader who sees names for staff. */
  readonly shownUser?: string | null
  readonly shownActor?: string | null
}

/** The names in the place of ids, as JSON text. Undefined: none */
export function shownAsJson({ shownUser, shownActor }: ExportRow): string | undefined {
  if (!shownUser && !shownActor) return undefined
  return JSON.stringify({
    ...(shownUser ? { user_id: shownUser } : {}),
    ...(shownActor ? { actor_id: shownActor } : {}),
  })
}

/** Stands for `metadata` or `context` that is too large to be read; no recorder writes it. */
const UNREADABLE = '{"[unreadable]":true}'

/**
 * A time as a JSON string, such as `"2026-11-27T08:15:30.25"` in UTC. `isoTime` completes it. The
 * server needs half as long for it as for to_char().
 */
const timeText = (column: PgColumn) =>
  sql`pg_catalog.to_json(${column} at time zone 'UTC')::pg_catalog.text`

export const exportColumns: SQL = sql`
  ${entryRow.seq}::pg_catalog.text as "seq", ${entryRow.id}::pg_catalog.text as "id",
  ${timeText(entryRow.occurredAt)} as "occurredAt", ${timeText(entryRow.loggedAt)} as "loggedAt",
  ${entryRow.writtenBy} as "writtenBy",
  ${entryRow.userId}::pg_catalog.text as "userId", ${entryRow.eventId}::pg_catalog.text as "eventId",
  ${entryRow.action} as "action", ${entryRow.entityType} as "entityType",
  ${entryRow.targetId}::pg_catalog.text as "targetId", ${entryRow.requestId} as "requestId",
  pg_catalog.array_to_json(${entryRow.moreTargets})::pg_catalog.text as "moreTargets",
  ${entryRow.outcome} as "outcome", ${entryRow.actorId}::pg_catalog.text as "actorId",
  ${entryRow.actorKind} as "actorKind",
  ${entryRow.recorderId}::pg_catalog.text as "recorderId",
  ${entryRow.recorderSeq}::pg_catalog.text as "recorderSeq"`

/** Whether what the row holds is all that the entry holds. */
export function isReadable(row: Row): boolean {
  return typeof row['metadata'] === 'string' && typeof row['context'] === 'string'
}

/** The statement names and casts every column, so only `seq` and the times are left. */
export function toExportRow(row: Row): ExportRow {
  const seq = Number(row['seq'])
  const occurredAt = isoTime(String(row['occurredAt']))
  const loggedAt = isoTime(String(row['loggedAt']))
  const plain = { seq, occurredAt, loggedAt }
  if (isReadable(row)) return Object.assign(row, plain) as unknown as ExportRow
  const [metadata, context] = ['metadata', 'context'].map((name) => {
    return typeof row[name] === 'string' ? row[name] : UNREADABLE
  })
  // What is not all of the entry does not have its leaf.
  return Object.assign(row, plain, { metadata, context, seal: null }) as unknown as ExportRow
}

const TIME = /^"(\d+-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?( BC)?"$/
/** `"2026-11-27T08:15:30.250000"`: nearly every time has all six digits. */
const WHOLE_TIME_CHARACTERS = 28

function isoTime(json: string): string {
  if (json.length === WHOLE_TIME_CHARACTERS && json[20] === '.') return `${json.slice(1, -1)}Z`
  const [, seconds, fraction = '', era = ''] = TIME.exec(json) ?? []
  if (seconds === undefined) return json.slice(1, -1)
  return `${seconds}.${fraction.padEnd(6, '0')}Z${era}`
}

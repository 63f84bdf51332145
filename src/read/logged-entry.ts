import { type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Row } from '../database/callers-database.ts'
import type { ActorKind, Outcome } from '../entry.ts'
import { auditLog } from '../schema/tables.ts'
import { erasedColumn, erasedOf, type ErasedField } from '../removed/erased.ts'

/** An entry as it stands in the log. */
export interface LoggedEntry {
  /** A UUIDv7. Its first 48 bits are the Unix milliseconds at which it was recorded. */
  readonly id: string
  /** Its number in the log, without gaps and in commit order. */
  readonly seq: number
  /** When it happened, by the application's clock. */
  readonly occurredAt: Date
  /** When it reached the log, by the database's clock. */
  readonly loggedAt: Date
  /** The database login that wrote it into its lane: true whatever the application says. */
  readonly writtenBy: string
  readonly userId: string | null
  readonly eventId: string | null
  readonly targetId: string | null
  /** Targets beyond the first. */
  readonly moreTargets: readonly string[] | null
  /** Null: it happened. */
  readonly outcome: Outcome | null
  /** Who really did it, where that is not the user. */
  readonly actorId: string | null
  /** Null: a person, or nobody where `actorId` is null, too. */
  readonly actorKind: ActorKind | null
  /** As a rule `entity.verb`. */
  readonly action: string
  readonly entityType: string | null
  readonly requestId: string | null
  /** `JSON.parse` rounds numbers beyond 2^53. An export holds them exactly. */
  readonly metadata: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
  /**
   * `metadata` or `context` is too large to be read, as text or because of one of its numbers. Each
   * one that is too large is `{}` here. Everything else of the entry is as the log holds it.
   */
  readonly unreadable?: true
  /** What was erased of it since, by `audit-relay erase`: these are null, or empty objects. */
  readonly erased?: readonly ErasedField[]
  /**
   * The name in the place of an id that the reader does not see, which is null: `userId`, or `actorId`, of
   * somebody who is shown as staff.
   */
  readonly shownAs?: { readonly userId?: string; readonly actorId?: string }
  /** The recorder that accepted it, and its number there. Null for entries of the outbox lane. */
  readonly recorderId: string | null
  readonly recorderSeq: number | null
}

export { logColumns } from '../projection/log-view.ts'

/** A row of the log in a statement that reads a batch. */
export const entryRow = alias(auditLog, 'entry')

/** The two columns of JSON, for a batch. */
export const entryJson = {
  metadata: sql`${entryRow.metadata}`,
  context: sql`${entryRow.context}`,
} as const

/**
 * The other columns for `toEntry`, as text. Drivers do not agree on the JavaScript value of a date or
 * an int8, and Drizzle changes it once more. An instant is the seconds since 1970.
 */
export const entryColumns: SQL = sql`
  ${entryRow.id}::pg_catalog.text as "id", ${entryRow.seq}::pg_catalog.text as "seq",
  extract(epoch from ${entryRow.occurredAt})::pg_catalog.text as "occurredAt",
  extract(epoch from ${entryRow.loggedAt})::pg_catalog.text as "loggedAt",
  ${entryRow.writtenBy} as "writtenBy",
  ${entryRow.userId}::pg_catalog.text as "userId", ${entryRow.eventId}::pg_catalog.text as "eventId",
  ${entryRow.targetId}::pg_catalog.text as "targetId", ${entryRow.action} as "action",
  ${entryRow.outcome} as "outcome", ${entryRow.actorId}::pg_catalog.text as "actorId",
  ${entryRow.actorKind} as "actorKind",
  pg_catalog.array_to_json(${entryRow.moreTargets})::pg_catalog.text as "moreTargets",
  ${entryRow.entityType} as "entityType", ${entryRow.requestId} as "requestId",
  ${entryRow.recorderId}::pg_catalog.text as "recorderId",
  ${entryRow.recorderSeq}::pg_catalog.text as "recorderSeq",
  ${erasedColumn(entryRow.seq)}`

export function toEntry(row: Row): LoggedEntry {
  const { recorderSeq, moreTargets, metadata, context } = row
  return {
    id: String(row['id']),
    seq: Number(row['seq']),
    occurredAt: toDate(row['occurredAt']),
    loggedAt: toDate(row['loggedAt']),
    writtenBy: String(row['writtenBy']),
    userId: textOrNull(row['userId']),
    eventId: textOrNull(row['eventId']),
    targetId: textOrNull(row['targetId']),
    moreTargets: typeof moreTargets === 'string' ? JSON.parse(moreTargets) : null,
    outcome: textOrNull(row['outcome']) as Outcome | null,
    actorId: textOrNull(row['actorId']),
    actorKind: textOrNull(row['actorKind']) as ActorKind | null,
    action: String(row['action']),
    entityType: textOrNull(row['entityType']),
    requestId: textOrNull(row['requestId']),
    metadata: typeof metadata === 'string' ? JSON.parse(metadata) : {},
    context: typeof context === 'string' ? JSON.parse(context) : {},
    recorderId: textOrNull(row['recorderId']),
    recorderSeq: recorderSeq === null ? null : Number(recorderSeq),
    ...(typeof metadata === 'string' && typeof context === 'string' ? {} : { unreadable: true }),
    ...erasedOf(row['erased']),
    ...shownAsOf(row),
  }
}

function shownAsOf({ shownUser, shownActor }: Row): Pick<LoggedEntry, 'shownAs'> {
  const shownAs = {
    ...(typeof shownUser === 'string' ? { userId: shownUser } : {}),
    ...(typeof shownActor === 'string' ? { actorId: shownActor } : {}),
  }
  return Object.keys(shownAs).length === 0 ? {} : { shownAs }
}

/** The last moment of a `Date`. Postgres has later ones, and infinity. */
const MAX_DATE_MS = 8.64e15

/** @param seconds as Postgres writes them: with six digits behind the point, or an infinity */
function toDate(seconds: unknown): Date {
  const ms = Math.floor(Number(String(seconds).replace('.', '')) / 1_000)
  return new Date(Math.min(MAX_DATE_MS, Math.max(-MAX_DATE_MS, ms)))
}

function textOrNull(value: unknown): string | null {
  return value === null ? null : String(value)
}

import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { Row } from '../database/callers-database.ts'
import { auditLog } from '../schema/tables.ts'

/** An entry as an export has it: texts as the database writes them, so that nothing is rounded. */
export interface ExportRow {
  readonly seq: number
  readonly id: string
  /** ISO 8601 in UTC with microseconds, as are all of its times; `infinity` where it says so. */
  readonly occurredAt: string
  readonly loggedAt: string
  readonly userId: string | null
  readonly eventId: string | null
  readonly action: string
  readonly entityType: string | null
  readonly targetId: string | null
  readonly requestId: string | null
  /** JSON text of one line. */
  readonly metadata: string
  /** JSON text of one line. */
  readonly context: string
  readonly recorderId: string | null
  readonly recorderSeq: string | null
}

const isoTime = (column: PgColumn) => sql`coalesce(
  pg_catalog.to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  ${column}::pg_catalog.text)`

export const exportColumns: SQL = sql`
  ${auditLog.seq}::pg_catalog.text as "seq", ${auditLog.id}::pg_catalog.text as "id",
  ${isoTime(auditLog.occurredAt)} as "occurredAt", ${isoTime(auditLog.loggedAt)} as "loggedAt",
  ${auditLog.userId}::pg_catalog.text as "userId", ${auditLog.eventId}::pg_catalog.text as "eventId",
  ${auditLog.action} as "action", ${auditLog.entityType} as "entityType",
  ${auditLog.targetId}::pg_catalog.text as "targetId", ${auditLog.requestId} as "requestId",
  ${auditLog.metadata}::pg_catalog.text as "metadata", ${auditLog.context}::pg_catalog.text as "context",
  ${auditLog.recorderId}::pg_catalog.text as "recorderId", ${auditLog.recorderSeq}::pg_catalog.text as "recorderSeq"`

/** The statement names and casts every column, so only `seq` is left to turn into a number. */
export function toExportRow(row: Row): ExportRow {
  return Object.assign(row, { seq: Number(row['seq']) }) as unknown as ExportRow
}

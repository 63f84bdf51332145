import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { Row } from '../database/callers-database.ts'
import { jsonText } from '../read/batch.ts'
import { auditLog } from '../schema/tables.ts'

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
  readonly requestId: string | null
  /** JSON text of one line. */
  readonly metadata: string
  /** JSON text of one line. */
  readonly context: string
  readonly recorderId: string | null
  readonly recorderSeq: string | null
}

/** Stands for `metadata` or `context` that is too large to be read; no recorder writes it. */
const UNREADABLE = '{"[unreadable]":true}'

const isoTime = (column: PgColumn) => sql`coalesce(
  pg_catalog.to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  ${column}::pg_catalog.text)`

const plainColumns: SQL = sql`
  ${auditLog.seq}::pg_catalog.text as "seq", ${auditLog.id}::pg_catalog.text as "id",
  ${isoTime(auditLog.occurredAt)} as "occurredAt", ${isoTime(auditLog.loggedAt)} as "loggedAt",
  ${auditLog.writtenBy} as "writtenBy",
  ${auditLog.userId}::pg_catalog.text as "userId", ${auditLog.eventId}::pg_catalog.text as "eventId",
  ${auditLog.action} as "action", ${auditLog.entityType} as "entityType",
  ${auditLog.targetId}::pg_catalog.text as "targetId", ${auditLog.requestId} as "requestId",
   
  ${auditLog.recorderId}::pg_catalog.text as "recorderId", ${auditLog.recorderSeq}::pg_catalog.text as "recorderSeq"`

export const exportColumns: SQL = sql`${plainColumns},
  ${jsonText(auditLog.metadata)} as "metadata", ${jsonText(auditLog.context)} as "context"`

/** For an entry whose JSON the server cannot write. */
export const exportColumnsWithoutJson: SQL = sql`${plainColumns},
  null::pg_catalog.text as "metadata", null::pg_catalog.text as "context"`

/** Whether what the row holds is all that the entry holds. */
export function isReadable(row: Row): boolean {
  return typeof row['metadata'] === 'string' && typeof row['context'] === 'string'
}

/** The statement names and casts every column, so only `seq` is left to turn into a number. */
export function toExportRow(row: Row): ExportRow {
  const seq = Number(row['seq'])
  if (isReadable(row)) return Object.assign(row, { seq }) as unknown as ExportRow
  const [metadata, context] = ['metadata', 'context'].map((name) => {
    return typeof row[name] === 'string' ? row[name] : UNREADABLE
  })
  return Object.assign(row, { seq, metadata, context }) as unknown as ExportRow
}

import type { ExportRow } from './rows.ts'

/**
 * One JSON object to a line, in the column names of the log: the faithful format. Numbers of any
 * size are as they are in the database, and `audit.record(…)` takes each line as it is.
 */
export function ndjsonLine(row: ExportRow): string {
  return `${logRecord(row)}\n`
}

/** `seq` comes first: `verify-export` looks for it there. */
export function logRecord(row: ExportRow): string {
  return (
    `{"seq":${row.seq},"id":"${row.id}",` +
    `"occurred_at":"${row.occurredAt}","logged_at":"${row.loggedAt}",` +
    `"written_by":${JSON.stringify(row.writtenBy)},` +
    `"user_id":${idOrNull(row.userId)},"event_id":${idOrNull(row.eventId)},` +
    `"action":${JSON.stringify(row.action)},"entity_type":${JSON.stringify(row.entityType)},` +
    `"target_id":${idOrNull(row.targetId)},"request_id":${JSON.stringify(row.requestId)},` +
    `"metadata":${row.metadata},"context":${row.context},` +
    `"recorder_id":${idOrNull(row.recorderId)},"recorder_seq":${row.recorderSeq}}`
  )
}

function idOrNull(id: string | null): string {
  return id === null ? 'null' : `"${id}"`
}

import { printSeal } from '../seal/proof.ts'
import { type ExportRow, shownAsJson } from './rows.ts'
import { openingOf } from './sealed/seal-column.ts'

/**
 * One JSON object to a line, in the column names of the log: the faithful format. Numbers of any
 * size are as they are in the database, and `audit.record(…)` takes each line as it is.
 */
export function ndjsonLine(row: ExportRow): string {
  return `${logRecord(row)}\n`
}

/** The same with what was erased of the entry, where that is anything. */
export function exportLine(row: ExportRow): string {
  return `${exportRecord(row)}\n`
}

/** With the places in which the entry names the user whom the export is about. */
export function aboutLine(row: ExportRow): string {
  return `${exportRecord(row).slice(0, -1)},"about":${row.about}}\n`
}

/** An archive does not have `erased`, so that its lines are those that the database counts. */
export function exportRecord(row: ExportRow): string {
  const record = logRecord(row)
  const shownAs = shownAsJson(row)
  if (!row.erased && shownAs === undefined) return record
  const erased = row.erased ? `,"erased":${row.erased}` : ''
  return `${record.slice(0, -1)}${erased}${shownAs === undefined ? '' : `,"shown_as":${shownAs}`}}`
}

/** With what opens its leaf. A line without a seal is one that nothing proves. */
export function sealedLine(row: ExportRow): string {
  const opening = openingOf(row.seal)
  if (opening === undefined) return ndjsonLine(row)
  return `${logRecord(row).slice(0, -1)}${printSeal(opening)}\n`
}

/** `seq` comes first: `verify-export` looks for it there. */
export function logRecord(row: ExportRow): string {
  return (
    `{"seq":${row.seq},"id":"${row.id}",` +
    `"occurred_at":"${row.occurredAt}","logged_at":"${row.loggedAt}",` +
    `"written_by":${JSON.stringify(row.writtenBy)},` +
    `"event_id":${JSON.stringify(row.eventId)},"action":${JSON.stringify(row.action)},` +
    `"entity_type":${JSON.stringify(row.entityType)},"outcome":${JSON.stringify(row.outcome)},` +
    `"actor_kind":${JSON.stringify(row.actorKind)},"user_id":${JSON.stringify(row.userId)},` +
    `"actor_id":${JSON.stringify(row.actorId)},"target_id":${JSON.stringify(row.targetId)},` +
    `"more_targets":${row.moreTargets},"request_id":${JSON.stringify(row.requestId)},` +
    `"metadata":${row.metadata},"context":${row.context},` +
    `"recorder_id":${JSON.stringify(row.recorderId)},"recorder_seq":${row.recorderSeq}}`
  )
}

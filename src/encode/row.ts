import type { EntryNotes } from './entry-notes.ts'
import type { JsonObject } from '../capture/json-object.ts'

/** The parts of an entry's JSON. Some of them are given up if it is too long. */
export interface RowParts {
  readonly id: string
  readonly occurredAt: string
  readonly recorderSeq: number | null
  readonly userId: string | undefined
  readonly eventId: string | undefined
  readonly targetId: string | undefined
  /** As JSON, and so are the next four. */
  readonly action: string
  readonly entityType: string | undefined
  readonly requestId: string | undefined
  readonly metadataJson: string | undefined
  readonly detailsJson: string | undefined
  /** The object that `metadataJson` was made of. */
  readonly metadata: JsonObject | undefined
  readonly notes: EntryNotes
}

/**
 * A row's columns in order. The recorder's id is not among them: a statement holds it once for all
 * rows.
 */
export const ROW_COLUMNS = [
  'id',
  'occurred_at',
  'recorder_seq',
  'user_id',
  'event_id',
  'target_id',
  'action',
  'entity_type',
  'request_id',
  'metadata',
  'context',
] as const

/** The JSON for staging: an array of the columns' values, half as long as the object. */
export function rowJson(parts: RowParts): string {
  const { id, occurredAt, recorderSeq, userId, eventId, targetId } = parts
  const { action, entityType = null, requestId = null, metadataJson = '{}' } = parts
  const ids = `"${id}","${occurredAt}",${recorderSeq},${quoted(userId)},${quoted(eventId)},${quoted(targetId)}`
  const texts = `${action},${entityType},${requestId},${metadataJson},${contextJson(parts) ?? '{}'}`
  return `[${ids},${texts}]`
}

function quoted(uuid: string | undefined): string {
  return uuid === undefined ? 'null' : `"${uuid}"`
}

/**
 * The JSON for the outbox: an object with the columns' names, without the columns that are null.
 */
export function objectJson(parts: RowParts, recorderId: string): string {
  const { id, occurredAt, recorderSeq, userId, eventId, targetId } = parts
  const { action, entityType, requestId, metadataJson } = parts
  const context = contextJson(parts)
  let json = `{"id":"${id}","occurred_at":"${occurredAt}"`
  if (recorderSeq !== null) {
    json += `,"recorder_id":"${recorderId}","recorder_seq":${recorderSeq}`
  }
  if (userId !== undefined) json += `,"user_id":"${userId}"`
  if (eventId !== undefined) json += `,"event_id":"${eventId}"`
  if (targetId !== undefined) json += `,"target_id":"${targetId}"`
  json += `,"action":${action}`
  if (entityType !== undefined) json += `,"entity_type":${entityType}`
  if (requestId !== undefined) json += `,"request_id":${requestId}`
  if (metadataJson !== undefined) json += `,"metadata":${metadataJson}`
  if (context !== undefined) json += `,"context":${context}`
  return `${json}}`
}

/** The context's details together with the entry's notes; undefined if there are neither. */
function contextJson({ detailsJson, notes }: RowParts): string | undefined {
  if (!notes.hasAny) return detailsJson
  const details = detailsJson === undefined ? '' : detailsJson.slice(1, -1)
  return `{${details}${details === '' ? '' : ','}${notes.json}}`
}

import type { EntryNotes } from './entry-notes.ts'
import type { JsonObject } from '../copy/json-object.ts'

/** The parts of an entry's JSON. Some of them are given up if it is too long. */
export interface RowParts {
  readonly id: string
  readonly occurredAt: string
  readonly recorderSeq: number | null
  /** As JSON, and so are all the next ones of this type. */
  readonly userId: string | undefined
  readonly eventId: string | undefined
  readonly targetId: string | undefined
  /** These four are the fields that few entries have. */
  readonly outcome: string | undefined
  readonly actorId: string | undefined
  readonly actorKind: string | undefined
  readonly moreTargets: string | undefined
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
 * A row's columns in order. A row may end with an object more, by the columns' names, of what few
 * entries have. The recorder's id is in no row, because a statement holds it once for all rows.
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
  const { id, occurredAt, recorderSeq, userId = null, eventId = null, targetId = null } = parts
  const { action, entityType = null, requestId = null, metadataJson = '{}' } = parts
  const ids = `"${id}","${occurredAt}",${recorderSeq},${userId},${eventId},${targetId}`
  const texts = `${action},${entityType},${requestId},${metadataJson},${contextJson(parts) ?? '{}'}`
  const rare = rareJson(parts)
  return rare === '' ? `[${ids},${texts}]` : `[${ids},${texts},{${rare.slice(1)}}]`
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
  if (userId !== undefined) json += `,"user_id":${userId}`
  if (eventId !== undefined) json += `,"event_id":${eventId}`
  if (targetId !== undefined) json += `,"target_id":${targetId}`
  json += `,"action":${action}`
  if (entityType !== undefined) json += `,"entity_type":${entityType}`
  if (requestId !== undefined) json += `,"request_id":${requestId}`
  if (metadataJson !== undefined) json += `,"metadata":${metadataJson}`
  if (context !== undefined) json += `,"context":${context}`
  return `${json}${rareJson(parts)}}`
}

/** Each member with a comma before it. */
function rareJson({ outcome, actorId, actorKind, moreTargets }: RowParts): string {
  let json = ''
  if (outcome !== undefined) json += `,"outcome":${outcome}`
  if (actorId !== undefined) json += `,"actor_id":${actorId}`
  if (actorKind !== undefined) json += `,"actor_kind":${actorKind}`
  if (moreTargets !== undefined) json += `,"more_targets":${moreTargets}`
  return json
}

/** The context's details together with the entry's notes; undefined if there are neither. */
function contextJson({ detailsJson, notes }: RowParts): string | undefined {
  if (!notes.hasAny) return detailsJson
  const details = detailsJson === undefined ? '' : detailsJson.slice(1, -1)
  return `{${details}${details === '' ? '' : ','}${notes.json}}`
}

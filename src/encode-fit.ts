import { Copier } from './copy.ts'
import { Notes } from './encode-notes.ts'
import type { JsonObject } from './json-object.ts'
import { compileRedactor } from './redact.ts'
import { headOf, mendJson } from './text.ts'

/** What an entry's JSON is joined from, and what can be given up when it is too long. */
export interface Parts {
  /** The ids, the time and the action, as JSON up to where the next column goes. Always fits. */
  readonly head: string
  /** As JSON. */
  readonly entityType: string | undefined
  /** As JSON. */
  readonly requestId: string | undefined
  readonly metadata: JsonObject | undefined
  readonly metadataJson: string | undefined
  readonly detailsJson: string | undefined
  /** What is given up to fit is marked here. */
  readonly notes: Notes
}

/** How much of the room cut metadata is to fill, try after try: escapes and accents take more. */
const SHARES = [0.9, 0.4, 0.15]
/** Less room than this is not worth a try. */
const MIN_METADATA_BYTES = 256
/** What is kept of the text columns when hardly more than the ids has room. */
const MIN_TEXT_CHARACTERS = 32

/**
 * Joins an entry's parts into JSON of at most so many bytes, exactly. What gives way, in order: some
 * of the metadata, all of it, the context's details, and then everything but ids, time, action and
 * the beginnings of the other names: these never take the 1,024 bytes that the limit may come down to.
 */
export function createFitter(maxEntryBytes: number): (parts: Parts) => string {
  // What it copies has been redacted in the call.
  const shrinker = new Copier(compileRedactor(false))

  /** The metadata again, with less of it; undefined where that does not help. */
  function shrink(metadata: JsonObject, json: string, room: number): string | undefined {
    if (room < MIN_METADATA_BYTES) return undefined
    const characters = (json.length * room) / Buffer.byteLength(json)
    for (const share of SHARES) {
      shrinker.begin(Math.floor(characters * share))
      const shorter = mendJson(JSON.stringify(shrinker.copyAgain(metadata)))
      if (Buffer.byteLength(shorter) <= room) return shorter
    }
    return undefined
  }

  return (parts) => {
    const whole = join(parts)
    // A character takes three bytes at most, so that most entries need no counting.
    if (whole.length * 3 <= maxEntryBytes || Buffer.byteLength(whole) <= maxEntryBytes) return whole

    const { metadata, metadataJson, notes } = parts
    let less = parts
    if (metadata !== undefined && metadataJson !== undefined) {
      notes.mark('metadata.truncated')
      const room = maxEntryBytes - Buffer.byteLength(join({ ...parts, metadataJson: '' }))
      const stub = `{"truncated":true,"bytes":${Buffer.byteLength(metadataJson)}}`
      less = { ...parts, metadataJson: shrink(metadata, metadataJson, room) ?? stub }
    }
    if (Buffer.byteLength(join(less)) <= maxEntryBytes) return join(less)

    notes.mark('context.truncated')
    less = { ...less, detailsJson: undefined }
    if (Buffer.byteLength(join(less)) <= maxEntryBytes) return join(less)

    notes.mark('entry.truncated')
    const { head, entityType, requestId } = less
    const last = new Notes(undefined)
    last.mark('entry.truncated')
    return join({
      head,
      entityType: entityType && beginning(entityType),
      requestId: requestId && beginning(requestId),
      metadata: undefined,
      metadataJson: undefined,
      detailsJson: undefined,
      notes: last,
    })
  }
}

function beginning(json: string): string {
  return JSON.stringify(headOf(JSON.parse(json), MIN_TEXT_CHARACTERS))
}

function join({ head, entityType, requestId, metadataJson, detailsJson, notes }: Parts): string {
  let json = head
  if (entityType !== undefined) json += `,"entity_type":${entityType}`
  if (requestId !== undefined) json += `,"request_id":${requestId}`
  if (metadataJson !== undefined) json += `,"metadata":${metadataJson}`
  const details = detailsJson === undefined ? '' : detailsJson.slice(1, -1)
  const said = notes.hasAny ? notes.json : ''
  const comma = details !== '' && said !== '' ? ',' : ''
  return details === '' && said === ''
    ? `${json}}`
    : `${json},"context":{${details}${comma}${said}}}`
}

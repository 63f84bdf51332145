import { Copier } from '../copy/copier.ts'
import { objectJson, type RowParts } from './row.ts'
import { EntryNotes } from './entry-notes.ts'
import type { JsonObject } from '../copy/json-object.ts'
import { compileRedactor } from '../redact/redactor.ts'
import { headOf } from '../engine-text.ts'
import { UUID_CHARACTERS } from '../ids/uuid.ts'
import { mendJson } from './storable-text.ts'

/**
 * How much of the room cut metadata may fill, in one try after the other. Escapes and accents take
 * more bytes than a try counts.
 */
const SHARES = [0.9, 0.4, 0.15]
/** Metadata is not cut to fit into less room than this. */
const MIN_METADATA_BYTES = 256
/** What is kept of each text column if there is room for little more than the ids. */
const MIN_TEXT_CHARACTERS = 32
/** The same for an entry that also has an actor or an outcome. */
const MIN_TEXT_NEXT_TO_RARE = 20
/** Of an id that takes more bytes than a UUID. With three bytes each they take as many as a UUID. */
const MIN_ID_CHARACTERS = 12
const UUID_JSON_BYTES = UUID_CHARACTERS + 2

/**
 * Makes an entry's JSON fit into `maxEntryBytes`, counted exactly. These parts are given up, in
 * this order: some of the metadata, all of it, the context's details, the targets beyond the first,
 * and then everything but ids, time, action and the beginnings of the other names and of long ids.
 * What is left always fits into 1,024 bytes, the lowest limit. The count is that of an object with
 * the columns' names, which is longer than a row.
 */
export function createFitter(maxEntryBytes: number, recorderId: string) {
  // The metadata that it copies was redacted by `record()` already.
  const shrinker = new Copier(compileRedactor(false))

  /** The JSON of the metadata, cut to fit into the room; undefined if no try fits. */
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

  function bytesOf(parts: RowParts): number {
    return Buffer.byteLength(objectJson(parts, recorderId))
  }

  return (parts: RowParts): RowParts => {
    if (bytesOf(parts) <= maxEntryBytes) return parts

    const { metadata, metadataJson, notes } = parts
    let less = parts
    if (metadata !== undefined && metadataJson !== undefined) {
      notes.mark('metadata.truncated')
      const room = maxEntryBytes - bytesOf({ ...parts, metadataJson: '' })
      const stub = `{"truncated":true,"bytes":${Buffer.byteLength(metadataJson)}}`
      less = { ...parts, metadataJson: shrink(metadata, metadataJson, room) ?? stub }
    }
    if (bytesOf(less) <= maxEntryBytes) return less

    notes.mark('context.truncated')
    less = { ...less, detailsJson: undefined }
    if (bytesOf(less) <= maxEntryBytes) return less

    if (less.moreTargets !== undefined) {
      notes.mark('moreTargets.truncated')
      less = { ...less, moreTargets: undefined }
      if (bytesOf(less) <= maxEntryBytes) return less
    }

    notes.mark('entry.truncated')
    const { userId, eventId, targetId, actorId, entityType, requestId } = less
    const isRare = !!(actorId ?? less.actorKind ?? less.outcome)
    const most = isRare ? MIN_TEXT_NEXT_TO_RARE : MIN_TEXT_CHARACTERS
    const last = new EntryNotes(undefined)
    last.mark('entry.truncated')
    return {
      ...less,
      userId: userId && idBeginning(userId),
      eventId: eventId && idBeginning(eventId),
      targetId: targetId && idBeginning(targetId),
      actorId: actorId && idBeginning(actorId),
      entityType: entityType && beginning(entityType, most),
      requestId: requestId && beginning(requestId, most),
      metadata: undefined,
      metadataJson: undefined,
      notes: last,
    }
  }
}

function beginning(json: string, maxCharacters: number): string {
  return JSON.stringify(headOf(JSON.parse(json), maxCharacters))
}

function idBeginning(json: string): string {
  return Buffer.byteLength(json) <= UUID_JSON_BYTES ? json : beginning(json, MIN_ID_CHARACTERS)
}

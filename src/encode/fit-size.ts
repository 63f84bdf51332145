import { Copier } from '../capture/copier.ts'
import { objectJson, type RowParts } from './row.ts'
import { EntryNotes } from './entry-notes.ts'
import type { JsonObject } from '../capture/json-object.ts'
import { compileRedactor } from '../redact/redactor.ts'
import { headOf } from '../engine-text.ts'
import { mendJson } from './storable-text.ts'

/** How much of the room cut metadata is to fill, try after try: escapes and accents take more. */
const SHARES = [0.9, 0.4, 0.15]
/** Less room than this is not worth a try. */
const MIN_METADATA_BYTES = 256
/** What is kept of the text columns when hardly more than the ids has room. */
const MIN_TEXT_CHARACTERS = 32

/**
 * Makes an entry's parts fit into JSON of at most so many bytes, exactly. What gives way, in order:
 * some of the metadata, all of it, the context's details, and then everything but ids, time, action
 * and the beginnings of the other names: these never take the 1,024 bytes that the limit may come
 * down to. Counted as an object with the columns' names, which is longer than a row.
 */
export function createFitter(maxEntryBytes: number, recorderId: string) {
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

    notes.mark('entry.truncated')
    const { entityType, requestId } = less
    const last = new EntryNotes(undefined)
    last.mark('entry.truncated')
    return {
      ...less,
      entityType: entityType && beginning(entityType),
      requestId: requestId && beginning(requestId),
      metadata: undefined,
      metadataJson: undefined,
      notes: last,
    }
  }
}

function beginning(json: string): string {
  return JSON.stringify(headOf(JSON.parse(json), MIN_TEXT_CHARACTERS))
}

import { Copier } from '../capture/copier.ts'
import { objectJson, type RowParts } from './row.ts'
import { EntryNotes } from './entry-notes.ts'
import type { JsonObject } from '../capture/json-object.ts'
import { compileRedactor } from '../redact/redactor.ts'
import { headOf } from '../engine-text.ts'
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

/**
 * Makes an entry's JSON fit into `maxEntryBytes`, counted exactly. These parts are given up, in
 * this order: some of the metadata, all of it, the context's details, and then everything but ids,
 * time, action and the beginnings of the other names. What is left always fits into 1,024 bytes,
 * the lowest limit. The count is that of an object with the columns' names, which is longer than a
 * row.
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

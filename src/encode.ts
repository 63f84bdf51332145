import { createFitter, type Parts } from './encode-fit.ts'
import { Notes } from './encode-notes.ts'
import { createInstantText, occurredTime, recordedTime } from './entry-time.ts'
import { createIdGenerator, type IdGenerator } from './id.ts'
import { type JsonObject, merge } from './json-object.ts'
import type { BoundContext, PendingEntry } from './pending.ts'
import type { Redactor } from './redact.ts'
import { mayHoldSecret } from './secret-texts.ts'
import { isUuid, mendJson, plainLine, UUID_CHARACTERS } from './text.ts'

/** An entry as it is written: one JSON object in the columns' names. */
export interface EncodedEntry {
  readonly id: string
  /** Its running number in the fast lane; null in the outbox lane. */
  readonly recorderSeq: number | null
  readonly json: string
  /** The JSON's size in UTF-8. */
  readonly bytes: number
  /** What may be said of the entry in a log: an action that is well-formed, and UUIDs. */
  readonly action: string
  readonly eventId: string | undefined
  readonly userId: string | undefined
}

export interface EncoderOptions {
  readonly recorderId: string
  readonly maxEntryBytes: number
  readonly redactor: Redactor
  readonly nextId?: IdGenerator | undefined
}

export interface Encoder {
  /**
   * The half of an entry's way that can wait: ids, times, well-formed text, JSON, its exact size.
   * Total, and whatever comes out fits its columns' types and the log's checks.
   *
   * @param recorderSeq its running number in the fast lane; null in the outbox lane
   */
  encode(pending: PendingEntry, recorderSeq: number | null): EncodedEntry
  /** How many entries were encoded less faithfully than they were given. */
  readonly degraded: number
}

/** `entity.verb`: names of letters, digits, `_` and `-`, joined by dots. */
const ACTION = /^[\w-]+(?:\.[\w-]+)+$/
/** Text that is itself in JSON. */
const SAFE = /^[\w .:;,/+=@()-]*$/

export function createEncoder(options: EncoderOptions): Encoder {
  const { recorderId, maxEntryBytes, redactor, nextId = createIdGenerator() } = options
  const instantText = createInstantText()
  const fit = createFitter(maxEntryBytes)
  const contexts = new WeakMap<BoundContext, Mended>()
  let degraded = 0

  function encode(pending: PendingEntry, recorderSeq: number | null): EncodedEntry {
    const notes = new Notes(pending)
    const recordedMs = recordedTime(pending.recordedAtMs)
    let occurredMs = recordedMs
    if (pending.occurredAtMs !== undefined) {
      const occurred = occurredTime(pending.occurredAtMs, recordedMs)
      if (occurred.mark !== undefined) notes.mark(occurred.mark)
      occurredMs = occurred.ms
    }
    const userId = uuidOf('userId', pending.userId, notes)
    const eventId = uuidOf('eventId', pending.eventId, notes)
    const targetId = uuidOf('targetId', pending.targetId, notes)
    const isAction = ACTION.test(pending.action)
    if (!isAction) notes.mark('action.malformed')
    const id = nextId(recordedMs)
    let head = `{"id":"${id}","occurred_at":"${instantText(occurredMs)}"`
    if (recorderSeq !== null) {
      head += `,"recorder_id":"${recorderId}","recorder_seq":${recorderSeq}`
    }
    if (userId !== undefined) head += `,"user_id":"${userId}"`
    if (eventId !== undefined) head += `,"event_id":"${eventId}"`
    if (targetId !== undefined) head += `,"target_id":"${targetId}"`
    head += `,"action":${isAction ? `"${pending.action}"` : line('action', pending.action, notes)}`

    const parts: Parts = {
      head,
      entityType: columnOf('entityType', pending.entityType, notes),
      requestId: columnOf('requestId', pending.requestId, notes),
      metadata: pending.metadata,
      metadataJson: jsonOf(pending.metadata, 'metadata', notes),
      detailsJson: detailsOf(pending, notes),
      notes,
    }
    const json = fit(parts)
    if (notes.marks !== undefined) degraded += 1
    return {
      id,
      recorderSeq,
      json,
      bytes: bytesOf(json, parts),
      action: isAction ? pending.action : '(malformed)',
      eventId,
      userId,
    }
  }

  function uuidOf(name: string, text: string | undefined, notes: Notes): string | undefined {
    if (text === undefined || isUuid(text)) return text
    notes.mark(`${name}.invalid`)
    notes.invalid ??= {}
    notes.invalid[name] = line(name, clean(name, text, notes), notes)
    return undefined
  }

  function columnOf(name: string, text: string | undefined, notes: Notes): string | undefined {
    if (text === undefined || text === '') return undefined
    if (text.length === UUID_CHARACTERS && isUuid(text)) return `"${text}"`
    const known = clean(name, text, notes)
    return known === '' ? undefined : line(name, known, notes)
  }

  /** Text of 36 characters was not looked into in the call: it had the length of a UUID. */
  function clean(name: string, text: string, notes: Notes): string {
    if (!(redactor.active && text.length === UUID_CHARACTERS && mayHoldSecret(text))) return text
    const known = redactor.cleanText(text, name)
    if (known !== text) notes.noteRedacted(name)
    return known
  }

  /** The details' JSON: the context's is made once, unless the entry has details of its own. */
  function detailsOf({ context, details }: PendingEntry, notes: Notes): string | undefined {
    if (details !== undefined) return jsonOf(merge(context?.details, details), 'context', notes)
    if (context?.details === undefined) return undefined
    let made = contexts.get(context)
    if (made === undefined) {
      const mending = new Notes(undefined)
      made = { json: jsonOf(context.details, 'context', mending), marks: mending.marks }
      contexts.set(context, made)
    }
    for (const mark of made.marks ?? []) notes.mark(mark)
    return made.json
  }

  return {
    encode,
    get degraded() {
      return degraded
    },
  }
}

/**
 * The JSON's size in UTF-8. Counting the whole of it would have the engine put it together first,
 * which the batch's join does once for all.
 */
function bytesOf(json: string, { metadataJson, detailsJson, notes }: Parts): number {
  if (notes.hasAny || notes.hasWideText) return Buffer.byteLength(json)
  return json.length + extraBytes(metadataJson) + extraBytes(detailsJson)
}

function extraBytes(text: string | undefined): number {
  return text === undefined ? 0 : Buffer.byteLength(text) - text.length
}

interface Mended {
  readonly json: string | undefined
  readonly marks: readonly string[] | undefined
}

/** One line of well-formed text as JSON. */
function line(name: string, text: string, notes: Notes): string {
  if (SAFE.test(text)) return `"${text}"`
  notes.hasWideText = true
  const plain = plainLine(text)
  if (plain !== text) notes.mark(`${name}.characters`)
  return JSON.stringify(plain)
}

/** Undefined for nothing. What jsonb does not take is mended and marked. */
function jsonOf(
  object: JsonObject | undefined,
  root: 'metadata' | 'context',
  notes: Notes,
): string | undefined {
  if (object === undefined) return undefined
  try {
    const json = JSON.stringify(object)
    const mended = mendJson(json)
    if (mended !== json) notes.mark(`${root}.characters`)
    return mended
  } catch {
    // Nothing in it can throw, but since the copy was made somebody may have put a toJSON where
    // every array has it.
    notes.mark(`${root}.unencodable`)
    return undefined
  }
}

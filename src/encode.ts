import { createFitter, type Parts } from './encode-fit.ts'
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

export function createEncoder(options: EncoderOptions): Encoder {
  const { recorderId, maxEntryBytes, redactor, nextId = createIdGenerator() } = options
  const instantText = createInstantText()
  const join = createFitter(maxEntryBytes)
  const contexts = new WeakMap<BoundContext, Mended>()
  let degraded = 0

  function encode(pending: PendingEntry, recorderSeq: number | null): EncodedEntry {
    const marks: string[] = []
    addAll(marks, pending.context?.marks)
    addAll(marks, pending.marks)
    const redacted: string[] = []
    addAll(redacted, pending.context?.redacted)
    addAll(redacted, pending.redacted)

    const recordedMs = recordedTime(pending.recordedAtMs)
    const occurred = occurredTime(pending.occurredAtMs, recordedMs)
    if (occurred.mark !== undefined) add(marks, occurred.mark)

    const invalid: Record<string, string> = {}
    const uuidOf = (name: string, text: string | undefined): string | undefined => {
      if (text === undefined || isUuid(text)) return text
      invalid[name] = cleanLine(name, text, marks, redacted)
      add(marks, `${name}.invalid`)
      return undefined
    }
    const userId = uuidOf('userId', pending.userId)
    const eventId = uuidOf('eventId', pending.eventId)
    const targetId = uuidOf('targetId', pending.targetId)
    const requestId = lineOf('requestId', pending.requestId, marks, redacted)
    const entityType = lineOf('entityType', pending.entityType, marks, redacted)
    const action = plain('action', pending.action, marks)
    const wellFormed = ACTION.test(action)
    if (!wellFormed) add(marks, 'action.malformed')

    const id = nextId(recordedMs)
    const parts: Parts = {
      head:
        `{"id":"${id}","occurred_at":"${instantText(occurred.ms)}"` +
        (recorderSeq === null
          ? ''
          : `,"recorder_id":"${recorderId}","recorder_seq":${recorderSeq}`) +
        (userId === undefined ? '' : `,"user_id":"${userId}"`) +
        (eventId === undefined ? '' : `,"event_id":"${eventId}"`) +
        (targetId === undefined ? '' : `,"target_id":"${targetId}"`) +
        `,"action":${JSON.stringify(action)}`,
      entityType,
      requestId,
      metadata: pending.metadata,
      metadataJson: jsonOf(pending.metadata, 'metadata', marks),
      detailsJson: detailsOf(pending, marks),
      marks,
      redacted,
      invalid,
    }
    const json = join(parts)
    if (marks.length > 0) degraded += 1
    return {
      id,
      recorderSeq,
      json,
      bytes: Buffer.byteLength(json),
      action: wellFormed ? action : '(malformed)',
      eventId,
      userId,
    }
  }

  /** Text of 36 characters was not looked into in the call: it had the length of a UUID. */
  function cleanLine(name: string, text: string, marks: string[], redacted: string[]): string {
    if (!(redactor.active && text.length === UUID_CHARACTERS && mayHoldSecret(text))) {
      return plain(name, text, marks)
    }
    const clean = redactor.cleanText(text, name)
    if (clean !== text) add(redacted, name)
    return plain(name, clean, marks)
  }

  function lineOf(
    name: string,
    text: string | undefined,
    marks: string[],
    redacted: string[],
  ): string | undefined {
    return (text && cleanLine(name, text, marks, redacted)) || undefined
  }

  /** The details' JSON: the context's is made once, unless the entry has details of its own. */
  function detailsOf({ context, details }: PendingEntry, marks: string[]): string | undefined {
    if (details !== undefined) return jsonOf(merge(context?.details, details), 'context', marks)
    if (context?.details === undefined) return undefined
    let made = contexts.get(context)
    if (made === undefined) {
      const found: string[] = []
      made = { json: jsonOf(context.details, 'context', found), marks: found }
      contexts.set(context, made)
    }
    addAll(marks, made.marks)
    return made.json
  }

  return {
    encode,
    get degraded() {
      return degraded
    },
  }
}

interface Mended {
  readonly json: string | undefined
  readonly marks: readonly string[]
}

function addAll(list: string[], more: readonly string[] | undefined): void {
  if (more !== undefined) for (const item of more) add(list, item)
}

function add(list: string[], item: string): void {
  if (!list.includes(item)) list.push(item)
}

function plain(name: string, text: string, marks: string[]): string {
  const line = plainLine(text)
  if (line !== text) add(marks, `${name}.characters`)
  return line
}

/** Undefined for nothing. What jsonb does not take is mended and marked. */
function jsonOf(
  object: JsonObject | undefined,
  root: 'metadata' | 'context',
  marks: string[],
): string | undefined {
  if (object === undefined) return undefined
  try {
    const json = JSON.stringify(object)
    const mended = mendJson(json)
    if (mended !== json) add(marks, `${root}.characters`)
    return mended
  } catch {
    // Nothing in it can throw, but since the copy was made somebody may have put a toJSON where
    // every array has it.
    add(marks, `${root}.unencodable`)
    return undefined
  }
}

import type { JsonObject } from './copy.ts'
import { createIdGenerator } from './id.ts'
import type { BoundContext, PendingEntry } from './pending.ts'
import { isUuid, MAX_ACTION_CHARACTERS, MAX_TEXT_CHARACTERS, mendJson, plainLine } from './text.ts'

/** An entry as its lane takes it. */
export interface EncodedEntry {
  readonly id: string
  /** Its running number in the fast lane; null in the outbox lane. */
  readonly recorderSeq: number | null
  /** One JSON object, with the lane's column names as keys; columns that are null are left out. */
  readonly json: string
  /** Its size in UTF-8. */
  readonly bytes: number
  /** What may be logged of it. */
  readonly action: string
  readonly eventId: string | undefined
  readonly userId: string | undefined
}

export interface Encoder {
  /**
   * The half of an entry's way that can wait for the flush. Never throws.
   *
   * @param recorderSeq the entry's running number in the fast lane; null in the outbox lane
   */
  encode(entry: PendingEntry, recorderSeq: number | null): EncodedEntry
  /** How many entries were encoded less faithfully than they were given. */
  readonly degraded: number
}

export interface EncoderOptions {
  readonly recorderId: string
  readonly maxEntryBytes: number
}

/** `entity.verb`, of letters, digits, `_` and `-`; more parts are fine. */
const ACTION = /^[\w-]+(?:\.[\w-]+)+$/
const DAY_MS = 86_400_000
/** The last millisecond of year 9999, and the first of year 1: what every reader can write down. */
const LAST_MS = 253_402_300_799_999
const FIRST_MS = -62_135_596_800_000

/** What was noticed about an entry, for its context. */
interface Notes {
  readonly marks: string[]
  readonly invalid: Record<string, string>
}

export function createEncoder({ recorderId, maxEntryBytes }: EncoderOptions): Encoder {
  const nextId = createIdGenerator()
  const contexts = new WeakMap<BoundContext, string>()
  let degraded = 0

  /** A context's details as JSON, made once for all entries that were recorded in it. */
  function detailsOf(context: BoundContext): string {
    let json = contexts.get(context)
    if (json === undefined) {
      json = context.details === undefined ? '{}' : JSON.stringify(context.details)
      contexts.set(context, json)
    }
    return json
  }

  function encode(entry: PendingEntry, recorderSeq: number | null): EncodedEntry {
    const notes: Notes = {
      marks: [...(entry.context?.marks ?? []), ...(entry.marks ?? [])],
      invalid: {},
    }
    const id = nextId(entry.recordedAtMs)
    const userId = uuidOf(entry.userId, 'userId', notes)
    const eventId = uuidOf(entry.eventId, 'eventId', notes)
    const targetId = uuidOf(entry.targetId, 'targetId', notes)
    const action = actionOf(entry.action, notes)
    let columns = `{"id":"${id}","occurred_at":"${occurredAt(entry, notes)}","action":${quote(action)}`
    if (userId !== undefined) columns += `,"user_id":"${userId}"`
    if (eventId !== undefined) columns += `,"event_id":"${eventId}"`
    if (targetId !== undefined) columns += `,"target_id":"${targetId}"`
    if (recorderSeq !== null) {
      columns += `,"recorder_id":"${recorderId}","recorder_seq":${recorderSeq}`
    }
    columns += textColumn('entity_type', 'entityType', entry.entityType, notes)
    columns += textColumn('request_id', 'requestId', entry.requestId, notes)

    const redacted = [...(entry.context?.redacted ?? []), ...(entry.redacted ?? [])]
    let metadata = mended(entry.metadata ? JSON.stringify(entry.metadata) : '{}', 'metadata', notes)
    let details = mended(contextJson(entry), 'context', notes)
    const assemble = () =>
      `${columns},"metadata":${metadata},"context":${withNotes(details, notes, redacted)}}`
    let json = assemble()
    // The copy was cut by characters; only here is it known what they take as JSON in UTF-8.
    if (Buffer.byteLength(json) > maxEntryBytes) {
      notes.marks.push('metadata.truncated')
      metadata = `{"truncated":${Buffer.byteLength(metadata)}}`
      json = assemble()
    }
    if (Buffer.byteLength(json) > maxEntryBytes) {
      notes.marks.push('context.truncated')
      details = '{}'
      redacted.length = 0
      json = assemble()
    }
    if (notes.marks.length > 0) degraded += 1
    return { id, recorderSeq, json, bytes: Buffer.byteLength(json), action, eventId, userId }
  }

  function contextJson({ context, details }: PendingEntry): string {
    const shared = context === undefined ? '{}' : detailsOf(context)
    if (details === undefined) return shared
    return shared === '{}'
      ? JSON.stringify(details)
      : JSON.stringify({ ...context?.details, ...details } satisfies JsonObject)
  }

  return {
    encode,
    get degraded() {
      return degraded
    },
  }
}

function withNotes(details: string, { marks, invalid }: Notes, redacted: string[]): string {
  let added = ''
  if (marks.length > 0) added += `,"degraded":${JSON.stringify([...new Set(marks)])}`
  if (redacted.length > 0)
    added += `,"redacted":${mendJson(JSON.stringify([...new Set(redacted)]))}`
  if (Object.keys(invalid).length > 0) added += `,"invalid":${mendJson(JSON.stringify(invalid))}`
  if (added === '') return details
  return details === '{}' ? `{${added.slice(1)}}` : `${details.slice(0, -1)}${added}}`
}

function uuidOf(text: string | undefined, name: string, notes: Notes): string | undefined {
  if (text === undefined || text === '') return undefined
  if (isUuid(text)) return text
  notes.marks.push(`${name}.invalid`)
  notes.invalid[name] = text
  return undefined
}

function actionOf(given: string, notes: Notes): string {
  if (ACTION.test(given) && given.length <= MAX_ACTION_CHARACTERS) return given
  const action = plainLine(given)
  if (!ACTION.test(action)) notes.marks.push('action.malformed')
  return action.slice(0, MAX_ACTION_CHARACTERS)
}

function textColumn(column: string, name: string, given: string | undefined, notes: Notes): string {
  if (given === undefined || given === '') return ''
  const text = plainLine(given)
  if (text !== given) notes.marks.push(`${name}.characters`)
  return `,"${column}":${quote(text.slice(0, MAX_TEXT_CHARACTERS))}`
}

function occurredAt({ recordedAtMs, occurredAtMs }: PendingEntry, notes: Notes): string {
  if (occurredAtMs === undefined) return new Date(recordedAtMs).toISOString()
  if (!(occurredAtMs >= FIRST_MS && occurredAtMs <= LAST_MS)) {
    notes.marks.push('occurredAt.invalid')
    return new Date(recordedAtMs).toISOString()
  }
  if (occurredAtMs > recordedAtMs + DAY_MS) notes.marks.push('occurredAt.skewed')
  return new Date(occurredAtMs).toISOString()
}

function mended(json: string, name: string, notes: Notes): string {
  const mended = mendJson(json)
  if (mended !== json) notes.marks.push(`${name}.characters`)
  return mended
}

function quote(text: string): string {
  return JSON.stringify(text)
}

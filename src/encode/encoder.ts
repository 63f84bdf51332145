import { createFitter } from './fit-size.ts'
import { objectJson, type RowParts, rowJson } from './row.ts'
import { EntryNotes } from './entry-notes.ts'
import { createInstantText, occurredTime, recordedTime } from './entry-time.ts'
import { createIdGenerator, type IdGenerator } from '../ids/uuid7.ts'
import { JsonObject, merge } from '../capture/json-object.ts'
import type { BoundContext, CapturedEntry } from '../capture/captured-entry.ts'
import type { Redactor } from '../redact/redactor.ts'
import { mayHoldSecret } from '../redact/secret-texts.ts'
import { internal } from '../engine-text.ts'
import { isActionName } from '../entry.ts'
import { isUuid, UUID_CHARACTERS } from '../ids/uuid.ts'
import { mendJson, plainLine } from './storable-text.ts'

/**
 * An entry as the fast lane takes it: the values of `ROW_COLUMNS`, which only have to be
 * stringified, or the JSON of such an array.
 */
export type EncodedRow = PlainRow | string
type PlainRow = readonly [id: string, occurredAt: string, recorderSeq: number, ...rest: unknown[]]

export interface EncoderOptions {
  readonly recorderId: string
  readonly maxEntryBytes: number
  readonly redactor: Redactor
  readonly nextId?: IdGenerator | undefined
}

/**
 * The half of an entry's way that can wait: ids, times, well-formed text, JSON, its exact size.
 * Total, and whatever comes out fits its columns' types and the log's checks.
 */
export interface Encoder {
  rowOf(captured: CapturedEntry, recorderSeq: number): EncodedRow
  /** A JSON array of rows: those that `rowOf` has made of these entries. */
  arrayOf(rows: readonly EncodedRow[], entries: readonly CapturedEntry[]): string
  /**
   * An entry as the outbox lane takes it: the JSON of an object with the columns' names.
   *
   * @param recorderSeq its running number; null where it has none, as in the outbox lane
   */
  encode(captured: CapturedEntry, recorderSeq: number | null): string
  /** How many entries were encoded less faithfully than they were given. */
  readonly degraded: number
}

/** Text that is itself in JSON. */
const SAFE = /^[\w .:;,/+=@()-]*$/
/** How many bytes JSON makes of one character at most: an escape, `\u0001`. */
const MAX_ESCAPE_BYTES = 6
/** What everything but metadata and context takes of a plain entry, at most. */
const ENVELOPE_BYTES = 1_024
/** Applications have some dozens of actions and of types of entities. */
const MAX_NAMES = 1_000
const NOTHING = new JsonObject()

export function createEncoder(options: EncoderOptions): Encoder {
  const { recorderId, maxEntryBytes, redactor, nextId = createIdGenerator() } = options
  const instantText = createInstantText()
  const fit = createFitter(maxEntryBytes, recorderId)
  const contexts = new WeakMap<BoundContext, Mended>()
  // Names that were seen to be plain.
  const names = new Set<string>()
  /** So many fit, whatever JSON makes of them. */
  const plainCharacters = (maxEntryBytes - ENVELOPE_BYTES) / MAX_ESCAPE_BYTES
  let degraded = 0

  /**
   * Nearly every entry is plain: nothing is to be mended or said of it, and it fits. Those are
   * stringified together, by the engine, which is the cheapest way there is.
   */
  function rowOf(captured: CapturedEntry, recorderSeq: number): EncodedRow {
    const id = nextId(recordedTime(captured.recordedAtMs))
    if (!isPlain(captured)) return rowJson(partsOf(captured, recorderSeq, id))
    const { userId, eventId, targetId, action, entityType, requestId } = captured
    const { recordedAtMs, metadata = NOTHING, context } = captured
    return [
      id,
      instantText(recordedAtMs),
      recorderSeq,
      userId,
      eventId,
      targetId,
      action,
      entityType,
      requestId,
      metadata,
      context?.details ?? NOTHING,
    ]
  }

  function isPlain(captured: CapturedEntry): boolean {
    const { action, userId, eventId, targetId, requestId, entityType, context } = captured
    const { recordedAtMs } = captured
    return (
      captured.extras === undefined &&
      recordedTime(recordedAtMs) === recordedAtMs &&
      isPlainContext(context, captured) &&
      (names.has(action) || (isActionName(action) && remember(action))) &&
      (entityType === undefined || names.has(entityType) || isPlainText(entityType)) &&
      (userId === undefined || isUuid(userId)) &&
      (eventId === undefined || isUuid(eventId)) &&
      (targetId === undefined || isUuid(targetId)) &&
      (requestId === undefined || isUuid(requestId) || isPlainText(requestId))
    )
  }

  function isPlainContext(context: BoundContext | undefined, captured: CapturedEntry): boolean {
    if (context === undefined) return captured.bytes <= plainCharacters
    return (
      context.marks === undefined &&
      context.redacted === undefined &&
      captured.bytes + context.characters <= plainCharacters
    )
  }

  function remember(name: string): true {
    if (names.size < MAX_NAMES) names.add(internal(name))
    return true
  }

  function arrayOf(rows: readonly EncodedRow[], entries: readonly CapturedEntry[]): string {
    const isPlain = rows.every((row) => typeof row !== 'string')
    const json = isPlain ? stringified(rows) : undefined
    return json ?? `[${rows.map((row, at) => jsonOf(row, entries[at] as CapturedEntry)).join(',')}]`
  }

  function jsonOf(row: EncodedRow, captured: CapturedEntry): string {
    if (typeof row === 'string') return row
    const [id, , recorderSeq] = row
    return stringified(row) ?? rowJson(partsOf(captured, recorderSeq, id))
  }

  function encode(captured: CapturedEntry, recorderSeq: number | null): string {
    const id = nextId(recordedTime(captured.recordedAtMs))
    return objectJson(partsOf(captured, recorderSeq, id), recorderId)
  }

  function partsOf(captured: CapturedEntry, recorderSeq: number | null, id: string): RowParts {
    const notes = new EntryNotes(captured)
    const recordedMs = recordedTime(captured.recordedAtMs)
    let occurredMs = recordedMs
    if (captured.extras?.occurredAtMs !== undefined) {
      const occurred = occurredTime(captured.extras.occurredAtMs, recordedMs)
      if (occurred.mark !== undefined) notes.mark(occurred.mark)
      occurredMs = occurred.ms
    }
    const isAction = isActionName(captured.action)
    if (!isAction) notes.mark('action.malformed')
    const parts = fit({
      id,
      occurredAt: instantText(occurredMs),
      recorderSeq,
      userId: uuidOf('userId', captured.userId, notes),
      eventId: uuidOf('eventId', captured.eventId, notes),
      targetId: uuidOf('targetId', captured.targetId, notes),
      action: isAction ? `"${captured.action}"` : line('action', captured.action, notes),
      entityType: columnOf('entityType', captured.entityType, notes),
      requestId: columnOf('requestId', captured.requestId, notes),
      metadataJson: jsonColumn(captured.metadata, 'metadata', notes),
      detailsJson: detailsOf(captured, notes),
      metadata: captured.metadata,
      notes,
    })
    if (notes.marks !== undefined) degraded += 1
    return parts
  }

  function uuidOf(name: string, text: string | undefined, notes: EntryNotes): string | undefined {
    if (text === undefined || isUuid(text)) return text
    notes.mark(`${name}.invalid`)
    notes.invalid ??= {}
    notes.invalid[name] = line(name, clean(name, text, notes), notes)
    return undefined
  }

  function columnOf(name: string, text: string | undefined, notes: EntryNotes): string | undefined {
    if (text === undefined || text === '') return undefined
    if (text.length === UUID_CHARACTERS && isUuid(text)) return `"${text}"`
    const known = clean(name, text, notes)
    return known === '' ? undefined : line(name, known, notes)
  }

  /** Text of 36 characters was not looked into in the call: it had the length of a UUID. */
  function clean(name: string, text: string, notes: EntryNotes): string {
    if (!(redactor.active && text.length === UUID_CHARACTERS && mayHoldSecret(text))) return text
    const known = redactor.cleanText(text, name)
    if (known !== text) notes.noteRedacted(name)
    return known
  }

  /** The details' JSON: the context's is made once, unless the entry has details of its own. */
  function detailsOf({ context, extras }: CapturedEntry, notes: EntryNotes): string | undefined {
    const details = extras?.details
    if (details !== undefined) return jsonColumn(merge(context?.details, details), 'context', notes)
    if (context?.details === undefined) return undefined
    let made = contexts.get(context)
    if (made === undefined) {
      const mending = new EntryNotes(undefined)
      made = { json: jsonColumn(context.details, 'context', mending), marks: mending.marks }
      contexts.set(context, made)
    }
    for (const mark of made.marks ?? []) notes.mark(mark)
    return made.json
  }

  return {
    rowOf,
    arrayOf,
    encode,
    get degraded() {
      return degraded
    },
  }
}

interface Mended {
  readonly json: string | undefined
  readonly marks: readonly string[] | undefined
}

/** Not as long as a UUID: such a text has not been looked into yet. */
function isPlainText(text: string): boolean {
  return text.length !== UUID_CHARACTERS && text !== '' && SAFE.test(text)
}

/** Undefined where the text would have to be mended, or somebody has a say in how it is made. */
function stringified(rows: readonly unknown[]): string | undefined {
  if ('toJSON' in rows) return undefined
  try {
    const json = JSON.stringify(rows)
    return json.includes('\\u') ? undefined : json
  } catch {
    return undefined // one by one, so that none takes the others along
  }
}

/** One line of well-formed text as JSON. */
function line(name: string, text: string, notes: EntryNotes): string {
  if (SAFE.test(text)) return `"${text}"`
  const plain = plainLine(text)
  if (plain !== text) notes.mark(`${name}.characters`)
  return JSON.stringify(plain)
}

/** Undefined for nothing. What jsonb does not take is mended and marked. */
function jsonColumn(
  object: JsonObject | undefined,
  root: 'metadata' | 'context',
  notes: EntryNotes,
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

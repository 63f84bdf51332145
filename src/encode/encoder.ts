import { createFitter } from './fit-size.ts'
import { objectJson, type RowParts, rowJson } from './row.ts'
import { EntryNotes } from './entry-notes.ts'
import { createInstantText, isAhead, recordedTime } from './entry-time.ts'
import { createIdGenerator, type IdGenerator } from '../ids/uuid7.ts'
import { JsonObject, merge } from '../copy/json-object.ts'
import type { BoundContext, CapturedEntry, CapturedWord } from '../capture/captured-entry.ts'
import { type CapturedId, UnfitId } from '../capture/given-id.ts'
import type { Redactor } from '../redact/redactor.ts'
import { isActionName } from '../entry.ts'
import { oddFieldOf } from './odd-ids.ts'
import { isUuid, UUID_CHARACTERS } from '../ids/uuid.ts'
import { mendJson, plainLine } from './storable-text.ts'

/**
 * An entry for staging: the values of `ROW_COLUMNS`, still to be stringified, or the JSON of such
 * an array.
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
 * Encodes captured entries at the flush: ids, times, well-formed text, JSON and its exact size. It
 * never throws, and its results fit the types of their columns and the log's checks.
 */
export interface Encoder {
  /** @param isOdd whether one of its ids is no UUID, as `oddFieldOf` says */
  rowOf(captured: CapturedEntry, recorderSeq: number, isOdd?: boolean): EncodedRow
  /** A JSON array of the rows that `rowOf` made of these entries. */
  arrayOf(rows: readonly EncodedRow[], entries: readonly CapturedEntry[]): string
  /** The JSON of one row alone. */
  jsonOf(row: EncodedRow, captured: CapturedEntry): string
  /**
   * An entry for the outbox: the JSON of an object with the columns' names.
   *
   * @param recorderSeq the entry's `recorder_seq`; null in the outbox, which has none
   */
  encode(captured: CapturedEntry, recorderSeq: number | null): string
  /**
   * How many entries were encoded that differ from what was given, as their `context.degraded`
   * says.
   */
  readonly degraded: number
  /** Counts entries that the database will change because of their ids. */
  countDegraded(entries: number): void
}

/** Text that JSON writes without escapes. */
const SAFE = /^[\w .:;,/+=@()|-]*$/
/** The most bytes that JSON takes for one character: those of an escape, `\u0001`. */
const MAX_ESCAPE_BYTES = 6
/** The most bytes that a plain entry's JSON takes outside of metadata and context. */
const ENVELOPE_BYTES = 1_024
const NOTHING = new JsonObject()

export function createEncoder(options: EncoderOptions): Encoder {
  const { recorderId, maxEntryBytes, redactor, nextId = createIdGenerator() } = options
  const instantText = createInstantText()
  const fit = createFitter(maxEntryBytes, recorderId)
  /** An entry of this many characters fits even if JSON escapes each of them. */
  const plainCharacters = (maxEntryBytes - ENVELOPE_BYTES) / MAX_ESCAPE_BYTES
  let degraded = 0

  /**
   * Nearly every entry is plain: it needs no mending and no notes, and it fits. The engine
   * stringifies all plain rows of a slice in one call, which costs least. Measured in
   * hotpath-parts.md, "plain entries have a way of their own" and in
   * hotpath-parts.md, "plain rows stringified together".
   */
  function rowOf(
    captured: CapturedEntry,
    recorderSeq: number,
    isOdd = oddFieldOf(captured) !== undefined,
  ): EncodedRow {
    const id = nextId(recordedTime(captured.recordedAtMs))
    if (!isPlain(captured) || (isOdd && !hasPlainIds(captured))) {
      return rowJson(partsOf(captured, recorderSeq, id))
    }
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
    const { action, requestId, entityType, context, recordedAtMs } = captured
    return (
      captured.extras === undefined &&
      recordedTime(recordedAtMs) === recordedAtMs &&
      isPlainContext(context, captured) &&
      isActionName(action) &&
      (entityType === undefined || isPlainText(entityType)) &&
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
    const { occurredAtMs: occurredMs = recordedMs, occurredAtText, misfit } = captured.extras ?? {}
    if (isAhead(occurredMs, recordedMs)) notes.mark('occurredAt.skewed')
    if (occurredAtText !== undefined)
      notes.keep('occurredAt', line('occurredAt', occurredAtText, notes))
    if (misfit !== undefined) notes.keep('metadata', line('metadata', misfit, notes))
    const isAction = isActionName(captured.action)
    if (!isAction) notes.mark('action.malformed')
    const parts = fit({
      id,
      occurredAt: instantText(occurredMs),
      recorderSeq,
      userId: idOf('userId', captured.userId, notes),
      eventId: idOf('eventId', captured.eventId, notes),
      targetId: idOf('targetId', captured.targetId, notes),
      outcome: wordOf('outcome', captured.extras?.outcome, notes),
      actorId: idOf('actorId', captured.extras?.actor?.id, notes),
      actorKind: wordOf('actorKind', captured.extras?.actor?.kind, notes),
      moreTargets: listOf('moreTargets', captured.extras?.moreTargets, notes),
      action: isAction ? `"${captured.action}"` : line('action', captured.action, notes),
      entityType: columnOf('entityType', captured.entityType, notes),
      requestId: columnOf('requestId', captured.requestId, notes),
      metadataJson: jsonColumn(captured.metadata, 'metadata', notes),
      detailsJson: jsonColumn(detailsOf(captured), 'context', notes),
      metadata: captured.metadata,
      notes,
    })
    if (notes.marks !== undefined) degraded += 1
    return parts
  }

  /** The JSON of an id as it was given. The database decides whether its columns take it. */
  function idOf(name: string, id: CapturedId | undefined, notes: EntryNotes): string | undefined {
    if (!(id instanceof UnfitId)) return columnOf(name, id, notes)
    notes.keep(name, line(name, clean(name, id.text, notes), notes))
    return undefined
  }

  function wordOf(
    name: string,
    word: CapturedWord<string> | undefined,
    notes: EntryNotes,
  ): string | undefined {
    return word instanceof UnfitId ? idOf(name, word, notes) : word && `"${word}"`
  }

  /** The JSON of a list of ids. Those that are none for any column are kept as a list, too. */
  function listOf(
    name: string,
    ids: readonly CapturedId[] | undefined,
    notes: EntryNotes,
  ): string | undefined {
    if (ids === undefined) return undefined
    const unfit = ids.filter((id) => id instanceof UnfitId)
    if (unfit.length > 0) {
      const kept = unfit.map(({ text }) => line(name, clean(name, text, notes), notes))
      notes.keep(name, `[${kept.join(',')}]`)
    }
    const fit = ids.flatMap((id) =>
      id instanceof UnfitId ? [] : (columnOf(name, id, notes) ?? []),
    )
    return fit.length === 0 ? undefined : `[${fit.join(',')}]`
  }

  function columnOf(name: string, text: string | undefined, notes: EntryNotes): string | undefined {
    if (text === undefined || text === '') return undefined
    if (text.length === UUID_CHARACTERS && isUuid(text)) return `"${text}"`
    const known = clean(name, text, notes)
    return known === '' ? undefined : line(name, known, notes)
  }

  /**
   * The text without secrets. `record()` does not search text of 36 characters, the length of a
   * UUID.
   */
  function clean(name: string, text: string, notes: EntryNotes): string {
    if (text.length !== UUID_CHARACTERS || !redactor.mayHold(text)) return text
    const known = redactor.cleanText(text, name)
    if (known !== text) notes.noteRedacted(name)
    return known
  }

  return {
    rowOf,
    arrayOf,
    jsonOf,
    encode,
    get degraded() {
      return degraded
    },
    countDegraded(entries) {
      degraded += entries
    },
  }
}

/** The entry's own details over those of its context. */
function detailsOf({ context, extras }: CapturedEntry): JsonObject | undefined {
  if (extras?.details === undefined) return context?.details
  return merge(context?.details, extras.details)
}

/**
 * Whether JSON writes the text without escapes. False for text as long as a UUID, which has not
 * been searched for secrets yet.
 */
function isPlainText(text: string): boolean {
  return text.length !== UUID_CHARACTERS && text !== '' && SAFE.test(text)
}

function hasPlainIds({ userId, eventId, targetId }: CapturedEntry): boolean {
  return isPlainId(userId) && isPlainId(eventId) && isPlainId(targetId)
}

function isPlainId(id: CapturedId | undefined): boolean {
  if (typeof id !== 'string') return id === undefined
  return isUuid(id) || isPlainText(id)
}

/** Undefined if the JSON needs mending, or if a toJSON on Array.prototype would change it. */
function stringified(rows: readonly unknown[]): string | undefined {
  if ('toJSON' in rows) return undefined
  try {
    const json = JSON.stringify(rows)
    return json.includes('\\u') ? undefined : json
  } catch {
    return undefined // the rows are then encoded one by one, so that one cannot fail the others
  }
}

/** One line of well-formed text as JSON. */
function line(name: string, text: string, notes: EntryNotes): string {
  if (SAFE.test(text)) return `"${text}"`
  const plain = plainLine(text)
  if (plain !== text) notes.mark(`${name}.characters`)
  return JSON.stringify(plain)
}

/**
 * The JSON of an object; undefined for none. Characters that jsonb refuses are mended and marked.
 */
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
    // The copy itself cannot throw, but somebody may have put a toJSON on Array.prototype since it
    // was made.
    notes.mark(`${root}.unencodable`)
    return undefined
  }
}

import { Copier } from './copier.ts'
import { type AuditContext, MAX_ACTION_CHARACTERS, MAX_TEXT_CHARACTERS } from '../entry.ts'
import {
  columnText,
  type GivenFields,
  isPolluted,
  readEach,
  readOwn,
  timeOf,
} from './given-fields.ts'
import { type JsonObject, merge } from './json-object.ts'
import type { BoundContext, CapturedEntry, CapturedExtras } from './captured-entry.ts'
import type { Redactor } from '../redact/redactor.ts'
import { MIN_SECRET_CHARACTERS } from '../redact/secret-texts.ts'
import { internal } from '../engine-text.ts'
import { UUID_CHARACTERS } from '../ids/uuid.ts'

export interface Capture {
  /** What it redacts by, for the half of the way that comes later. */
  readonly redactor: Redactor
  /**
   * The synchronous half of an entry's way: everything that has to happen before the call returns,
   * because afterwards the caller's objects may change. Total: it never throws, whatever it is
   * given. (A getter that does not return does not return here either.)
   *
   * @returns undefined for what is not an entry, or has no action
   */
  captureEntry(
    entry: unknown,
    context: BoundContext | undefined,
    nowMs: number,
  ): CapturedEntry | undefined
  /** Copies a context, over its parent's. Total too. */
  bindContext(context: AuditContext, parent?: BoundContext): BoundContext
}

export interface CaptureOptions {
  readonly maxEntryBytes: number
  readonly redactor: Redactor
}

/** What ids, times, names and their keys take of an entry, about. */
const ENVELOPE_CHARACTERS = 512
/** A context's keys that have columns of their own. */
const CONTEXT_IDS = ['userId', 'eventId', 'requestId'] as const
/** What the encoder calls what it did. A caller's own would pass for it. */
const RESERVED_DETAILS = ['degraded', 'redacted', 'invalid'] as const

const NO_CONTEXT: BoundContext = {
  userId: undefined,
  eventId: undefined,
  requestId: undefined,
  details: undefined,
  marks: undefined,
  redacted: undefined,
  characters: 0,
}

// Sizes in memory where a pointer takes 8 bytes: a captured entry with its number and its place in
// the buffer (144) and four texts of 36 characters (60 each); a value's place and header.
const ENTRY_BYTES = 384
const CELL_BYTES = 24

export function createCapture({ maxEntryBytes, redactor }: CaptureOptions): Capture {
  const room = maxEntryBytes - ENVELOPE_CHARACTERS
  const contextRoom = maxEntryBytes >> 2
  // Actions that were seen to be clean, in the manner of the keys that are.
  const cleanActions = new Array<string>(ACTION_SLOTS).fill('')
  // Taken while a copy is made: one that begins inside of it (a getter that records) makes its own.
  let spare: Copier | undefined

  function take(): Copier {
    const copier = spare ?? new Copier(redactor)
    spare = undefined
    return copier
  }

  function captureEntry(
    entry: unknown,
    context: BoundContext | undefined,
    nowMs: number,
  ): CapturedEntry | undefined {
    if (typeof entry !== 'object' || entry === null) return undefined
    let captured: CapturedEntry | undefined
    try {
      const copier = take()
      copier.begin(room)
      try {
        const given = isPolluted() ? readEach(copier, entry) : (entry as GivenFields)
        captured = build(copier, given, context, nowMs)
      } catch {
        copier.begin(room)
        captured = build(copier, readEach(copier, entry), context, nowMs)
      }
      spare = copier
    } catch {
      return undefined // no stack is left
    }
    return captured
  }

  function build(
    copier: Copier,
    given: GivenFields,
    context: BoundContext | undefined,
    nowMs: number,
  ): CapturedEntry | undefined {
    const { action, userId, eventId, entityType, targetId, metadata, requestId } = given
    const { context: details, occurredAt } = given
    if (typeof action !== 'string' || action === '') return undefined

    // What nearly every entry has is told here, by a look; anything else takes the long way.
    const user = isIdLong(userId) ? userId : idOf(copier, 'userId', userId, context?.userId)
    const event = isIdLong(eventId) ? eventId : idOf(copier, 'eventId', eventId, context?.eventId)
    const target = isIdLong(targetId) ? targetId : idOf(copier, 'targetId', targetId, undefined)
    const request = isIdLong(requestId)
      ? requestId
      : idOf(copier, 'requestId', requestId, context?.requestId)
    const type = isShortName(entityType) ? entityType : textOf(copier, 'entityType', entityType)
    const verb = cleanActions[actionSlot(action)] === action ? action : actionOf(copier, action)

    if (context !== undefined) copier.spend(context.characters)
    const { room: roomBefore } = copier
    const ownDetails = details == null ? undefined : copyDetails(copier, details, contextRoom)
    const ownMetadata = metadata == null ? undefined : copier.copyRoot(metadata, 'metadata')

    return {
      recordedAtMs: nowMs,
      action: verb,
      userId: user,
      eventId: event,
      targetId: target,
      entityType: type,
      requestId: request,
      metadata: ownMetadata,
      context,
      extras: extrasOf(copier, occurredAt, ownDetails),
      bytes: ENTRY_BYTES + roomBefore - copier.room + copier.cells * CELL_BYTES,
    }
  }

  function actionOf(copier: Copier, action: string): string {
    const text = columnText(copier, redactor, 'action', action, MAX_ACTION_CHARACTERS)
    if (text === action) cleanActions[actionSlot(action)] = internal(action)
    // A censor may have left nothing of it, and an entry without an action cannot be stored.
    return text ?? '-'
  }

  function textOf(copier: Copier, name: string, given: unknown): string | undefined {
    return columnText(copier, redactor, name, given, MAX_TEXT_CHARACTERS)
  }

  /** Explicit null and '' say none; only silence is filled in from the context. */
  function idOf(
    copier: Copier,
    name: string,
    given: unknown,
    inherited: string | null | undefined,
  ): string | undefined {
    return given === undefined ? (inherited ?? undefined) : textOf(copier, name, given)
  }

  function bindContext(context: AuditContext, parent?: BoundContext): BoundContext {
    try {
      const copier = take()
      copier.begin(Math.max(0, contextRoom - (parent?.characters ?? 0)))
      for (const mark of parent?.marks ?? []) copier.notes.markEntry(mark)
      for (const path of parent?.redacted ?? []) copier.notes.noteRedacted(path)
      const bound = bindTo(copier, context, parent)
      spare = copier
      return bound
    } catch {
      return parent ?? NO_CONTEXT // no stack is left
    }
  }

  function bindTo(
    copier: Copier,
    context: AuditContext,
    parent: BoundContext | undefined,
  ): BoundContext {
    if (typeof context !== 'object' || context === null) return parent ?? NO_CONTEXT
    const id = (name: 'userId' | 'eventId' | 'requestId'): string | null | undefined => {
      const given = readOwn(copier, context, name)
      if (given === undefined) return parent?.[name]
      return textOf(copier, name, given) ?? null
    }
    const userId = id('userId')
    const eventId = id('eventId')
    const requestId = id('requestId')
    const { room: roomBefore } = copier
    const own = copyDetails(copier, context, roomBefore)
    const details = merge(parent?.details, own, CONTEXT_IDS)
    return {
      userId,
      eventId,
      requestId,
      details,
      marks: copier.notes.marks,
      redacted: copier.notes.redacted,
      characters: details === undefined ? 0 : (parent?.characters ?? 0) + roomBefore - copier.room,
    }
  }

  return { redactor, captureEntry, bindContext }
}

/**
 * As long as a UUID: taken for one until the flush, which looks. A look at its characters here would
 * have the engine write them out first: `randomUUID()` gives a text that is still in pieces.
 */
function isIdLong(given: unknown): given is string {
  return typeof given === 'string' && given.length === UUID_CHARACTERS
}

/** Undefined where there are none, as of nearly every entry. */
function extrasOf(
  { notes: { marks, redacted } }: Copier,
  occurredAt: unknown,
  details: JsonObject | undefined,
): CapturedExtras | undefined {
  if (occurredAt === undefined && !details && !marks && !redacted) return undefined
  const occurredAtMs = occurredAt === undefined ? undefined : timeOf(occurredAt)
  return { occurredAtMs, details, marks, redacted }
}

function isShortName(given: unknown): given is string {
  return typeof given === 'string' && given !== '' && given.length < MIN_SECRET_CHARACTERS
}

/** Applications have some dozens of actions; a table of 512 bytes stays in the cache. */
const ACTION_SLOTS = 64
function actionSlot(action: string): number {
  return (action.length * 8 + action.charCodeAt(0)) & (ACTION_SLOTS - 1)
}

function copyDetails(copier: Copier, given: unknown, room: number): JsonObject | undefined {
  const copy = copier.copyRootWithin(room, given, 'context')
  for (const name of RESERVED_DETAILS) {
    if (!(name in copy)) continue
    copier.notes.markEntry('context.reserved')
    return merge(undefined, copy, RESERVED_DETAILS)
  }
  return copy
}

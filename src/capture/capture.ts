import { bindTo, NO_CONTEXT } from './bind-context.ts'
import { Copier } from '../copy/copier.ts'
import { copyDetails } from './copy-details.ts'
import { type AuditContext, MAX_ACTION_CHARACTERS, MAX_TEXT_CHARACTERS } from '../entry.ts'
import { columnText, type GivenFields, readEach, readTime, type ReadTime } from './given-fields.ts'
import { type CapturedId, readId } from './given-id.ts'
import type { JsonObject } from '../copy/json-object.ts'
import type {
  BoundContext,
  CapturedActor,
  CapturedEntry,
  CapturedExtras,
} from './captured-entry.ts'
import type { Comparison, EntryCheck } from './entry-check.ts'
import { readActor, readMoreTargets, readOutcome } from './rare-fields.ts'
import type { Redactor } from '../redact/redactor.ts'
import { MIN_FORM_CHARACTERS } from '../redact/secret-texts.ts'
import { internal } from '../engine-text.ts'
import { UUID_CHARACTERS } from '../ids/uuid.ts'

export interface Capture {
  /** The redaction rules, which the encoder needs too. */
  readonly redactor: Redactor
  /**
   * Copies and redacts an entry. This has to happen before `record()` returns, because the caller
   * may change its objects afterwards. It never throws for any input. (A getter that never
   * returns blocks it.)
   *
   * @param isInTransaction whether `recordIn` was given it. Default: false
   * @returns undefined if `entry` is not an object or has no action
   */
  captureEntry(
    entry: unknown,
    context: BoundContext | undefined,
    nowMs: number,
    isInTransaction?: boolean,
  ): CapturedEntry | undefined
  /** Copies a context over its parent's. It never throws either. */
  bindContext(context: AuditContext, parent?: BoundContext): BoundContext
}

export interface CaptureOptions {
  readonly maxEntryBytes: number
  readonly redactor: Redactor
  /** Compares entries with the application's catalogue of actions. Default: nothing does. */
  readonly check?: EntryCheck | undefined
}

/** About how many characters of an entry's JSON its ids, times, names and their keys take. */
const ENVELOPE_CHARACTERS = 512
type Rare = Pick<CapturedExtras, 'outcome' | 'actor' | 'moreTargets'>
const NOTHING_RARE: Rare = { outcome: undefined, actor: undefined, moreTargets: undefined }

// Estimated sizes in memory, in bytes, with pointers of 8 bytes. An entry: the captured object with
// its number and its place in the buffer (144) and four texts of 36 characters (60 each). A cell: a
// value's place and its header.
const ENTRY_BYTES = 384
const CELL_BYTES = 24
/** When so many clean actions are remembered, all are forgotten. Applications have some dozens. */
const MAX_CLEAN_ACTIONS = 1_000

export function createCapture({ maxEntryBytes, redactor, check }: CaptureOptions): Capture {
  const room = maxEntryBytes - ENVELOPE_CHARACTERS
  const contextRoom = maxEntryBytes >> 2
  // Actions that are known to hold no secret: hotpath-parts.md, "clean actions remembered".
  const cleanActions = new Set<string>()
  // Undefined while a copy is being made. A copy that begins inside it (a getter that records)
  // makes its own copier. Measured in hotpath-parts.md, "one copier for all entries".
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
    isInTransaction = false,
  ): CapturedEntry | undefined {
    if (typeof entry !== 'object' || entry === null) return undefined
    let captured: CapturedEntry | undefined
    try {
      const copier = take()
      copier.begin(room)
      try {
        const given = copier.isPolluted ? readEach(copier, entry) : (entry as GivenFields)
        captured = build(copier, given, context, nowMs, isInTransaction)
      } catch {
        copier.begin(room)
        captured = build(copier, readEach(copier, entry), context, nowMs, isInTransaction)
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
    isInTransaction: boolean,
  ): CapturedEntry | undefined {
    const { action, userId, eventId, entityType, targetId, metadata, requestId } = given
    const { context: details, occurredAt, outcome, actorId, actorKind, moreTargets } = given
    if (typeof action !== 'string' || action === '') return undefined

    // The values of nearly every entry pass these cheap checks. Other values take the slow path.
    const user = isIdLong(userId) ? userId : idOf(copier, 'userId', userId, context?.userId)
    const event = isIdLong(eventId) ? eventId : idOf(copier, 'eventId', eventId, context?.eventId)
    const target = isIdLong(targetId) ? targetId : idOf(copier, 'targetId', targetId, undefined)
    const request = isIdLong(requestId)
      ? requestId
      : requestOf(copier, requestId, context?.requestId)
    const type = isShortName(entityType) ? entityType : textOf(copier, 'entityType', entityType)
    const verb = cleanActions.has(action) ? action : actionOf(copier, action)

    if (context !== undefined) copier.spend(context.characters)
    const { room: roomBefore } = copier
    const ownDetails = details == null ? undefined : copyDetails(copier, details, contextRoom)
    const ownMetadata = metadata == null ? undefined : copier.copyRoot(metadata, 'metadata')

    const time = occurredAt == null ? undefined : readTime(copier, occurredAt, MAX_TEXT_CHARACTERS)

    const hasActor = actorId !== undefined || actorKind !== undefined || context?.actor != null
    const rare =
      hasActor || outcome != null || moreTargets != null
        ? readRare(copier, given, context?.actor)
        : undefined

    // After the copies, so that a schema that changes what it is given changes no entry.
    const found = check?.compare(verb, type, metadata, isInTransaction)
    const misfit = found && noteMisfits(copier, found)

    return {
      recordedAtMs: nowMs,
      action: verb,
      userId: user,
      eventId: event,
      targetId: target,
      entityType: found === undefined ? type : (type ?? found.entityType),
      requestId: request,
      metadata: ownMetadata,
      context,
      extras: extrasOf(copier, time, ownDetails, misfit, rare),
      bytes: ENTRY_BYTES + roomBefore - copier.room + copier.cells * CELL_BYTES,
    }
  }

  function actionOf(copier: Copier, action: string): string {
    const text = columnText(copier, 'action', action, MAX_ACTION_CHARACTERS)
    if (text === action) {
      if (cleanActions.size >= MAX_CLEAN_ACTIONS) cleanActions.clear()
      cleanActions.add(internal(action))
    }
    // A censor may return '', and an entry without an action cannot be stored.
    return text ?? '-'
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

  return { redactor, captureEntry, bindContext }
}

/**
 * Whether it is as long as a UUID. Such a text is taken for a UUID until the flush checks it.
 * Reading its characters here would make the engine write them out first, because the text that
 * `randomUUID()` returns is still in pieces. Measured in
 * hotpath-parts.md, "ids checked at the flush".
 */
function isIdLong(given: unknown): given is string {
  return typeof given === 'string' && given.length === UUID_CHARACTERS
}

/** @returns what is kept of the paths in the metadata that the schema refused */
function noteMisfits(copier: Copier, { marks, paths }: Comparison): string | undefined {
  for (const mark of marks) copier.notes.markEntry(mark)
  return columnText(copier, 'metadata', paths, MAX_TEXT_CHARACTERS)
}

function textOf(copier: Copier, name: string, given: unknown): string | undefined {
  return columnText(copier, name, given, MAX_TEXT_CHARACTERS)
}

/** Null and '' mean none. Only undefined is filled in from the context. */
function idOf(
  copier: Copier,
  name: string,
  given: unknown,
  inherited: CapturedId | null | undefined,
): CapturedId | undefined {
  return given === undefined ? (inherited ?? undefined) : readId(copier, name, given)
}

function requestOf(
  copier: Copier,
  given: unknown,
  inherited: string | null | undefined,
): string | undefined {
  return given === undefined ? (inherited ?? undefined) : textOf(copier, 'requestId', given)
}

function readRare(
  copier: Copier,
  { outcome, actorId, actorKind, moreTargets }: GivenFields,
  inherited: CapturedActor | null | undefined,
): Rare {
  return {
    outcome: readOutcome(copier, outcome),
    actor: readActor(copier, actorId, actorKind, inherited) ?? undefined,
    moreTargets: readMoreTargets(copier, moreTargets),
  }
}

/** Undefined for nearly every entry. */
function extrasOf(
  { notes: { marks, redacted } }: Copier,
  time: ReadTime | undefined,
  details: JsonObject | undefined,
  misfit: string | undefined,
  rare: Rare | undefined,
): CapturedExtras | undefined {
  if (time === undefined && !details && !marks && !redacted && rare === undefined) return undefined
  const { outcome, actor, moreTargets } = rare ?? NOTHING_RARE
  return {
    ...{ outcome, actor, moreTargets, occurredAtMs: time?.ms, occurredAtText: time?.text },
    ...{ details, marks, redacted, misfit },
  }
}

/**
 * An entity's type is a word of the program, so that a short one is not searched. Measured in
 * hotpath-parts.md, "short names seen by their length".
 */
function isShortName(given: unknown): given is string {
  return typeof given === 'string' && given !== '' && given.length < MIN_FORM_CHARACTERS
}

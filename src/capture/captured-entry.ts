import type { ActorKind, Outcome } from '../entry.ts'
import type { CapturedId, UnfitId } from './given-id.ts'
import type { JsonObject } from '../copy/json-object.ts'

/**
 * An entry that waits for the flush. It shares only strings with the caller. It holds no secret,
 * with one exception: an id or a request id that is exactly as long as a UUID is searched at the
 * flush. All entries have the same fields in the same order, so that the engine uses one shape.
 */
export interface CapturedEntry {
  readonly recordedAtMs: number
  readonly action: string
  /**
   * From the entry or its context, as given. Undefined: none. The next two are the same.
   */
  readonly userId: CapturedId | undefined
  readonly eventId: CapturedId | undefined
  readonly targetId: CapturedId | undefined
  readonly entityType: string | undefined
  readonly requestId: string | undefined
  readonly metadata: JsonObject | undefined
  readonly context: BoundContext | undefined
  /**
   * The fields that few entries have. They are in one object, so that other entries pay for one
   * field.
   */
  readonly extras: CapturedExtras | undefined
  /**
   * Its estimated size in memory, in bytes: fixed costs, one byte for each character of its texts
   * and its metadata (text outside of Latin-1 takes two), and a header for each value. What it
   * shares with other entries (its context, key names, short actions) is not counted.
   */
  readonly bytes: number
}

/** A word of a few that there are, or what was given in its place. */
export type CapturedWord<Word extends string> = Word | UnfitId

export interface CapturedActor {
  readonly id: CapturedId | undefined
  readonly kind: CapturedWord<ActorKind> | undefined
}

export interface CapturedExtras {
  readonly outcome: CapturedWord<Outcome> | undefined
  /** From the entry or its context. */
  readonly actor: CapturedActor | undefined
  readonly moreTargets: readonly CapturedId[] | undefined
  /**
   * Whole milliseconds since 1970, in the years 1 to 9999. Undefined: the time of recording.
   */
  readonly occurredAtMs: number | undefined
  /** What was given for `occurredAt`, where `occurredAtMs` does not say all of it. */
  readonly occurredAtText: string | undefined
  /** The entry's own details, which win over the context's. */
  readonly details: JsonObject | undefined
  /** What differs from the given entry, for `context.degraded`. */
  readonly marks: readonly string[] | undefined
  /** The paths of the redacted values. */
  readonly redacted: readonly string[] | undefined
  /** The paths in the metadata that the schema of its action refused. */
  readonly misfit: string | undefined
}

/**
 * The key of marks that a context brings for `context.degraded`. No input from outside can hold it,
 * because it is a symbol of this process.
 */
export const kContextMarks = Symbol('audit-outbox.contextMarks')

/** A copied and redacted context. It is made once for every entry recorded in it. */
export interface BoundContext {
  /** Null: explicitly none. Undefined: not given. The other ids are the same. */
  readonly userId: CapturedId | null | undefined
  readonly eventId: CapturedId | null | undefined
  readonly actor: CapturedActor | null | undefined
  readonly requestId: string | null | undefined
  readonly details: JsonObject | undefined
  readonly marks: readonly string[] | undefined
  readonly redacted: readonly string[] | undefined
  /** About how many characters of JSON the details take. */
  readonly characters: number
}

import type { JsonObject } from './json-object.ts'

/**
 * An entry on its way to the flush. It holds nothing of the caller's but strings, and no secret, but
 * for one that somebody gave for an id or a request id and that is just as long as a UUID: those are
 * looked into at the flush. All have the same fields in the same order, so that the engine knows
 * one shape.
 */
export interface CapturedEntry {
  readonly recordedAtMs: number
  readonly action: string
  /** As given here or in the context, not checked yet. Undefined: none. So are the other ids. */
  readonly userId: string | undefined
  readonly eventId: string | undefined
  readonly targetId: string | undefined
  readonly entityType: string | undefined
  readonly requestId: string | undefined
  readonly metadata: JsonObject | undefined
  readonly context: BoundContext | undefined
  /** What few entries have; in an object of its own, so that the others pay for one field. */
  readonly extras: CapturedExtras | undefined
  /**
   * Its size in memory, estimated: fixed costs, the characters of its texts and its metadata at
   * one byte each (text outside of Latin-1 takes two), and a header for each value. What it shares
   * with others (its context, key names, short actions) is not counted.
   */
  readonly bytes: number
}

export interface CapturedExtras {
  /** Undefined: when it was recorded. NaN: what was given was no time. */
  readonly occurredAtMs: number | undefined
  /** The entry's own details, over the context's. */
  readonly details: JsonObject | undefined
  /** What was stored otherwise than it was given. */
  readonly marks: readonly string[] | undefined
  /** The paths of what was redacted. */
  readonly redacted: readonly string[] | undefined
}

/** A context's own copy: read, shaped and redacted once, for every entry recorded in it. */
export interface BoundContext {
  /** Null: explicitly none. Undefined: nothing said. */
  readonly userId: string | null | undefined
  readonly eventId: string | null | undefined
  readonly requestId: string | null | undefined
  readonly details: JsonObject | undefined
  readonly marks: readonly string[] | undefined
  readonly redacted: readonly string[] | undefined
  /** How many characters of JSON the details have, about. */
  readonly characters: number
}

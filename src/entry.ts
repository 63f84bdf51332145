/** Longest `action`, in characters. The log table checks it too. */
export const MAX_ACTION_CHARACTERS = 128
/**
 * Longest `entityType` and `requestId`, in characters; the log table checks them too. Also the
 * longest id, and the longest part that is kept of one that is none.
 */
export const MAX_TEXT_CHARACTERS = 256

/** Longest name of a user or an actor in a context, in UTF-16 units. */
export const MAX_NAME_CHARACTERS = 200

/**
 * What the id columns of a database hold (`user_id`, `event_id`, `target_id`, `actor_id` and
 * `more_targets`): UUIDs, or text of up to 256 characters. `audit-relay migrate --ids text` chooses
 * text.
 */
export type IdKind = 'uuid' | 'text'

/** An id as it is given. A number or a bigint is stored as its digits. */
export type AuditId = string | number | bigint

/** What became of an action. An entry without one says that it happened. */
export const OUTCOMES = ['denied', 'failed', 'attempted'] as const
/**
 * `denied`: it was refused. `failed`: it was allowed and went wrong. `attempted`: it was begun, and
 * this entry does not know how it ended.
 */
export type Outcome = (typeof OUTCOMES)[number]

/** What an actor is. An actor without a kind is a person. */
export const ACTOR_KINDS = ['api_key', 'service', 'system', 'agent'] as const
/** `api_key`, `service` (another program), `system` (a job of ours), `agent` (an AI agent). */
export type ActorKind = (typeof ACTOR_KINDS)[number]

/** The most ids in `moreTargets`. */
export const MAX_MORE_TARGETS = 100

/** `entity.verb`: names of letters, digits, `_` and `-`, joined by dots. */
const ACTION = /^[\w-]+(?:\.[\w-]+)+$/

export function isActionName(text: string): boolean {
  return ACTION.test(text)
}

/** Whatever stands before it, or between it and the dot, that is no letter and no digit. */
const RESERVED_ACTION = /^[^\p{L}\p{N}]*audit[^\p{L}\p{N}]*(?:\.|$)/iu
/** The same with letters of other alphabets that look like these, and what cannot be seen between them. */
const UNSEEN = '[\\p{M}\\p{Cf}\\p{Cc}\\u115f\\u1160\\u3164]'
const LOOKALIKE_ACTION = new RegExp(
  `^(?:${UNSEEN}|[^\\p{L}\\p{N}])*` +
    [
      ...['[aɑ\\u0430\\u03b1]', '[uʋ\\u03c5\\u057d]', '[d\\u0501]'],
      ...['[iıɩ\\u0456\\u03b9]', '[t\\u0442\\u03c4]'],
    ].join(`${UNSEEN}*`) +
    '[^\\p{L}\\p{N}]*(?:[.\\u3002\\u00b7]|$)',
  'iu',
)
const NOT_ASCII = /[^\0-\x7f]/
const [LETTER_B, LETTER_Z] = [98, 122]

/**
 * Whether an action belongs to the product itself, which alone writes `audit.*`. So does an action
 * that a person would take for one of those: in capitals, with marks before its name, or with letters
 * of another alphabet that look the same.
 */
export function isReservedAction(action: string): boolean {
  const first = action.charCodeAt(0)
  // Nearly every action begins with another letter.
  if (first >= LETTER_B && first <= LETTER_Z) return false
  if (RESERVED_ACTION.test(action)) return true
  return NOT_ASCII.test(action) && LOOKALIKE_ACTION.test(action.normalize('NFKD'))
}

/** `entity.verb`, for example `branding.update`. The row's existence is the past tense. */
export type AuditAction = `${string}.${string}`

/**
 * An entry as a handler records it. Every field but `action` may be left out or null.
 *
 * It is read once, during the call. The recorder never changes it and keeps no reference to it.
 */
export interface AuditEntry<Action extends AuditAction = AuditAction, Metadata = unknown> {
  /**
   * What happened, as `entity.verb`, up to 128 characters. Longer text is cut. Text that was cut or
   * has another form is stored and marked in `context.degraded`. An entry without an action is
   * dropped, and so is one of the entity `audit`, which is the product's own.
   */
  readonly action: Action
  /**
   * Who did it. Default: the context's. In a database with uuid columns an id that is no UUID is
   * stored in `context.invalid`. After `audit-relay migrate --ids text` any text is an id: its case
   * is kept, and what is longer than 256 characters is cut and marked.
   */
  readonly userId?: AuditId | null | undefined
  /** The event (tenant, project, site) that it happened in. Default: the context's. */
  readonly eventId?: AuditId | null | undefined
  /** The kind of thing that it was done to, up to 256 characters. Empty text is stored as NULL. */
  readonly entityType?: string | null | undefined
  /** The id of the thing that it was done to. */
  readonly targetId?: AuditId | null | undefined
  /**
   * Targets beyond the first: up to 100 ids. More are left out and marked. Give `targetId` the one
   * that a reader looks for first.
   */
  readonly moreTargets?: readonly AuditId[] | null | undefined
  /**
   * What became of it. Default: it happened. Anything but `denied`, `failed` and `attempted` is
   * stored in `context.invalid`.
   */
  readonly outcome?: Outcome | null | undefined
  /**
   * Who really did it, where that is not the user: a colleague who acts as the user, an API key, a
   * job. Default: the context's, with its kind.
   */
  readonly actorId?: AuditId | null | undefined
  /** What the actor is. Default: a person, or the context's where `actorId` is not given. */
  readonly actorKind?: ActorKind | null | undefined
  /**
   * More details, as a JSON object. Any value is accepted: one that JSON cannot hold is stored as
   * the closest JSON value and marked in `context.degraded`. Secrets are censored.
   */
  readonly metadata?: Metadata | null | undefined
  /** The request that it happened in, up to 256 characters. Default: the context's. */
  readonly requestId?: string | null | undefined
  /**
   * Details for this entry alone. They are added to the context's details (ip, user agent, …) and
   * win over them.
   */
  readonly context?: Readonly<Record<string, unknown>> | null | undefined
  /**
   * When it happened: a `Date`, milliseconds since 1970, or ISO 8601 text. Default: now. Text without
   * a zone is read as UTC, a number from 100,000,000 to 100,000,000,000 as seconds; both are marked.
   * What is no time of the years 1 to 9999 is stored in `context.invalid`, and now as the time.
   */
  readonly occurredAt?: Date | number | string | null | undefined
}

/**
 * An application's own actions, each with the type of its metadata: a `type` or an `interface`.
 * `OutboxOnly<Metadata>` marks an action that belongs into a transaction.
 */
export type ActionMap = object

/** Any action with any metadata: what a recorder without an `ActionMap` accepts. */
export type AnyActions = { readonly [Action in AuditAction]: unknown }

/** In an `ActionMap`: `recordIn` takes the action with this metadata, and `record` does not. */
export interface OutboxOnly<Metadata = undefined> {
  readonly '~outboxOnly': Metadata
}

/** The actions of an `ActionMap`. */
export type ActionOf<Actions extends ActionMap> = keyof Actions & AuditAction

/**
 * The entries that go with an `ActionMap`: each action with its own metadata. Where the map names no
 * action, as in `ReturnType<typeof createRecorder>`, any entry does.
 */
export type EntryOf<Actions extends ActionMap> = [ActionOf<Actions>] extends [never]
  ? AuditEntry
  : {
      [Action in ActionOf<Actions>]: TypedEntry<Action, MetadataOf<Actions[Action]>>
    }[ActionOf<Actions>]

/** Those of them that `record` takes. */
export type FastEntryOf<Actions extends ActionMap> = [ActionOf<Actions>] extends [never]
  ? AuditEntry
  : {
      [Action in ActionOf<Actions>]: Actions[Action] extends OutboxOnly<unknown>
        ? never
        : TypedEntry<Action, MetadataOf<Actions[Action]>>
    }[ActionOf<Actions>]

/** The metadata of an action, by what an `ActionMap` says about it. */
export type MetadataOf<Given> = Given extends OutboxOnly<infer Metadata> ? Metadata : Given

/** Metadata is required where its type has a required key. */
export type TypedEntry<Action extends AuditAction, Metadata> =
  Record<never, never> extends Metadata
    ? AuditEntry<Action, Metadata>
    : undefined extends Metadata
      ? AuditEntry<Action, Metadata>
      : AuditEntry<Action, Metadata> & { readonly metadata: Metadata }

/** Who acted and where. It is given once for a request and added to every entry recorded in it. */
export interface AuditContext {
  /** The acting user. An entry's own `userId` wins. */
  readonly userId?: AuditId | null | undefined
  /** The event (tenant, project, site). An entry's own `eventId` wins. */
  readonly eventId?: AuditId | null | undefined
  /** Who really acts, where that is not the user. An entry's own `actorId` wins, with its kind. */
  readonly actorId?: AuditId | null | undefined
  /** What the actor is. Default: a person. */
  readonly actorKind?: ActorKind | null | undefined
  /**
   * The name of the user as it is now, up to 200 characters. It is stored in the context as
   * `user: { id, name }`, so that readers know who it was when the account is gone.
   */
  readonly userName?: string | null | undefined
  /** The name of who really acts, stored as `actor: { id, name }`. */
  readonly actorName?: string | null | undefined
  /** The request, up to 256 characters. An entry's own `requestId` wins. */
  readonly requestId?: string | null | undefined
  /** Everything else: ip, userAgent, method, route, traceId … */
  readonly [detail: string]: unknown
}

/** Why an entry was refused or lost in the recorder. */
export type DropReason =
  /** The buffer held `maxBufferEntries` or `maxBufferBytes`. */
  | 'full'
  /** It was not an entry, or reading it threw. */
  | 'unshapable'
  /** Its action is `audit.*`, which is the product's own. Give the entity another name. */
  | 'reserved'
  /** Recorded after `close()`. */
  | 'closed'
  /** Recorded inside another `record()`, by a getter or a logger. */
  | 'reentrant'
  /** No database is configured. */
  | 'disabled'
  /** Still buffered when `close()` ran out of time. */
  | 'timeout'
  /** The database refused it permanently. */
  | 'refused'

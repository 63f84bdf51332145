/** Longest `action`, in characters. The log table checks it too. */
export const MAX_ACTION_CHARACTERS = 128
/**
 * Longest `entityType` and `requestId`, in characters; the log table checks them too. Also the
 * longest part that is kept of an id that is not a UUID.
 */
export const MAX_TEXT_CHARACTERS = 256

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
  /** Who did it: a UUID. Default: the context's. Other text is stored in `context.invalid`. */
  readonly userId?: string | null | undefined
  /** The event (tenant, project, site) that it happened in: a UUID. Default: the context's. */
  readonly eventId?: string | null | undefined
  /** The kind of thing that it was done to, up to 256 characters. Empty text is stored as NULL. */
  readonly entityType?: string | null | undefined
  /** The thing that it was done to: a UUID. */
  readonly targetId?: string | null | undefined
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

/** An application's own actions, each with the type of its metadata. */
export type ActionMap = { readonly [Action in AuditAction]?: unknown }

/** Any action with any metadata: what a recorder without an `ActionMap` accepts. */
export type AnyActions = { readonly [Action in AuditAction]: unknown }

/** The entries that go with an `ActionMap`: each action with its own metadata. */
export type EntryOf<Actions extends ActionMap> = {
  [Action in keyof Actions & AuditAction]: AuditEntry<Action, Actions[Action]>
}[keyof Actions & AuditAction]

/** Who acted and where. It is given once for a request and added to every entry recorded in it. */
export interface AuditContext {
  /** The acting user: a UUID. An entry's own `userId` wins. */
  readonly userId?: string | null | undefined
  /** The event (tenant, project, site): a UUID. An entry's own `eventId` wins. */
  readonly eventId?: string | null | undefined
  /** The request, up to 256 characters. An entry's own `requestId` wins. */
  readonly requestId?: string | null | undefined
  /** Everything else: ip, userAgent, method, route, traceId, impersonatorId … */
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

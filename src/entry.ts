/** Longest `action`, as the log's own check has it. */
export const MAX_ACTION_CHARACTERS = 128
/** Longest `entityType` and `requestId`, likewise; also what is kept of an id that is no UUID. */
export const MAX_TEXT_CHARACTERS = 256

/** `entity.verb`: names of letters, digits, `_` and `-`, joined by dots. */
const ACTION = /^[\w-]+(?:\.[\w-]+)+$/

export function isActionName(text: string): boolean {
  return ACTION.test(text)
}

/** `entity.verb`, for example `branding.update`. The row's existence is the past tense. */
export type AuditAction = `${string}.${string}`

/**
 * What a handler gives. Everything but `action` may be left out or null.
 *
 * It is read once, during the call; nothing of it is kept or written to.
 */
export interface AuditEntry<Action extends AuditAction = AuditAction, Metadata = unknown> {
  /**
   * What happened, as `entity.verb`. Up to 128 characters; longer or otherwise formed text is
   * stored, cut and marked in `context.degraded`. Without one the entry is dropped.
   */
  readonly action: Action
  /** Who did it: a UUID. Default: the context's. Text that is no UUID goes to `context.invalid`. */
  readonly userId?: string | null | undefined
  /** The event (tenant, project, site) that it happened in: a UUID. */
  readonly eventId?: string | null | undefined
  /** What kind of thing it was done to, up to 256 characters. Empty text is stored as NULL. */
  readonly entityType?: string | null | undefined
  /** The thing that it was done to: a UUID. */
  readonly targetId?: string | null | undefined
  /**
   * Whatever else is worth knowing, as a JSON object. Anything is accepted: what JSON cannot hold
   * is stored as near as can be and marked in `context.degraded`. Secrets are censored.
   */
  readonly metadata?: Metadata | null | undefined
  /** The request that it happened in, up to 256 characters. Default: the context's. */
  readonly requestId?: string | null | undefined
  /** Added to the context's own details (ip, user agent, …) for this entry alone. */
  readonly context?: Readonly<Record<string, unknown>> | null | undefined
  /** When it happened: a `Date`, or milliseconds since 1970. Default: now. Text is not accepted. */
  readonly occurredAt?: Date | number | null | undefined
}

/** An application's own actions, each with the type of its metadata. */
export type ActionMap = { readonly [Action in AuditAction]?: unknown }

/** Any action with any metadata: what a recorder takes when it is not told more. */
export type AnyActions = { readonly [Action in AuditAction]: unknown }

/** The entries that go with an `ActionMap`: each action with its own metadata. */
export type EntryOf<Actions extends ActionMap> = {
  [Action in keyof Actions & AuditAction]: AuditEntry<Action, Actions[Action]>
}[keyof Actions & AuditAction]

/** Who and where: what a request knows once, for every entry that is recorded in it. */
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
  /** Recorded after `close()`. */
  | 'closed'
  /** Recorded from inside another `record()`: a getter or a logger that records. */
  | 'reentrant'
  /** No database is configured. */
  | 'disabled'
  /** Still buffered when `close()` ran out of time. */
  | 'timeout'
  /** The database refused it for good. */
  | 'refused'

import type { ActionMap, ActorKind, AuditContext, AuditEntry, AuditId } from '../../entry.ts'
import { optionInvalid } from '../../errors.ts'
import { refuseUnknownOptions } from '../../options.ts'
import type { Recorder } from '../../recorder/recorder.ts'
import type { RequestReader } from './request-details.ts'

/** The user's id, and more about the user. Every property is stored in the entry's context. */
export interface AuditUser extends AuditContext {
  /**
   * The acting user's id. The property is required even if it is null, so that one of the
   * application's entities is not taken for an `AuditUser` by mistake.
   */
  readonly userId: AuditId | null | undefined
  /** The user's name as it is now, up to 200 characters: stored as `context.user`, next to the id. */
  readonly name?: string | null | undefined
}

/** The statuses of a request that was denied. */
export type DeniedStatus = 401 | 403

/** Who really acts, where that is not a person: an API key, a service, an AI agent. */
export interface AuditActor {
  readonly actorId: AuditId | null | undefined
  readonly actorKind?: ActorKind | null | undefined
  /** The actor's name as it is now, up to 200 characters: stored as `context.actor`. */
  readonly name?: string | null | undefined
}

/** A recorder with any action types. A request's own recorder takes every action. */
export type AnyRecorder = Pick<Recorder, 'flush' | 'close' | 'stats'> & {
  child(context: AuditContext): unknown
}

/** A recorder whose action types are those of the recorder that the request gets. */
export type TypedRecorder<Actions extends ActionMap> = AnyRecorder & {
  child(context: AuditContext): Recorder<Actions>
}

/** The options of the plugins for all frameworks. `Request` is the framework's own type. */
export interface RequestAuditOptions<Request> {
  /** Where the entries go. */
  readonly recorder: AnyRecorder
  /**
   * Returns the acting user's id, or an object with `userId` and further properties for
   * the entry's context, such as `impersonatorId`.
   *
   * Called when something is recorded, so authentication may run after this plugin. It must be
   * quick and synchronous. It must use what the server knows, never the request's body. If it
   * throws or returns an invalid id, the entry is stored without a user and marked in
   * `context.degraded`.
   */
  readonly user?: ((request: Request) => AuditId | AuditUser | null | undefined) | undefined
  /**
   * Returns the id of the person who acts as the user, if that is somebody else: the support agent
   * who impersonates the user. It is stored as `actorId`. For an API key, a service or an AI agent
   * return an object with `actorId` and `actorKind`. Called when `user` is, and under the same
   * rules.
   */
  readonly actor?: ((request: Request) => AuditId | AuditActor | null | undefined) | undefined
  /**
   * Returns the event (tenant, project, site) that the request names, for example
   * `(request) => request.params.eventId`. Called when `user` is. An entry's own `eventId` wins.
   */
  readonly eventId?: ((request: Request) => AuditId | null | undefined) | undefined
  /**
   * Records requests that were answered with 401 or 403, with the outcome `denied`. `true` records
   * `route.call` with the status in its metadata; the context says which route. A function names the
   * entry, or returns null for a request that is not worth one; its outcome is `denied` in any case.
   *
   * A request in which its own recorder has recorded an entry with the outcome `denied` is told
   * already, and gets no second one. Anybody can ask for a 401, so think of how many there may be.
   *
   * @default false
   */
  readonly denied?:
    | boolean
    | ((request: Request, status: DeniedStatus) => AuditEntry | null | undefined)
    | undefined
  /** Returns the client's address. Default: the framework's, so that its proxy settings apply. */
  readonly ip?: ((request: Request) => string | null | undefined) | undefined
  /**
   * The header that carries the request id, in the request and in the response. An incoming id is
   * used if it has 1 to 128 characters of `[\w.:\-/=+]`; otherwise a new UUID replaces it. With
   * `false` no header is read or sent.
   *
   * @default 'x-request-id'
   */
  readonly requestIdHeader?: string | false | undefined
  /**
   * Runs the rest of the request inside `withContext()`, so that `record()` of this package and the
   * application's own recorder know the request too, however deep in the code they are called.
   *
   * On Node 20 and 22 it makes every `await` of the whole process take about three times as long;
   * on Node 24 it costs nothing. The request's own recorder never needs it.
   *
   * @default false
   */
  readonly asyncContext?: boolean | undefined
}

/** For frameworks that leave the proxies in front of them to the application. */
export interface ForwardedOptions {
  /**
   * How many proxies of your own stand in front of the application, each of which adds an address
   * to `x-forwarded-for`. With 0 the header is not read, because any client can send it.
   *
   * @default 0
   */
  readonly trustedHops?: number | undefined
}

const OPTION_NAMES = [
  ...['recorder', 'user', 'actor', 'eventId', 'ip', 'requestIdHeader', 'asyncContext'],
  'denied',
]
const MAX_TRUSTED_HOPS = 16
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,128}$/

type DeniedEntry<Request> = (
  request: Request,
  status: DeniedStatus,
) => AuditEntry | null | undefined

function deniedCall(_request: unknown, status: DeniedStatus): AuditEntry {
  return { action: 'route.call', metadata: { status } }
}

/**
 * A plugin's checked options.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, at start and not in the first request
 */
export class RequestSource<Request> {
  readonly recorder: Recorder
  readonly reader: RequestReader<Request>
  readonly user: RequestAuditOptions<Request>['user']
  readonly actor: RequestAuditOptions<Request>['actor']
  readonly eventId: RequestAuditOptions<Request>['eventId']
  /** What records a denied request; undefined where nothing does. */
  readonly denied: DeniedEntry<Request> | undefined
  /** In lower case, as Node and Fetch keep header names. */
  readonly requestIdHeader: string | undefined
  readonly asyncContext: boolean
  readonly trustedHops: number

  constructor(
    options: RequestAuditOptions<Request> & ForwardedOptions,
    reader: RequestReader<Request>,
  ) {
    refuseUnknownOptions(
      options,
      reader.countsHops ? [...OPTION_NAMES, 'trustedHops'] : OPTION_NAMES,
    )
    const { recorder, user, actor, eventId, ip, requestIdHeader = 'x-request-id' } = options
    const { asyncContext = false, trustedHops = 0, denied = false } = options
    const problems: string[] = []
    if (typeof recorder?.child !== 'function') problems.push('recorder must be a Recorder.')
    for (const [name, callback] of Object.entries({ user, actor, eventId, ip })) {
      if (callback === undefined || typeof callback === 'function') continue
      problems.push(`${name} must be a function, got ${typeof callback}.`)
    }
    const isHeader = typeof requestIdHeader === 'string' && HEADER_NAME.test(requestIdHeader)
    if (requestIdHeader !== false && !isHeader) {
      problems.push(`requestIdHeader must be a header name or false, got "${requestIdHeader}".`)
    }
    if (typeof denied !== 'boolean' && typeof denied !== 'function') {
      problems.push(`denied must be true, false or a function, got ${typeof denied}.`)
    }
    if (typeof asyncContext !== 'boolean') {
      problems.push(`asyncContext must be true or false, got ${typeof asyncContext}.`)
    }
    if (!Number.isInteger(trustedHops) || trustedHops < 0 || trustedHops > MAX_TRUSTED_HOPS) {
      problems.push(
        `trustedHops must be a whole number from 0 to ${MAX_TRUSTED_HOPS}, got ${trustedHops}.`,
      )
    }
    if (problems.length > 0) throw optionInvalid(problems.join('\n'))
    this.recorder = recorder as Recorder
    this.reader = ip ? { ...reader, ip } : reader
    this.user = user
    this.actor = actor
    this.eventId = eventId
    this.denied = typeof denied === 'function' ? denied : denied ? deniedCall : undefined
    this.requestIdHeader = requestIdHeader === false ? undefined : requestIdHeader.toLowerCase()
    this.asyncContext = asyncContext
    this.trustedHops = trustedHops
  }
}

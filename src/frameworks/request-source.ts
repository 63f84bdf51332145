import type { AuditContext } from '../entry.ts'
import { optionInvalid } from '../errors.ts'
import { refuseUnknownOptions } from '../options.ts'
import type { Recorder } from '../recorder/recorder.ts'
import type { RequestReader } from './request-details.ts'

/** The user's id, and more about the user. Every property is stored in the entry's context. */
export interface AuditUser extends AuditContext {
  /**
   * The acting user's id, a UUID. The property is required even if it is null, so that one of the
   * application's entities is not taken for an `AuditUser` by mistake.
   */
  readonly userId: string | null | undefined
}

/** A recorder with any action types. A request's own recorder takes every action. */
export type AnyRecorder = Pick<Recorder, 'flush' | 'close' | 'stats'> & {
  child(context: AuditContext): unknown
}

/** The options of the plugins for all frameworks. `Request` is the framework's own type. */
export interface RequestAuditOptions<Request> {
  /** Where the entries go. */
  readonly recorder: AnyRecorder
  /**
   * Returns the acting user's id (a UUID), or an object with `userId` and further properties for
   * the entry's context, such as `impersonatorId`.
   *
   * Called when something is recorded, so authentication may run after this plugin. It must be
   * quick and synchronous. It must use what the server knows, never the request's body. If it
   * throws or returns an invalid id, the entry is stored without a user and marked in
   * `context.degraded`.
   */
  readonly user?: ((request: Request) => string | AuditUser | null | undefined) | undefined
  /**
   * Returns the event (tenant, project, site; a UUID) that the request names, for example
   * `(request) => request.params.eventId`. Called when `user` is. An entry's own `eventId` wins.
   */
  readonly eventId?: ((request: Request) => string | null | undefined) | undefined
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

const OPTION_NAMES = ['recorder', 'user', 'eventId', 'ip', 'requestIdHeader', 'asyncContext']
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,128}$/

/**
 * A plugin's checked options.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, at start and not in the first request
 */
export class RequestSource<Request> {
  readonly recorder: Recorder
  readonly reader: RequestReader<Request>
  readonly user: RequestAuditOptions<Request>['user']
  readonly eventId: RequestAuditOptions<Request>['eventId']
  /** In lower case, as Node and Fetch keep header names. */
  readonly requestIdHeader: string | undefined
  readonly asyncContext: boolean

  constructor(options: RequestAuditOptions<Request>, reader: RequestReader<Request>) {
    refuseUnknownOptions(options, OPTION_NAMES)
    const { recorder, user, eventId, ip, requestIdHeader = 'x-request-id' } = options
    const { asyncContext = false } = options
    const problems: string[] = []
    if (typeof recorder?.child !== 'function') problems.push('recorder must be a Recorder.')
    for (const [name, callback] of Object.entries({ user, eventId, ip })) {
      if (callback === undefined || typeof callback === 'function') continue
      problems.push(`${name} must be a function, got ${typeof callback}.`)
    }
    const isHeader = typeof requestIdHeader === 'string' && HEADER_NAME.test(requestIdHeader)
    if (requestIdHeader !== false && !isHeader) {
      problems.push(`requestIdHeader must be a header name or false, got "${requestIdHeader}".`)
    }
    if (typeof asyncContext !== 'boolean') {
      problems.push(`asyncContext must be true or false, got ${typeof asyncContext}.`)
    }
    if (problems.length > 0) throw optionInvalid(problems.join('\n'))
    this.recorder = recorder as Recorder
    this.reader = ip ? { ...reader, ip } : reader
    this.user = user
    this.eventId = eventId
    this.requestIdHeader = requestIdHeader === false ? undefined : requestIdHeader.toLowerCase()
    this.asyncContext = asyncContext
  }
}

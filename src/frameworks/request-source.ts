import type { AuditContext } from '../entry.ts'
import { optionInvalid } from '../errors.ts'
import { refuseUnknownOptions } from '../options.ts'
import type { Recorder } from '../recorder/recorder.ts'
import type { RequestReader } from './request-details.ts'

/** More about the user than the id. Every property is stored in the entry's context. */
export interface AuditUser extends AuditContext {
  /** The acting user: a UUID. It must be there, even when null: an entity of yours is refused. */
  readonly userId: string | null | undefined
}

/** A recorder, whichever actions it was told to take: a request's own recorder takes any. */
export type AnyRecorder = Pick<Recorder, 'flush' | 'close' | 'stats'> & {
  child(context: AuditContext): unknown
}

/** What the plugins of all frameworks take; `Request` is the framework's own. */
export interface RequestAuditOptions<Request> {
  /** Where the entries go. */
  readonly recorder: AnyRecorder
  /**
   * Who: the user's id (a UUID), or an object with `userId` and whatever else belongs into the
   * entry's context, such as `impersonatorId`.
   *
   * Asked when something is recorded, so authentication may run after this plugin. It must be quick
   * and synchronous, and must answer from what the server knows, never from the request's body.
   * When it throws, the entry goes without and says so, as for every id that is none.
   */
  readonly user?: ((request: Request) => string | AuditUser | null | undefined) | undefined
  /**
   * The event (tenant, project, site; a UUID) that the request is about, when it says so itself:
   * `(request) => request.params.eventId`. Asked as `user` is; an entry's own `eventId` wins.
   */
  readonly eventId?: ((request: Request) => string | null | undefined) | undefined
  /** The client's address. Default: what the framework says, so its own proxy settings apply. */
  readonly ip?: ((request: Request) => string | null | undefined) | undefined
  /**
   * The header that brings a request id and takes it back to the client. What comes in is used when
   * it is up to 128 characters of `[\w.:\-/=+]`, and replaced by a new UUID otherwise. `false`
   * neither reads nor sends one.
   *
   * @default 'x-request-id'
   */
  readonly requestIdHeader?: string | false | undefined
  /**
   * Runs the rest of the request inside `withContext()`, so that `record()` of this package and the
   * application's own recorder know the request too, however deep they are called.
   *
   * It costs: on Node 20 and 22 every `await` of the whole process takes about three times as long
   * (nothing on 24). The request's own recorder never needs it.
   *
   * @default false
   */
  readonly asyncContext?: boolean | undefined
}

const OPTION_NAMES = ['recorder', 'user', 'eventId', 'ip', 'requestIdHeader', 'asyncContext']
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,128}$/

/**
 * Everything that a plugin knows before the first request.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`: at start, because in a request it would be too late
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
      problems.push(`requestIdHeader must be a header's name or false, got "${requestIdHeader}".`)
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

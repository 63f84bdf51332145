import { runInScope } from '../context.ts'
import type { AnyActions, AuditContext, EntryOf } from '../entry.ts'
import { AuditError } from '../errors.ts'
import { refuseUnknownOptions } from '../options.ts'
import type { AuditTransaction } from '../outbox.ts'
import type { CloseResult, Recorder, RecorderStats, RecordInOptions } from '../recorder.ts'
import { type RequestReader, requestDetails, requestRoute } from './request-details.ts'

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
    if (problems.length > 0) throw new AuditError('AUDIT_OPTION_INVALID', problems.join('\n'))
    this.recorder = recorder as Recorder
    this.reader = ip ? { ...reader, ip } : reader
    this.user = user
    this.eventId = eventId
    this.requestIdHeader = requestIdHeader === false ? undefined : requestIdHeader.toLowerCase()
    this.asyncContext = asyncContext
  }
}

/** What was last found out about a request, and the recorder that carries it. */
interface Known {
  readonly user: unknown
  readonly eventId: unknown
  readonly route: string | undefined
  readonly context: AuditContext
  recorder: Recorder | undefined
}

/** Stands where an answer would: it is no id, so the entry is marked and keeps it as invalid. */
const FAILED = '[callback threw]'

/**
 * A request's recorder. It asks the request who and where each time something is recorded: the user
 * is known only after authentication, and the route only in the handler. While the answers stay the
 * same they are bound once.
 */
export class RequestRecorder<Request> implements Recorder {
  readonly #source: RequestSource<Request>
  readonly #request: Request
  readonly #requestId: string
  #known: Known | undefined
  #isAsking = false

  constructor(source: RequestSource<Request>, request: Request, requestId: string) {
    this.#source = source
    this.#request = request
    this.#requestId = requestId
  }

  record(entry: EntryOf<AnyActions>): boolean {
    return this.#now().record(entry)
  }

  recordIn(
    tx: AuditTransaction,
    entries: EntryOf<AnyActions> | readonly EntryOf<AnyActions>[],
    options?: RecordInOptions,
  ): Promise<number> {
    return this.#now().recordIn(tx, entries, options)
  }

  /** Carries what is known of the request at this moment. */
  child(context: AuditContext): Recorder {
    return this.#now().child(context)
  }

  withContext<T>(context: AuditContext, fn: () => T): T {
    return runInScope(context, this, fn)
  }

  flush(options?: { readonly timeoutMs?: number | undefined }): Promise<boolean> {
    return this.#source.recorder.flush(options)
  }

  close(options?: { readonly timeoutMs?: number | undefined }): Promise<CloseResult> {
    return this.#source.recorder.close(options)
  }

  stats(): RecorderStats {
    return this.#source.recorder.stats()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Runs `fn`; package-level `record()` and the application's own recorder know the request in it. */
  run<T>(fn: () => T): T {
    return runInScope(() => this.#ask().context, this.#source.recorder, fn)
  }

  #now(): Recorder {
    const known = this.#ask()
    known.recorder ??= this.#source.recorder.child(known.context)
    return known.recorder
  }

  #ask(): Known {
    // A callback that records would be asked again, without end.
    if (this.#isAsking) return this.#know(undefined, undefined, undefined)
    this.#isAsking = true
    const { user: askUser, eventId: askEventId, reader } = this.#source
    const user = ask(askUser, this.#request)
    const eventId = ask(askEventId, this.#request)
    const route = requestRoute(reader, this.#request)
    const known = this.#known
    const isSame =
      known !== undefined &&
      known.user === user &&
      known.eventId === eventId &&
      known.route === route &&
      // The same object may hold something else by now.
      (typeof user !== 'object' || user === null)
    if (!isSame) this.#known = this.#know(user, eventId, route)
    this.#isAsking = false
    return this.#known as Known
  }

  #know(user: unknown, eventId: unknown, route: string | undefined): Known {
    const { reader } = this.#source
    const details = {
      requestId: this.#requestId,
      ...requestDetails(reader, this.#request, route),
    }
    const context: Record<string, unknown> = { ...details, ...userContext(user) }
    if (eventId !== undefined && eventId !== null) context['eventId'] = eventId
    return { user, eventId, route, context, recorder: undefined }
  }
}

/** The callback's answer; a request must not fail because of it. */
function ask<Request>(
  callback: ((request: Request) => unknown) | undefined,
  request: Request,
): unknown {
  try {
    const answer = callback?.(request)
    // An async callback is a mistake, and its rejection must not end the process.
    if (answer instanceof Promise) answer.catch(() => {})
    return answer
  } catch {
    return FAILED // and nothing of the error, which may quote the request
  }
}

/** What is neither an id nor an `AuditUser` goes in as the id, so that the entry says so. */
function userContext(user: unknown): Record<string, unknown> {
  if (user === undefined || user === null) return {}
  try {
    // A class's getter is not among the properties that are spread.
    return isAuditUser(user) ? { userId: user.userId, ...user } : { userId: user }
  } catch {
    return { userId: FAILED }
  }
}

/** Not an entity, nor a query that was not awaited: their contents are not ours to store. */
function isAuditUser(user: unknown): user is AuditUser {
  return typeof user === 'object' && user !== null && 'userId' in user && !('then' in user)
}

import { runInScope } from '../context/scope.ts'
import type { AnyActions, AuditContext, EntryOf } from '../entry.ts'
import type { AuditTransaction } from '../lanes/outbox.ts'
import type { CloseResult, Recorder, RecorderStats, RecordInOptions } from '../recorder/recorder.ts'
import { requestDetails, requestRoute } from './request-details.ts'
import type { AuditUser, RequestSource } from './request-source.ts'

/** What the callbacks last answered about a request, and the recorder that carries the answers. */
interface KnownRequest {
  readonly user: unknown
  readonly eventId: unknown
  readonly route: string | undefined
  readonly context: AuditContext
  recorder: Recorder | undefined
}

/**
 * The answer of a callback that threw. It is not a valid id, so the entry is marked in
 * `context.degraded` and keeps this text in `context.invalid`.
 */
const FAILED = '[callback threw]'

/**
 * A request's recorder. It reads user, event and route each time something is recorded, because the
 * user is known only after authentication and the route only in the handler. It binds the answers
 * again only when they have changed.
 */
export class RequestRecorder<Request> implements Recorder {
  readonly #source: RequestSource<Request>
  readonly #request: Request
  readonly #requestId: string
  #known: KnownRequest | undefined
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

  /** The child carries what is known about the request at this call. */
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

  /**
   * Runs `fn`. In it package-level `record()` and the application's own recorder know the request.
   */
  run<T>(fn: () => T): T {
    return runInScope(() => this.#ask().context, this.#source.recorder, fn)
  }

  #now(): Recorder {
    const known = this.#ask()
    known.recorder ??= this.#source.recorder.child(known.context)
    return known.recorder
  }

  #ask(): KnownRequest {
    const { user: askUser, eventId: askEventId, reader } = this.#source
    const known = this.#known
    // A callback may itself record. It must not be called again without end, so its entry gets the
    // answers known so far.
    if (this.#isAsking) return known ?? this.#know(undefined, undefined, undefined, {})
    this.#isAsking = true
    try {
      const user = ask(askUser, this.#request)
      const eventId = ask(askEventId, this.#request)
      const route = requestRoute(reader, this.#request)
      // An object never counts as the same, because its properties may have changed.
      const isSame = known?.user === user && (typeof user !== 'object' || user === null)
      if (known && isSame && known.eventId === eventId && known.route === route) return known
      const details = requestDetails(reader, this.#request, route)
      this.#known = this.#know(user, eventId, route, details)
      return this.#known
    } finally {
      this.#isAsking = false
    }
  }

  #know(user: unknown, eventId: unknown, route: string | undefined, details: object): KnownRequest {
    const context: Record<string, unknown> = {
      requestId: this.#requestId,
      ...details,
      ...userContext(user),
    }
    if (eventId !== undefined && eventId !== null) context['eventId'] = eventId
    return { user, eventId, route, context, recorder: undefined }
  }
}

/** The callback's answer, or `FAILED` if it throws: a callback must not make the request fail. */
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

/** A value that is neither an id nor an `AuditUser` becomes the id, so that the entry is marked. */
function userContext(user: unknown): Record<string, unknown> {
  if (user === undefined || user === null) return {}
  try {
    // A spread does not copy the getter of a class, so `userId` is read by itself.
    return isAuditUser(user) ? { ...user, userId: user.userId } : { userId: user }
  } catch {
    return { userId: FAILED }
  }
}

/**
 * False for an entity and for a query that was not awaited, because their contents must not be
 * stored.
 */
function isAuditUser(user: unknown): user is AuditUser {
  return typeof user === 'object' && user !== null && 'userId' in user && !('then' in user)
}

import type { CapturedContext } from '../../context/captured-context.ts'
import { runInScope } from '../../context/scope.ts'
import type { AnyActions, AuditContext, EntryOf } from '../../entry.ts'
import type { AuditTransaction } from '../../lanes/outbox.ts'
import type {
  CloseResult,
  FlushOptions,
  Recorder,
  RecorderStats,
  RecordInOptions,
} from '../../recorder/recorder.ts'
import { requestDetails, requestRoute } from './request-details.ts'
import type { DeniedStatus, RequestSource } from './request-source.ts'
import { actorContext, ask, userContext } from './who-acts.ts'

/** What the callbacks last answered about a request, and the recorder that carries the answers. */
interface KnownRequest {
  readonly user: unknown
  readonly actor: unknown
  readonly eventId: unknown
  readonly route: string | undefined
  readonly context: AuditContext
  recorder: Recorder | undefined
}

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
  #isToldDenied = false

  constructor(source: RequestSource<Request>, request: Request, requestId: string) {
    this.#source = source
    this.#request = request
    this.#requestId = requestId
  }

  record(entry: EntryOf<AnyActions>): boolean {
    if (this.#source.denied !== undefined) this.#note(entry)
    return this.#now().record(entry)
  }

  recordIn(
    tx: AuditTransaction,
    entries: EntryOf<AnyActions> | readonly EntryOf<AnyActions>[],
    options?: RecordInOptions,
  ): Promise<number> {
    if (this.#source.denied !== undefined) this.#note(entries)
    return this.#now().recordIn(tx, entries, options)
  }

  /** The child carries what is known about the request at this call. */
  child(context: AuditContext): Recorder {
    return this.#now().child(context)
  }

  withContext<T>(context: AuditContext, fn: () => T): T {
    return runInScope(context, this, fn)
  }

  captureContext(): CapturedContext {
    return this.#now().captureContext()
  }

  runWithContext<T>(captured: unknown, fn: () => T): T {
    return this.#source.recorder.runWithContext(captured, fn)
  }

  flush(options?: FlushOptions): Promise<boolean> {
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

  /** Records the request if it was denied, the option `denied` asks for it, and nobody told it yet. */
  answered(status: unknown): void {
    const { denied } = this.#source
    if (denied === undefined || this.#isToldDenied || !isDenied(status)) return
    this.#isToldDenied = true
    const entry: unknown = ask((request) => denied(request, status), this.#request)
    if (entry === undefined || entry === null) return
    const own = typeof entry === 'object' ? entry : { action: 'route.call', metadata: { status } }
    this.#now().record({ ...own, outcome: 'denied' } as EntryOf<AnyActions>)
  }

  #note(entries: unknown): void {
    const list: readonly unknown[] = Array.isArray(entries) ? entries : [entries]
    try {
      this.#isToldDenied ||= list.some((one) => Reflect.get(Object(one), 'outcome') === 'denied')
    } catch {
      // An entry that cannot be read is the recorder's to mark.
    }
  }

  #now(): Recorder {
    const known = this.#ask()
    known.recorder ??= this.#source.recorder.child(known.context)
    return known.recorder
  }

  #ask(): KnownRequest {
    const {
      user: askUser,
      actor: askActor,
      eventId: askEventId,
      reader,
      trustedHops,
    } = this.#source
    const known = this.#known
    // A callback may itself record. It must not be called again without end, so its entry gets the
    // answers known so far.
    if (this.#isAsking) return known ?? this.#know({}, undefined, {})
    this.#isAsking = true
    try {
      const user = ask(askUser, this.#request)
      const actor = ask(askActor, this.#request)
      const eventId = ask(askEventId, this.#request)
      const route = requestRoute(reader, this.#request)
      // An object never counts as the same, because its properties may have changed.
      const isSame = known?.user === user && (typeof user !== 'object' || user === null)
      if (
        known &&
        isSame &&
        known.actor === actor &&
        known.eventId === eventId &&
        known.route === route
      ) {
        return known
      }
      const details = requestDetails(reader, this.#request, { route, trustedHops })
      this.#known = this.#know({ user, actor, eventId }, route, details)
      return this.#known
    } finally {
      this.#isAsking = false
    }
  }

  #know(
    { user, actor, eventId }: { user?: unknown; actor?: unknown; eventId?: unknown },
    route: string | undefined,
    details: object,
  ): KnownRequest {
    const context: Record<string, unknown> = {
      requestId: this.#requestId,
      ...details,
      ...userContext(user),
      ...actorContext(actor),
    }
    if (eventId !== undefined && eventId !== null) context['eventId'] = eventId
    return { user, actor, eventId, route, context, recorder: undefined }
  }
}

function isDenied(status: unknown): status is DeniedStatus {
  return status === 401 || status === 403
}

import { kContextMarks } from '../../capture/captured-entry.ts'
import type { Outcome } from '../../entry.ts'
import type { Recorder } from '../../recorder/recorder.ts'
import { outcomeOf } from '../request/failure.ts'
import { type AuditedCall, type AuditedHandler, auditedHandler } from './decorator.ts'
import type { NestRequest, NestRequests } from './requests.ts'

/** What Nest gives an interceptor, as far as it is used here. */
interface ExecutionContext {
  getType(): string
  getHandler(): object
  getArgByIndex(index: number): unknown
  switchToHttp(): { getRequest(): NestRequest }
}

interface Observer {
  next(value: unknown): void
  error(error: unknown): void
  complete(): void
}

interface Observable {
  subscribe(observer: Observer): unknown
}

/** The interceptor that records what `@Audit` asks for. */
export function auditInterceptor(requests: NestRequests) {
  return {
    intercept(context: ExecutionContext, next: { handle(): Observable }): Observable {
      const request = requestOf(context)
      const recorder = request ? requests.recorderOf(request) : requests.recorder
      const handler = auditedHandler(context.getHandler())
      if (handler === undefined) return next.handle()
      const call = (result?: unknown): AuditedCall => ({
        request: request ?? { headers: {} },
        params: (request?.params ?? {}) as AuditedCall['params'],
        query: (request?.query ?? {}) as AuditedCall['query'],
        body: (request?.body ?? {}) as AuditedCall['body'],
        result,
      })
      return watched(next.handle(), {
        succeeded: (result) => recordHandled(recorder, handler, undefined, call(result)),
        failed(error) {
          if (handler.failures) {
            recordHandled(recorder, handler, outcomeOf(statusOf(error)), call())
          }
        },
      })
    },
  }
}

/** Undefined in a microservice and behind a WebSocket, which have no request. */
function requestOf(context: ExecutionContext): NestRequest | undefined {
  const type = context.getType()
  if (type === 'http') return context.switchToHttp().getRequest()
  if (type !== 'graphql') return undefined
  const shared = context.getArgByIndex(2) as { readonly req?: NestRequest } | undefined
  return shared?.req
}

/** A callback that throws costs the entry its fields, and not the request or the entry. */
function recordHandled(
  recorder: Recorder,
  { action, fields }: AuditedHandler,
  outcome: Outcome | undefined,
  call: AuditedCall,
): void {
  let own: object | undefined
  try {
    own = fields?.(call)
  } catch {
    recorder.child({ [kContextMarks]: ['entry.throws'] }).record({ action, outcome })
    return
  }
  recorder.record({ outcome, ...own, action })
}

/** A stream of events is recorded at its first one, because it may have no end. */
function watched(
  source: Observable,
  to: { succeeded(result: unknown): void; failed(error: unknown): void },
): Observable {
  // The observables of the application's own copy of rxjs, which this package does not know.
  const Observable = source.constructor as new (
    subscribe: (observer: Observer) => unknown,
  ) => Observable
  return new Observable((observer) => {
    let isRecorded = false
    const succeed = (result: unknown) => {
      if (!isRecorded) to.succeeded(result)
      isRecorded = true
    }
    return source.subscribe({
      next(value) {
        succeed(value)
        observer.next(value)
      },
      error(error) {
        if (!isRecorded) to.failed(error)
        observer.error(error)
      },
      complete() {
        succeed(undefined)
        observer.complete()
      },
    })
  })
}

function statusOf(error: unknown): unknown {
  const { getStatus, status } = Object(error) as { getStatus?: unknown; status?: unknown }
  return typeof getStatus === 'function' ? Reflect.apply(getStatus, error, []) : status
}

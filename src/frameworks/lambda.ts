import type { Recorder } from '../recorder/recorder.ts'
import { type AnyHeaders, headerOf } from './request/headers.ts'
import type { RequestReader } from './request/request-details.ts'
import { chooseRequestId } from './request/request-id.ts'
import { RequestRecorder } from './request/request-recorder.ts'
import { type RequestAuditOptions, RequestSource } from './request/request-source.ts'

export type { AuditUser } from './request/request-source.ts'

/** An event of API Gateway, of a function URL or of a load balancer, as far as it is used here. */
export interface LambdaEvent {
  readonly headers?: Readonly<Record<string, string | undefined>> | null
  readonly httpMethod?: string
  readonly resource?: string
  readonly routeKey?: string
  readonly requestContext?: {
    readonly requestId?: string
    readonly http?: { readonly method?: string; readonly sourceIp?: string }
    readonly identity?: { readonly sourceIp?: string | null }
  }
}

export interface LambdaAuditOptions<Event = LambdaEvent>
  extends Omit<RequestAuditOptions<Event>, 'asyncContext'> {
  readonly recorder: Pick<Recorder, 'child' | 'flush' | 'close' | 'stats'>
  /**
   * How long the answer may wait until the entries are written, in milliseconds. What is not written
   * by then stays in memory for the next call, and is lost if there is none.
   *
   * @default 5000
   */
  readonly flushTimeoutMs?: number | undefined
}

const reader: RequestReader<LambdaEvent> = {
  header: headerIn,
  method: ({ httpMethod, requestContext }) => httpMethod ?? requestContext?.http?.method,
  // "GET /events/{eventId}"; the method is a detail of its own.
  route: ({ resource, routeKey }) => resource ?? routeKey?.replace(/^[A-Z]+ /, ''),
  ip: ({ requestContext }) => requestContext?.http?.sourceIp ?? requestContext?.identity?.sourceIp,
}

/**
 * Wraps a Lambda handler: entries recorded in it know the request, and are written before it
 * answers, because a function is frozen as soon as it has answered.
 *
 * @example
 * ```ts
 * export const handler = lambdaAudit({ recorder }, async (event) => {
 *   recorder.record({ action: 'branding.update' })
 *   return { statusCode: 204 }
 * })
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function lambdaAudit<Event extends object, Args extends readonly unknown[], Result>(
  options: LambdaAuditOptions<Event>,
  handler: (event: Event, ...args: Args) => Result | Promise<Result>,
): (event: Event, ...args: Args) => Promise<Result> {
  const { flushTimeoutMs = 5_000, ...others } = options
  const source = new RequestSource(others as RequestAuditOptions<LambdaEvent>, reader)

  return async function auditedHandler(event, ...args) {
    const { requestIdHeader: header } = source
    const incoming = header && headerIn(event, header)
    const { requestContext } = event as LambdaEvent
    const requestId = chooseRequestId(undefined, incoming ?? requestContext?.requestId)
    try {
      const recorder = new RequestRecorder(source, event as LambdaEvent, requestId)
      return await recorder.run(() => handler(event, ...args))
    } finally {
      await source.recorder.flush({ timeoutMs: flushTimeoutMs, report: true })
    }
  }
}

/** An API of the type REST passes the names of headers on as the client wrote them. */
function headerIn({ headers }: LambdaEvent, name: string): unknown {
  const found = Object.keys(headers ?? {}).find((given) => given.toLowerCase() === name)
  return found === undefined ? undefined : headerOf(headers as AnyHeaders, found)
}

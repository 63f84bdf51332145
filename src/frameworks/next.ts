import type { ActionMap, AnyActions, AuditId } from '../entry.ts'
import { AuditError } from '../errors.ts'
import type { Recorder } from '../recorder/recorder.ts'
import { type AnyHeaders, clientAddress, headerOf } from './request/headers.ts'
import { LateRecorder } from './late-recorder.ts'
import { processRecorder } from './process-recorder.ts'
import type { RequestReader } from './request/request-details.ts'
import { chooseRequestId } from './request/request-id.ts'
import { RequestRecorder } from './request/request-recorder.ts'
import { type AuditUser, type ForwardedOptions, RequestSource } from './request/request-source.ts'
import { FAILED } from './request/who-acts.ts'

export type { AuditUser } from './request/request-source.ts'

export interface NextAuditOptions<Actions extends ActionMap = AnyActions> extends ForwardedOptions {
  /** Makes the recorder: once in a process, when it is first used. */
  readonly recorder: () => Recorder<Actions>
  /** `headers` of `next/headers`. */
  readonly headers: () => PromiseLike<AnyHeaders> | AnyHeaders
  /**
   * `after` of `next/server`. With it entries are written after the response, and the platform keeps
   * the function running until then. Without it the response waits until they are written.
   */
  readonly after?: ((task: () => Promise<unknown>) => unknown) | undefined
  /**
   * Returns the acting user's id, or an object with `userId` and, for a colleague who impersonates
   * the user, `actorId`. It is called and awaited once for each request, before the handler, and may
   * read cookies. If it rejects, the entries are stored without a user and marked.
   */
  readonly user?: (() => NextUser | Promise<NextUser>) | undefined
  /**
   * Records route handlers that answer with 401 or 403, as `route.call` with the outcome `denied`.
   *
   * @default false
   */
  readonly denied?: boolean | undefined
  /**
   * The header that brings the request id; `false`: none.
   *
   * @default 'x-request-id'
   */
  readonly requestIdHeader?: string | false | undefined
  /**
   * How long the writing of the entries may take at the end of a request, in milliseconds.
   *
   * @default 5000
   */
  readonly flushTimeoutMs?: number | undefined
}

export type NextUser = AuditId | AuditUser | null | undefined

export interface NextAudit<Actions extends ActionMap = AnyActions> {
  /** The recorder of this process. In what is wrapped by the functions below it knows the request. */
  readonly audit: Recorder<Actions>
  /**
   * Wraps a route handler.
   *
   * @param route what an entry's context calls the route: its pattern, as `/api/events/[eventId]`
   */
  auditRoute<Args extends readonly [Request, ...unknown[]], Result>(
    route: string,
    handler: (...args: Args) => Result | Promise<Result>,
  ): (...args: Args) => Promise<Result>
  /**
   * Wraps a server action.
   *
   * @param name what an entry's context calls the route
   */
  auditAction<Args extends readonly unknown[], Result>(
    name: string,
    action: (...args: Args) => Result | Promise<Result>,
  ): (...args: Args) => Promise<Result>
}

/** What is known of a request when its handler begins. */
interface NextCall {
  readonly headers: AnyHeaders
  readonly method: string
  readonly route: string
  readonly user: unknown
}

const reader: RequestReader<NextCall> = {
  countsHops: true,
  header: ({ headers }, name) => headerOf(headers, name),
  method: ({ method }) => method,
  route: ({ route }) => route,
  ip: ({ headers }, hops) => clientAddress(headerOf(headers, 'x-forwarded-for'), hops),
}

/**
 * Audit for Next 15 and 16: route handlers and server actions, on the runtime `nodejs`.
 *
 * What is wrapped runs with a context, so that `audit` and this package's `record()` know the
 * request id, user, address, method, route, user agent and trace, however deep in the code. It
 * records nothing by itself. The recorder survives hot reloads, and is closed when `next start` ends
 * at a signal.
 *
 * @example
 * ```ts
 * export const { audit, auditRoute, auditAction } = nextAudit({
 *   recorder: createRecorder, headers, after, user: async () => (await auth())?.user.id,
 * })
 * // app/api/branding/route.ts
 * export const PUT = auditRoute('/api/branding', async (request) => {
 *   audit.record({ action: 'branding.update' })
 *   return new Response(null, { status: 204 })
 * })
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, also on the runtime `edge`
 */
export function nextAudit<Actions extends ActionMap = AnyActions>(
  options: NextAuditOptions<Actions>,
): NextAudit<Actions> {
  refuseEdge()
  const { recorder, headers, after, user, flushTimeoutMs = 5_000, ...others } = options
  const audit = new LateRecorder(() => processRecorder(recorder))
  const source = new RequestSource<NextCall>(
    { ...others, recorder: audit, user: (call) => call.user as NextUser },
    reader,
  )
  const write = () => audit.flush({ timeoutMs: flushTimeoutMs, report: true })

  async function run<Result>(
    call: Omit<NextCall, 'user'>,
    fn: (requestId: string) => Result | Promise<Result>,
  ): Promise<Result> {
    const { requestIdHeader: header } = source
    const requestId = chooseRequestId(undefined, header && headerOf(call.headers, header))
    const known: NextCall = { ...call, user: await askUser(user) }
    const isDeferred = after !== undefined && defer(after, write)
    try {
      const recorder = new RequestRecorder(source, known, requestId)
      const result = await recorder.run(() => fn(requestId))
      if (source.denied && result instanceof Response) recorder.answered(result.status)
      return result
    } finally {
      if (!isDeferred) await write()
    }
  }

  return {
    audit,
    auditRoute(route, handler) {
      return async function auditedRoute(...args) {
        const [{ headers, method }] = args
        return await run({ headers, method, route }, async (requestId) => {
          const result = await handler(...args)
          if (source.requestIdHeader) sendBack(result, source.requestIdHeader, requestId)
          return result
        })
      }
    },
    auditAction(name, action) {
      return async function auditedAction(...args) {
        const call = { headers: await headers(), method: 'POST', route: name }
        return await run(call, () => action(...args))
      }
    },
  }
}

/** @throws {AuditError} where there is no Node */
function refuseEdge(): void {
  if (!('EdgeRuntime' in globalThis) && process.env['NEXT_RUNTIME'] !== 'edge') return
  throw new AuditError(
    'AUDIT_OPTION_INVALID',
    "audit-outbox needs Node, and this file runs on Next's edge runtime. Remove " +
      "`export const runtime = 'edge'` from the route, or import the audit in Node's files alone.",
  )
}

async function askUser(user: NextAuditOptions['user']): Promise<unknown> {
  try {
    return await user?.()
  } catch (error) {
    // redirect(), notFound() and Next's own signals are errors with a digest, and have to arrive.
    if (typeof error === 'object' && error !== null && 'digest' in error) throw error
    return FAILED
  }
}

/** @returns whether `after` took the task; it does not while a page is made ahead of its requests */
function defer(
  after: NonNullable<NextAuditOptions['after']>,
  task: () => Promise<unknown>,
): boolean {
  try {
    after(task)
    return true
  } catch {
    return false
  }
}

function sendBack(result: unknown, header: string, requestId: string): void {
  try {
    if (result instanceof Response) result.headers.set(header, requestId)
  } catch {
    // A redirect's headers cannot be changed.
  }
}

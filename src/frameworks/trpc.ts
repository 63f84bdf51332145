import type { ActionMap, AnyActions } from '../entry.ts'
import type { Recorder } from '../recorder/recorder.ts'
import { type AnyHeaders, clientAddress, headerOf } from './request/headers.ts'
import type { RequestReader } from './request/request-details.ts'
import { chooseRequestId, kRequestId } from './request/request-id.ts'
import { RequestRecorder } from './request/request-recorder.ts'
import {
  type ForwardedOptions,
  type RequestAuditOptions,
  RequestSource,
  type TypedRecorder,
} from './request/request-source.ts'

export type { AuditUser } from './request/request-source.ts'

/** The request as tRPC's adapters hand it to `createContext`: of Fetch, Node, Express, Fastify. */
export interface TrpcRequest {
  readonly headers: AnyHeaders
  readonly method?: string | undefined
  readonly ip?: unknown
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined
}

export interface TrpcAuditOptions<Context, Actions extends ActionMap = AnyActions>
  extends Omit<RequestAuditOptions<Context>, 'recorder'>,
    ForwardedOptions {
  readonly recorder: TypedRecorder<Actions>
  /** Returns the HTTP request. Default: the context's `req`, else the context, for its `headers`. */
  readonly request?: ((context: Context) => TrpcRequest | null | undefined) | undefined
}

/** What tRPC gives a middleware, as far as it is used here. */
export interface TrpcCall<Context> {
  readonly ctx: Context
  /** `query`, `mutation` or `subscription`. */
  readonly type: string
  /** The procedure's name with those of its routers: `event.rename`. */
  readonly path: string
}

/**
 * Makes a recorder for one call, and runs the rest of the call.
 *
 * @param next called with the recorder; its result is returned
 */
export type TrpcAudit<Context, Actions extends ActionMap = AnyActions> = <Result>(
  call: TrpcCall<Context>,
  next: (audit: Recorder<Actions>) => Result,
) => Result

/** A call and the request that it came with. A batch of calls has one request. */
interface CallInRequest extends TrpcCall<unknown> {
  readonly request: TrpcRequest | undefined
}

const reader: RequestReader<CallInRequest> = {
  countsHops: true,
  header: ({ request }, name) => headerOf(request?.headers, name),
  method: ({ request }) => request?.method,
  route: ({ path }) => path,
  ip({ request }, hops) {
    // Express and Fastify have settings for proxies, and have applied them.
    if (hops === 0 && typeof request?.ip === 'string') return request.ip
    const forwarded = headerOf(request?.headers, 'x-forwarded-for')
    return clientAddress(forwarded, hops, request?.socket?.remoteAddress)
  },
  more: ({ type }) => ({ procedureType: type }),
}

/**
 * Audit for tRPC 11, as a middleware that puts `audit` into the context.
 *
 * `ctx.audit` is a recorder that knows the call's request id, user, address, user agent and trace,
 * the procedure's path as `route`, and its type as `procedureType`. It records nothing by itself.
 *
 * An id that Express' or Fastify's plugin gave the request is kept. The id is not sent back, because
 * a middleware of tRPC cannot set headers; mount one of those plugins for that.
 *
 * @example
 * ```ts
 * const t = initTRPC.context<Context>().create()
 * const withAudit = trpcAudit({ recorder, user: (ctx: Context) => ctx.user?.id })
 * const audited = t.procedure.use((call) =>
 *   withAudit(call, (audit) => call.next({ ctx: { audit } })),
 * )
 * const rename = audited.mutation(({ ctx }) => ctx.audit.record({ action: 'event.rename' }))
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function trpcAudit<Context, Actions extends ActionMap = AnyActions>(
  options: TrpcAuditOptions<Context, Actions>,
): TrpcAudit<Context, Actions> {
  const {
    request: requestOf = defaultRequest,
    user,
    actor,
    eventId,
    ip,
    denied,
    ...others
  } = options
  const contextOf = ({ ctx }: CallInRequest) => ctx as Context
  const source = new RequestSource<CallInRequest>(
    {
      ...others,
      user: user && ((call) => user(contextOf(call))),
      actor: actor && ((call) => actor(contextOf(call))),
      eventId: eventId && ((call) => eventId(contextOf(call))),
      ip: ip && ((call) => ip(contextOf(call))),
      denied:
        typeof denied === 'function' ? (call, status) => denied(contextOf(call), status) : denied,
    },
    reader,
  )
  const ids = new WeakMap<object, string>()

  /** The calls of a batch share the id of their request. */
  function requestIdOf(request: TrpcRequest | undefined): string {
    const { requestIdHeader: header } = source
    const known = request && (ids.get(request) ?? Reflect.get(request, kRequestId))
    const id = chooseRequestId(known, header && headerOf(request?.headers, header))
    if (request) ids.set(request, id)
    return id
  }

  return function withAudit({ ctx, type, path }, next) {
    const request = requestOf(ctx) ?? undefined
    const call = { ctx, type, path, request }
    const recorder = new RequestRecorder(source, call, requestIdOf(request))
    // Safe, because the action types exist only at compile time: every recorder takes any entry.
    const run = () => next(recorder as unknown as Recorder<Actions>)
    const result = source.asyncContext ? recorder.run(run) : run()
    if (source.denied && result instanceof Promise) {
      result.then((answer) => recorder.answered(statusOf(answer))).catch(() => {})
    }
    return result
  }
}

function defaultRequest(context: unknown): TrpcRequest | undefined {
  if (typeof context !== 'object' || context === null) return undefined
  const { req } = context as { readonly req?: unknown }
  const found = typeof req === 'object' && req !== null ? req : context
  return 'headers' in found ? (found as TrpcRequest) : undefined
}

const STATUSES: ReadonlyMap<unknown, number> = new Map([
  ['UNAUTHORIZED', 401],
  ['FORBIDDEN', 403],
])

/** A middleware of tRPC is given the error as a result, and not thrown. */
function statusOf(answer: unknown): number | undefined {
  const { error } = Object(answer) as { readonly error?: unknown }
  return STATUSES.get(Reflect.get(Object(error), 'code'))
}

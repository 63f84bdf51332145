import type { Context, MiddlewareHandler } from 'hono'
import type { ActionMap } from '../entry.ts'
import type { Recorder } from '../recorder/recorder.ts'
import type { RegisteredActions } from '../registered.ts'
import { clientAddress } from './request/headers.ts'
import type { RequestReader } from './request/request-details.ts'
import { chooseRequestId } from './request/request-id.ts'
import { RequestRecorder } from './request/request-recorder.ts'
import {
  type ForwardedOptions,
  type RequestAuditOptions,
  RequestSource,
} from './request/request-source.ts'

export type { AuditUser } from './request/request-source.ts'

/** What the middleware puts into the context. */
export interface AuditVariables<Actions extends ActionMap = RegisteredActions> {
  /** This request's recorder. */
  audit: Recorder<Actions>
  /** This request's id. Hono's own request id middleware sets the same variable. */
  requestId: string
}

declare module 'hono' {
  interface ContextVariableMap extends AuditVariables {}
}

export type HonoAuditOptions<C extends Context = Context> = RequestAuditOptions<C> &
  ForwardedOptions

const reader: RequestReader<Context> = {
  countsHops: true,
  header: (c, name) => c.req.header(name),
  method: (c) => c.req.method,
  route: routeOf,
  ip: (c, hops) => clientAddress(c.req.header('x-forwarded-for'), hops, socketOf(c)?.remoteAddress),
}

/**
 * Audit middleware for Hono.
 *
 * It sets `c.var.audit`, a recorder that knows the request's id, user, address, method, route, user
 * agent and trace, and `c.var.requestId`. Mount it first: `user` is called only when something is
 * recorded. The recorder also works after the response has ended or the client has gone.
 *
 * The address is that of the socket, as `@hono/node-server` gives it. Behind proxies set
 * `trustedHops`; on another runtime set `ip`, for example `ip: (c) => c.req.header('fly-client-ip')`.
 *
 * @example
 * ```ts
 * const app = new Hono<{ Variables: AuditVariables & { user?: User } }>()
 * app.use(honoAudit({ recorder, user: (c) => c.get('user')?.id }))
 * app.use(authenticate)
 * app.put('/events/:eventId/branding', (c) => {
 *   c.var.audit.record({ action: 'branding.update', eventId: c.req.param('eventId') })
 *   return c.body(null, 204)
 * })
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function honoAudit<C extends Context = Context>(
  options: HonoAuditOptions<C>,
): MiddlewareHandler {
  const source = new RequestSource(options as unknown as HonoAuditOptions, reader)
  const { requestIdHeader: header, asyncContext } = source

  return async function honoAudit(c: Context, next) {
    // Node keeps the address after it was read once. A late entry needs it after the client has
    // gone.
    void socketOf(c)?.remoteAddress
    const requestId = chooseRequestId(c.get('requestId'), header && c.req.header(header))
    const recorder = new RequestRecorder<Context>(source, c, requestId)
    c.set('requestId', requestId)
    c.set('audit', recorder)
    if (header) c.header(header, requestId)
    if (asyncContext) await recorder.run(next)
    else await next()
    if (source.denied && c.finalized) recorder.answered(c.res.status)
    // If a handler returns its own Response, the headers set so far are not in it.
    if (header && c.finalized && !c.res.headers.has(header)) c.header(header, requestId)
  }
}

/**
 * The pattern of the handler that runs. In a middleware before it: of the handler that will run.
 */
function routeOf(c: Context): string | undefined {
  const { matchedRoutes, routeIndex } = c.req
  const ahead = matchedRoutes.slice(routeIndex)
  // Middleware is registered for all methods, and so are the handlers of `app.all`.
  const route = ahead.find(({ method }) => method !== 'ALL') ?? ahead.at(-1)
  return route && /^\/?\*$/.test(route.path) ? undefined : route?.path
}

interface NodeBindings {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } }
}

/** `@hono/node-server` passes Node's request in the bindings, directly or under `server`. */
function socketOf(c: Context) {
  const env = c.env as (NodeBindings & { readonly server?: NodeBindings }) | undefined
  return (env?.incoming ?? env?.server?.incoming)?.socket
}

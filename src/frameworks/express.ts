import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Recorder } from '../recorder/recorder.ts'
import type { RequestReader } from './request-details.ts'
import { chooseRequestId } from './request-id.ts'
import { RequestRecorder } from './request-recorder.ts'
import { type RequestAuditOptions, RequestSource } from './request-source.ts'

export type { AuditUser } from './request-source.ts'

declare global {
  // The interface that Express' own types leave open for middleware; without them it is only a name.
  namespace Express {
    interface Request {
      /** This request's recorder. */
      readonly audit: Recorder
    }
  }
}

/** A request that has passed the middleware, where there are no types of Express to say so. */
export type AuditedRequest<Request = IncomingMessage> = Request & { readonly audit: Recorder }

export type ExpressAuditOptions<
  Request extends IncomingMessage = IncomingMessage & Express.Request,
> = RequestAuditOptions<Request>

/** Fits Express, Connect, and any other stack of `(req, res, next)` over `node:http`. */
export type ExpressAuditMiddleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

const kRequestId = Symbol('audit-outbox.requestId')

/** What Express and its router add to a request; all of it is missing under plain `node:http`. */
interface RoutedRequest extends IncomingMessage {
  readonly ip?: unknown
  readonly baseUrl?: unknown
  readonly route?: { readonly path?: unknown }
  readonly params?: Readonly<Record<string, unknown>>
  [kRequestId]?: string
}

const reader: RequestReader<RoutedRequest> = {
  header: (req, name) => req.headers[name],
  method: (req) => req.method,
  route: routeOf,
  ip: (req) => ('ip' in req ? req.ip : req.socket.remoteAddress),
}

/**
 * Audit middleware for Express, and for every other stack of `(req, res, next)`.
 *
 * It gives each request `req.audit`, a recorder that knows the request's id, user, address, method,
 * route, user agent and trace. Mount it first: it costs a request that records nothing no more than
 * its id, and the user is asked for only when something is recorded. It goes on working after the
 * response has ended or the client has gone.
 *
 * The route is as Express knows it. Of a path that a router is mounted at, it shows parameters by
 * their names only with `mergeParams`; and an error handler outside that router sees no such path.
 *
 * @example
 * ```ts
 * const app = express()
 * app.set('trust proxy', 'loopback')
 * app.use(expressAudit({ recorder, user: (req) => req.user?.id }))
 * app.use(authenticate)
 * app.put('/events/:eventId/branding', (req, res) => {
 *   req.audit.record({ action: 'branding.update', eventId: req.params.eventId })
 *   res.sendStatus(204)
 * })
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function expressAudit<Request extends IncomingMessage = IncomingMessage & Express.Request>(
  options: ExpressAuditOptions<Request>,
): ExpressAuditMiddleware {
  const source = new RequestSource(options as unknown as RequestAuditOptions<RoutedRequest>, reader)
  const { requestIdHeader, asyncContext } = source
  // One getter for all requests: a request that never records has no recorder.
  const lazyRecorder = {
    configurable: true,
    get: function audit(this: RoutedRequest): RequestRecorder<RoutedRequest> {
      const value = new RequestRecorder(source, this, this[kRequestId] ?? '')
      Object.defineProperty(this, 'audit', { configurable: true, value })
      return value
    },
  }

  return function expressAudit(incoming, res, next) {
    const req: RoutedRequest = incoming
    // Read once, the address stays known after the client has gone; it may be asked for that late.
    void req.socket?.remoteAddress
    const header = requestIdHeader
    const given = req[kRequestId] ?? (header && res.getHeader(header))
    const requestId = chooseRequestId(given, header && req.headers[header])
    req[kRequestId] = requestId
    if (header && !res.headersSent) res.setHeader(header, requestId)
    Object.defineProperty(req, 'audit', lazyRecorder)
    if (!asyncContext) return next()
    const recorder = (req as AuditedRequest).audit as RequestRecorder<RoutedRequest>
    recorder.run(() => next())
  }
}

/**
 * The path that the route was declared with, behind the path that its router was mounted at. Of the
 * mount Express knows only what was requested, so the parameters that it shares (`mergeParams`) are
 * put back by their names.
 */
function routeOf({ route, baseUrl, params }: RoutedRequest): string | undefined {
  if (route?.path === undefined) return undefined
  const path = String(route.path)
  if (typeof baseUrl !== 'string' || baseUrl === '') return path
  const mount = baseUrl.split('/').map((segment) => {
    for (const [name, value] of Object.entries(params ?? {})) {
      const isOfMount = !path.includes(`:${name}`)
      if (isOfMount && decodeURIComponent(segment) === value) return `:${name}`
    }
    return segment
  })
  return mount.join('/') + (path === '/' ? '' : path)
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Recorder } from '../recorder/recorder.ts'
import type { RequestReader } from './request-details.ts'
import { chooseRequestId } from './request-id.ts'
import { RequestRecorder } from './request-recorder.ts'
import { type RequestAuditOptions, RequestSource } from './request-source.ts'

export type { AuditUser } from './request-source.ts'

declare global {
  // Express' types leave this interface open for middleware. Without those types it has no effect.
  namespace Express {
    interface Request {
      /** This request's recorder. */
      readonly audit: Recorder
    }
  }
}

/** A request that has passed the middleware, for code that does not use the types of Express. */
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

/** What Express and its router add to a request. Requests of plain `node:http` have none of it. */
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
 * route, user agent and trace. Mount it first: a request that records nothing pays only for its id,
 * and `user` is called only when something is recorded. The recorder also works after the response
 * has ended or the client has gone.
 *
 * The route is the one that Express knows. For a router's mount path it shows the names of
 * parameters only with `mergeParams`. An error handler outside the router does not see the mount
 * path.
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
  // All requests share one getter, so that a request that never records makes no recorder.
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
    // Node keeps the address after it was read once. A late entry needs it after the client has
    // gone.
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
 * The mount path of the router, followed by the path that the route was declared with. Express
 * keeps only the requested text of the mount path. So this replaces the values of the parameters
 * that the router shares (`mergeParams`) by their names.
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

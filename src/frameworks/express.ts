import type { IncomingMessage } from 'node:http'
import type { Recorder } from '../recorder/recorder.ts'
import type { RegisteredActions } from '../registered.ts'
import {
  addressOf,
  type NodeMiddleware,
  nodeMiddleware,
  type RoutedRequest,
  routeOf,
} from './request/node-middleware.ts'
import type { RequestReader } from './request/request-details.ts'
import { type RequestAuditOptions, RequestSource } from './request/request-source.ts'

export type { AuditUser } from './request/request-source.ts'

declare global {
  // Express' types leave this interface open for middleware. Without those types it has no effect.
  namespace Express {
    interface Request {
      /** This request's recorder. */
      readonly audit: Recorder<RegisteredActions>
    }
  }
}

/** A request that has passed the middleware, for code that does not use the types of Express. */
export type AuditedRequest<Request = IncomingMessage> = Request & {
  readonly audit: Recorder<RegisteredActions>
}

export type ExpressAuditOptions<
  Request extends IncomingMessage = IncomingMessage & Express.Request,
> = RequestAuditOptions<Request>

export type ExpressAuditMiddleware = NodeMiddleware

const reader: RequestReader<RoutedRequest> = {
  header: (req, name) => req.headers[name],
  method: (req) => req.method,
  route: routeOf,
  ip: addressOf,
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
  return nodeMiddleware(source)
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { chooseRequestId, kRequestId } from './request-id.ts'
import { RequestRecorder } from './request-recorder.ts'
import type { RequestSource } from './request-source.ts'

/** Fits Express, Connect, and any other stack of `(req, res, next)` over `node:http`. */
export type NodeMiddleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** What Express and its router add to a request. Requests of plain `node:http` have none of it. */
export interface RoutedRequest extends IncomingMessage {
  readonly ip?: unknown
  readonly baseUrl?: unknown
  readonly route?: { readonly path?: unknown }
  readonly params?: Readonly<Record<string, unknown>>
  [kRequestId]?: string
}

type AuditedRequest = RoutedRequest & { readonly audit: RequestRecorder<RoutedRequest> }

/** Gives each request its id and, as `req.audit`, a recorder that is made when it is first read. */
export function nodeMiddleware(source: RequestSource<RoutedRequest>): NodeMiddleware {
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

  return function audit(incoming, res, next) {
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
    if (source.denied) {
      res.once('finish', () => {
        const { statusCode } = res
        if (statusCode === 401 || statusCode === 403)
          (req as AuditedRequest).audit.answered(statusCode)
      })
    }
    if (!asyncContext) return next()
    const { audit: recorder } = req as AuditedRequest
    recorder.run(() => next())
  }
}

/** The address that the framework found by its proxy settings, else the socket's. */
export function addressOf(req: Pick<RoutedRequest, 'ip'> & Partial<IncomingMessage>): unknown {
  return 'ip' in req ? req.ip : req.socket?.remoteAddress
}

/**
 * The mount path of the router, followed by the path that the route was declared with. Express
 * keeps only the requested text of the mount path. So this replaces the values of the parameters
 * that the router shares (`mergeParams`) by their names.
 */
export function routeOf({ route, baseUrl, params }: RoutedRequest): string | undefined {
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

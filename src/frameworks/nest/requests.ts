import type { Recorder } from '../../recorder/recorder.ts'
import {
  addressOf,
  type NodeMiddleware,
  nodeMiddleware,
  type RoutedRequest,
  routeOf,
} from '../request/node-middleware.ts'
import type { RequestReader } from '../request/request-details.ts'
import { type RequestAuditOptions, RequestSource } from '../request/request-source.ts'

/** A request of Express or of Fastify, with what authentication adds to it. */
export interface NestRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly params?: unknown
  readonly body?: unknown
  readonly query?: unknown
  readonly [added: string]: unknown
}

interface FastifyLike {
  readonly ip?: unknown
  readonly routeOptions?: { readonly url?: unknown }
}

/** The requests of one Nest application, and the options, which may be known only later. */
export class NestRequests {
  closesRecorder = true
  #source: RequestSource<RoutedRequest> | undefined
  #middleware: NodeMiddleware | undefined
  /** Fastify's request for Node's own, which alone the middleware is given. */
  readonly #outer = new WeakMap<RoutedRequest, FastifyLike>()

  /** @throws {AuditError} `AUDIT_OPTION_INVALID` */
  begin<Request>(
    options: RequestAuditOptions<Request> & { readonly closeOnShutdown?: boolean | undefined },
  ): void {
    const {
      closeOnShutdown = true,
      user,
      actor,
      eventId,
      ip,
      denied,
      asyncContext = true,
      ...others
    } = options
    const outer = (req: RoutedRequest) => (this.#outer.get(req) ?? req) as Request
    const reader: RequestReader<RoutedRequest> = {
      header: (req, name) => req.headers[name],
      method: (req) => req.method,
      route: (req) => this.#outer.get(req)?.routeOptions?.url ?? routeOf(req),
      ip: (req) => addressOf(this.#outer.get(req) ?? req),
    }
    this.closesRecorder = closeOnShutdown
    this.#source = new RequestSource<RoutedRequest>(
      {
        ...others,
        asyncContext,
        user: user && ((req) => user(outer(req))),
        actor: actor && ((req) => actor(outer(req))),
        eventId: eventId && ((req) => eventId(outer(req))),
        ip: ip && ((req) => ip(outer(req))),
        denied: typeof denied === 'function' ? (req, status) => denied(outer(req), status) : denied,
      },
      reader,
    )
    this.#middleware = nodeMiddleware(this.#source)
  }

  get recorder(): Recorder {
    if (this.#source === undefined) throw new Error('the audit module has no options yet')
    return this.#source.recorder
  }

  readonly middleware: NodeMiddleware = (req, res, next) => {
    if (this.#middleware) this.#middleware(req, res, next)
    else next()
  }

  /**
   * The request's recorder. Fastify's request gets it too, as `request.audit`.
   *
   * @returns the application's recorder where the middleware did not see the request
   */
  recorderOf(request: NestRequest): Recorder {
    const { raw } = request as { readonly raw?: RoutedRequest }
    if (raw !== undefined && !this.#outer.has(raw)) {
      this.#outer.set(raw, request as FastifyLike)
      Object.defineProperty(request, 'audit', { configurable: true, get: () => auditIn(raw) })
    }
    return auditIn(raw ?? request) ?? this.recorder
  }
}

function auditIn(request: object): Recorder | undefined {
  return (request as { readonly audit?: Recorder }).audit
}

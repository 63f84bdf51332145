import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Recorder } from '../recorder/recorder.ts'
import type { RegisteredActions } from '../registered.ts'
import type { RequestReader } from './request/request-details.ts'
import { chooseRequestId, kRequestId } from './request/request-id.ts'
import { RequestRecorder } from './request/request-recorder.ts'
import { type RequestAuditOptions, RequestSource } from './request/request-source.ts'
import { kRoutes, RouteList } from './route-list.ts'

export type { AuditUser } from './request/request-source.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** This request's recorder. */
    readonly audit: Recorder<RegisteredActions>
  }
}

export type FastifyAuditOptions = RequestAuditOptions<FastifyRequest>

const kRecorder = Symbol('audit-outbox.recorder')

interface AuditedRequest extends FastifyRequest {
  [kRequestId]: string
  [kRecorder]: RequestRecorder<FastifyRequest> | null
}

const reader: RequestReader<FastifyRequest> = {
  header: (request, name) => request.headers[name],
  method: (request) => request.method,
  route: (request) => request.routeOptions.url,
  ip: (request) => request.ip,
}

/**
 * Audit plugin for Fastify 5.
 *
 * It gives each request `request.audit`, a recorder that knows the request's id, user, address,
 * method, route, user agent and trace. A request that records nothing pays only for its id, and
 * `user` is called only when something is recorded. The recorder also works after the response has
 * ended or the client has gone.
 *
 * If the application makes request ids with `genReqId`, valid ones are used, so that its log and
 * the audit log agree. Fastify's default ids are not used, because every process counts them from
 * one.
 *
 * @example
 * ```ts
 * const app = fastify({ trustProxy: 'loopback' })
 * await app.register(fastifyAudit, { recorder, user: (request) => request.user?.id })
 * app.put('/events/:eventId/branding', async (request, reply) => {
 *   request.audit.record({ action: 'branding.update', eventId: request.params.eventId })
 *   return reply.code(204).send()
 * })
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, from `ready()`
 */
export const fastifyAudit: FastifyPluginAsync<FastifyAuditOptions> = async function fastifyAudit(
  fastify: FastifyInstance,
  options: FastifyAuditOptions,
): Promise<void> {
  const source = new RequestSource(withoutRegisterOptions(options), reader)
  const { requestIdHeader: header, asyncContext } = source

  function requestIdOf(request: AuditedRequest, echoed?: unknown): string {
    if (request[kRequestId] !== '') return request[kRequestId]
    const given = isCounted(request.id) ? echoed : request.id
    request[kRequestId] = chooseRequestId(given, header && request.headers[header])
    return request[kRequestId]
  }

  function recorderOf(request: AuditedRequest): RequestRecorder<FastifyRequest> {
    const made = request[kRecorder]
    if (made) return made
    const recorder = new RequestRecorder<FastifyRequest>(source, request, requestIdOf(request))
    request[kRecorder] = recorder
    return recorder
  }

  // Declared before the first request, so that all requests keep one shape. The recorder is made
  // when it is first read.
  fastify.decorateRequest(kRequestId, '')
  fastify.decorateRequest(kRecorder, null)
  fastify.decorateRequest('audit', {
    getter(this: FastifyRequest): Recorder {
      return recorderOf(this as AuditedRequest)
    },
  })
  // Fastify has no list of its routes afterwards. `watchRoutes` of the tests needs one.
  const routes = new RouteList()
  fastify.decorate(kRoutes, routes)
  fastify.addHook('onRoute', ({ method, url }) => routes.add(method, url))
  fastify.addHook('onRequest', function auditRequest(incoming, reply, done) {
    const request = incoming as AuditedRequest
    // Node keeps the address after it was read once. A late entry needs it after the client has
    // gone.
    void request.raw.socket?.remoteAddress
    const requestId = requestIdOf(request, header && reply.getHeader(header))
    if (header) reply.header(header, requestId)
    if (asyncContext) recorderOf(request).run(() => done())
    else done()
  })
  if (source.denied) {
    fastify.addHook('onResponse', async function auditAnswer(incoming, reply) {
      recorderOf(incoming as AuditedRequest).answered(reply.statusCode)
    })
  }
}

export default fastifyAudit

/** `register()` passes its own options to the plugin too, and autoload always sets some of them. */
function withoutRegisterOptions(options: FastifyAuditOptions): FastifyAuditOptions {
  const ofRegister = ['prefix', 'logLevel', 'logSerializers', 'encapsulate']
  const own = Object.entries(options).filter(([name]) => !ofRegister.includes(name))
  return Object.fromEntries(own) as unknown as FastifyAuditOptions
}

/**
 * Whether it is a default id of Fastify. `req-1`, `req-2` … repeat in every process and at every
 * start.
 */
function isCounted(id: unknown): boolean {
  return typeof id !== 'string' || /^req-[\da-z]+$/.test(id)
}

// The package fastify-plugin would set these. Without the first one the decorator and the hooks
// would exist only inside the plugin's own scope, and the application's routes would not see them.
Object.assign(fastifyAudit, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'audit-outbox',
  [Symbol.for('plugin-meta')]: { name: 'audit-outbox', fastify: '>=5' },
})

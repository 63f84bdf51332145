import type { AuditAction } from '../entry.ts'
import type { Recorder } from '../recorder/recorder.ts'
import type { RegisteredActions } from '../registered.ts'
import { auditInterceptor } from './nest/interceptor.ts'
import { type NestRequest, NestRequests } from './nest/requests.ts'
import type { NodeMiddleware } from './request/node-middleware.ts'
import type { RequestAuditOptions } from './request/request-source.ts'

export { Audit, type AuditedCall, type AuditedFields } from './nest/decorator.ts'
export type { NestRequest } from './nest/requests.ts'
export type { AuditUser } from './request/request-source.ts'

/**
 * The token of the application's recorder. With `asyncContext`, as by default, what is recorded in a
 * request knows the request.
 *
 * @example
 * ```ts
 * constructor(@Inject(AuditRecorder) private readonly audit: AuditRecorder) {}
 * ```
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: it is a token, and never made
export abstract class AuditRecorder {}
export interface AuditRecorder extends Recorder<RegisteredActions> {}

/**
 * The token of the request's own recorder. It is in the scope of the request, as is then everything
 * that it is injected into. It needs no `asyncContext`.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: it is a token, and never made
export abstract class RequestAuditRecorder {}
export interface RequestAuditRecorder extends Recorder<RegisteredActions> {}

export interface NestAuditOptions<Request = NestRequest> extends RequestAuditOptions<Request> {
  /** Whether `recorder` is closed after the application has shut down. @default true */
  readonly closeOnShutdown?: boolean | undefined
  /**
   * Runs each request inside `withContext()`, so that `AuditRecorder` and `record()` of this package
   * know the request in every guard, pipe, handler and service.
   *
   * On Node 20 and 22 it makes every `await` of the whole process take about three times as long;
   * on Node 24 it costs nothing. With `false` use `request.audit` or `RequestAuditRecorder`.
   *
   * @default true
   */
  readonly asyncContext?: boolean | undefined
}

export interface NestAuditAsyncOptions<Request = NestRequest> {
  /** Modules whose providers are injected. */
  readonly imports?: unknown[] | undefined
  /** The tokens of what `useFactory` is called with. */
  readonly inject?: unknown[] | undefined
  readonly useFactory: (
    ...injected: never[]
  ) => NestAuditOptions<Request> | Promise<NestAuditOptions<Request>>
}

/** A dynamic module, as the `imports` of a module take it. */
export interface NestAuditModule {
  readonly module: new () => object
  readonly global: true
  // Nest's types of these fit no type that does not name its packages.
  readonly imports: never[]
  readonly providers: never[]
  readonly exports: never[]
}

// The values of constants of Nest, so that no package of it has to be found when this is loaded.
const APP_INTERCEPTOR = 'APP_INTERCEPTOR'
const REQUEST = 'REQUEST'
const SCOPE_REQUEST = 2
const kOptions = Symbol('audit-outbox.nestOptions')

interface MiddlewareConsumer {
  apply(middleware: NodeMiddleware): { forRoutes(route: string): unknown }
}

/**
 * Audit for Nest 11 and 12, on Express and on Fastify. The module is global; import it once, first.
 *
 * Each request gets `request.audit`, a recorder that knows the request's id, user, address, method,
 * route, user agent and trace. `user` is called when something is recorded, so that a guard may find
 * the user. Handlers with `@Audit('thing.rename')` are recorded when they have succeeded.
 *
 * The recorder is closed when the application has shut down. For that `main.ts` has to call
 * `app.enableShutdownHooks()`.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [AuditModule.forRoot({ recorder, user: (request: Request) => request.user?.id })],
 * })
 * class AppModule {}
 * ```
 */
export const AuditModule = {
  /** @throws {AuditError} `AUDIT_OPTION_INVALID` */
  forRoot<Request = NestRequest>(options: NestAuditOptions<Request>): NestAuditModule {
    const requests = new NestRequests()
    requests.begin(options)
    return moduleOf(requests, { provide: kOptions, useValue: options }, [])
  },

  /** The start of the application rejects with {@link AuditError} `AUDIT_OPTION_INVALID`. */
  forRootAsync<Request = NestRequest>(options: NestAuditAsyncOptions<Request>): NestAuditModule {
    const { imports = [], inject = [], useFactory } = options
    const requests = new NestRequests()
    const factory = async (...injected: never[]) => {
      const options = await useFactory(...injected)
      requests.begin(options)
      return options
    }
    return moduleOf(requests, { provide: kOptions, inject, useFactory: factory }, imports)
  },
}

function moduleOf(requests: NestRequests, options: object, imports: unknown[]): NestAuditModule {
  // A class for each call, because an application in a test may have several, one after the other.
  class AuditModule {
    configure(consumer: MiddlewareConsumer): void {
      consumer.apply((req, res, next) => requests.middleware(req, res, next)).forRoutes('{*path}')
    }

    async onApplicationShutdown(): Promise<void> {
      if (requests.closesRecorder) await requests.recorder.close()
    }
  }
  const recorder = {
    provide: AuditRecorder,
    inject: [kOptions],
    useFactory: () => requests.recorder,
  }
  const ofRequest = {
    provide: RequestAuditRecorder,
    scope: SCOPE_REQUEST,
    inject: [REQUEST, kOptions],
    useFactory: (request: NestRequest) => requests.recorderOf(request),
  }
  const interceptor = {
    provide: APP_INTERCEPTOR,
    inject: [kOptions],
    useFactory: () => auditInterceptor(requests),
  }
  return {
    module: AuditModule,
    global: true,
    imports: imports as never[],
    providers: [options, recorder, ofRequest, interceptor] as never[],
    exports: [AuditRecorder, RequestAuditRecorder] as never[],
  }
}

/** For a guard on Fastify, whose request has `audit` only from the interceptors on. */
export function auditOf(request: object): Recorder<RegisteredActions> | undefined {
  const { raw = request } = request as { readonly raw?: object }
  return (raw as { readonly audit?: Recorder<RegisteredActions> }).audit
}

export type { AuditAction }

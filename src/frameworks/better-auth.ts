import { currentScope } from '../context/scope.ts'
import { type Act, type AuthCall, actsOf, type Row } from './better-auth-acts.ts'
import { type AnyHeaders, clientAddress, headerOf } from './request/headers.ts'
import type { RequestReader } from './request/request-details.ts'
import { chooseRequestId } from './request/request-id.ts'
import { RequestRecorder } from './request/request-recorder.ts'
import { type AnyRecorder, type ForwardedOptions, RequestSource } from './request/request-source.ts'

export interface BetterAuthAuditOptions extends ForwardedOptions {
  /** Where the entries go. */
  readonly recorder: AnyRecorder
  /** Returns the client's address. Default: by `trustedHops`. */
  readonly ip?: ((headers: AnyHeaders | undefined) => string | null | undefined) | undefined
  /**
   * The header that brings the request id; `false`: none.
   *
   * @default 'x-request-id'
   */
  readonly requestIdHeader?: string | false | undefined
}

/** The plugin, as `betterAuth({ plugins })` takes it. */
export interface BetterAuthAuditPlugin {
  readonly id: 'audit-outbox'
  init(): { options: { databaseHooks: DatabaseHooks } }
  readonly hooks: { readonly after: { matcher(call: unknown): boolean; handler: AfterHook }[] }
}

type Hook = (row: Row, call: unknown) => Promise<void>
interface DatabaseHooks {
  readonly user: { readonly create: { after: Hook }; readonly delete: { after: Hook } }
  readonly session: { readonly create: { after: Hook }; readonly delete: { after: Hook } }
}
type AfterHook = ((call: Record<string, unknown>) => Promise<object>) & { readonly options: object }

interface ActInCall {
  readonly act: Act
  readonly call: AuthCall
}

const reader: RequestReader<ActInCall> = {
  countsHops: true,
  header: ({ call }, name) => headerOf(headersOf(call), name),
  method: ({ call }) => call.request?.method,
  route: ({ call }) => call.path,
  ip: ({ call }, hops) => clientAddress(headerOf(headersOf(call), 'x-forwarded-for'), hops),
}

/**
 * Audit for better-auth 1.7, as a plugin: sign-ups, sign-ins and failed ones, sign-outs, changes of
 * passwords, e-mail addresses and linked accounts, revoked sessions, and what the plugin `admin`
 * does. The README of the frameworks lists the actions.
 *
 * While a user is impersonated, the impersonating colleague is the entry's actor. The hooks are not
 * given better-auth's transaction, so the entries take the fast lane.
 *
 * @example
 * ```ts
 * const auth = betterAuth({ database, plugins: [admin(), betterAuthAudit({ recorder })] })
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function betterAuthAudit(options: BetterAuthAuditOptions): BetterAuthAuditPlugin {
  const { ip, ...others } = options
  const source = new RequestSource<ActInCall>(
    {
      ...others,
      user: ({ act }) => act.userId,
      actor: ({ act }) => act.actorId,
      ip: ip && (({ call }) => ip(headersOf(call))),
    },
    reader,
  )
  const ids = new WeakMap<object, string>()

  /** One request may make several entries. */
  function requestIdOf(call: AuthCall): string {
    const { requestIdHeader: header } = source
    const key = call.request ?? call.headers
    // A framework's plugin may have given the request an id.
    const given = (key && ids.get(key)) ?? currentScope()?.context.requestId
    const id = chooseRequestId(given, header && headerOf(headersOf(call), header))
    if (key) ids.set(key, id)
    return id
  }

  function record(acts: readonly Act[], call: AuthCall): void {
    for (const act of acts) {
      const { action, outcome, targetId, metadata } = act
      const recorder = new RequestRecorder(source, { act, call }, requestIdOf(call))
      recorder.record({ action, outcome, targetId, metadata, entityType: targetId && 'user' })
    }
  }

  const hookOf =
    (event: keyof typeof actsOf): Hook =>
    async (row, call) =>
      record(actsOf[event](row, callOf(call)), callOf(call))

  const afterEndpoint = async (call: Record<string, unknown>) => {
    record(actsOf.endpoint({}, callOf(call)), callOf(call))
    return {}
  }
  return {
    id: 'audit-outbox',
    init: () => ({
      options: {
        databaseHooks: {
          user: {
            create: { after: hookOf('userCreated') },
            delete: { after: hookOf('userDeleted') },
          },
          session: {
            create: { after: hookOf('sessionCreated') },
            delete: { after: hookOf('sessionDeleted') },
          },
        },
      },
    }),
    hooks: {
      after: [{ matcher: () => true, handler: Object.assign(afterEndpoint, { options: {} }) }],
    },
  }
}

/** What is written outside of a request has no call. */
function callOf(call: unknown): AuthCall {
  return typeof call === 'object' && call !== null ? call : {}
}

function headersOf({ headers, request }: AuthCall): AnyHeaders | undefined {
  return headers ?? request?.headers
}

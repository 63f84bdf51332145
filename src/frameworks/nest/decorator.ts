import type { ActionMap, AuditAction, AuditEntry } from '../../entry.ts'
import type { RegisteredActions } from '../../registered.ts'
import type { NestRequest } from './requests.ts'

/** What an audited handler was called with, and what it answered. */
export interface AuditedCall<Body = Readonly<Record<string, unknown>>, Result = unknown> {
  readonly request: NestRequest
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: Body
  /** What the handler returned; undefined where it failed. */
  readonly result: Result | undefined
}

/** What an entry says besides its action. */
export type AuditedFields<Metadata = unknown> = Omit<AuditEntry<AuditAction, Metadata>, 'action'>

export interface AuditDecoratorOptions {
  /**
   * Whether a handler that fails is recorded too, with the outcome `denied` if its status is 401 or
   * 403, else `failed`. What a guard refuses does not get to the handler.
   *
   * @default false
   */
  readonly failures?: boolean | undefined
}

/** What `@Audit` says of a handler. */
export interface AuditedHandler extends AuditDecoratorOptions {
  readonly action: AuditAction
  readonly fields: ((call: AuditedCall) => AuditedFields) | undefined
}

type ActionName<Actions extends ActionMap> = keyof Actions & AuditAction

// Not by `reflect-metadata`, so that it works with every compiler and needs no package.
const handlers = new WeakMap<object, AuditedHandler>()

/**
 * Records one entry when the handler has succeeded, with what `fields` makes of the call. A handler
 * that throws records nothing, unless `failures` is set.
 *
 * It stands directly above the handler: a decorator that puts another function in the handler's
 * place has to stand above it.
 *
 * @example
 * ```ts
 * @Audit('thing.rename', ({ params, body }: AuditedCall<Rename>) => ({
 *   entityType: 'thing', targetId: params['id'], metadata: { name: body.name },
 * }))
 * @Patch(':id')
 * rename(@Param('id') id: string, @Body() body: Rename) {}
 * ```
 */
export function Audit<
  Action extends ActionName<RegisteredActions>,
  Body = Readonly<Record<string, unknown>>,
  Result = unknown,
>(
  action: Action,
  fields?: (call: AuditedCall<Body, Result>) => AuditedFields<RegisteredActions[Action]>,
  { failures = false }: AuditDecoratorOptions = {},
): (target: object, name: string | symbol, descriptor: PropertyDescriptor) => void {
  return function audit(_target, _name, descriptor) {
    // Safe, because the call has what the request had; its types are what the application says.
    const anyFields = fields as AuditedHandler['fields']
    handlers.set(descriptor.value, { action, fields: anyFields, failures })
  }
}

/** What `@Audit` says of a handler; undefined without it. */
export function auditedHandler(handler: object): AuditedHandler | undefined {
  return handlers.get(handler)
}

import type { ActionMap, AnyActions } from './entry.ts'

/**
 * Declare your actions here, once, and the recorder of every request knows them:
 *
 * @example
 * ```ts
 * declare module 'audit-outbox' {
 *   interface Register {
 *     actions: { 'branding.update': { color: string } }
 *   }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications add to it
export interface Register {}

/** The actions that the application has declared in `Register`. Any action, if it declared none. */
export type RegisteredActions = Register extends { readonly actions: infer Actions }
  ? Actions extends ActionMap
    ? Actions
    : AnyActions
  : AnyActions

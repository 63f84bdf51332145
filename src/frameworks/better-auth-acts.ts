import type { AuditAction, AuditEntry, Outcome } from '../entry.ts'
import { outcomeOf } from './request/failure.ts'

/** An entry of ours, with who did it. */
export interface Act {
  readonly action: AuditAction
  readonly outcome?: Outcome | undefined
  readonly userId?: string | undefined
  readonly actorId?: string | undefined
  readonly targetId?: string | undefined
  readonly metadata?: AuditEntry['metadata']
}

/** What better-auth gives a hook, as far as it is used here. */
export interface AuthCall {
  readonly path?: string | undefined
  readonly headers?: Headers | undefined
  readonly request?: Request | undefined
  readonly body?: unknown
  readonly context?: {
    readonly returned?: unknown
    readonly session?: { readonly user?: Row; readonly session?: Row } | null
  }
}

/** A row of one of better-auth's tables. */
export type Row = Readonly<Record<string, unknown>>

/** Endpoints that are recorded when they have answered. Other events are seen in the tables. */
const ENDPOINTS: Readonly<Record<string, AuditAction>> = {
  '/change-password': 'user.password_change',
  '/set-password': 'user.password_change',
  '/request-password-reset': 'user.password_reset_request',
  '/reset-password': 'user.password_reset',
  '/change-email': 'user.email_change_request',
  '/revoke-session': 'session.revoke',
  '/revoke-sessions': 'session.revoke_all',
  '/revoke-other-sessions': 'session.revoke_all',
  '/link-social': 'account.link',
  '/unlink-account': 'account.unlink',
  '/two-factor/enable': 'user.two_factor_enable',
  '/two-factor/disable': 'user.two_factor_disable',
  '/admin/set-role': 'user.role_change',
  '/admin/ban-user': 'user.ban',
  '/admin/unban-user': 'user.unban',
  '/admin/set-user-password': 'user.password_change',
  '/admin/update-user': 'user.update',
  '/admin/revoke-user-session': 'session.revoke',
  '/admin/revoke-user-sessions': 'session.revoke_all',
}

/** Endpoints whose success is seen in the tables, and whose failure is not. */
const FAILURES: Readonly<Record<string, AuditAction>> = {
  '/admin/impersonate-user': 'user.impersonate',
  '/admin/create-user': 'user.create',
  '/admin/remove-user': 'user.delete',
}

/** Sessions that are made there are not a sign-in. */
const NO_SIGN_IN = /^\/(?:sign-up|admin|change-password|update-user)\b/

/** The acts that a hook stands for. None of them throws, for any row and any call. */
export const actsOf = {
  userCreated(row, call): Act[] {
    const id = textOf(row['id'])
    if (call.path === undefined || call.path.startsWith('/admin/')) {
      return [{ action: 'user.create', ...whoActs(call), targetId: id }]
    }
    return [{ action: 'user.sign_up', userId: id, targetId: id }]
  },

  userDeleted(row, call): Act[] {
    return [{ action: 'user.delete', ...whoActs(call), targetId: textOf(row['id']) }]
  },

  sessionCreated(row, { path = '' }): Act[] {
    const [userId, colleague] = [textOf(row['userId']), textOf(row['impersonatedBy'])]
    if (colleague) return [{ action: 'user.impersonate', userId: colleague, targetId: userId }]
    if (NO_SIGN_IN.test(path)) return []
    return [{ action: 'user.sign_in', userId, targetId: userId }]
  },

  sessionDeleted(row, { path }): Act[] {
    const [userId, colleague] = [textOf(row['userId']), textOf(row['impersonatedBy'])]
    if (path === '/admin/stop-impersonating') {
      return [{ action: 'user.impersonate_stop', userId: colleague, targetId: userId }]
    }
    if (path !== '/sign-out') return []
    return [{ action: 'user.sign_out', userId, actorId: colleague, targetId: userId }]
  },

  endpoint(_row, call): Act[] {
    const { path = '', context } = call
    const failure = failureOf(context?.returned)
    if (failure && path.startsWith('/sign-in/')) {
      const outcome = outcomeOf(failure.status)
      return [{ action: 'user.sign_in', outcome, metadata: { ...failure, email: emailOf(call) } }]
    }
    const action = failure ? (ENDPOINTS[path] ?? FAILURES[path]) : ENDPOINTS[path]
    if (action === undefined) return []
    const { userId, actorId } = whoActs(call)
    const targetId = path.startsWith('/admin/') ? textOf(fieldOf(call.body, 'userId')) : userId
    if (!failure) return [{ action, userId, actorId, targetId }]
    const outcome = outcomeOf(failure.status)
    return [{ action, outcome, userId, actorId, targetId, metadata: failure }]
  },
} satisfies Record<string, (row: Row, call: AuthCall) => Act[]>

/** The session's user; and the colleague who impersonates that user. */
function whoActs({ context }: AuthCall): Pick<Act, 'userId' | 'actorId'> {
  const { user, session } = context?.session ?? {}
  return { userId: textOf(user?.['id']), actorId: textOf(session?.['impersonatedBy']) }
}

/** An error of better-auth has a status and in its body a code; its message may quote input. */
function failureOf(returned: unknown): { status: number; code: string | undefined } | undefined {
  const status = fieldOf(returned, 'statusCode')
  if (typeof status !== 'number' || status < 400) return undefined
  return { status, code: textOf(fieldOf(fieldOf(returned, 'body'), 'code')) }
}

/** The address that was tried. Other text may be a password in the wrong field. */
function emailOf({ body }: AuthCall): string | undefined {
  const email = textOf(fieldOf(body, 'email'))
  return email !== undefined && /^[^\s@]{1,64}@[^\s@]{1,190}$/.test(email) ? email : undefined
}

function fieldOf(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

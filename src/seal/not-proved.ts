import { AuditError } from '../errors.ts'

/**
 * - `altered`: what is shown does not fit: the line, the proof or the signature is not what was sealed.
 * - `unproved`: nothing that the policy trusts vouches for it.
 */
export type NotProvedKind = 'altered' | 'unproved'

/** An `AUDIT_NOT_PROVED` error, which knows what a command exits with: 5 for `altered`, else 6. */
export class NotProvedError extends AuditError {
  readonly kind: NotProvedKind

  constructor(kind: NotProvedKind, message: string) {
    super('AUDIT_NOT_PROVED', message)
    this.kind = kind
  }
}

export function altered(message: string): NotProvedError {
  return new NotProvedError('altered', message)
}

export function unproved(message: string): NotProvedError {
  return new NotProvedError('unproved', message)
}

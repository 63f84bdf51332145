import { AuditError } from '../../../src/errors.ts'

/** Why an archive is not what it has to be, or cannot be stored. Nothing was removed. */
export function archiveFailed(message: string): AuditError {
  return new AuditError('AUDIT_ARCHIVE_FAILED', message)
}

export function isArchiveFault(error: unknown): error is AuditError {
  return error instanceof AuditError && error.code === 'AUDIT_ARCHIVE_FAILED'
}

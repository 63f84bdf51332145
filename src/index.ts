export { withContext } from './context.ts'
export { createRecorder, type RecorderOptions } from './create-recorder.ts'
export { record, setDefaultRecorder } from './default-recorder.ts'
export type {
  ActionMap,
  AnyActions,
  AuditAction,
  AuditContext,
  AuditEntry,
  DropReason,
  EntryOf,
} from './entry.ts'
export { AuditError, type AuditErrorCode, type DatabaseFault } from './errors.ts'
export type { AuditLogger } from './logger.ts'
export { type MigrateOptions, type MigrateResult, migrateDatabase } from './migrate.ts'
export { noopRecorder } from './noop-recorder.ts'
export type { RecorderLimits } from './options.ts'
export type { AuditTransaction, RecordInMode } from './outbox.ts'
export type { CloseResult, Recorder, RecorderStats, RecordInOptions } from './recorder.ts'
export type { RedactOptions } from './redact.ts'

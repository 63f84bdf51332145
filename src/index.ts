export { withContext } from './context/scope.ts'
export { createRecorder, type RecorderOptions } from './recorder/create-recorder.ts'
export { record, setDefaultRecorder } from './recorder/default-recorder.ts'
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
export { type MigrateOptions, type MigrateResult, migrateDatabase } from './schema/migrate.ts'
export { noopRecorder } from './recorder/noop-recorder.ts'
export type { RecorderLimits } from './options.ts'
export type { AuditTransaction, RecordInMode } from './lanes/outbox.ts'
export type { CloseResult, Recorder, RecorderStats, RecordInOptions } from './recorder/recorder.ts'
export type { RedactOptions } from './redact/redactor.ts'

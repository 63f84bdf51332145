export {
  type ActionCatalog,
  type ActionDefinition,
  type ActionsOf,
  type AnyCatalog,
  type CataloguedActions,
  type DescribedEntry,
  defineActions,
} from './actions/define-actions.ts'
export type { StandardSchema } from './actions/standard-schema.ts'
export type { CapturedContext } from './context/captured-context.ts'
export { withContext } from './context/scope.ts'
export { createRecorder, type RecorderOptions } from './recorder/create-recorder.ts'
export {
  captureContext,
  record,
  runWithContext,
  setDefaultRecorder,
} from './recorder/default-recorder.ts'
export type {
  ActionMap,
  AnyActions,
  AuditAction,
  AuditContext,
  AuditEntry,
  AuditId,
  DropReason,
  EntryOf,
  FastEntryOf,
  IdKind,
  OutboxOnly,
} from './entry.ts'
export type { AuditDatabase, DrizzleHandle, QueryHandle } from './database/callers-database.ts'
export { AuditError, type AuditErrorCode, type DatabaseFault } from './errors.ts'
export type { AuditLogger } from './logger.ts'
export {
  type MigrateOptions,
  type MigrateResult,
  migrateDatabase,
  type RewritePlan,
  type RewriteProgress,
} from './schema/migrate-when-called.ts'
// A star, because only then can an application's `declare module` add to the interface.
export type * from './registered.ts'
export { noopRecorder } from './recorder/noop-recorder.ts'
export type { RecorderLimits } from './options.ts'
export {
  fromKnex,
  fromKysely,
  fromPostgres,
  fromPrisma,
  fromTypeorm,
  type KnexTransaction,
  type KyselyTransaction,
  type PostgresTransaction,
  type PrismaTransaction,
  type TypeormTransaction,
} from './lanes/from-libraries.ts'
export type { AuditTransaction, RecordInMode } from './lanes/outbox.ts'
export type {
  CloseResult,
  FlushOptions,
  Recorder,
  RecorderStats,
  RecordInOptions,
} from './recorder/recorder.ts'
export type { RedactOptions } from './redact/redactor.ts'

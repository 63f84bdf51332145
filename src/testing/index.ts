import './matcher-types.ts'

export {
  createMemoryRecorder,
  type MemoryEntry,
  type MemoryRecorder,
  type MemoryRecorderOptions,
} from './memory-recorder.ts'
export type { MemoryTransaction } from './memory-transactions.ts'
export { assertNotRecorded, assertRecorded, type AuditMatchers, auditMatchers } from './matchers.ts'
export type { ExpectedEntry, Recorded, RecordedEntry, RecordedLater } from './recorded.ts'
export {
  createPgliteLog,
  type PgliteClient,
  type PgliteLog,
  type PgliteLogOptions,
} from './pglite-log.ts'
export { assertCovered, startCoverage } from './coverage/assert-covered.ts'
export {
  type Coverage,
  coverageText,
  type Exemptions,
  readCoverage,
} from './coverage/read-coverage.ts'
export { watchRoutes } from './coverage/watch-routes.ts'

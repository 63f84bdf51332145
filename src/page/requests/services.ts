import type { AuditLogger } from '../../logger.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import type { Names } from './name-lookup.ts'
import type { Pulse } from './head-watcher.ts'
import type { ReadRecorder } from './record-read.ts'
import type { Viewer } from '../auth/viewer.ts'

/** What every request needs. */
export interface Library {
  readonly db: AuditDatabase
  readonly pulse: Pulse
  readonly recorder: ReadRecorder | undefined
  readonly names: Names | undefined
  readonly logger: AuditLogger
  /** How many live views are open now. */
  readonly streams: { open: number }
}

/** Somebody who may read, and what they ask for. */
export interface Visit {
  readonly request: Request
  readonly parameters: URLSearchParams
  readonly viewer: Viewer
}

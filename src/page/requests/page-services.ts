import type { AuditLogger } from '../../logger.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import type { HeadWatcher } from './head-watcher.ts'
import type { NameLookup } from './name-lookup.ts'
import type { ReadRecorder } from './record-read.ts'

/** What the page keeps between requests. */
export interface PageServices {
  readonly db: AuditDatabase
  readonly headWatcher: HeadWatcher
  /** Undefined: reads are not recorded. */
  readonly recorder: ReadRecorder | undefined
  readonly lookUpNames: NameLookup | undefined
  readonly logger: AuditLogger
  readonly liveViews: { openCount: number }
}

import type { AnyCatalog } from '../../actions/define-actions.ts'
import type { AuditLogger } from '../../logger.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import type { FindForViewer, NameLookup } from '../../names/name-source.ts'
import type { Look } from '../view/look.ts'
import type { HeadWatcher } from '../live/head-watcher.ts'
import type { ReadRecording } from './note-read.ts'
import type { SharedViews } from '../views/shared-views.ts'
import type { ViewerShare } from './viewer-share.ts'

/** What the page keeps between requests. */
export interface PageServices {
  readonly db: AuditDatabase
  readonly headWatcher: HeadWatcher
  readonly recording: ReadRecording
  readonly lookUpNames: NameLookup | undefined
  /** Finds the ids of names in the query line. */
  readonly find: FindForViewer | undefined
  readonly actions: AnyCatalog | undefined
  readonly logger: AuditLogger
  readonly liveViews: ViewerShare
  readonly exports: ViewerShare
  /** How the page looks. */
  readonly look: Look
  /** Undefined: views are in their viewer's browser alone. */
  readonly sharedViews: SharedViews | undefined
  /** Whether the page has a button to sign out. */
  readonly canSignOut: boolean
}

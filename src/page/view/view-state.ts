import type { AnyCatalog } from '../../actions/define-actions.ts'
import type { CheckedProjection } from '../../projection/projection.ts'
import type { Query } from '../query/query.ts'
import type { SavedView, SharedView } from '../query/saved-views.ts'
import type { Zone } from '../../query/zone.ts'
import type { Words } from '../language/words.ts'
import type { Look, Theme } from './look.ts'
import type { NameOf } from '../sentence/sentence-parts.ts'

/** What every part of the page is rendered with. */
export interface ViewState {
  readonly query: Query
  readonly zone: Zone
  readonly theme: Theme
  /** What the application has chosen for all viewers. */
  readonly look: Look
  /** In which language. */
  readonly words: Words
  readonly viewerName: string
  /** What the viewer has given a name to, in this browser. */
  readonly savedViews: readonly SavedView[]
  /** What others have given a name to, too. Undefined: this viewer shares none. */
  readonly sharedViews: readonly SharedView[] | undefined
  readonly nowMs: number
  readonly nameOf: NameOf
  /** The application's catalogue, whose sentences are shown. */
  readonly actions: AnyCatalog | undefined
  /** The page tells the viewer if their reads are recorded. */
  readonly readsAreRecorded: boolean
  /** What the viewer may see. Undefined: everything. */
  readonly seenBy: CheckedProjection | undefined
  /** Whether the address itself lets the viewer in, so that they must not pass it on. */
  readonly isSignedLink: boolean
  /** Whether the page has a button to sign out. */
  readonly canSignOut: boolean
}

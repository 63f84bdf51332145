export { createTimelinePage, type TimelinePage, type TimelinePageOptions } from './timeline-page.ts'
export type { AuditDatabase } from '../database/callers-database.ts'
export type { ReadEntry, ReadRecorder } from './requests/note-read.ts'
export {
  type FindForViewer,
  firstNames,
  type NameLookup,
  type NameSource,
  type NameViewer,
} from '../names/name-source.ts'
export { namesFromLabels } from '../names/names-from-labels.ts'
export type { SignOut } from './requests/reception.ts'
export type { HiddenField, Projection } from '../projection/projection.ts'
export type { Authorize, Denied, Viewer, ViewerFields } from './auth/viewer.ts'
export {
  signViewerLink,
  type VerifyLinkOptions,
  type ViewerLinkOptions,
  verifyViewerLink,
} from './auth/viewer-link.ts'
export type { SharedViewOptions, ViewSharer } from './views/shared-views.ts'
export type { EmbedOptions, EmbedTheme } from './embed/embed-options.ts'
export type { Language } from '../actions/language.ts'
export { entrySentence, type SentenceOptions } from './sentence/plain-sentence.ts'

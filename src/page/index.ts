export { createTimelinePage, type TimelinePage, type TimelinePageOptions } from './timeline-page.ts'
export type { AuditDatabase } from '../database/callers-database.ts'
export type { ReadRecorder } from './requests/record-read.ts'
export type { Authorize, Viewer } from './auth/viewer.ts'

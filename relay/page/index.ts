export { createTimelinePage, type TimelinePage, type TimelinePageOptions } from './timeline-page.ts'
export type { AuditDatabase } from '../../src/rows.ts'
export type { ReadRecorder } from './reads.ts'
export type { Authorize, Viewer } from './viewer.ts'

export {
  type AuditDatabase,
  entry,
  type FindIds,
  findNames,
  type HiddenField,
  type LogFilter,
  type LoggedEntry,
  type LogQuery,
  parseQuery,
  type Projection,
  type QueryOptions,
  type QueryPart,
  type QueryProblem,
  timeline,
  type TimelineOptions,
  type TimelinePage,
} from '../read/timeline.ts'
export type { Change } from './changes.ts'
export {
  type CompareOptions,
  type ComparedField,
  compareTimes,
  type TargetComparison,
} from './compare-times.ts'
export type { FieldDoubt, FieldState, NamedEntry, ToldValue } from './fold-fields.ts'
export {
  type FieldChange,
  history,
  type HistoryOptions,
  type TargetHistory,
  type TargetMoment,
  type TargetOptions,
} from './target-history.ts'

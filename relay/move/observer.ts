import type { LaneName } from '../../src/lanes/lane.ts'
import type { Compacted } from '../maintenance/compact.ts'
import type { Moved } from './move-statement.ts'

/** Told of a relay's work as it happens. Must be quick, and must not throw. */
export interface RelayObserver {
  cycleCompleted(): void
  batchMoved(lane: LaneName, moved: Moved, durationMs: number): void
  /** Also of what is tried again at once. The same error may be told twice. */
  failed(error: unknown): void
  gapDeclared(): void
  compacted(result: Compacted): void
}

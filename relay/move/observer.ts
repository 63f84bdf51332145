import type { LaneName } from '../../src/lanes/lane.ts'
import type { Compacted } from '../maintenance/compact.ts'
import type { Moved } from './move-statement.ts'

/** Told of a relay's work as it happens. Must be quick, and must not throw. */
export interface RelayObserver {
  cycleCompleted(): void
  batchMoved(lane: LaneName, moved: Moved, durationMs: number): void
  /** Also for a statement that is tried again at once. The same error may come twice. */
  failed(error: unknown): void
  gapDeclared(): void
  compacted(result: Compacted): void
}

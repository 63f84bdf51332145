import type { MovedLane } from '../../src/lanes/lane.ts'
import type { Compacted } from '../maintenance/compact.ts'
import type { Moved } from './move-statement.ts'

/** Is told of a relay's work while it happens. Its methods must be quick and must not throw. */
export interface RelayObserver {
  cycleCompleted(): void
  batchMoved(lane: MovedLane, moved: Moved, durationMs: number): void
  /** Called also for a statement that is tried again at once. The same error may come twice. */
  failed(error: unknown): void
  gapDeclared(): void
  compacted(result: Compacted): void
  /** @param maxBytes beyond which it is an alarm; 0: none is */
  logMeasured(bytes: number, maxBytes: number): void
}

import type { MovedLane } from '../../src/lanes/lane.ts'
import type { Compacted } from '../maintenance/compact.ts'
import type { Moved } from './move-statement.ts'
import type { RelayObserver } from './observer.ts'

export interface RelayStats {
  /** Completed cycles. Each of them looked into every lane and moved its rows. */
  readonly cycles: number
  /** Rows taken from the lanes. */
  readonly claimed: number
  /** Entries that are new in the log. */
  readonly logged: number
  /** Entries that became dead letters. */
  readonly deadLetters: number
  /** Gaps that this relay declared, because the fast lane had been emptied. */
  readonly gaps: number
  /** How many times it compacted a busy table, and how many times it could not. */
  readonly compacted: number
  readonly compactSkipped: number
}

/** What a relay has done since it was created. */
export class RelayCounters implements RelayObserver {
  #cycles = 0
  #claimed = 0
  #logged = 0
  #deadLetters = 0
  #gaps = 0
  #compacted = 0
  #compactSkipped = 0

  get claimed(): number {
    return this.#claimed
  }

  read(): RelayStats {
    return {
      cycles: this.#cycles,
      claimed: this.#claimed,
      logged: this.#logged,
      deadLetters: this.#deadLetters,
      gaps: this.#gaps,
      compacted: this.#compacted,
      compactSkipped: this.#compactSkipped,
    }
  }

  cycleCompleted(): void {
    this.#cycles += 1
  }

  batchMoved(_lane: MovedLane, { claimed, logged, parked }: Moved): void {
    this.#claimed += claimed
    this.#logged += logged
    this.#deadLetters += parked
  }

  failed(): void {}

  gapDeclared(): void {
    this.#gaps += 1
  }

  logMeasured(): void {}

  compacted({ compacted, skipped }: Compacted): void {
    this.#compacted += compacted
    this.#compactSkipped += skipped
  }
}

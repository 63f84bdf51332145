import type { Capture } from '../capture/capture.ts'
import type { CapturedEntry } from '../capture/captured-entry.ts'
import type { Encoder } from '../encode/encoder.ts'
import type { DropReason } from '../entry.ts'
import type { AuditTransaction, RecordInMode } from '../lanes/outbox.ts'
import type { AuditLogger } from '../logger.ts'
import type { CloseResult, RecorderStats } from './recorder.ts'

/**
 * Where a recorder's entries go. `Pipeline` takes them to the database; the test kit's keeps them in
 * memory. What the two have in common is not here but in `Intake` and `BoundRecorder`, once.
 */
export interface EntryPath {
  readonly capture: Capture
  readonly encoder: Encoder
  readonly logger: AuditLogger
  readonly isClosed: boolean
  /** Takes an entry on its way. Total. @returns false when it was dropped, which is counted */
  accept(captured: CapturedEntry): boolean
  /** Counts an entry that was not accepted. */
  drop(reason: DropReason): false
  /**
   * Writes encoded entries in the caller's transaction, or makes as if.
   *
   * @returns how many of them the outbox lane took
   */
  writeToOutbox(
    tx: AuditTransaction,
    encoded: readonly string[],
    mode: RecordInMode,
  ): Promise<number>
  /** @param timeoutMs default: the option `closeTimeoutMs` */
  flush(timeoutMs: number | undefined): Promise<boolean>
  /** @param timeoutMs default: the option `closeTimeoutMs` */
  close(timeoutMs: number | undefined): Promise<CloseResult>
  stats(): RecorderStats
}

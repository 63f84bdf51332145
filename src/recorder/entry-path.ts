import type { Capture } from '../capture/capture.ts'
import type { CapturedEntry } from '../capture/captured-entry.ts'
import type { Encoder } from '../encode/encoder.ts'
import type { OddEntry } from '../encode/odd-ids.ts'
import type { DropReason } from '../entry.ts'
import type { AuditTransaction, RecordInMode } from '../lanes/outbox.ts'
import type { AuditLogger } from '../logger.ts'
import type { CloseResult, RecorderStats } from './recorder.ts'

/**
 * Where a recorder's entries go: `Pipeline` takes them to the database, the memory recorder's path
 * keeps them. `Intake` and `BoundRecorder` hold the code that both need.
 */
export interface EntryPath {
  readonly capture: Capture
  readonly encoder: Encoder
  readonly logger: AuditLogger
  readonly isClosed: boolean
  /**
   * Takes a captured entry. Never throws.
   *
   * @returns false if the entry was dropped, which is counted
   */
  accept(captured: CapturedEntry): boolean
  /** Counts an entry that was not accepted. */
  drop(reason: DropReason): false
  /**
   * Refuses what is no transaction object. The memory recorder's path takes anything.
   *
   * @throws {AuditError} `AUDIT_NOT_A_TRANSACTION`
   */
  checkTransaction(tx: unknown): void
  /**
   * Writes encoded entries in the caller's transaction. The memory recorder's path only keeps them.
   *
   * @param odd those of the entries that have an id that is no UUID
   * @returns how many entries the outbox lane took
   */
  writeToOutbox(
    tx: AuditTransaction,
    encoded: readonly string[],
    mode: RecordInMode,
    odd: readonly OddEntry[],
  ): Promise<number>
  /**
   * @param timeoutMs in milliseconds; default: the option `closeTimeoutMs`
   * @param report whether the counts are reported too
   */
  flush(timeoutMs: number | undefined, report: boolean): Promise<boolean>
  /** @param timeoutMs in milliseconds; default: the option `closeTimeoutMs` */
  close(timeoutMs: number | undefined): Promise<CloseResult>
  stats(): RecorderStats
}

import type { ActionMap, AnyActions, AuditContext, DropReason, EntryOf } from '../entry.ts'
import type { AuditTransaction, RecordInMode } from '../lanes/outbox.ts'

export interface RecordInOptions {
  /**
   * Whether a failure is logged (`best-effort`) or also prevents the commit (`atomic`).
   *
   * @default 'best-effort'
   */
  readonly mode?: RecordInMode | undefined
}

export interface RecorderStats {
  /** A UUID. Null for a recorder that does nothing. */
  readonly recorderId: string | null
  /** Entries that `record()` accepted. */
  readonly recorded: number
  /** Recorded entries that the database has confirmed. */
  readonly staged: number
  /** Entries refused or lost, by reason. A reason that never occurred is absent. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  /**
   * Entries that are stored differently from what was given. `context.degraded` of each says how.
   */
  readonly degraded: number
  /** Entries in memory, whether they wait or are being sent. */
  readonly bufferedEntries: number
  /** Estimated size of the entries in memory, in bytes. */
  readonly bufferedBytes: number
}

export interface CloseResult {
  /** Entries that were staged while `close()` ran. */
  readonly flushed: number
  /** Entries that `close()` gave up, counted as `timeout`. */
  readonly dropped: number
}

/** Takes entries from handlers. Every method is safe to call at any time, also after `close()`. */
export interface Recorder<Actions extends ActionMap = AnyActions> {
  /**
   * Accepts one entry. It is synchronous, does no I/O and never throws for any entry.
   *
   * The entry is read during the call. Later changes to it have no effect.
   *
   * @returns false if the entry was dropped; `stats().dropped` says why
   */
  record(entry: EntryOf<Actions>): boolean
  /**
   * Writes one or more entries into the outbox lane, inside the caller's own Drizzle transaction.
   * The entries exist if and only if the transaction commits. Call and await it inside the
   * transaction's callback, because afterwards the connection may already serve another
   * transaction.
   *
   * In mode `best-effort` a failure to record is logged and resolves to 0, and the transaction goes
   * on. In mode `atomic` a failure rejects, and the transaction cannot commit.
   *
   * @returns how many entries the outbox lane took
   * @throws {AuditError} `AUDIT_NOT_IN_TRANSACTION` and, before any SQL, `AUDIT_ACTION_RESERVED` in
   * both modes; in mode `atomic` also
   * `AUDIT_ENTRY_UNSHAPABLE`, `AUDIT_DATABASE_FAILED` and, after `statementTimeoutMs`,
   * `AUDIT_DEADLINE_PASSED`
   */
  recordIn(
    tx: AuditTransaction,
    entries: EntryOf<Actions> | readonly EntryOf<Actions>[],
    options?: RecordInOptions,
  ): Promise<number>
  /**
   * Makes a recorder that adds `context` to each entry and shares this recorder's buffer. It is the
   * cheapest way to carry context.
   */
  child(context: AuditContext): Recorder<Actions>
  /**
   * Runs `fn`. Entries recorded inside it carry this context, also those of package-level
   * `record()`.
   */
  withContext<T>(context: AuditContext, fn: () => T): T
  /**
   * Resolves to true when all entries accepted before this call are staged. Resolves to false if
   * `timeoutMs` passes first; the entries then stay buffered.
   *
   * @param options.timeoutMs in milliseconds; default `closeTimeoutMs`
   */
  flush(options?: { readonly timeoutMs?: number | undefined }): Promise<boolean>
  /**
   * Stages the buffered entries, reports the counts, and closes the connection. Safe to call twice.
   * Closing a child also closes the recorder that made it.
   *
   * @param options.timeoutMs in milliseconds; entries not staged by then are dropped; default
   * `closeTimeoutMs`
   */
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<CloseResult>
  stats(): RecorderStats
  [Symbol.asyncDispose](): Promise<void>
}

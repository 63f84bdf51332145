import type { ActionMap, AnyActions, AuditContext, DropReason, EntryOf } from '../entry.ts'
import type { AuditTransaction, RecordInMode } from '../lanes/outbox.ts'

export interface RecordInOptions {
  /** @default 'best-effort' */
  readonly mode?: RecordInMode | undefined
}

export interface RecorderStats {
  /** Null for a recorder that does nothing. */
  readonly recorderId: string | null
  /** Entries that were accepted: by `record()`, and our own `audit.drop` entries. */
  readonly recorded: number
  /** Of those, how many the database has confirmed to hold. */
  readonly staged: number
  /** Entries refused or lost, by reason; a reason that never occurred is absent. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  /** Entries stored less faithfully than given; each says how in `context.degraded`. */
  readonly degraded: number
  /** Entries in memory, waiting and in flight. */
  readonly bufferedEntries: number
  /** Their estimated size. */
  readonly bufferedBytes: number
}

export interface CloseResult {
  /** Entries that were staged between the call of `close()` and its end. */
  readonly flushed: number
  /** Entries that were given up, counted as `timeout`. */
  readonly dropped: number
}

/** Takes entries from handlers. Every method is safe to call at any time, closed or not. */
export interface Recorder<Actions extends ActionMap = AnyActions> {
  /**
   * Accepts one entry. Synchronous; does no I/O; never throws, whatever it is given.
   *
   * The entry is read during the call: changing it afterwards changes nothing.
   *
   * @returns false when the entry was dropped; `stats().dropped` says why
   */
  record(entry: EntryOf<Actions>): boolean
  /**
   * Writes one entry or many into the outbox lane, inside the caller's own Drizzle transaction:
   * they exist if and only if it commits. Await it inside the callback: first called after that, it
   * may meet whoever has the connection by then.
   *
   * In mode `best-effort` a failure of ours is logged and resolves to 0, and the transaction goes
   * on. In mode `atomic` it rejects, and the transaction cannot commit.
   *
   * @returns how many entries the lane took
   * @throws {AuditError} `AUDIT_NOT_IN_TRANSACTION` in both modes; in mode `atomic` also
   * `AUDIT_ENTRY_UNSHAPABLE`, `AUDIT_DATABASE_FAILED` and, after `statementTimeoutMs`,
   * `AUDIT_DEADLINE_PASSED`
   */
  recordIn(
    tx: AuditTransaction,
    entries: EntryOf<Actions> | readonly EntryOf<Actions>[],
    options?: RecordInOptions,
  ): Promise<number>
  /** A recorder with context bound, over the same buffer: the cheapest way to carry context. */
  child(context: AuditContext): Recorder<Actions>
  /** Runs `fn`; whatever is recorded in it carries this context, by package-level `record()` too. */
  withContext<T>(context: AuditContext, fn: () => T): T
  /**
   * Resolves to true once everything accepted before this call is staged, and to false when
   * `timeoutMs` passed first; the entries stay buffered then.
   *
   * @param options.timeoutMs default `closeTimeoutMs`
   */
  flush(options?: { readonly timeoutMs?: number | undefined }): Promise<boolean>
  /**
   * Stages what is buffered, reports, and lets go of the connection. Safe to call twice. Closing a
   * child closes the recorder that it came from.
   *
   * @param options.timeoutMs default `closeTimeoutMs`; what is not staged by then is dropped
   */
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<CloseResult>
  stats(): RecorderStats
  [Symbol.asyncDispose](): Promise<void>
}

import type {
  ActionMap,
  AnyActions,
  AuditContext,
  DropReason,
  EntryOf,
  FastEntryOf,
} from '../entry.ts'
import type { CapturedContext } from '../context/captured-context.ts'
import type { AuditTransaction, RecordInMode } from '../lanes/outbox.ts'

export interface RecordInOptions {
  /**
   * Whether a failure prevents the commit (`atomic`) or is only logged (`best-effort`).
   *
   * @default 'atomic'
   */
  readonly mode?: RecordInMode | undefined
}

export interface FlushOptions {
  /** In milliseconds. Default: the recorder's `closeTimeoutMs`. */
  readonly timeoutMs?: number | undefined
  /**
   * Whether the recorder's counts are reported too, which else happens every `reportIntervalMs`. It
   * is for a function that may be frozen and ended after this call: `audit-relay status` then does
   * not take it for one that died.
   *
   * @default false
   */
  readonly report?: boolean | undefined
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
  record(entry: FastEntryOf<Actions>): boolean
  /**
   * Writes one or more entries into the outbox lane, inside the caller's own transaction. The
   * entries exist if and only if the transaction commits. Call and await it inside the
   * transaction's callback, because afterwards the connection may already serve another
   * transaction.
   *
   * A failure to record rejects, and the transaction cannot commit. In mode `best-effort` it is
   * logged and resolves to 0, and the transaction goes on without the entry.
   *
   * @param tx Drizzle's transaction, a client of `pg` after `BEGIN`, or what `fromKysely`,
   * `fromPrisma`, `fromKnex`, `fromTypeorm` or `fromPostgres` makes of that library's
   * @returns how many entries the outbox lane took
   * @throws {AuditError} in both modes, with nothing written: `AUDIT_NOT_IN_TRANSACTION` and, before
   * any SQL, `AUDIT_NOT_A_TRANSACTION`, `AUDIT_ACTION_RESERVED` and `AUDIT_OPTION_INVALID`; in mode
   * `atomic` also `AUDIT_ENTRY_UNSHAPABLE`, `AUDIT_DATABASE_FAILED` and, after
   * `statementTimeoutMs`, `AUDIT_DEADLINE_PASSED`
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
   * What an entry recorded now would know of its user and request, small enough for the data of a
   * job: JSON of at most 1,024 bytes, without secrets. `runWithContext()` takes it.
   *
   * @example
   * ```ts
   * await queue.add('send-invitations', { eventId, audit: request.audit.captureContext() })
   * ```
   */
  captureContext(): CapturedContext
  /**
   * Runs `fn`. Entries recorded inside it, also those of package-level `record()`, carry the captured
   * context and nothing of the context around the call.
   *
   * It does not throw, whatever it is given. Where the value is missing, was not made by
   * `captureContext()`, or was changed, the entries carry no context and are marked
   * `context.missing` or `context.refused` in `context.degraded`.
   *
   * @param captured as it came out of the job's data, or its JSON
   */
  runWithContext<T>(captured: unknown, fn: () => T): T
  /**
   * Resolves to true when all entries accepted before this call are staged. Resolves to false if
   * `timeoutMs` passes first; the entries then stay buffered.
   */
  flush(options?: FlushOptions): Promise<boolean>
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

import { CatalogCheck } from '../actions/catalog-check.ts'
import { refuseNoCatalog } from '../actions/define-actions.ts'
import { type Capture, createCapture } from '../capture/capture.ts'
import type { CapturedEntry } from '../capture/captured-entry.ts'
import { createEncoder, type Encoder } from '../encode/encoder.ts'
import type { ActionMap, ActorKind, AnyActions, DropReason, IdKind, Outcome } from '../entry.ts'
import { AuditError, type AuditErrorCode, optionInvalid } from '../errors.ts'
import type { AuditTransaction } from '../lanes/outbox.ts'
import type { AuditLogger } from '../logger.ts'
import { RECORDER_LIMITS, refuseUnknownOptions, resolveLimits } from '../options.ts'
import type { LoggedEntry } from '../read/logged-entry.ts'
import { BoundRecorder } from '../recorder/bound-recorder.ts'
import type { RecorderOptions } from '../recorder/create-recorder.ts'
import type { EntryPath } from '../recorder/entry-path.ts'
import { Intake } from '../recorder/intake.ts'
import type { CloseResult, Recorder, RecorderStats } from '../recorder/recorder.ts'
import { compileRedactor } from '../redact/redactor.ts'
import { type MemoryTransaction, MemoryTransactions } from './memory-transactions.ts'
import { isMarked, keepUuids } from './uuid-columns.ts'

/**
 * An entry as `audit_log` would hold it, without the columns that the relay and the recorder
 * number.
 */
export interface MemoryEntry
  extends Omit<LoggedEntry, 'seq' | 'loggedAt' | 'writtenBy' | 'recorderId' | 'recorderSeq'> {
  /** `outbox` for entries of `recordIn`. */
  readonly lane: 'staging' | 'outbox'
}

export interface MemoryRecorderOptions<Actions extends ActionMap = AnyActions>
  extends Pick<RecorderOptions<Actions>, 'actions' | 'redact' | 'context' | 'maxEntryBytes'> {
  /**
   * What the ids of the database are that the tests stand for. With `uuid` an id that is no UUID is
   * kept in `context.invalid`, as there. @default 'uuid'
   */
  readonly ids?: IdKind | undefined
}

/** A recorder that keeps its entries in memory. */
export interface MemoryRecorder<Actions extends ActionMap = AnyActions> extends Recorder<Actions> {
  /**
   * Entries of this recorder and its children since the last `clear()`, in the order of recording.
   */
  readonly entries: readonly MemoryEntry[]
  clear(): void
  /**
   * Runs `work` as a transaction. What `recordIn` writes in it is among the entries once `work` has
   * resolved. Where it throws, that is gone.
   */
  transaction<T>(work: (tx: MemoryTransaction) => Promise<T>): Promise<T>
  /**
   * Returns a stand-in for a database of any data layer, whose transactions this recorder follows:
   * what `recordIn` writes in one that is rolled back is gone. It follows the callbacks of
   * `transaction`, `$transaction`, `begin`, and of Kysely's `transaction().execute`. In a
   * transaction that it does not follow, entries are kept at once.
   */
  follow<Database extends object>(database: Database): Database
  /**
   * Makes every later `recordIn` fail as if the database had failed: it rejects, and
   * in mode `best-effort` it resolves to 0.
   *
   * @param code default `AUDIT_DATABASE_FAILED`; `AUDIT_NOT_IN_TRANSACTION` rejects in both modes;
   * after `null` calls succeed again
   */
  failRecordIn(code?: AuditErrorCode | null): void
}

/**
 * Makes a recorder for tests. It shapes and censors entries as the real one does, and keeps them as
 * they would be stored. It needs no database. `recordIn` accepts any value as the transaction.
 *
 * @example
 * ```ts
 * const audit = createMemoryRecorder()
 * await updateBranding({ audit }, { eventId, primaryColor: '#ffffff' })
 * assert.equal(audit.entries[0]?.action, 'branding.update')
 * ```
 */
export function createMemoryRecorder<Actions extends ActionMap = AnyActions>(
  options: MemoryRecorderOptions<Actions> = {},
): MemoryRecorder<Actions> {
  refuseUnknownOptions(options, ['actions', 'redact', 'context', 'maxEntryBytes', 'ids'])
  const { actions, redact, context, maxEntryBytes: given, ids = 'uuid' } = options
  if (ids !== 'uuid' && ids !== 'text') throw optionInvalid('ids must be "uuid" or "text".')
  refuseNoCatalog(actions)
  const { maxEntryBytes } = resolveLimits(
    { maxEntryBytes: RECORDER_LIMITS.maxEntryBytes },
    { maxEntryBytes: given },
  )
  const redactor = compileRedactor(redact)
  const check = actions && new CatalogCheck(actions, SILENT)
  const capture = createCapture({ maxEntryBytes, redactor, check })
  const encoder = createEncoder({ recorderId: MEMORY_RECORDER_ID, maxEntryBytes, redactor })
  const path = new MemoryPath(capture, encoder, ids)
  return new BoundMemoryRecorder<Actions>(path, new Intake(path, context))
}

const MEMORY_RECORDER_ID = '00000000-0000-7000-8000-000000000000'

/** Logs nothing. A test sees failures in what the recorder returns and counts. */
const SILENT: AuditLogger = { debug() {}, info() {}, warn() {}, error() {} }

/** Keeps the entries that `Pipeline` would send to the database. */
class MemoryPath implements EntryPath {
  readonly capture: Capture
  readonly encoder: Encoder
  readonly logger = SILENT
  readonly transactions = new MemoryTransactions<MemoryEntry>((entries) => {
    this.#entries.push(...entries)
  })
  #entries: MemoryEntry[] = []
  #failure: AuditErrorCode | null = null
  #isClosed = false
  #accepted = 0
  readonly #dropped: Partial<Record<DropReason, number>> = {}
  readonly #ids: IdKind

  constructor(capture: Capture, encoder: Encoder, ids: IdKind) {
    this.capture = capture
    this.encoder = encoder
    this.#ids = ids
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get entries(): readonly MemoryEntry[] {
    return this.#entries
  }

  clear(): void {
    this.#entries = []
  }

  /** @param code the error code of every later `recordIn`; null: they succeed */
  failWith(code: AuditErrorCode | null): void {
    this.#failure = code
  }

  accept(captured: CapturedEntry): boolean {
    this.#accepted += 1
    try {
      this.#entries.push(this.#stored(this.encoder.encode(captured, this.#accepted), 'staging'))
    } catch {
      this.drop('refused') // `Pipeline` drops it too, but later
    }
    return true
  }

  drop(reason: DropReason): false {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1
    return false
  }

  checkTransaction(): void {}

  async writeToOutbox(_tx: AuditTransaction, encoded: readonly string[]): Promise<number> {
    if (this.#failure) throw new AuditError(this.#failure, 'failRecordIn() made this call fail.')
    this.transactions.add(encoded.map((json) => this.#stored(json, 'outbox')))
    return encoded.length
  }

  #stored(json: string, lane: MemoryEntry['lane']): MemoryEntry {
    const row = JSON.parse(json) as Record<string, unknown>
    if (this.#ids === 'uuid') {
      const wasMarked = isMarked(row)
      keepUuids(row)
      if (!wasMarked && isMarked(row)) this.encoder.countDegraded(1)
    }
    return storedEntry(row, lane)
  }

  flush(): Promise<boolean> {
    return Promise.resolve(true)
  }

  close(): Promise<CloseResult> {
    this.#isClosed = true
    return Promise.resolve({ flushed: 0, dropped: 0 })
  }

  stats(): RecorderStats {
    return {
      recorderId: MEMORY_RECORDER_ID,
      recorded: this.#accepted,
      staged: this.#accepted,
      dropped: { ...this.#dropped },
      degraded: this.encoder.degraded,
      bufferedEntries: 0,
      bufferedBytes: 0,
    }
  }
}

class BoundMemoryRecorder<Actions extends ActionMap>
  extends BoundRecorder<Actions>
  implements MemoryRecorder<Actions>
{
  readonly #path: MemoryPath

  constructor(path: MemoryPath, intake: Intake) {
    super(intake)
    this.#path = path
  }

  get entries(): readonly MemoryEntry[] {
    return this.#path.entries
  }

  clear(): void {
    this.#path.clear()
  }

  transaction<T>(work: (tx: MemoryTransaction) => Promise<T>): Promise<T> {
    return this.#path.transactions.run(work)
  }

  follow<Database extends object>(database: Database): Database {
    return this.#path.transactions.follow(database)
  }

  failRecordIn(code: AuditErrorCode | null = 'AUDIT_DATABASE_FAILED'): void {
    this.#path.failWith(code)
  }
}

/** The entry as read from the JSON for the database, so that a test sees what would be stored. */
function storedEntry(row: Record<string, unknown>, lane: MemoryEntry['lane']): MemoryEntry {
  const text = (column: string) => (row[column] as string | null | undefined) ?? null
  return {
    id: row['id'] as string,
    occurredAt: new Date(row['occurred_at'] as string),
    userId: text('user_id'),
    eventId: text('event_id'),
    targetId: text('target_id'),
    moreTargets: (row['more_targets'] ?? null) as readonly string[] | null,
    outcome: text('outcome') as Outcome | null,
    actorId: text('actor_id'),
    actorKind: text('actor_kind') as ActorKind | null,
    action: row['action'] as string,
    entityType: text('entity_type'),
    requestId: text('request_id'),
    metadata: (row['metadata'] ?? {}) as Record<string, unknown>,
    context: (row['context'] ?? {}) as Record<string, unknown>,
    lane,
  }
}

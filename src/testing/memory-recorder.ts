import { contextNow } from '../context/context-now.ts'
import { runInScope } from '../context/scope.ts'
import type { RecorderOptions } from '../recorder/create-recorder.ts'
import { createEncoder, type Encoder } from '../encode/encoder.ts'
import type { ActionMap, AnyActions, AuditContext, DropReason, EntryOf } from '../entry.ts'
import { AuditError, type AuditErrorCode } from '../errors.ts'
import { RECORDER_LIMITS, refuseUnknownOptions, resolveLimits } from '../options.ts'
import type { AuditTransaction } from '../lanes/outbox.ts'
import type { BoundContext, PendingEntry } from '../capture/captured-entry.ts'
import type { CloseResult, Recorder, RecorderStats, RecordInOptions } from '../recorder/recorder.ts'
import { compileRedactor } from '../redact/redactor.ts'
import { createShaper, type Shaper } from '../capture/capture.ts'

/** An entry as `audit_log` would hold it. */
export interface MemoryEntry {
  readonly id: string
  readonly occurredAt: Date
  readonly userId: string | null
  readonly eventId: string | null
  readonly targetId: string | null
  readonly action: string
  readonly entityType: string | null
  readonly requestId: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
  /** `outbox` for what `recordIn` took; whether its transaction committed is not known here. */
  readonly lane: 'staging' | 'outbox'
}

export type MemoryRecorderOptions = Pick<RecorderOptions, 'redact' | 'context' | 'maxEntryBytes'>

/** A recorder that keeps its entries. */
export interface MemoryRecorder<Actions extends ActionMap = AnyActions> extends Recorder<Actions> {
  /** What it, and its children, have recorded since the last `clear()`, in that order. */
  readonly entries: readonly MemoryEntry[]
  clear(): void
  /**
   * Makes every `recordIn` from now on fail as the database would: it resolves to 0 in mode
   * `best-effort` and rejects in mode `atomic`.
   *
   * @param code default `AUDIT_DATABASE_FAILED`; `AUDIT_NOT_IN_TRANSACTION` rejects in both modes;
   * `null` ends it
   */
  failRecordIn(code?: AuditErrorCode | null): void
}

/**
 * A recorder for tests: shapes and censors as the real one does, and keeps what would be stored.
 * It needs no database; `recordIn` takes anything for a transaction, and keeps what it is given.
 *
 * @example
 * ```ts
 * const audit = createMemoryRecorder()
 * await updateBranding({ audit }, { eventId, primaryColor: '#ffffff' })
 * assert.equal(audit.entries[0]?.action, 'branding.update')
 * ```
 */
export function createMemoryRecorder<Actions extends ActionMap = AnyActions>(
  options: MemoryRecorderOptions = {},
): MemoryRecorder<Actions> {
  refuseUnknownOptions(options, ['redact', 'context', 'maxEntryBytes'])
  const { redact, context, maxEntryBytes: given } = options
  const { maxEntryBytes } = resolveLimits(
    { maxEntryBytes: RECORDER_LIMITS.maxEntryBytes },
    { maxEntryBytes: given },
  )
  const redactor = compileRedactor(redact)
  const shaper = createShaper({ maxEntryBytes, redactor })
  const encoder = createEncoder({ recorderId: MEMORY_RECORDER_ID, maxEntryBytes, redactor })
  return new BoundMemoryRecorder<Actions>(new Memory(shaper, encoder, context), undefined)
}

const MEMORY_RECORDER_ID = '00000000-0000-7000-8000-000000000000'

/** What a memory recorder and its children share. */
class Memory {
  readonly shaper: Shaper
  readonly #encoder: Encoder
  readonly #askContext: RecorderOptions['context']
  entries: MemoryEntry[] = []
  failure: AuditErrorCode | null = null
  isClosed = false
  #accepted = 0
  #isRecording = false
  readonly #dropped: Partial<Record<DropReason, number>> = {}

  constructor(shaper: Shaper, encoder: Encoder, askContext: RecorderOptions['context']) {
    this.shaper = shaper
    this.#encoder = encoder
    this.#askContext = askContext
  }

  record(entry: unknown, bound: BoundContext | undefined): boolean {
    if (this.isClosed) return this.#drop('closed')
    if (this.#isRecording) return this.#drop('reentrant')
    this.#isRecording = true
    try {
      const pending = this.shape(entry, bound)
      if (pending === undefined) return this.#drop('unshapable')
      this.keep(pending, 'staging')
      this.#accepted += 1
      return true
    } catch {
      return this.#drop('unshapable')
    } finally {
      this.#isRecording = false
    }
  }

  shape(entry: unknown, bound: BoundContext | undefined): PendingEntry | undefined {
    const context = contextNow(this.shaper, bound, this.#askContext)
    return this.shaper.shape(entry, context, Date.now())
  }

  keep(pending: PendingEntry, lane: MemoryEntry['lane']): void {
    const recorderSeq = lane === 'staging' ? this.#accepted + 1 : null
    this.entries.push(storedEntry(this.#encoder.encode(pending, recorderSeq), lane))
  }

  #drop(reason: DropReason): false {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1
    return false
  }

  stats(): RecorderStats {
    return {
      recorderId: MEMORY_RECORDER_ID,
      recorded: this.#accepted,
      staged: this.#accepted,
      dropped: { ...this.#dropped },
      degraded: this.#encoder.degraded,
      bufferedEntries: 0,
      bufferedBytes: 0,
    }
  }
}

class BoundMemoryRecorder<Actions extends ActionMap> implements MemoryRecorder<Actions> {
  readonly #memory: Memory
  readonly #bound: BoundContext | undefined

  constructor(memory: Memory, bound: BoundContext | undefined) {
    this.#memory = memory
    this.#bound = bound
  }

  get entries(): readonly MemoryEntry[] {
    return this.#memory.entries
  }

  clear(): void {
    this.#memory.entries = []
  }

  failRecordIn(code: AuditErrorCode | null = 'AUDIT_DATABASE_FAILED'): void {
    this.#memory.failure = code
  }

  record(entry: EntryOf<Actions>): boolean {
    return this.#memory.record(entry, this.#bound)
  }

  recordIn(
    _tx: AuditTransaction,
    entries: EntryOf<Actions> | readonly EntryOf<Actions>[],
    { mode = 'best-effort' }: RecordInOptions = {},
  ): Promise<number> {
    const taken = this.#recordIn(Array.isArray(entries) ? entries : [entries], mode === 'atomic')
    taken.catch(() => {}) // as forgiving of a forgotten await as the real one
    return taken
  }

  async #recordIn(entries: readonly unknown[], isAtomic: boolean): Promise<number> {
    const { failure } = this.#memory
    const pending = entries
      .map((entry) => this.#memory.shape(entry, this.#bound))
      .filter((shaped) => shaped !== undefined)
    if (isAtomic && pending.length < entries.length) {
      throw new AuditError('AUDIT_ENTRY_UNSHAPABLE', 'An entry without an action was given.')
    }
    if (failure && (isAtomic || failure === 'AUDIT_NOT_IN_TRANSACTION')) {
      throw new AuditError(failure, 'failRecordIn() asked for this.')
    }
    if (failure) return 0
    for (const shaped of pending) this.#memory.keep(shaped, 'outbox')
    return pending.length
  }

  child(context: AuditContext): Recorder<Actions> {
    return new BoundMemoryRecorder(this.#memory, this.#memory.shaper.bind(context, this.#bound))
  }

  withContext<T>(context: AuditContext, fn: () => T): T {
    return runInScope(context, this as unknown as Recorder, fn)
  }

  flush(): Promise<boolean> {
    return Promise.resolve(true)
  }

  close(): Promise<CloseResult> {
    this.#memory.isClosed = true
    return Promise.resolve({ flushed: 0, dropped: 0 })
  }

  stats(): RecorderStats {
    return this.#memory.stats()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** From the text that would be sent to the database, so that a test sees what would be stored. */
function storedEntry(json: string, lane: MemoryEntry['lane']): MemoryEntry {
  const row = JSON.parse(json) as Record<string, unknown>
  const text = (column: string) => (row[column] as string | null | undefined) ?? null
  return {
    id: row['id'] as string,
    occurredAt: new Date(row['occurred_at'] as string),
    userId: text('user_id'),
    eventId: text('event_id'),
    targetId: text('target_id'),
    action: row['action'] as string,
    entityType: text('entity_type'),
    requestId: text('request_id'),
    metadata: (row['metadata'] ?? {}) as Record<string, unknown>,
    context: (row['context'] ?? {}) as Record<string, unknown>,
    lane,
  }
}

import { randomUUID } from 'node:crypto'
import { contextNow } from './bound-context.ts'
import { EntryBuffer } from './buffer.ts'
import { runInScope } from './context.ts'
import { Database } from './database.ts'
import { DropCounter } from './drops.ts'
import { createEncoder, type Encoder } from './encode.ts'
import type { ActionMap, AnyActions, AuditContext, DropReason, EntryOf } from './entry.ts'
import { AuditError, safeError } from './errors.ts'
import { Flusher } from './flusher.ts'
import { insertIntoLane } from './lane.ts'
import { type AuditLogger, guardLogger } from './logger.ts'
import { createNoopRecorder } from './noop-recorder.ts'
import {
  databaseUrlFor,
  RECORDER_LIMITS,
  type RecorderLimits,
  refuseUnknownOptions,
  resolveLimits,
} from './options.ts'
import { type AuditTransaction, type RecordInMode, writeToOutbox } from './outbox.ts'
import { compileRedactor, type RedactOptions } from './redact.ts'
import { Reporter } from './reporter.ts'
import type { BoundContext, PendingEntry } from './pending.ts'
import { createShaper, type Shaper } from './shape.ts'

export interface RecorderOptions extends Partial<RecorderLimits> {
  /**
   * A `postgres://` URL of a login that was granted `audit_app`.
   * Default: `AUDIT_APP_DATABASE_URL`, else `DATABASE_URL`; with none, a recorder that does nothing.
   */
  readonly databaseUrl?: string | undefined
  /** The host's logger. Default: pino's own. */
  readonly logger?: AuditLogger | undefined
  /** What is censored beside the usual secrets; `false` censors nothing at all. */
  readonly redact?: RedactOptions | readonly string[] | false | undefined
  /**
   * Asked at each `record()` for who and where: the cheap way for an application that carries its
   * request's context already. Must be quick; when it throws, the entry goes without.
   */
  readonly context?: (() => AuditContext | undefined) | undefined
}

export interface RecordInOptions {
  /** @default 'best-effort' */
  readonly mode?: RecordInMode | undefined
}

export interface RecorderStats {
  /** Null for a recorder that does nothing. */
  readonly recorderId: string | null
  /** Entries that `record()` accepted. */
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
   * they exist if and only if it commits. Await it inside the callback.
   *
   * In mode `best-effort` a failure of ours is logged and resolves to 0, and the transaction goes
   * on. In mode `atomic` it rejects, and the transaction cannot commit.
   *
   * @returns how many entries the lane took
   * @throws {AuditError} `AUDIT_NOT_IN_TRANSACTION` in both modes; in mode `atomic` also
   * `AUDIT_ENTRY_UNSHAPABLE` and `AUDIT_DATABASE_FAILED`
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

const OPTION_NAMES = [
  ...Object.keys(RECORDER_LIMITS),
  'databaseUrl',
  'logger',
  'redact',
  'context',
] as const

/**
 * A recorder over one bounded buffer and one connection of its own.
 *
 * It connects with the first entry, not before, and keeps working while the database is away.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, naming every option that is wrong
 */
export function createRecorder<Actions extends ActionMap = AnyActions>(
  options: RecorderOptions = {},
): Recorder<Actions> {
  refuseUnknownOptions(options, OPTION_NAMES)
  const limits = resolveLimits<keyof RecorderLimits>(RECORDER_LIMITS, options, process.env)
  const redactor = compileRedactor(options.redact)
  const logger = guardLogger(options.logger, 'audit-outbox')
  const url = databaseUrlFor('app', options.databaseUrl, process.env)
  if (url === undefined) {
    logger.warn(
      {},
      'audit is off: no databaseUrl, AUDIT_APP_DATABASE_URL or DATABASE_URL; entries are dropped',
    )
    return createNoopRecorder()
  }
  const { maxEntryBytes } = limits
  const shaper = createShaper({ maxEntryBytes, redactor })
  const path = new RecorderPath({ url, limits, logger, shaper, context: options.context })
  return new BoundRecorder<Actions>(path, undefined)
}

interface PathParts {
  readonly url: string
  readonly limits: RecorderLimits
  readonly logger: AuditLogger
  readonly shaper: Shaper
  readonly context: (() => AuditContext | undefined) | undefined
}

/** What a recorder and its children share: an entry's way in this process, in order. */
class RecorderPath {
  readonly id = randomUUID()
  readonly shaper: Shaper
  readonly encoder: Encoder
  readonly limits: RecorderLimits
  readonly logger: AuditLogger
  readonly context: (() => AuditContext | undefined) | undefined
  readonly #buffer: EntryBuffer<PendingEntry>
  readonly #drops: DropCounter
  readonly #flusher: Flusher
  readonly #reporter: Reporter
  readonly #database: Database
  #accepted = 0
  #recording = false
  #closing: Promise<CloseResult> | undefined

  constructor({ url, limits, logger, shaper, context }: PathParts) {
    const { maxEntryBytes, maxBatchEntries, flushIntervalMs, statementTimeoutMs } = limits
    const recorderId = this.id
    this.limits = limits
    this.logger = logger
    this.shaper = shaper
    this.context = context
    this.encoder = createEncoder({ recorderId, maxEntryBytes })
    this.#drops = new DropCounter(logger)
    this.#buffer = new EntryBuffer({
      maxEntries: limits.maxBufferEntries,
      maxBytes: limits.maxBufferBytes,
    })
    const applicationName = `audit-outbox recorder ${recorderId}`
    this.#database = new Database({ url, applicationName, statementTimeoutMs })
    this.#reporter = new Reporter({
      recorderId,
      startedAt: new Date(),
      intervalMs: limits.reportIntervalMs,
      counts: () => ({
        accepted: this.#accepted,
        staged: this.#flusher.staged,
        dropped: this.#drops.byReason,
      }),
      execute: (query) => this.#database.execute(query),
    })
    this.#flusher = new Flusher({
      buffer: this.#buffer,
      encoder: this.encoder,
      stage: (encoded) => this.#database.execute(insertIntoLane('staging', encoded)),
      drops: this.#drops,
      logger,
      flushIntervalMs,
      maxBatchEntries,
      onStaged: () => this.#reporter.changed(),
    })
  }

  /** Total: whatever it is given, in whatever state, it answers at once. */
  record(entry: unknown, recorder: { contextNow(): BoundContext | undefined }): boolean {
    if (this.#closing) return this.#drop('closed')
    // A getter of the entry, or a logger, that records: its own record() would never end.
    if (this.#recording) return this.#drop('reentrant')
    this.#recording = true
    let pending: PendingEntry | undefined
    try {
      pending = this.shaper.shape(entry, recorder.contextNow(), Date.now())
    } catch {
      // Not logged: the error may quote the entry.
    } finally {
      this.#recording = false
    }
    if (pending === undefined) return this.#drop('unshapable')
    if (!this.#buffer.push(pending)) return this.#drop('full')
    this.#accepted += 1
    this.#flusher.wake()
    return true
  }

  #drop(reason: DropReason): false {
    this.#drops.count(reason)
    return false
  }

  flush(timeoutMs: number): Promise<boolean> {
    return within(timeoutMs, this.#flusher.flush(this.#accepted))
  }

  close(timeoutMs: number): Promise<CloseResult> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<CloseResult> {
    const stagedBefore = this.#flusher.staged
    const isReachable = await this.flush(timeoutMs)
    const lostBefore = this.#drops.total
    await this.#flusher.stop()
    const dropped = this.#drops.total - lostBefore
    if (isReachable && this.#accepted > 0) await this.#reporter.close()
    await this.#database.close()
    return { flushed: this.#flusher.staged - stagedBefore, dropped }
  }

  stats(): RecorderStats {
    return {
      recorderId: this.id,
      recorded: this.#accepted,
      staged: this.#flusher.staged,
      dropped: this.#drops.byReason,
      degraded: this.encoder.degraded,
      bufferedEntries: this.#buffer.size,
      bufferedBytes: this.#buffer.bytes,
    }
  }
}

/** A recorder's front: the shared path, and the context that is bound to it. */
class BoundRecorder<Actions extends ActionMap = AnyActions> implements Recorder<Actions> {
  readonly #path: RecorderPath
  readonly #context: BoundContext | undefined

  constructor(path: RecorderPath, context: BoundContext | undefined) {
    this.#path = path
    this.#context = context
  }

  record(entry: EntryOf<Actions>): boolean {
    return this.#path.record(entry, this)
  }

  recordIn(
    tx: AuditTransaction,
    entries: EntryOf<Actions> | readonly EntryOf<Actions>[],
    { mode = 'best-effort' }: RecordInOptions = {},
  ): Promise<number> {
    const written = this.#recordIn(tx, Array.isArray(entries) ? entries : [entries], mode)
    // A forgotten await must cost the caller an entry at most, not the process.
    written.catch(() => {})
    return written
  }

  async #recordIn(
    tx: AuditTransaction,
    entries: readonly unknown[],
    mode: RecordInMode,
  ): Promise<number> {
    const { shaper, encoder, logger } = this.#path
    const nowMs = Date.now()
    const context = this.contextNow()
    const encoded: string[] = []
    for (const entry of entries) {
      const pending = shaper.shape(entry, context, nowMs)
      if (pending) encoded.push(encoder.encode(pending, null).json)
    }
    const unshapable = entries.length - encoded.length
    if (unshapable > 0) {
      const message =
        'an entry without an action, or one that cannot be read, was given to recordIn'
      if (mode === 'atomic') throw new AuditError('AUDIT_ENTRY_UNSHAPABLE', message)
      logger.warn({ unshapable }, message)
    }
    if (encoded.length === 0) return 0
    try {
      const taken = await writeToOutbox(tx, encoded, mode)
      if (taken < encoded.length) {
        logger.warn({ given: encoded.length, taken }, 'audit.record did not take every entry')
      }
      return taken
    } catch (error) {
      const safe = safeError(error)
      logger.warn({ code: safe.code, fault: safe.fault, entries: encoded.length }, safe.message)
      if (mode === 'atomic' || safe.code === 'AUDIT_NOT_IN_TRANSACTION') throw safe
      return 0
    }
  }

  child(context: AuditContext): Recorder<Actions> {
    return new BoundRecorder(this.#path, this.#path.shaper.bind(context, this.#context))
  }

  withContext<T>(context: AuditContext, fn: () => T): T {
    return runInScope(context, this as unknown as Recorder, fn)
  }

  flush({ timeoutMs = this.#path.limits.closeTimeoutMs } = {}): Promise<boolean> {
    return this.#path.flush(timeoutMs)
  }

  close({ timeoutMs = this.#path.limits.closeTimeoutMs } = {}): Promise<CloseResult> {
    return this.#path.close(timeoutMs)
  }

  stats(): RecorderStats {
    return this.#path.stats()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** This recorder's own context over the scope's: what is nearer to the entry wins. */
  contextNow(): BoundContext | undefined {
    const { shaper, context } = this.#path
    return contextNow(shaper, this.#context, context)
  }
}

/** False once the time has passed; the promise goes on. */
async function within(timeoutMs: number, promise: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}

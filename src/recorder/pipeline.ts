import { randomUUID } from 'node:crypto'
import { EntryBuffer } from '../flush/buffer.ts'
import { DropCounter } from '../flush/drop-counter.ts'
import { createEncoder, type Encoder } from '../encode/encoder.ts'
import type { AuditContext, DropReason } from '../entry.ts'
import { Flusher } from '../flush/flusher.ts'
import { Keeper } from '../flush/resend-buffer.ts'
import type { AuditLogger } from '../logger.ts'
import type { RecorderLimits } from '../options.ts'
import type { BoundContext, PendingEntry } from '../capture/captured-entry.ts'
import type { CloseResult, RecorderStats } from './recorder.ts'
import type { RecorderStatements } from '../lanes/recorder-statements.ts'
import { Reporter } from './reporter.ts'
import type { Shaper } from '../capture/capture.ts'
import { within } from '../within.ts'

export interface PathParts {
  readonly open: (recorderId: string) => RecorderStatements
  readonly limits: RecorderLimits
  readonly logger: AuditLogger
  readonly shaper: Shaper
  readonly context: (() => AuditContext | undefined) | undefined
}

/** What a recorder and its children share: an entry's way in this process, in order. */
export class RecorderPath {
  readonly id = randomUUID()
  readonly shaper: Shaper
  readonly encoder: Encoder
  readonly limits: RecorderLimits
  readonly logger: AuditLogger
  readonly context: (() => AuditContext | undefined) | undefined
  readonly #buffer: EntryBuffer<PendingEntry>
  readonly #drops: DropCounter
  readonly #flusher: Flusher
  readonly #keeper: Keeper
  readonly #reporter: Reporter
  readonly #statements: RecorderStatements
  #accepted = 0
  #recording = false
  #closing: Promise<CloseResult> | undefined

  constructor({ open, limits, logger, shaper, context }: PathParts) {
    const { maxEntryBytes, maxBatchEntries, flushIntervalMs } = limits
    const recorderId = this.id
    this.limits = limits
    this.logger = logger
    this.shaper = shaper
    this.context = context
    this.encoder = createEncoder({ recorderId, maxEntryBytes, redactor: shaper.redactor })
    this.#drops = new DropCounter(logger)
    this.#buffer = new EntryBuffer({
      maxEntries: limits.maxBufferEntries,
      maxBytes: limits.maxBufferBytes,
    })
    const statements = open(recorderId)
    this.#statements = statements
    this.#reporter = new Reporter({
      intervalMs: limits.reportIntervalMs,
      counts: () => ({
        accepted: this.#accepted,
        staged: this.#flusher.staged,
        dropped: this.#drops.byReason,
      }),
      onReport: () => this.#recordDrops(),
      send: (report) => statements.report(report),
    })
    this.#flusher = new Flusher({
      buffer: this.#buffer,
      encoder: this.encoder,
      stage: (slices) => statements.stage(slices),
      drops: this.#drops,
      logger,
      flushIntervalMs,
      maxBatchEntries,
      onStaged: (batch) => {
        this.#keeper.keep(batch)
        this.#reporter.changed()
      },
      onRefused: () => this.#reporter.changed(),
    })
    this.#keeper = new Keeper({
      maxBytes: limits.maxKeptBytes,
      laneState: () => statements.laneState(),
      stage: (slices) => statements.stage(slices),
      logger,
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
    this.#reporter.changed()
    return false
  }

  /** What was dropped since the last time, as an entry of our own: the log tells of its own holes. */
  #recordDrops(): void {
    const dropped = this.#drops.takeUnrecorded()
    if (dropped === undefined) return
    const entry = {
      action: 'audit.drop',
      entityType: 'audit',
      metadata: { recorderId: this.id, dropped },
    }
    const pending = this.shaper.shape(entry, undefined, Date.now())
    if (pending && this.#buffer.push(pending)) {
      this.#accepted += 1
      this.#flusher.wake()
    } else {
      this.#drops.returnUnrecorded(dropped) // the buffer is full: later
    }
  }

  flush(timeoutMs: number): Promise<boolean> {
    return within(timeoutMs, this.#flusher.flush(this.#accepted), () => false)
  }

  close(timeoutMs: number): Promise<CloseResult> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<CloseResult> {
    const stagedBefore = this.#flusher.staged
    const isReachable = await this.flush(timeoutMs)
    const flushed = this.#flusher.staged - stagedBefore
    if (isReachable && this.#accepted > 0) {
      this.#recordDrops()
      await this.flush(timeoutMs)
      await this.#keeper.close()
    }
    const lostBefore = this.#drops.total
    await this.#flusher.stop()
    const dropped = this.#drops.total - lostBefore
    if (isReachable && this.#accepted > 0) await this.#reporter.close()
    else this.#reporter.stop()
    await this.#statements.close()
    return { flushed, dropped }
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

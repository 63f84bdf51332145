import { randomBytes, randomUUID } from 'node:crypto'
import type { Capture } from '../capture/capture.ts'
import type { CapturedEntry } from '../capture/captured-entry.ts'
import { createEncoder, type Encoder } from '../encode/encoder.ts'
import type { OddEntry } from '../encode/odd-ids.ts'
import type { DropReason } from '../entry.ts'
import { AuditError } from '../errors.ts'
import type { DumpRecovery } from '../exit-dump/dump-recovery.ts'
import type { ExitDump } from '../exit-dump/exit-dump.ts'
import { EntryBuffer } from '../flush/buffer.ts'
import { DropCounter } from '../flush/drop-counter.ts'
import { Flusher } from '../flush/flusher.ts'
import { ResendBuffer } from '../flush/resend-buffer.ts'
import {
  type AuditTransaction,
  idsIn,
  type RecordInMode,
  refuseMisfit,
  writeToOutbox,
} from '../lanes/outbox.ts'
import type { RecorderStatements, ReporterIdentity } from '../lanes/recorder-statements.ts'
import type { AuditLogger } from '../logger.ts'
import type { RecorderLimits } from '../options.ts'
import { within } from '../within.ts'
import type { EntryPath } from './entry-path.ts'
import { MisfitIds } from './misfit-ids.ts'
import type { CloseResult, RecorderStats } from './recorder.ts'
import { Reporter } from './reporter.ts'

export interface PipelineParts {
  readonly open: (identity: ReporterIdentity) => RecorderStatements
  readonly limits: RecorderLimits
  readonly logger: AuditLogger
  readonly capture: Capture
  /** Leaves on disk what is not staged when the process ends. Default: nothing does. */
  readonly exitDump?: ExitDump | undefined
  /** Stages what earlier processes left. Default: nothing does. */
  readonly recovery?: DumpRecovery | undefined
}

/** The length of the key that shows that a batch or a report comes from this recorder. */
const KEY_BYTES = 24

/** Takes captured entries to the database: buffers, encodes, stages and keeps them until logged. */
export class Pipeline implements EntryPath {
  readonly id = randomUUID()
  readonly capture: Capture
  readonly encoder: Encoder
  readonly logger: AuditLogger
  readonly #limits: RecorderLimits
  readonly #buffer: EntryBuffer<CapturedEntry>
  readonly #drops: DropCounter
  readonly #misfitIds: MisfitIds
  readonly #flusher: Flusher
  readonly #resendBuffer: ResendBuffer
  readonly #reporter: Reporter
  readonly #statements: RecorderStatements
  readonly #recovery: DumpRecovery | undefined
  #accepted = 0
  #closing: Promise<CloseResult> | undefined

  constructor(parts: PipelineParts) {
    const { open, limits, logger, capture, exitDump, recovery } = parts
    const { maxEntryBytes, maxBatchEntries, flushIntervalMs } = limits
    const recorderId = this.id
    this.#limits = limits
    this.logger = logger
    this.capture = capture
    this.encoder = createEncoder({ recorderId, maxEntryBytes, redactor: capture.redactor })
    this.#drops = new DropCounter(logger)
    this.#misfitIds = new MisfitIds(this.encoder, logger)
    this.#buffer = new EntryBuffer({
      maxEntries: limits.maxBufferEntries,
      maxBytes: limits.maxBufferBytes,
    })
    const recorderKey = randomBytes(KEY_BYTES).toString('base64url')
    const identity = { recorderId, recorderKey, startedAt: new Date().toISOString() }
    const statements = open(identity)
    this.#statements = statements
    this.#recovery = recovery
    this.#reporter = new Reporter({
      intervalMs: limits.reportIntervalMs,
      counts: () => ({
        accepted: this.#accepted,
        staged: this.#flusher.staged,
        dropped: this.#drops.byReason,
      }),
      send: (report) => statements.report(report),
    })
    this.#flusher = new Flusher({
      buffer: this.#buffer,
      encoder: this.encoder,
      stage: async (slices, odd) => {
        const epoch = await statements.stage(slices, odd)
        if (statements.ids === 'uuid') this.#misfitIds.staged(odd)
        return epoch
      },
      drops: this.#drops,
      logger,
      flushIntervalMs,
      maxBatchEntries,
      onStaged: (batch) => {
        this.#resendBuffer.keep(batch)
        this.#reporter.changed()
        exitDump?.batchWasStaged(statements)
      },
      onRefused: () => this.#reporter.changed(),
      onBusy: (isBusy) => exitDump?.entriesWait(isBusy),
    })
    this.#resendBuffer = new ResendBuffer({
      maxBytes: limits.maxKeptBytes,
      laneState: () => statements.laneState(),
      stage: (slices, odd) => statements.stage(slices, odd),
      logger,
    })
    exitDump?.attach(identity, () => ({
      accepted: this.#accepted,
      staged: this.#flusher.staged,
      dropped: this.#drops.byReason,
      entries: this.#buffer.size,
      rows: this.#flusher.takeUnstaged(),
    }))
  }

  get isClosed(): boolean {
    return this.#closing !== undefined
  }

  accept(captured: CapturedEntry): boolean {
    if (!this.#buffer.push(captured)) return this.drop('full')
    this.#accepted += 1
    this.#flusher.wake()
    return true
  }

  drop(reason: DropReason): false {
    this.#drops.count(reason)
    this.#reporter.changed()
    return false
  }

  checkTransaction(tx: unknown): void {
    refuseMisfit(tx)
  }

  /**
   * @throws {AuditError} `AUDIT_DEADLINE_PASSED` after `statementTimeoutMs`; else as the outbox
   * does
   */
  async writeToOutbox(
    tx: AuditTransaction,
    encoded: readonly string[],
    mode: RecordInMode,
    odd: readonly OddEntry[],
  ): Promise<number> {
    const { statementTimeoutMs } = this.#limits
    // A driver may never answer a statement that it was given while its transaction ended.
    const asksIds = odd.length > 0
    const written = writeToOutbox(tx, encoded, { mode, asksIds })
    const taken = await within(statementTimeoutMs, written, () => {
      const message = `No answer from the transaction within ${statementTimeoutMs} ms.`
      throw new AuditError('AUDIT_DEADLINE_PASSED', message)
    })
    if (asksIds && idsIn(tx) === 'uuid') this.#misfitIds.written(odd)
    return taken
  }

  async flush(timeoutMs = this.#limits.closeTimeoutMs, report = false): Promise<boolean> {
    const beganMs = performance.now()
    const isFlushed = await within(timeoutMs, this.#flusher.flush(this.#accepted), () => false)
    if (report && isFlushed) {
      const restMs = Math.max(0, timeoutMs - (performance.now() - beganMs))
      await within(restMs, this.#reporter.now(), () => {})
    }
    return isFlushed
  }

  close(timeoutMs = this.#limits.closeTimeoutMs): Promise<CloseResult> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<CloseResult> {
    const stagedBefore = this.#flusher.staged
    const isReachable = await this.flush(timeoutMs)
    await within(timeoutMs, this.#recovery?.close(), () => {})
    const flushed = this.#flusher.staged - stagedBefore
    if (isReachable && this.#accepted > 0) {
      await this.#resendBuffer.close()
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

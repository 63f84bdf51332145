import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CapturedEntry } from '../capture/captured-entry.ts'
import { faultKind } from '../database/faults.ts'
import { Outage } from '../database/outage.ts'
import { withRetry } from '../database/retry.ts'
import { EncodedBatch } from '../encode/batch.ts'
import type { Encoder } from '../encode/encoder.ts'
import { labelOf } from '../encode/log-label.ts'
import { databaseFault, errorName } from '../errors.ts'
import type { AuditLogger } from '../logger.ts'
import type { EntryBuffer } from './buffer.ts'
import { type DropCounter, MAX_LABELS, WARN_EVERY_MS } from './drop-counter.ts'
import type { StagedBatch } from './resend-buffer.ts'

/**
 * The entries that are encoded in one go. Many more would block the event loop for half a
 * millisecond.
 */
const SLICE_ENTRIES = 100
/**
 * A batch ends at this length, long before it gets too long for the driver or the server's jsonb.
 */
const MAX_BATCH_CHARACTERS = 4 * 1024 * 1024

export interface FlusherParts {
  readonly buffer: EntryBuffer<CapturedEntry>
  readonly encoder: Encoder
  /**
   * Writes a batch to staging in one statement: all of it or none.
   *
   * @param odd slices of rows with an id that is no UUID
   * @returns the lane's epoch
   */
  readonly stage: (slices: readonly string[], odd: readonly string[]) => Promise<string | null>
  readonly drops: DropCounter
  readonly logger: AuditLogger
  readonly flushIntervalMs: number
  readonly maxBatchEntries: number
  /** Called after each batch that was staged. */
  readonly onStaged: (batch: StagedBatch) => void
  /** Called after each entry that was refused. */
  readonly onRefused: () => void
  /** Called when entries begin to wait, and when none waits any more. */
  readonly onBusy: (isBusy: boolean) => void
}

/**
 * Moves entries from the buffer to staging.
 *
 * Idle: no timer runs. Armed: the first entry started a timer of `flushIntervalMs`. Writing: it
 * stages full batches one after the other, with one statement in flight. While the database is
 * unavailable, the current batch is retried again and again and the buffer fills. Only `stop` gives
 * entries up.
 */
export class Flusher {
  readonly #parts: FlusherParts
  readonly #halt = new AbortController()
  readonly #outage: Outage
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  /** The batch that is being made or staged. */
  #inHand: EncodedBatch | undefined
  #numbered = 0
  #settled = 0
  #staged = 0
  #degradedSaid = 0
  #degradedWarnDueMs = Number.NEGATIVE_INFINITY
  #waiters: { readonly upTo: number; readonly resolve: (staged: boolean) => void }[] = []

  constructor(parts: FlusherParts) {
    this.#parts = parts
    this.#outage = new Outage(parts.logger, {
      begins: 'audit staging is unavailable; entries are buffered',
      goesOn: 'audit staging is still unavailable; entries are buffered',
      ends: 'audit staging is available again',
    })
  }

  /** The number of entries that the database confirmed. */
  get staged(): number {
    return this.#staged
  }

  /** Call this after each entry that was buffered. It is cheap and does no I/O. */
  wake(): void {
    if (this.#writing) return
    const { buffer, flushIntervalMs, maxBatchEntries } = this.#parts
    if (buffer.waiting >= maxBatchEntries) {
      clearTimeout(this.#timer)
      this.#start()
    } else if (this.#timer === undefined) {
      // Not unref'd, so that a process that ends by itself waits for these milliseconds and loses
      // nothing.
      this.#timer = setTimeout(() => this.#start(), flushIntervalMs)
      this.#parts.onBusy(true)
    }
  }

  /**
   * Resolves to true once every entry accepted before this call is staged, and to false if entries
   * were given up.
   */
  flush(accepted: number): Promise<boolean> {
    if (this.#settled >= accepted) return Promise.resolve(true)
    const settled = new Promise<boolean>((resolve) => {
      this.#waiters.push({ upTo: accepted, resolve })
    })
    clearTimeout(this.#timer)
    if (!this.#writing) this.#start()
    return settled
  }

  /** Gives up every entry that is not staged yet. Resolves when no statement is in flight. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#halt.abort()
    await this.#writing
    const { buffer, drops } = this.#parts
    while (buffer.waiting > 0) this.#lose(buffer.take(buffer.waiting))
    drops.warn()
  }

  /**
   * Takes every entry that is not known to be staged, for a process that ends. What a statement in
   * flight holds may be staged as well.
   *
   * @returns the JSON of their rows, made one by one
   */
  *takeUnstaged(): Generator<string> {
    const { buffer, encoder, drops } = this.#parts
    yield* this.#inHand?.rows() ?? []
    while (buffer.waiting > 0) {
      for (const captured of buffer.take(SLICE_ENTRIES)) {
        this.#numbered += 1
        let json: string | undefined
        try {
          json = encoder.jsonOf(encoder.rowOf(captured, this.#numbered), captured)
        } catch {
          drops.count('refused')
        }
        if (json !== undefined) yield json
      }
    }
  }

  #start(): void {
    this.#timer = undefined
    this.#parts.onBusy(true)
    this.#writing = this.#write()
      .catch((error: unknown) => {
        // Nothing in `#write` should reject. If it does, it must not end the application.
        this.#parts.logger.error(
          { name: errorName(error) },
          'audit flush failed unexpectedly; this is a bug, please report it',
        )
      })
      .finally(() => {
        this.#writing = undefined
        if (this.#parts.buffer.waiting > 0 && !this.#halt.signal.aborted) this.wake()
        else this.#parts.onBusy(this.#parts.buffer.size > 0)
      })
  }

  async #write(): Promise<void> {
    await nextTurn() // never inside the call that filled the batch
    const { buffer } = this.#parts
    do {
      const encoded = await this.#takeBatch()
      const { entries, bytes } = encoded
      if (entries > 0) await this.#stage(encoded)
      this.#inHand = undefined
      buffer.release(entries, bytes)
      this.#settle(entries)
    } while (this.#isWorthWriting() && !this.#halt.signal.aborted)
  }

  /**
   * Entries that came meanwhile wait for their interval, because a few cost nearly as much as
   * hundreds.
   */
  #isWorthWriting(): boolean {
    const { buffer, maxBatchEntries } = this.#parts
    const isAskedFor = this.#waiters.length > 0 && buffer.waiting > 0
    return isAskedFor || buffer.waiting >= maxBatchEntries
  }

  /** Takes the next entries, slice by slice, as many as one statement may hold. */
  async #takeBatch(): Promise<EncodedBatch> {
    const { buffer, encoder, maxBatchEntries } = this.#parts
    const encoded = new EncodedBatch(encoder)
    this.#inHand = encoded
    let taken = 0
    let characters = 0
    while (buffer.waiting > 0 && taken < maxBatchEntries && characters < MAX_BATCH_CHARACTERS) {
      if (taken > 0) await nextTurn()
      const slice = buffer.take(Math.min(SLICE_ENTRIES, maxBatchEntries - taken))
      taken += slice.length
      for (const captured of slice) this.#encode(captured, encoded)
      characters += encoded.seal()
    }
    this.#warnOfDegraded()
    return encoded
  }

  #encode(captured: CapturedEntry, encoded: EncodedBatch): void {
    this.#numbered += 1
    try {
      encoded.add(captured, this.#numbered)
    } catch {
      // An entry that cannot be encoded is a bug, and it must not hold up the others.
      this.#parts.drops.count('refused')
      this.#parts.buffer.release(1, captured.bytes)
      this.#settle(1)
    }
  }

  #warnOfDegraded(): void {
    const { encoder, logger } = this.#parts
    const degraded = encoder.degraded - this.#degradedSaid
    const nowMs = performance.now()
    if (degraded === 0 || nowMs < this.#degradedWarnDueMs) return
    this.#degradedSaid = encoder.degraded
    this.#degradedWarnDueMs = nowMs + WARN_EVERY_MS
    logger.warn(
      { degraded, degradedTotal: encoder.degraded },
      'audit entries were changed to be storable; the context.degraded of each lists the changes',
    )
  }

  /**
   * Settles every entry: it is staged, refused permanently, or given up by `stop`. Never rejects.
   */
  async #stage(encoded: EncodedBatch): Promise<void> {
    const { stage, drops, onStaged } = this.#parts
    const { entries, slices, oddSlices } = encoded
    try {
      const epoch = await withRetry(() => stage(slices, oddSlices), {
        signal: this.#halt.signal,
        tearsAttempt: true,
        isFinal: (error) => faultKind(error) === 'entry',
        onFailure: (error) => this.#outage.failed(error, { buffered: this.#parts.buffer.size }),
      })
      this.#outage.recovered({ buffered: this.#parts.buffer.size })
      this.#staged += entries
      onStaged({ epoch, lastSeq: encoded.lastSeq, entries, slices, oddSlices })
    } catch (error) {
      if (faultKind(error) !== 'entry') {
        drops.count('timeout', entries, encoded.labels(MAX_LABELS))
        return
      }
      // A database that refuses an entry is reachable.
      this.#outage.recovered({ buffered: this.#parts.buffer.size })
      if (entries === 1) {
        this.#refuse(encoded, error)
      } else {
        // One of the entries is refused. Halving finds it, and the others are staged on the way.
        for (const half of encoded.halves()) await this.#stage(half)
      }
    }
  }

  #refuse(encoded: EncodedBatch, error: unknown): void {
    const { drops, logger, onRefused } = this.#parts
    drops.count('refused')
    onRefused()
    const fault = databaseFault(error)
    logger.warn({ ...encoded.labels(1)[0], fault }, 'audit entry refused by the database')
  }

  #lose(entries: readonly CapturedEntry[]): void {
    const { buffer, drops } = this.#parts
    drops.count('timeout', entries.length, entries.slice(0, MAX_LABELS).map(labelOf))
    this.#numbered += entries.length
    const bytes = entries.reduce((sum, captured) => sum + captured.bytes, 0)
    buffer.release(entries.length, bytes)
    this.#settle(entries.length)
  }

  #settle(entries: number): void {
    this.#settled += entries
    const given = this.#halt.signal.aborted
    const done = this.#waiters.filter(({ upTo }) => upTo <= this.#settled)
    this.#waiters = this.#waiters.filter(({ upTo }) => upTo > this.#settled)
    for (const { resolve } of done) resolve(!given)
  }
}

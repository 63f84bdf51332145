import type { AuditLogger } from '../logger.ts'
import type { LaneState } from '../lanes/staging.ts'

/** A batch that the database has confirmed to hold, in a table that a crash empties. */
export interface StagedBatch {
  /** The lane's epoch when it was written; null where the lane had been emptied just before. */
  readonly epoch: string | null
  readonly lastSeq: number
  readonly entries: number
  /** As JSON arrays of rows, as they were staged. */
  readonly slices: readonly string[]
}

/**
 * A batch as it is kept: outside of the engine's heap, where it is not copied from one generation to
 * the next, and where its size is known.
 */
interface KeptBatch extends Omit<StagedBatch, 'slices'> {
  readonly slices: readonly Buffer[]
  readonly bytes: number
}

export interface ResendBufferParts {
  /** Beyond this the oldest batches are let go, unconfirmed. 0 keeps nothing. */
  readonly maxBytes: number
  readonly laneState: () => Promise<LaneState>
  readonly stage: (slices: readonly string[]) => Promise<string | null>
  readonly logger: AuditLogger
}

const CHECK_EVERY_MS = 1_000
const MAX_CHECK_EVERY_MS = 30_000
/** A look at a long backlog is a scan of it: at most this share of the time goes into looking. */
const MAX_CHECK_SHARE = 1 / 20

/**
 * Keeps what was staged until it is known to be logged, and stages it again when the lane was
 * emptied: so a killed backend costs nothing while the application lives. Ids make that safe.
 *
 * In the same epoch, everything below the smallest number that still waits has left the lane, and
 * it leaves by the log alone. The largest number logged would prove nothing: relays skip rows that
 * another one holds.
 */
export class ResendBuffer {
  readonly #parts: ResendBufferParts
  #kept: KeptBatch[] = []
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  #checking: Promise<void> | undefined
  #everyMs = CHECK_EVERY_MS
  #closed = false

  constructor(parts: ResendBufferParts) {
    this.#parts = parts
  }

  keep(batch: StagedBatch): void {
    const { maxBytes } = this.#parts
    if (this.#closed || maxBytes === 0) return
    const slices = batch.slices.map((slice) => Buffer.from(slice))
    const bytes = slices.reduce((sum, slice) => sum + slice.length, 0)
    if (bytes > maxBytes) return
    this.#kept.push({ ...batch, slices, bytes })
    this.#bytes += bytes
    while (this.#bytes > maxBytes) this.#bytes -= this.#kept.shift()?.bytes ?? 0
    this.#arm()
  }

  /** Looks a last time. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#checking
    await this.#check()
    this.#kept = []
  }

  #arm(): void {
    if (this.#timer || this.#checking || this.#closed || this.#kept.length === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#checking = this.#check().finally(() => {
        this.#checking = undefined
        this.#arm()
      })
    }, this.#everyMs)
    this.#timer.unref() // what it waits for is in the database already
  }

  /** Never rejects: while the database is away, the flusher says so, and what is kept is kept. */
  async #check(): Promise<void> {
    if (this.#kept.length === 0) return
    try {
      const beganMs = performance.now()
      // What is staged while the question is under way may not be seen by it, and is no part of it.
      const asked = [...this.#kept]
      const state = await this.#parts.laneState()
      const tookMs = performance.now() - beganMs
      this.#everyMs = Math.min(
        MAX_CHECK_EVERY_MS,
        Math.max(CHECK_EVERY_MS, tookMs / MAX_CHECK_SHARE),
      )
      // Emptied, and no relay has noticed: what was staged now could be lost once more, unseen.
      if (state.epoch === null) return
      await this.#settle(asked, state.epoch, state.firstWaiting ?? Number.POSITIVE_INFINITY)
    } catch {
      // Next time.
    }
  }

  async #settle(batches: readonly KeptBatch[], epoch: string, firstWaiting: number): Promise<void> {
    let stagedAgain = 0
    for (const batch of batches) {
      if (batch.epoch !== epoch) {
        const newEpoch = await this.#parts.stage(batch.slices.map((slice) => slice.toString()))
        this.#replace(batch, { ...batch, epoch: newEpoch })
        stagedAgain += batch.entries
      } else if (batch.lastSeq < firstWaiting) {
        this.#replace(batch)
      }
    }
    if (stagedAgain > 0) {
      this.#parts.logger.warn(
        { stagedAgain },
        'the audit fast lane was emptied; entries that were kept are staged again',
      )
    }
  }

  #replace(batch: KeptBatch, by?: KeptBatch): void {
    const at = this.#kept.indexOf(batch)
    if (at === -1) return // let go meanwhile, for room
    this.#kept.splice(at, 1, ...(by ? [by] : []))
    if (!by) this.#bytes -= batch.bytes
  }
}

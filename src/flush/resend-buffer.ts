import type { AuditLogger } from '../logger.ts'
import type { LaneState } from '../lanes/staging.ts'

/** A batch that the database confirmed. It is in a table that a crash of the server empties. */
export interface StagedBatch {
  /** The lane's epoch when it was written; null if the lane had been emptied just before. */
  readonly epoch: string | null
  readonly lastSeq: number
  readonly entries: number
  /** The JSON arrays of rows that were staged. */
  readonly slices: readonly string[]
  /** Those of rows with an id that is no UUID. Default: none. */
  readonly oddSlices?: readonly string[]
}

/**
 * A batch that is kept. Its rows are outside of the engine's heap, where collections do not copy
 * them and their size is known.
 */
interface KeptBatch extends Omit<StagedBatch, 'slices' | 'oddSlices'> {
  readonly slices: readonly Buffer[]
  readonly oddSlices: readonly Buffer[]
  readonly bytes: number
}

export interface ResendBufferParts {
  /**
   * Most bytes of rows that are kept. Beyond it the oldest batches are given up unconfirmed. 0
   * keeps none.
   */
  readonly maxBytes: number
  readonly laneState: () => Promise<LaneState>
  readonly stage: (slices: readonly string[], odd: readonly string[]) => Promise<string | null>
  readonly logger: AuditLogger
}

const CHECK_EVERY_MS = 1_000
const MAX_CHECK_EVERY_MS = 30_000
/** The largest share of the time that checks may take. A check scans the whole backlog. */
const MAX_CHECK_SHARE = 1 / 20

/**
 * Keeps staged batches until their entries are logged, and stages them again if the lane was
 * emptied. So a killed backend loses nothing while the application lives. The entries' ids make it
 * safe to stage them twice.
 *
 * Within one epoch, every number below the smallest one that waits has left the lane, and entries
 * leave it only for the log. The largest logged number would prove nothing, because a relay skips
 * rows that another relay holds.
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
    const oddSlices = (batch.oddSlices ?? []).map((slice) => Buffer.from(slice))
    const bytes = [...slices, ...oddSlices].reduce((sum, slice) => sum + slice.length, 0)
    if (bytes > maxBytes) return
    this.#kept.push({ ...batch, slices, oddSlices, bytes })
    this.#bytes += bytes
    while (this.#bytes > maxBytes) this.#bytes -= this.#kept.shift()?.bytes ?? 0
    this.#arm()
  }

  /** Checks a last time and then keeps nothing. Never rejects. */
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
    this.#timer.unref() // the kept entries are in the database already
  }

  /**
   * Never rejects. While the database is unavailable, the flusher reports it and every kept batch
   * stays.
   */
  async #check(): Promise<void> {
    if (this.#kept.length === 0) return
    try {
      const beganMs = performance.now()
      // The query may not see batches that are staged while it runs, so it decides nothing about
      // them.
      const asked = [...this.#kept]
      const state = await this.#parts.laneState()
      const tookMs = performance.now() - beganMs
      this.#everyMs = Math.min(
        MAX_CHECK_EVERY_MS,
        Math.max(CHECK_EVERY_MS, tookMs / MAX_CHECK_SHARE),
      )
      // The lane was emptied and no relay has noticed it. Entries that are staged now could be lost
      // again without a sign.
      if (state.epoch === null) return
      await this.#settle(asked, state.epoch, state.firstWaiting ?? Number.POSITIVE_INFINITY)
    } catch {
      // The next check tries again.
    }
  }

  async #settle(batches: readonly KeptBatch[], epoch: string, firstWaiting: number): Promise<void> {
    let stagedAgain = 0
    for (const batch of batches) {
      if (batch.epoch !== epoch) {
        const newEpoch = await this.#parts.stage(textsOf(batch.slices), textsOf(batch.oddSlices))
        this.#replace(batch, { ...batch, epoch: newEpoch })
        stagedAgain += batch.entries
      } else if (batch.lastSeq < firstWaiting) {
        this.#replace(batch)
      }
    }
    if (stagedAgain > 0) {
      this.#parts.logger.warn(
        { stagedAgain },
        'audit staging was emptied (did the server crash?); the kept entries are staged again',
      )
    }
  }

  #replace(batch: KeptBatch, by?: KeptBatch): void {
    const at = this.#kept.indexOf(batch)
    if (at === -1) return // given up meanwhile to make room
    this.#kept.splice(at, 1, ...(by ? [by] : []))
    if (!by) this.#bytes -= batch.bytes
  }
}

function textsOf(slices: readonly Buffer[]): string[] {
  return slices.map((slice) => slice.toString())
}

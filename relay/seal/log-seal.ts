import type { AuditLogger } from '../../src/logger.ts'
import type { RelayLimits } from '../../src/options.ts'
import { FolderLock } from './folder-lock.ts'
import { fileMemory, heldMemory, readOnlyMemory } from './memory.ts'
import { type AnchorReport, Publisher } from './publisher.ts'
import type { ResolvedSeal } from './seal-options.ts'
import { openSealStatements } from './seal-statements.ts'
import { type SealReport, Sealer } from './sealer.ts'

export interface LogSealOptions extends ResolvedSeal {
  /** Of a login that was granted `audit_relay`. */
  readonly url: string
  readonly limits: Pick<RelayLimits, 'sealMaxLagMs' | 'sealMaxEntries' | 'statementTimeoutMs'>
  readonly logger: AuditLogger
  /**
   * Whether it seals. Else it publishes what another process seals, also next to that process with the
   * same folder. Default: true.
   */
  readonly seals?: boolean
}

export interface LogSealReport extends SealReport {
  readonly anchors: readonly AnchorReport[]
}

/** The sealer of a log, and the publisher of what it signs, each at its own pace. */
export class LogSeal {
  readonly #sealer: Sealer
  readonly #publisher: Publisher
  readonly #lock: FolderLock

  constructor(options: LogSealOptions) {
    const { url, limits, logger, keys, stateDir, anchors, seals = true } = options
    const { statementTimeoutMs, sealMaxLagMs: maxLagMs, sealMaxEntries: maxEntries } = limits
    const statements = openSealStatements({ url, statementTimeoutMs })
    const lock = new FolderLock(stateDir)
    const stored = fileMemory(stateDir)
    const memory = seals ? heldMemory(stored, lock) : readOnlyMemory(stored)
    const sealer = new Sealer({ statements, keys, memory, logger, maxLagMs, maxEntries })
    this.#sealer = sealer
    this.#lock = lock
    this.#publisher = new Publisher({
      anchors,
      statements,
      logger,
      newest: () => sealer.newest,
      tilesOf: (tree) => sealer.tilesOf(tree),
    })
  }

  read(): LogSealReport {
    return { ...this.#sealer.read(), anchors: this.#publisher.read() }
  }

  /** Seals and publishes until `stop()`. With `endsRefused` it rejects where the sealer refuses. */
  async start({ endsRefused = false } = {}): Promise<void> {
    void this.#publisher.start()
    await this.#sealer.start({ endsRefused })
  }

  /**
   * Seals what the log holds now, and offers the newest checkpoint to each anchor once.
   *
   * @returns the failures of anchors, by their names
   */
  async once(onProgress?: (report: SealReport) => void) {
    await this.#sealer.drain(onProgress)
    return await this.#publisher.publishOnce()
  }

  /**
   * Offers the newest checkpoint to each anchor once, and seals nothing.
   *
   * @returns the failures of anchors, by their names; undefined where nothing is sealed
   */
  async publish() {
    if ((await this.#sealer.check()) === undefined) return undefined
    return await this.#publisher.publishOnce()
  }

  /** Ends after the checkpoint in hand. Safe to call twice, or before `start`. */
  async stop(): Promise<void> {
    await this.#publisher.stop()
    await this.#sealer.stop()
    await this.#lock.release()
  }
}

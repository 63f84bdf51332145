import { setTimeout as sleep } from 'node:timers/promises'
import { AuditError } from '../../src/errors.ts'
import { Outage } from '../../src/database/outage.ts'
import type { AuditLogger } from '../../src/logger.ts'
import { parseSignature } from '../../src/seal/note.ts'
import { consistencyPath, type ReadTile } from '../../src/seal/tiles.ts'
import { within } from '../../src/within.ts'
import type { Anchor } from './anchors/anchor.ts'
import type { SealStatements } from './seal-statements.ts'
import type { TrustedTree } from './trust.ts'

export interface PublisherOptions {
  readonly anchors: readonly Anchor[]
  /** The newest checkpoint that is to be published. Undefined: there is none yet. */
  readonly newest: () => TrustedTree | undefined
  readonly tilesOf: (tree: TrustedTree) => ReadTile
  readonly statements: Pick<SealStatements, 'putCosignature'>
  readonly logger: AuditLogger
  /** How often the anchors are offered a new checkpoint, in milliseconds. Default: 60 000. */
  readonly everyMs?: number
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}

/** What an anchor has, as far as this process knows. */
export interface AnchorReport {
  readonly name: string
  /** The size of the checkpoint that it took last; null where it took none of this process. */
  readonly size: number | null
  /** How long ago it had the newest checkpoint, in milliseconds. */
  readonly ageMs: number
  /** Whether it knows another log under this name. */
  readonly isForked: boolean
}

const EVERY_MS = 60_000
/** The first checkpoint of a process is published soon, and after a failure it is tried again soon. */
const SOON_MS = 5_000
const STOP_MS = 5_000

/**
 * Hands each new checkpoint to the anchors. Each anchor has a loop of its own, so one that is away
 * delays neither another one nor the sealer.
 */
export class Publisher {
  readonly #options: Required<PublisherOptions>
  readonly #halt = new AbortController()
  readonly #lanes: readonly AnchorLane[]
  #running: Promise<unknown> | undefined

  constructor(options: PublisherOptions) {
    this.#options = { everyMs: EVERY_MS, now: () => performance.now(), ...options }
    this.#lanes = options.anchors.map((anchor) => new AnchorLane(anchor, this.#options))
  }

  read(): readonly AnchorReport[] {
    return this.#lanes.map((lane) => lane.read())
  }

  /** Publishes until `stop()`. Never rejects. */
  start(): Promise<unknown> {
    const { signal } = this.#halt
    this.#running ??= Promise.all(this.#lanes.map((lane) => lane.run(signal)))
    return this.#running
  }

  /** Safe to call twice, or before `start`. An anchor that hangs is not waited for. */
  async stop(): Promise<void> {
    this.#halt.abort()
    await within(STOP_MS, this.#running, () => {})
  }

  /** Offers the newest checkpoint to every anchor once. @returns the failures, by the anchor's name */
  async publishOnce(): Promise<ReadonlyMap<string, AuditError>> {
    const failures = new Map<string, AuditError>()
    await Promise.all(
      this.#lanes.map(async (lane) => {
        try {
          await lane.publish()
        } catch (error) {
          if (!(error instanceof AuditError)) throw error
          failures.set(lane.name, error)
        }
      }),
    )
    return failures
  }
}

/** One anchor, and what it took. */
class AnchorLane {
  readonly name: string
  readonly #anchor: Anchor
  readonly #options: Required<PublisherOptions>
  readonly #outage: Outage
  #published: string | undefined
  #size: number | null = null
  #hadNewestMs: number
  #isForked = false

  constructor(anchor: Anchor, options: Required<PublisherOptions>) {
    this.name = anchor.name
    this.#anchor = anchor
    this.#options = options
    this.#hadNewestMs = options.now()
    this.#outage = new Outage(options.logger, {
      begins: 'an anchor did not take the checkpoint; sealing goes on',
      goesOn: 'an anchor still does not take checkpoints',
      ends: 'the anchor takes checkpoints again',
    })
  }

  read(): AnchorReport {
    const ageMs = this.#options.now() - this.#hadNewestMs
    return { name: this.name, size: this.#size, ageMs, isForked: this.#isForked }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { everyMs, logger } = this.#options
    const fields = { anchor: this.name }
    while (!signal.aborted) {
      let waitMs = everyMs
      try {
        await this.publish()
        this.#outage.recovered(fields)
        if (this.#published === undefined) waitMs = Math.min(SOON_MS, everyMs)
      } catch (error) {
        this.#outage.failed(error, fields)
        if (this.#isForked) {
          logger.error(fields, 'an anchor knows another log under this name')
        } else waitMs = Math.min(SOON_MS, everyMs)
      }
      await sleep(waitMs, undefined, { signal }).catch(() => {}) // an abort ends the wait
    }
  }

  async publish(): Promise<void> {
    const { newest, tilesOf, statements, now } = this.#options
    const tree = newest()
    const note = tree?.note
    if (tree && note !== undefined && note !== this.#published) {
      const read = tilesOf(tree)
      const lines = await this.#anchor
        .publish(note, (size) => consistencyPath(size, tree.size, read))
        .catch((error: unknown) => {
          this.#isForked = error instanceof AuditError && error.code === 'AUDIT_SEAL_FORKED'
          throw error
        })
      for (const line of lines) {
        const { name } = parseSignature(line)
        await statements.putCosignature({ origin: tree.origin, size: tree.size, name, line })
      }
      this.#published = note
      this.#size = tree.size
      this.#isForked = false
    }
    this.#hadNewestMs = now()
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { Outage } from '../../src/database/outage.ts'
import { withRetry } from '../../src/database/retry.ts'
import type { AuditLogger } from '../../src/logger.ts'
import { within } from '../../src/within.ts'
import type { FollowConsumer, FollowState } from './consumer.ts'
import type { FollowStatements } from './follow-statements.ts'
import { readEntries } from './read-entries.ts'
import { Resting, type Rests } from './resting.ts'

export interface FollowerOptions {
  readonly statements: FollowStatements
  readonly consumers: readonly FollowConsumer[]
  readonly logger: AuditLogger
}

/** Until it looks again, where a consumer is on, and where none is. */
const LOOK_MS = 1_000
const IDLE_LOOK_MS = 10_000
const STOP_MS = 10_000

/**
 * Reads the log behind the move, by `seq`, and hands it to each consumer that is on.
 *
 * Any number of followers may run. None holds a lease: a consumer's cursor is moved in the transaction
 * that writes what was made of the entries, from the place that it was read at. So of two followers one
 * wins, and what a crash interrupts is made again. The cursor does not move either where an entry was
 * emptied, removed or brought back since it was read.
 *
 * A consumer that fails is tried again after a while. It does not keep the others from theirs.
 */
export class Follower {
  readonly #options: FollowerOptions
  readonly #halt = new AbortController()
  readonly #outage: Outage
  readonly #resting: Resting
  #running: Promise<void> | undefined

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#outage = new Outage(options.logger, {
      begins: 'what is made of the log behind the move waits, such as the search',
      goesOn: 'what is made of the log behind the move still waits',
      ends: 'the log is followed again',
    })
    this.#resting = new Resting(options.logger)
  }

  /** Follows until `stop()`. Safe to call twice. */
  start(): Promise<void> {
    this.#running ??= this.#run()
    return this.#running
  }

  /** Ends after the statement in hand. Safe to call twice, or before `start`. */
  async stop(): Promise<void> {
    this.#halt.abort()
    await within(STOP_MS, this.#running, () => {})
    await this.#options.statements.close()
  }

  /**
   * Has each consumer that is on take what the log holds now, as far as it takes so few. Do not call it on
   * a follower that was started. Where a consumer fails it rejects, after the turn of the others.
   */
  async drain(): Promise<void> {
    const errors: unknown[] = []
    const resting = {
      isOn: () => false,
      failed: (_: string, error: unknown) => void errors.push(error),
      recovered: () => {},
    }
    while (!this.#halt.signal.aborted) {
      const { hasMore } = await this.#turn(resting)
      if (errors.length > 0) throw errors[0]
      if (!hasMore) return
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#halt
    const resting = this.#resting
    while (!signal.aborted) {
      try {
        const { isOn, hasMore } = await withRetry(() => this.#turn(resting), {
          signal,
          tearsAttempt: false, // stop() waits for the statement in hand
          onFailure: (error) => this.#outage.failed(error),
        })
        this.#outage.recovered()
        if (hasMore) continue
        await sleep(isOn ? LOOK_MS : IDLE_LOOK_MS, undefined, { signal })
      } catch {
        break // only by the signal
      }
    }
  }

  /** Has each consumer take what waits, once. */
  async #turn(resting: Rests): Promise<{ readonly isOn: boolean; readonly hasMore: boolean }> {
    const { statements, consumers } = this.#options
    const states = await statements.look()
    let hasMore = false
    for (const state of states) {
      const consumer = consumers.find(({ name }) => name === state.consumer)
      if (consumer === undefined || resting.isOn(consumer.name)) continue
      if (this.#halt.signal.aborted) break
      try {
        if (await this.#take(consumer, state)) hasMore = true
        if (await consumer.tend?.(state)) hasMore = true
        resting.recovered(consumer.name)
      } catch (error) {
        if (!this.#halt.signal.aborted) resting.failed(consumer.name, error)
      }
    }
    return { isOn: states.length > 0, hasMore }
  }

  /** @returns whether more waits, or may wait */
  async #take(consumer: FollowConsumer, state: FollowState): Promise<boolean> {
    const { statements, logger } = this.#options
    const { seq, head, history, logHistory } = state
    if (history !== logHistory) {
      const { alignedTo = 1 } = consumer
      const rewindTo = Math.floor(state.rewindTo / alignedTo) * alignedTo
      const fields = { consumer: consumer.name, fromSeq: seq, toSeq: rewindTo }
      logger.warn(
        fields,
        'the log has begun another history: what was made of it since is made again',
      )
      await statements.rewind({ ...state, rewindTo }, consumer.drop(rewindTo + 1))
      return true
    }
    if (head - seq < consumer.leastSeqs) return false
    const toSeq = Math.min(head, seq + consumer.mostSeqs)
    const taking = consumer.begin(seq + 1, state)
    const { signal } = this.#halt
    for await (const entries of readEntries(statements, consumer.name, {
      fromSeq: seq + 1,
      toSeq,
    })) {
      if (signal.aborted) return false
      taking.add(entries)
    }
    await statements.take(state, toSeq, taking.write())
    return true
  }
}

import type { RelayStatements } from '../../relay/move/relay-statements.ts'
import { AuditError } from '../../src/errors.ts'
import { LANES } from '../../src/lanes/lane.ts'
import type { RecorderStatements } from '../../src/lanes/recorder-statements.ts'
import { type Model, type Running, sqlError } from './model.ts'
import type { Random } from './random.ts'

/** What can become of a statement. */
export const FATES = [
  'ok',
  /** It commits, and nobody is told. */
  'reply lost',
  /** It never reaches the server. */
  'refused',
  /** The error of a connection that was there before; the statement never ran. */
  'stale error',
  /** Its backend dies before the commit. */
  'killed',
  /** Nothing is ever heard of it. */
  'hang',
  /** It commits after it was given up. */
  'late',
] as const
export type Fate = (typeof FATES)[number]

export interface WireOptions {
  readonly random: Random
  readonly statementTimeoutMs: number
  /** How likely something else than `ok` is, now. */
  readonly faultShare: () => number
  readonly say: (what: string) => void
}

const REFUSALS = ['ECONNREFUSED', '57P03', '53300', '08006'] as const

/** One process's way to the database, with all that can happen on it. */
export class Wire {
  readonly #name: string
  readonly #model: Model
  readonly #options: WireOptions
  #isDead = false

  constructor(name: string, model: Model, options: WireOptions) {
    this.#name = name
    this.#model = model
    this.#options = options
  }

  /**
   * Its process was killed. Nothing that it still does reaches anybody, and no answer reaches it.
   */
  kill(): void {
    this.#isDead = true
  }

  forRecorder(recorderId: string): RecorderStatements {
    const model = this.#model
    return {
      stage: (slices) => this.#run(`stage ${slices.length}`, () => model.stage(recorderId, slices)),
      laneState: () => this.#run('lane_state', () => model.laneState(recorderId)),
      report: (report) => this.#run('report', () => model.report(recorderId, report)),
      identity: async () => null,
      close: async () => {},
    }
  }

  forRelay(): RelayStatements {
    const model = this.#model
    return {
      ensurePartitions: () => this.#run('ensure_partitions', () => ({ made: 0, partitions: 1 })),
      closePartition: () => this.#run('close_partition', () => undefined),
      logBytes: () => this.#run('log_bytes', () => 0),
      whoHoldsLog: () => this.#run('who_holds_log', () => []),
      watchLog: () => this.#run('watch_log', () => []),
      whoMoves: () => this.#run('who_moves', () => []),
      peekLanes: (maxRows) =>
        this.#run('peek', () => ({
          waiting: LANES.filter((lane) => model.lanes[lane].length > 0),
          seen: {
            staging: Math.min(maxRows, model.lanes.staging.length),
            outbox: Math.min(maxRows, model.lanes.outbox.length),
          },
          head: model.head,
          wasEmptied: !model.isLaneFresh,
        })),
      move: (options) => this.#begin(`move ${options.lane}`, () => model.beginMove(options)),
      connect: () => this.#run('connect', () => {}),
      list: (options) => this.#run('list', () => model.list(options)),
      park: (lane, place) => this.#run('park', () => model.park(lane, place)),
      declareGap: () => this.#run('declare_gap', () => model.declareGap()),
      identify: async () => ({ state: 'same', history: 'only', seq: 0, id: null }),
      compact: async () => ({ compacted: 0, skipped: 0 }),
      close: async () => {},
    }
  }

  /** A statement that is over as soon as it has begun. */
  #run<T>(what: string, commit: () => T): Promise<T> {
    return this.#begin(what, () => ({ waitForTurn: async () => {}, commit, abort: () => {} }))
  }

  async #begin<T>(what: string, begin: () => Running<T>): Promise<T> {
    const { random, statementTimeoutMs, faultShare, say } = this.#options
    if (this.#isDead) return await never()
    const share = faultShare()
    // Where nothing works, nothing works.
    const fates = share === 1 ? (['refused', 'hang'] as const) : FATES
    const fate: Fate = random.chance(share) ? random.pick([...fates] as [Fate, ...Fate[]]) : 'ok'
    say(`${this.#name} ${what}: ${fate}`)
    const failed = async (code: string, ms: number): Promise<never> => {
      await after(ms)
      if (this.#isDead) return await never()
      throw sqlError(code)
    }
    if (fate === 'stale error') return await failed('57P01', 0)
    if (fate === 'refused') return await failed(random.pick(REFUSALS), random.between(0, 30))
    if (fate === 'hang') return await this.#missed(statementTimeoutMs)

    await after(random.between(0, 3))
    const { crashes } = this.#model
    const running = begin()
    const isOver = () => crashes !== this.#model.crashes
    const lateMs = random.between(1, 3_000)
    const commitMs = fate === 'late' ? statementTimeoutMs + lateMs : random.between(0, 20)
    const isLate = fate === 'late' ? this.#missed(statementTimeoutMs) : undefined
    const done = after(commitMs).then(async () => {
      await running.waitForTurn()
      if (isOver()) throw sqlError('57P02')
      // A killed process leaves its backend to finish, or not.
      if (fate === 'killed' || (this.#isDead && random.chance(0.5))) {
        running.abort()
        throw sqlError('57P01')
      }
      return running.commit()
    })
    if (isLate) {
      done.catch(() => {})
      return await isLate
    }
    const answer = await done.catch((error: unknown) => error as AuditError)
    if (this.#isDead) return await never()
    if (answer instanceof AuditError) throw answer
    await after(random.between(0, 3))
    if (this.#isDead) return await never()
    if (fate === 'reply lost') throw sqlError('CONNECTION_CLOSED')
    return answer
  }

  async #missed(ms: number): Promise<never> {
    await after(ms)
    if (this.#isDead) return await never()
    throw new AuditError('AUDIT_DEADLINE_PASSED', `No answer within ${ms} ms.`)
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

function never(): Promise<never> {
  return new Promise(() => {})
}

import type { LaneName } from '../src/lane.ts'
import type { RelayLimits } from '../src/options.ts'
import { moveBatch } from './batch.ts'
import type { Moved, MoveOptions, Turn } from './move.ts'
import type { Probed } from './probe.ts'
import type { SideBySide } from './side-by-side.ts'
import type { RelayStatements } from './statements.ts'

export interface CycleParts {
  readonly statements: RelayStatements
  readonly sideBySide: SideBySide
  readonly limits: Pick<RelayLimits, 'batchEntries' | 'statementTimeoutMs'>
  /** Most rows to take. */
  readonly maxRows: number
  readonly signal: AbortSignal
  readonly onMoved: (lane: LaneName, moved: Moved, durationMs: number) => void
}

type Options = Omit<MoveOptions, 'batchEntries' | 'turn'>

/** A backlog is moved in cycles of this length: only a cycle that ends shows that the relay works. */
const MAX_CYCLE_MS = 1_000

/** The moves of one cycle. */
export class Cycle {
  readonly #parts: CycleParts
  readonly #endMs = performance.now() + MAX_CYCLE_MS
  /** How far it came in each lane. From its start in each cycle, so that nothing waits for long. */
  readonly #through = new Map<LaneName, string>()
  #room: number
  #stoodBack = false

  constructor(parts: CycleParts) {
    this.#parts = parts
    this.#room = parts.maxRows
  }

  /** Whether it left what waits to another relay that was moving. */
  get stoodBack(): boolean {
    return this.#stoodBack
  }

  /**
   * Moves what is in the lanes, or what there is time and room for.
   *
   * @returns the lanes that may still hold a full batch; none that is left to another relay
   */
  async move(probed: Pick<Probed, 'waiting' | 'full'>): Promise<readonly LaneName[]> {
    const { limits, sideBySide, signal } = this.#parts
    let { waiting, full } = probed
    while (waiting.length > 0 && !this.#isOver()) {
      const hasRoom = this.#room >= limits.batchEntries
      const backlog = hasRoom && sideBySide.isPossible ? full : []
      const stillFull: LaneName[] = []
      // By turns, so that a backlog in one lane never holds up the other.
      for (const lane of waiting) {
        if (backlog.includes(lane)) continue
        if (this.#room < 1 || signal.aborted) return waiting
        const { claimed } = await this.#moveOne(lane)
        if (claimed === limits.batchEntries) stillFull.push(lane)
      }
      if (backlog.length > 0 && !this.#stoodBack) {
        stillFull.push(...(await this.#moveSideBySide(backlog)))
      }
      if (this.#stoodBack) return []
      full = stillFull
      waiting = stillFull
    }
    return waiting
  }

  #moveOne(lane: LaneName): Promise<Moved> {
    const { limits, statements } = this.#parts
    const batchEntries = Math.min(limits.batchEntries, this.#room)
    const move = (options: Options) => moveBatch(statements, { ...options, batchEntries })
    return this.#count(lane, undefined, move)
  }

  async #moveSideBySide(lanes: readonly LaneName[]): Promise<readonly LaneName[]> {
    const { limits, sideBySide, statements } = this.#parts
    const { batchEntries } = limits
    let full = lanes
    let room = this.#room // for what is under way, too
    await sideBySide.run({
      connect: () => statements.connect(),
      next: () => {
        const [lane, ...others] = full
        if (lane === undefined || room < batchEntries || this.#isOver()) return undefined
        room -= batchEntries
        full = [...others, lane]
        return lane
      },
      move: async (lane, turn) => {
        const move = (options: Options) => statements.move({ ...options, batchEntries, turn })
        const moved = await this.#count(lane, turn, move)
        const isLast = !moved.stoodBack && moved.claimed < batchEntries
        if (isLast) full = full.filter((other) => other !== lane)
        return moved
      },
    })
    return full
  }

  /** Moves a batch from behind the ones before it, and tells of it. */
  async #count(
    lane: LaneName,
    turn: Turn | undefined,
    move: (options: Options) => Promise<Moved>,
  ): Promise<Moved> {
    const { limits, sideBySide, onMoved } = this.#parts
    const lockTimeoutMs = Math.ceil(limits.statementTimeoutMs / 2)
    const beganMs = performance.now()
    const moved = await move({ lane, lockTimeoutMs, from: this.#through.get(lane) })
    if (moved.through) this.#through.set(lane, moved.through)
    this.#room -= moved.claimed
    this.#stoodBack ||= moved.stoodBack === true
    sideBySide.moved(moved, turn)
    onMoved(lane, moved, performance.now() - beganMs)
    return moved
  }

  #isOver(): boolean {
    return this.#parts.signal.aborted || performance.now() >= this.#endMs
  }
}

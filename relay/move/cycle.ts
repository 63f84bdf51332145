import type { LaneName } from '../../src/lanes/lane.ts'
import type { RelayLimits } from '../../src/options.ts'
import { moveBatch } from './move-batch.ts'
import type { Moved, MoveOptions, Turn } from './move-statement.ts'
import type { Probed } from './peek-lanes.ts'
import type { SideBySide } from './parallel-moves.ts'
import type { RelayStatements } from './relay-statements.ts'

type CycleLimits = Pick<RelayLimits, 'batchEntries' | 'parallelMoves' | 'statementTimeoutMs'>

export interface CycleParts {
  readonly statements: Pick<RelayStatements, 'connect' | 'list' | 'move' | 'park'>
  readonly sideBySide: SideBySide
  readonly limits: CycleLimits
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
  #claimed = 0
  #stoodBack = false

  constructor(parts: CycleParts) {
    this.#parts = parts
  }

  /** Rows that it may still take. */
  get #room(): number {
    return this.#parts.maxRows - this.#claimed
  }

  /** Whether it left what waits to another relay that was moving. */
  get stoodBack(): boolean {
    return this.#stoodBack
  }

  /**
   * Moves what is in the lanes, or what there is time and room for.
   *
   * @returns the lanes that may hold more; none that is left to another relay
   */
  async move({ waiting, seen }: Pick<Probed, 'waiting' | 'seen'>): Promise<readonly LaneName[]> {
    const { limits, sideBySide, signal } = this.#parts
    const { batchEntries } = limits
    const isPossible = sideBySide.isPossible && this.#room >= batchEntries
    const backlog = waiting.filter((lane) => isPossible && seen[lane] > batchEntries)
    let lanes = waiting
    while (lanes.length > 0 && !this.#isOver()) {
      const stillFull: LaneName[] = []
      // By turns, so that a backlog in one lane never holds up the other.
      for (const lane of lanes) {
        if (backlog.includes(lane)) continue
        if (this.#room < 1 || signal.aborted) return lanes
        const { claimed } = await this.#moveOne(lane)
        if (claimed === batchEntries) stillFull.push(lane)
      }
      if (this.#stoodBack) return []
      if (backlog.length > 0) {
        const hasMoved = await this.#moveSideBySide(backlog, seen)
        return hasMoved ? [...backlog, ...stillFull] : stillFull
      }
      lanes = stillFull
    }
    return lanes
  }

  #moveOne(lane: LaneName): Promise<Moved> {
    const { limits, statements } = this.#parts
    const batchEntries = Math.min(limits.batchEntries, this.#room)
    const move = (options: Options) => moveBatch(statements, { ...options, batchEntries })
    return this.#count(lane, undefined, move)
  }

  /**
   * Divides what was seen of the lanes into equal parts, by turns, and moves these. Nothing is counted
   * on that was not seen: behind a part that is not there, others would be moved in vain.
   *
   * @returns whether there was anything that it could take
   */
  async #moveSideBySide(lanes: readonly LaneName[], seen: Probed['seen']): Promise<boolean> {
    const { limits, sideBySide, statements } = this.#parts
    const left = { ...seen }
    const claimedBefore = this.#claimed
    let room = this.#room // for what is under way, too
    let turns = lanes
    await sideBySide.run({
      connect: () => statements.connect(),
      next: (maxEntries) => {
        const [lane, ...others] = turns
        if (lane === undefined || room < 1 || this.#isOver()) return undefined
        const entries = Math.min(maxEntries, room, left[lane], equalPart(seen[lane], limits))
        room -= entries
        left[lane] -= entries
        turns = left[lane] > 0 ? [...others, lane] : others
        return { lane, entries }
      },
      move: ({ lane, entries }, turn) => {
        const move = (options: Options) =>
          statements.move({ ...options, batchEntries: entries, turn })
        return this.#count(lane, turn, move)
      },
    })
    return this.#claimed > claimedBefore
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
    this.#claimed += moved.claimed
    this.#stoodBack ||= moved.stoodBack === true
    sideBySide.moved(moved, turn)
    onMoved(lane, moved, performance.now() - beganMs)
    return moved
  }

  #isOver(): boolean {
    return this.#parts.signal.aborted || performance.now() >= this.#endMs
  }
}

/** So that all movers end at about the same time: their last parts too are as large as the others. */
function equalPart(rows: number, { batchEntries, parallelMoves }: CycleLimits): number {
  const rounds = Math.ceil(rows / (batchEntries * parallelMoves))
  return Math.ceil(rows / (rounds * parallelMoves))
}

import type { LaneName, MovedLane } from '../../src/lanes/lane.ts'
import type { RelayLimits } from '../../src/options.ts'
import { moveBatch } from './move-batch.ts'
import type { Moved, MoveOptions } from './move-statement.ts'
import type { ParallelMoves, Part } from './parallel-moves.ts'
import type { PeekedLanes } from './peek-lanes.ts'
import type { RelayStatements } from './relay-statements.ts'

type CycleLimits = Pick<RelayLimits, 'batchEntries' | 'parallelMoves' | 'statementTimeoutMs'>

export interface CycleParts {
  readonly statements: Pick<RelayStatements, 'list' | 'move' | 'park'>
  readonly parallelMoves: ParallelMoves
  readonly limits: CycleLimits
  /** The most rows that the cycle takes. */
  readonly maxRows: number
  readonly signal: AbortSignal
  readonly onMoved: (lane: MovedLane, moved: Moved, durationMs: number) => void
}

type Options = Omit<MoveOptions, 'batchEntries' | 'turn'>

/**
 * Longest cycle, in milliseconds. A backlog takes many cycles, because only a cycle that ends shows
 * that the relay works.
 */
const MAX_CYCLE_MS = 1_000
/**
 * What is recorded while an import runs waits for the batches of it that a cycle moves: for about this
 * long, in milliseconds, and for a batch that is smaller than others.
 */
const IMPORT_MS = 200
const IMPORT_BATCH_ENTRIES = 1_000

/** The moves of one cycle. */
export class Cycle {
  readonly #parts: CycleParts
  readonly #endMs = performance.now() + MAX_CYCLE_MS
  /**
   * The place that it reached in each lane. Each cycle begins at a lane's start, so that no row
   * waits long.
   */
  readonly #through = new Map<MovedLane, string>()
  #claimed = 0
  #stoodBack = false

  constructor(parts: CycleParts) {
    this.#parts = parts
  }

  /** How many rows it may still take. */
  get #room(): number {
    return this.#parts.maxRows - this.#claimed
  }

  /** Whether it left the waiting rows to another relay that was moving. */
  get stoodBack(): boolean {
    return this.#stoodBack
  }

  /**
   * Moves the rows in the lanes, as far as time and `maxRows` allow. An import is moved when nothing
   * else is left.
   *
   * @returns the lanes that may hold more; empty where another relay moves them
   */
  async move(
    peeked: Pick<PeekedLanes, 'waiting' | 'seen' | 'importWaits'>,
  ): Promise<readonly MovedLane[]> {
    const left = await this.#moveWhatIsNew(peeked)
    if (left.length > 0 || this.#stoodBack || !peeked.importWaits) return left
    return (await this.#moveImport()) ? ['import'] : []
  }

  async #moveWhatIsNew({
    waiting,
    seen,
  }: Pick<PeekedLanes, 'waiting' | 'seen'>): Promise<readonly LaneName[]> {
    const { limits, parallelMoves, signal } = this.#parts
    const { batchEntries } = limits
    const isPossible = parallelMoves.isPossible && this.#room >= batchEntries
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
        const hasMoved = await this.#moveInParallel(backlog, seen)
        return hasMoved ? [...backlog, ...stillFull] : stillFull
      }
      lanes = stillFull
    }
    return lanes
  }

  /** @returns whether the lane may hold more */
  async #moveImport(): Promise<boolean> {
    const { limits, signal } = this.#parts
    const most = Math.min(limits.batchEntries, IMPORT_BATCH_ENTRIES)
    const endMs = performance.now() + IMPORT_MS
    do {
      if (this.#room < 1 || signal.aborted) return true
      const { claimed } = await this.#moveOne('import', most)
      if (claimed < most) return false
    } while (performance.now() < endMs)
    return true
  }

  async #moveOne(lane: MovedLane, most = this.#parts.limits.batchEntries): Promise<Moved> {
    const { parallelMoves, statements } = this.#parts
    const batchEntries = Math.min(most, this.#room)
    const moved = await this.#count(lane, (options) =>
      moveBatch(statements, { ...options, batchEntries }),
    )
    parallelMoves.movedAlone(moved)
    return moved
  }

  /** @returns whether there was anything that it could take */
  async #moveInParallel(lanes: readonly LaneName[], seen: PeekedLanes['seen']): Promise<boolean> {
    const { limits, parallelMoves, statements } = this.#parts
    const claimedBefore = this.#claimed
    await parallelMoves.run(divide(lanes, seen, this.#room, limits), {
      move: ({ lane, entries }, turn) =>
        this.#count(lane, (options) =>
          statements.move({ ...options, batchEntries: entries, turn }),
        ),
      isOver: () => this.#isOver(),
    })
    return this.#claimed > claimedBefore
  }

  /** Moves a batch that begins behind the cycle's batches before, counts it and reports it. */
  async #count(lane: MovedLane, move: (options: Options) => Promise<Moved>): Promise<Moved> {
    const { limits, onMoved } = this.#parts
    const lockTimeoutMs = Math.ceil(limits.statementTimeoutMs / 2)
    const beganMs = performance.now()
    const moved = await move({ lane, lockTimeoutMs, from: this.#through.get(lane) })
    if (moved.through) this.#through.set(lane, moved.through)
    this.#claimed += moved.claimed
    this.#stoodBack ||= moved.stoodBack === true
    onMoved(lane, moved, performance.now() - beganMs)
    return moved
  }

  #isOver(): boolean {
    return this.#parts.signal.aborted || performance.now() >= this.#endMs
  }
}

/**
 * Divides the rows that were seen in the lanes into parts, one from each lane by turns. Rows that
 * were not seen are in no part, because a move that finds nothing makes the moves behind it fail.
 *
 * The parts of a lane are equal, so that all moves end at about the same time.
 */
function divide(
  lanes: readonly LaneName[],
  seen: PeekedLanes['seen'],
  maxRows: number,
  limits: CycleLimits,
): readonly Part[] {
  const parts: Part[] = []
  const left = { ...seen }
  let room = maxRows
  for (let turns = lanes; turns.length > 0 && room > 0; ) {
    for (const lane of turns) {
      const entries = Math.min(room, left[lane], equalPart(seen[lane], limits))
      if (entries > 0) parts.push({ lane, entries })
      room -= entries
      left[lane] -= entries
    }
    turns = turns.filter((lane) => left[lane] > 0)
  }
  return parts
}

/** A lane's rows in as few rounds as `batchEntries` allows, each shared by all parallel moves. */
function equalPart(rows: number, { batchEntries, parallelMoves }: CycleLimits): number {
  const rounds = Math.ceil(rows / (batchEntries * parallelMoves))
  return Math.ceil(rows / (rounds * parallelMoves))
}

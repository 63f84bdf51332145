import type { LaneName } from '../../src/lanes/lane.ts'
import { isMovedAgain } from './move-faults.ts'
import type { Moved, Turn } from './move-statement.ts'

/** Some rows of a lane that were seen waiting. */
export interface Part {
  readonly lane: LaneName
  /** The most rows that its move takes. The moves behind it leave it as many numbers of the log. */
  readonly entries: number
}

export interface ParallelMovesOptions {
  readonly limits: {
    readonly batchEntries: number
    /** Most moves under way at once. 1 turns parallel moves off. */
    readonly parallelMoves: number
  }
  /** Opens the connections for several moves at once. */
  readonly connect: () => Promise<void>
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}

export interface RunOptions {
  readonly move: (part: Part, turn: Turn) => Promise<Moved>
  /** Called before each move. After it has returned true, no move begins. */
  readonly isOver: () => boolean
}

type Mode =
  | { readonly name: 'ready' | 'alone' | 'together' }
  | { readonly name: 'ending'; readonly next: 'ready' | 'paused' }
  | { readonly name: 'leading' | 'paused'; readonly untilMs: number }

/**
 * The share of a batch that a move takes in the mode `alone`. It is small, because no other runs.
 */
const ALONE_SHARE = 1 / 8
const LEADING_MS = 1_000
const PAUSE_MS = { from: 1_000, to: 60_000 } as const

/**
 * Moves a backlog with several statements at once. Most of a move is the insert into the log, which
 * several cores can share. Only the log's numbers have to be given one move after the other.
 *
 * So each move expects that the moves in front of it log all entries of their parts. If one of them
 * logs fewer, the moves behind it fail as a whole, and their entries are moved again one batch at a
 * time. That is rare, unless an entry is refused or the server has no connection for a second move.
 * Then it would happen in every run, so after such a run no run begins for a while.
 *
 * It is in one of six modes.
 *
 * Between two runs:
 * - `ready`: it knows nothing of other relays, and its connections may be closed. A run begins
 *   `alone`. This is the first mode.
 * - `leading`, for one second after a run in which every move logged what was expected: no other
 *   relay was moving, and the connections are open. A run begins `together`. A move outside of a run
 *   or the end of that second makes it `ready`.
 * - `paused`: a move of the last run failed, so no run may begin. The pause lasts one second. It
 *   doubles with each such run in a row, up to one minute. Its end makes it `ready`.
 *
 * During a run:
 * - `alone`: small moves run one after the other until the connections are open. There are two
 *   reasons. If another relay moves, the first of these moves finds out, before the others are sent.
 *   And while connections open, a move could reach the server before the move in front of it, and
 *   would fail. When the connections are open, the mode is `together`. When they are refused, it is
 *   `ending` and then `paused`. If the parts are used up first, the run is over, and it is `ready`.
 * - `together`: `parallelMoves` run at once. When the parts are used up, it is `leading`.
 * - `ending`: a move logged less than the moves behind it expect (then `ready`), or it failed (then
 *   `paused`). No move begins. The run is over when the moves under way have ended.
 */
export class ParallelMoves {
  readonly #options: Required<ParallelMovesOptions>
  #mode: Mode = { name: 'ready' }
  /** The number at which the head of the log stood when this relay last saw it. */
  #head: number | undefined
  /** The turn of the move that begins next. */
  #turn: Turn = { head: 0, after: undefined }
  #nextPauseMs: number = PAUSE_MS.from
  #connections: 'opening' | 'open' | 'refused' = 'refused'

  constructor(options: ParallelMovesOptions) {
    this.#options = { now: () => performance.now(), ...options }
  }

  /** Whether a run may begin. */
  get isPossible(): boolean {
    if (this.#options.limits.parallelMoves === 1 || this.#head === undefined) return false
    const mode = this.#modeNow()
    return mode === 'ready' || mode === 'leading'
  }

  /** Whether an error is a conflict of a run that the next cycle resolves. */
  expects(error: unknown): boolean {
    const mode = this.#modeNow()
    const isRunning = mode === 'alone' || mode === 'together' || mode === 'ending'
    return isRunning && isMovedAgain(error)
  }

  /**
   * To be told where the head of the log stands, while no move of this relay is under way. It is
   * null where the log has lost its head.
   */
  sawHead(head: number | null): void {
    this.#head = head ?? undefined
  }

  /** To be told of each move outside of a run. */
  movedAlone(moved: Moved): void {
    if (this.#mode.name === 'leading') this.#mode = { name: 'ready' }
    this.#sawHeadOf(moved)
  }

  /**
   * Moves the parts in their order. Resolves when every move has ended. Parts may be left then.
   *
   * @throws the first failure that neither an entry nor another relay caused
   */
  async run(parts: readonly Part[], { move, isOver }: RunOptions): Promise<void> {
    const { batchEntries, parallelMoves } = this.#options.limits
    const left = [...parts]
    const failures: unknown[] = []
    this.#turn = { head: this.#head ?? 0, after: undefined }
    /** @returns whether there was a part to move */
    const moveNext = async (maxEntries: number): Promise<boolean> => {
      const part = isOver() ? undefined : takeFirst(left, maxEntries)
      if (part === undefined) return false
      await this.#moveInTurn(part, move).catch((error: unknown) => failures.push(error))
      return true
    }
    const mover = async () => {
      while (this.#modeNow() === 'together' && (await moveNext(batchEntries))) {}
    }
    if (this.#modeNow() === 'leading') this.#mode = { name: 'together' }
    else {
      this.#mode = { name: 'alone' }
      this.#connect()
      const maxEntries = Math.ceil(batchEntries * ALONE_SHARE)
      while ((await moveNext(maxEntries)) && this.#isAloneAndConnecting()) {}
      this.#goOnFromAlone()
    }
    await Promise.all(Array.from({ length: parallelMoves }, mover))
    this.#finish()
    if (failures.length > 0) throw failures[0]
  }

  async #moveInTurn(part: Part, move: RunOptions['move']): Promise<void> {
    const turn = this.#turn
    this.#turn = { head: turn.head + part.entries, after: turn.head }
    try {
      const moved = await move(part, turn)
      this.#sawHeadOf(moved)
      if (moved.logged < part.entries) this.#end('ready')
    } catch (error) {
      this.#end('paused')
      if (!isMovedAgain(error)) throw error
    }
  }

  #isAloneAndConnecting(): boolean {
    return this.#modeNow() === 'alone' && this.#connections === 'opening'
  }

  #goOnFromAlone(): void {
    if (this.#connections === 'refused') this.#end('paused')
    else if (this.#modeNow() === 'alone' && this.#connections === 'open') {
      this.#mode = { name: 'together' }
    }
  }

  #end(next: 'ready' | 'paused'): void {
    // If several moves end a run, a failed one decides.
    if (this.#mode.name === 'ending' && this.#mode.next === 'paused') return
    this.#mode = { name: 'ending', next }
  }

  #finish(): void {
    const nowMs = this.#options.now()
    if (this.#mode.name === 'ending' && this.#mode.next === 'paused') {
      this.#mode = { name: 'paused', untilMs: nowMs + this.#nextPauseMs }
      this.#nextPauseMs = Math.min(this.#nextPauseMs * 2, PAUSE_MS.to)
      return
    }
    this.#nextPauseMs = PAUSE_MS.from
    const isLeading = this.#mode.name === 'together'
    this.#mode = isLeading ? { name: 'leading', untilMs: nowMs + LEADING_MS } : { name: 'ready' }
  }

  /** The name of the current mode. A mode whose time is over has become `ready`. */
  #modeNow(): Mode['name'] {
    if ('untilMs' in this.#mode && this.#options.now() >= this.#mode.untilMs) {
      this.#mode = { name: 'ready' }
    }
    return this.#mode.name
  }

  /** The answers of parallel moves may overtake each other. */
  #sawHeadOf({ head }: Moved): void {
    if (head != null) this.#head = Math.max(head, this.#head ?? 0)
  }

  /** Makes one attempt at a time, because attempts without an answer would pile up. */
  #connect(): void {
    if (this.#connections === 'opening') return
    this.#connections = 'opening'
    this.#options.connect().then(
      () => {
        this.#connections = 'open'
      },
      () => {
        this.#connections = 'refused'
      },
    )
  }
}

/** Takes the first part off the list, or the beginning of it where it is larger. */
function takeFirst(parts: Part[], maxEntries: number): Part | undefined {
  const part = parts.shift()
  if (part === undefined || part.entries <= maxEntries) return part
  parts.unshift({ ...part, entries: part.entries - maxEntries })
  return { ...part, entries: maxEntries }
}

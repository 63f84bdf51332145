import type { LaneName } from '../../src/lanes/lane.ts'
import { isMovedAgain } from './move-faults.ts'
import type { Moved, Turn } from './move-statement.ts'

/** Some rows of a lane that were seen waiting. */
export interface Part {
  readonly lane: LaneName
  /** Most rows to take, and the count of numbers that the moves behind leave to this one. */
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
  /** Asked before each move. No move begins after it has said true. */
  readonly isOver: () => boolean
}

type Mode =
  | { readonly name: 'ready' | 'alone' | 'together' }
  | { readonly name: 'ending'; readonly next: 'ready' | 'paused' }
  | { readonly name: 'leading' | 'paused'; readonly untilMs: number }

/** The share of a batch that a move takes while it goes alone: the other cores wait for it. */
const ALONE_SHARE = 1 / 8
const LEADING_MS = 1_000
const PAUSE_MS = { from: 1_000, to: 60_000 } as const

/**
 * Moves a backlog with several statements at once. Most of a move is the insert into the log, and a
 * server has more than one core for that; only the numbers have to come one after the other.
 *
 * So each move counts on the ones in front of it to log all that they were to take. Where one does
 * not, those behind it fail as a whole, and their entries are moved again one batch at a time. That
 * is rare, unless an entry is refused or the server has no second connection to give: then it would
 * happen in each run. So after such a run no other one begins for a while.
 *
 * It is in one of six modes.
 *
 * Between two runs:
 * - `ready`: it knows nothing of other relays, and its connections may be closed. A run begins
 *   `alone`. This is the first mode.
 * - `leading`, for one second after a run in which everything went as counted on: no other relay
 *   was moving, and the connections are open. A run begins `together`. A move outside of a run or
 *   the end of that second makes it `ready`.
 * - `paused`: something was in the way of the last run, so no run may begin. The pause lasts one
 *   second, doubles with each such run in a row, up to one minute, and makes it `ready`.
 *
 * During a run:
 * - `alone`: small moves, one after the other, until the connections are open. If another relay is
 *   moving, the first of them finds out, and no other statement was sent for nothing. And a move
 *   that reaches the server before the one in front of it would fail, as while connections open.
 *   When they are open it goes on `together`; when they are refused, to `ending` and then `paused`.
 *   If the parts are used up first, the run is over, and it is `ready`.
 * - `together`: `parallelMoves` at once. When the parts are used up, it is `leading`.
 * - `ending`: a move logged less than the moves behind it count on (then `ready`), or it failed
 *   (then `paused`). No move begins; the run is over when those under way have ended.
 */
export class ParallelMoves {
  readonly #options: Required<ParallelMovesOptions>
  #mode: Mode = { name: 'ready' }
  /** Where the head of the log stands, as far as this relay has seen. */
  #head: number | undefined
  /** Of the move that begins next. */
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
   * To be told where the head stands while no move of this relay is under way; null: it is lost.
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
   * Moves the parts in their order. Resolves when every move has ended, though parts may be left.
   *
   * @throws the first failure that is no entry's fault and not another relay's doing
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
    // Of several moves that end a run, one that failed decides.
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

  /** The name of the mode, once time has moved it on. */
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

  /** One attempt at a time: attempts that nobody answers would pile up. */
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

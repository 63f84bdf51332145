import type { LaneName } from '../../src/lanes/lane.ts'
import { faultKind } from '../../src/database/retry.ts'
import { isClash } from './isolate-poison.ts'
import type { Moved, Turn } from './move-statement.ts'

export interface SideBySideOptions {
  readonly batchEntries: number
  /** Most moves under way at once. */
  readonly parallelMoves: number
}

/** Rows of a lane that wait to be moved. */
export interface Part {
  readonly lane: LaneName
  /** How many: more are not taken, and those behind count on so many. */
  readonly entries: number
}

export interface Backlog {
  /** The next part; none where there is no more, or no more time. */
  next(maxEntries: number): Part | undefined
  move(part: Part, turn: Turn): Promise<Moved>
  /** Makes ready for several moves at once. */
  connect(): Promise<void>
}

interface Connecting {
  readonly state: 'under way' | 'done' | 'refused'
}

/** What share of a batch the first move takes, which goes alone: the other cores wait for it. */
const FIRST_SHARE = 1 / 8
/** For how long it trusts that nobody else has begun to move, and that connections are still open. */
const LEADS_FOR_MS = 1_000
/** How long it keeps to one move at a time after something was in the way. */
const PAUSE_MS = { from: 1_000, to: 60_000 } as const

/**
 * Moves a backlog with several statements at once. Most of a move is the insert into the log, and
 * a server has more than one core for that; only the numbers have to come one after the other.
 *
 * So each move counts on the ones in front of it to log all that they were to take. Where one does
 * not, those behind it fail as a whole, and their entries are moved again, by a move on its own. That
 * is rare, but where an entry is refused, or there is no second connection to be had, it would be so
 * each time: then this relay keeps to one move at a time, for longer and longer.
 */
export class SideBySide {
  readonly #options: SideBySideOptions
  #head: number | undefined
  #pauseMs: number = PAUSE_MS.from
  #pausedUntilMs = Number.NEGATIVE_INFINITY
  #isUnderWay = false
  #connecting: Connecting = { state: 'refused' }
  /** Until then nobody else is expected: the last moves were side by side, and nobody came between. */
  #leadsUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: SideBySideOptions) {
    this.#options = options
  }

  /** Whether it is worth trying now. */
  get isPossible(): boolean {
    if (this.#options.parallelMoves === 1 || this.#head === undefined) return false
    return performance.now() >= this.#pausedUntilMs
  }

  /** Whether this is no failure to speak of: what it was about is moved again in a moment. */
  expects(error: unknown): boolean {
    return this.#isUnderWay && isNobodysFault(error)
  }

  /** To be told where the head stood while none of this relay's moves was under way. */
  sawHead(head: number | null): void {
    this.#head = head ?? undefined
  }

  /**
   * To be told of each move. The answers of those side by side may overtake each other.
   *
   * @param turn none, where it was a move on its own
   */
  moved({ head }: Moved, turn: Turn | undefined): void {
    if (turn === undefined) this.#leadsUntilMs = Number.NEGATIVE_INFINITY
    if (head != null) this.#head = Math.max(head, this.#head ?? 0)
  }

  /**
   * Moves until `next` has no more, or fewer were logged than those behind counted on.
   *
   * @throws whatever is no fault of an entry's and no other relay's doing
   */
  async run({ next, move, connect }: Backlog): Promise<void> {
    const { batchEntries, parallelMoves } = this.#options
    let head = this.#head ?? 0
    let after: number | undefined
    let isInOrder = true
    let wasInTheWay = false
    const moveNext = async (maxEntries: number) => {
      const part = next(maxEntries)
      if (part === undefined) return false
      const turn: Turn = { head, after }
      after = head
      head += part.entries
      try {
        const { logged } = await move(part, turn)
        if (logged < part.entries) isInOrder = false
      } catch (error) {
        isInOrder = false
        wasInTheWay = true
        if (!isNobodysFault(error)) throw error
      }
      return isInOrder
    }
    // One at first, to find out whether another relay moves: those behind it would do so in vain. And
    // until all can begin at once: one that is sent before the one in front has connected, fails.
    const led = performance.now() < this.#leadsUntilMs
    const connecting: Connecting = led ? { state: 'done' } : this.#connect(connect)
    const alone = async () => {
      const maxEntries = Math.ceil(batchEntries * FIRST_SHARE)
      while ((await moveNext(maxEntries)) && connecting.state === 'under way') {}
    }
    const mover = async () => {
      while (isInOrder && (await moveNext(batchEntries))) {}
    }
    this.#isUnderWay = true
    const first = led ? [] : await Promise.allSettled([alone()])
    const leads = isInOrder && connecting.state === 'done'
    const others = leads ? Array.from({ length: parallelMoves }, mover) : []
    const moves = [...first, ...(await Promise.allSettled(others))]
    this.#isUnderWay = false
    if (leads && isInOrder) this.#leadsUntilMs = performance.now() + LEADS_FOR_MS
    else this.#leadsUntilMs = Number.NEGATIVE_INFINITY
    this.#pause(wasInTheWay || connecting.state === 'refused')
    for (const one of moves) if (one.status === 'rejected') throw one.reason
  }

  /** One attempt at a time: where nobody answers, they would pile up. */
  #connect(connect: () => Promise<void>): Connecting {
    if (this.#connecting.state === 'under way') return this.#connecting
    const connecting: { state: Connecting['state'] } = { state: 'under way' }
    connect().then(
      () => {
        connecting.state = 'done'
      },
      () => {
        connecting.state = 'refused'
      },
    )
    this.#connecting = connecting
    return connecting
  }

  #pause(wasInTheWay: boolean): void {
    if (!wasInTheWay) {
      this.#pauseMs = PAUSE_MS.from
      return
    }
    this.#pausedUntilMs = performance.now() + this.#pauseMs
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS.to)
  }
}

/** A number that was taken, an id that was logged meanwhile, or an entry that is refused. */
function isNobodysFault(error: unknown): boolean {
  return faultKind(error) === 'entry' || isClash(error)
}

import { randomUUID } from 'node:crypto'
import type { Moved, MoveOptions } from '../../relay/move/move-statement.ts'
import type { Place } from '../../relay/move/park-statement.ts'
import { AuditError } from '../../src/errors.ts'
import { ROW_COLUMNS } from '../../src/encode/row.ts'
import type { MovedLane } from '../../src/lanes/lane.ts'
import type { Report } from '../../src/lanes/recorder-statements.ts'
import type { LaneState } from '../../src/lanes/staging.ts'

/** An entry in a lane. */
export interface Row {
  readonly id: string
  readonly recorderId: string | null
  readonly recorderSeq: number
  readonly action: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** Where it stands. Another row never stands there. */
  readonly place: string
  heldBy: object | undefined
}

export interface Counts extends Report {
  logged: number
  gaps: number
}

/** A statement that takes time: it looks and locks, and then commits or not. */
export interface Running<T> {
  /** Until everything that it has to wait for before it commits is over. */
  waitForTurn(): Promise<void>
  commit(): T
  abort(): void
}

class Turn {
  readonly ended: Promise<void>
  end: () => void = () => {}

  constructor() {
    this.ended = new Promise((resolve) => {
      this.end = resolve
    })
  }
}

/** What the database refuses in a lane, and what it refuses in the log. */
export const REFUSED_IN_LANE = 'bad.lane'
export const REFUSED_IN_LOG = 'bad.log'

export function sqlError(code: string): AuditError {
  return new AuditError('AUDIT_DATABASE_FAILED', `The database failed (${code}).`, { code })
}

/**
 * The tables and statements of the schema, as far as the order of events can matter: what a
 * statement sees, what it locks, when it commits. One that takes time has a beginning, in which it
 * looks and locks, and a commit.
 */
export class Model {
  readonly lanes: Record<MovedLane, Row[]> = { staging: [], outbox: [], import: [] }
  /** In the order of `seq`. */
  readonly log: Row[] = []
  readonly deadLetters: Row[] = []
  readonly recorders = new Map<string, Counts>()
  /** Ids that a lane ever held, and those that were in it when it was emptied. */
  readonly staged = new Map<string, Row>()
  readonly emptied = new Set<string>()
  /** Goes up with each crash; what began before one never commits. */
  crashes = 0
  gaps = 0
  head = 0
  readonly #loggedIds = new Set<string>()
  /** Moves that are under way in turn, by the number that they count on. */
  readonly #turns = new Map<number, Turn>()
  /** Moves that are under way, and whether they share that with others. */
  readonly #moving = new Map<object, 'shared' | 'alone'>()
  #epoch = '1'
  #sentinel: string | null = '1'
  #places = 0

  get isLaneFresh(): boolean {
    return this.#sentinel === this.#epoch
  }

  /** A crash: the UNLOGGED lane is empty, and its sentinel too. */
  crash(): void {
    this.crashes += 1
    for (const { id } of this.lanes.staging) this.emptied.add(id)
    this.lanes.staging = []
    this.#sentinel = null
    for (const row of this.lanes.outbox) row.heldBy = undefined
    for (const turn of this.#turns.values()) turn.end()
    this.#turns.clear()
    this.#moving.clear()
  }

  stage(recorderId: string, slices: readonly string[]): string | null {
    const rows = slices.flatMap((slice) => this.#readAll(recorderId, slice))
    if (rows.some(({ action }) => action === REFUSED_IN_LANE)) throw sqlError('23514')
    for (const row of rows) this.#put('staging', row)
    return this.#sentinel
  }

  laneState(recorderId: string): LaneState {
    const numbers = this.lanes.staging
      .filter((row) => row.recorderId === recorderId)
      .map(({ recorderSeq }) => recorderSeq)
    return {
      epoch: this.#sentinel,
      firstWaiting: numbers.length === 0 ? null : Math.min(...numbers),
    }
  }

  report(recorderId: string, { accepted, staged, closed, dropped }: Report): void {
    const before = this.#countsOf(recorderId)
    this.recorders.set(recorderId, {
      ...before,
      accepted: Math.max(before.accepted, accepted),
      staged: Math.max(before.staged, staged),
      closed: before.closed || closed,
      dropped,
    })
  }

  declareGap(): boolean {
    if (this.isLaneFresh) return false
    this.#epoch = String(Number(this.#epoch) + 1)
    this.#sentinel = this.#epoch
    this.gaps += 1
    for (const counts of this.recorders.values()) {
      if (!counts.closed || counts.logged < counts.staged) counts.gaps += 1
    }
    const columns = { recorderId: null, recorderSeq: 0, action: 'audit.gap', metadata: {} }
    this.#put('outbox', this.#placed({ id: randomUUID(), ...columns }))
    return true
  }

  /**
   * Claims rows that nobody holds, unless another relay moves, and looks which of them are new to
   * the log. In turn, it commits when the move in front has ended, and only where that one left the
   * head as it counted on.
   */
  beginMove({ lane, batchEntries, places, turn }: MoveOptions): Running<Moved> {
    const holder = {}
    const others = [...this.#moving.values()]
    const isMoving = turn ? others.includes('alone') : others.length > 0
    const isTaken =
      turn !== undefined &&
      (this.#turns.has(turn.head) ||
        (turn.after === undefined ? this.head !== turn.head : this.head > turn.head))
    const stoodBack = places === undefined && (isMoving || isTaken)
    if (places === undefined && !isMoving) this.#moving.set(holder, turn ? 'shared' : 'alone')
    const mine = turn && !stoodBack ? new Turn() : undefined
    if (turn && mine) this.#turns.set(turn.head, mine)
    const end = () => {
      this.#moving.delete(holder)
      if (turn && mine && this.#turns.get(turn.head) === mine) this.#turns.delete(turn.head)
      mine?.end()
    }
    const rows = this.lanes[lane]
      .filter(({ heldBy, place }) => !heldBy && (places === undefined || places.includes(place)))
      .slice(0, stoodBack ? 0 : batchEntries)
    for (const row of rows) row.heldBy = holder
    const fresh = new Map<string, Row>()
    for (const row of rows) if (!this.#loggedIds.has(row.id)) fresh.set(row.id, row)
    const abort = () => {
      for (const row of rows) row.heldBy = undefined
      end()
    }
    const commit = () => {
      const failure = [...fresh.values()].some(({ action }) => action === REFUSED_IN_LOG)
        ? '23514'
        : [...fresh.keys()].some((id) => this.#loggedIds.has(id))
          ? '23505'
          : turn && fresh.size > 0 && this.head !== turn.head
            ? '22P02'
            : undefined
      if (failure) {
        abort()
        throw sqlError(failure)
      }
      this.#take(lane, rows)
      for (const row of [...fresh.values()].sort(byNumber)) this.#append(row)
      end()
      const head = fresh.size > 0 ? this.head : null
      return { claimed: rows.length, logged: fresh.size, parked: 0, head, stoodBack }
    }
    const after = turn?.after
    const waitForTurn = async () => {
      if (after !== undefined) await this.#turns.get(after)?.ended
    }
    return { waitForTurn, commit, abort }
  }

  list({ lane, batchEntries }: MoveOptions): readonly Place[] {
    return this.lanes[lane]
      .filter(({ heldBy }) => !heldBy)
      .slice(0, batchEntries)
      .map(({ place, id }) => ({ place, id }))
  }

  park(lane: MovedLane, { place, id }: Place): Moved {
    const row = this.lanes[lane].find((one) => one.place === place && one.id === id)
    if (row === undefined) return { claimed: 0, logged: 0, parked: 0 }
    if (row.heldBy) throw sqlError('55P03')
    this.#take(lane, [row])
    if (this.deadLetters.some((letter) => letter.id === row.id)) {
      return { claimed: 1, logged: 0, parked: 0 }
    }
    this.deadLetters.push(row)
    return { claimed: 1, logged: 0, parked: 1 }
  }

  #take(lane: MovedLane, rows: readonly Row[]): void {
    const taken = new Set(rows)
    this.lanes[lane] = this.lanes[lane].filter((row) => !taken.has(row))
  }

  #append(row: Row): void {
    this.#loggedIds.add(row.id)
    this.head += 1
    this.log.push(row)
    if (row.recorderId === null) return
    const counts = this.#countsOf(row.recorderId)
    counts.logged += 1
    this.recorders.set(row.recorderId, counts)
  }

  #put(lane: MovedLane, row: Row): void {
    this.lanes[lane].push(row)
    this.staged.set(row.id, row)
  }

  #readAll(recorderId: string, json: string): Row[] {
    const rows: readonly (readonly unknown[])[] = JSON.parse(json)
    return rows.map((values) => {
      const { id, recorder_seq, action, metadata } = Object.fromEntries(
        ROW_COLUMNS.map((name, at) => [name, values[at]]),
      )
      return this.#placed({
        ...{ id: String(id), recorderId, recorderSeq: Number(recorder_seq) },
        ...{ action: String(action), metadata: metadata as Row['metadata'] },
      })
    })
  }

  #placed(row: Omit<Row, 'place' | 'heldBy'>): Row {
    this.#places += 1
    return { ...row, place: String(this.#places), heldBy: undefined }
  }

  #countsOf(recorderId: string): Counts {
    const none = { accepted: 0, staged: 0, dropped: {}, closed: false, logged: 0, gaps: 0 }
    return this.recorders.get(recorderId) ?? none
  }
}

/** As by id: a recorder's ids and numbers go up together. */
function byNumber(one: Row, other: Row): number {
  return one.recorderSeq - other.recorderSeq
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { SQL } from 'drizzle-orm'
import { AuditError, filterInvalid } from '../errors.ts'
import { withFilter } from './bound-filter.ts'
import {
  type BoundFilter,
  type CheckedFilter,
  checkFilter,
  FILTER_NAMES,
  type LogFilter,
} from './filter.ts'
import { shown } from './filter-values.ts'
import type { LoggedEntry } from './logged-entry.ts'
import { BATCH_ENTRIES, type Look, lookOn } from './look.ts'
import { refuseUnknownOptions } from '../options.ts'
import { isFinalFault } from '../database/faults.ts'
import { type Cursor, checkCursor, historyChanged } from './history.ts'
import { partitionsNow } from './partitions.ts'
import { readRows } from './read-rows.ts'
import { type Hole, holesIn } from '../removed/holes.ts'
import { NamedCursor } from '../removed/named-cursor.ts'
import { withRetry } from '../database/retry.ts'
import type { AuditDatabase } from '../database/callers-database.ts'

export { type QueryOptions, parseQuery } from '../query/parse-query.ts'
export type { LogFilter } from './filter.ts'
export {
  type Cursor,
  cursorText,
  HistoryChangedError,
  parseCursor,
} from './history.ts'
export type { Hole } from '../removed/holes.ts'
export type { LoggedEntry } from './logged-entry.ts'
export type { AuditDatabase } from '../database/callers-database.ts'

/** An entry of a tail. It is also a cursor, after which another tail can go on. */
export interface TailedEntry extends LoggedEntry, Cursor {}

export interface TailOptions {
  /**
   * The first `seq` to read. 1 reads the whole log. To go on after an entry, pass its `seq` + 1.
   * Default: the first entry that is logged after the call.
   */
  readonly fromSeq?: number | undefined
  /**
   * Goes on after this entry, which is an earlier one of a tail or its `cursorText()`. The tail
   * ends with an error if the log does not hold that entry any more. It replaces `fromSeq`.
   */
  readonly after?: Cursor | string | undefined
  /**
   * Any filter without `from` and `to`. `entityType` and `metadata` may also stand alone. The times of a
   * `query` are read once, when the tail begins.
   */
  readonly filter?: Omit<LogFilter, 'from' | 'to'> | undefined
  /** Ends the iteration at once and without an error. */
  readonly signal?: AbortSignal | undefined
  /**
   * Called each time the database could not be read. The tail tries again until `signal` aborts.
   */
  readonly onFailure?: ((error: unknown) => void) | undefined
  /**
   * An event `logged` on it ends the wait for the next look. It is for a relay's own process, which
   * knows when it has moved something.
   */
  readonly wake?: EventTarget | undefined
  /**
   * Called where the tail steps over numbers that the log does not hold, before the entry behind
   * them: `removed` by a policy, or `missing`. With a filter it tells of removed ones alone.
   */
  readonly onHole?: ((hole: Hole) => void) | undefined
  /**
   * The name of this reader, the same each time. Retention then removes nothing that it has not read,
   * unless it was not seen for 30 days. An entry counts as read once the next one is asked for. The
   * connection must be one that may write.
   */
  readonly name?: string | undefined
}

/**
 * Fewest entries asked for, where the last ones were large: the server writes all that it is asked
 * for.
 */
const FEWEST_ENTRIES = 8
/** How long to wait before the next look, by how long no entry has come. */
const BUSY = { forMs: 5_000, waitMs: 100 }
const CALM = { forMs: 30_000, waitMs: 400 }
const IDLE_WAIT_MS = 1_000

/**
 * Reads the log from a number on and follows it while it grows. It yields each entry once, in the
 * order of `seq`, and leaves none out. A reader that has seen `seq` n has seen every entry up to n
 * that passes the filter, because the log gives numbers in commit order.
 *
 * ```ts
 * for await (const entry of tail(db, { after: saved, signal })) {
 *   await handle(entry)
 *   saved = cursorText(entry)
 * }
 * ```
 *
 * The consumer sets the pace, because the tail reads nothing ahead while the consumer works. While
 * more entries are there, the tail looks again at once. At the end of the log it looks 10 times a
 * second, after 5 s without an entry 5 times in 2 s, and after 30 s once a second. It holds no
 * connection between two looks.
 *
 * It outlasts an outage of the database. It ends where trying again cannot help: for a login
 * without `audit_reader`, a database without the schema, and a log that was restored from an
 * earlier copy.
 *
 * @throws {AuditError} `AUDIT_FILTER_INVALID` at the call, or at the first entry for an id that is none
 * of this database; later `AUDIT_DATABASE_FAILED`, or
 * `AUDIT_HISTORY_CHANGED` with the number to read again from (`HistoryChangedError`)
 */
export function tail(
  db: AuditDatabase,
  options: TailOptions = {},
): AsyncGenerator<TailedEntry, void, undefined> {
  const { fromSeq, after, filter = {}, signal, onFailure = () => {}, wake, onHole, name } = options
  refuseUnknown(options, filter)
  if (fromSeq !== undefined && (!Number.isSafeInteger(fromSeq) || fromSeq < 0)) {
    throw filterInvalid(`fromSeq must be a whole number from 0 on, got ${shown(fromSeq)}.`)
  }
  if (fromSeq !== undefined && after !== undefined) {
    throw filterInvalid('A tail takes fromSeq or after, not both.')
  }
  if (name !== undefined && (typeof name !== 'string' || !/^[^\0]{1,128}$/su.test(name))) {
    throw filterInvalid(`name must be a text of 1 to 128 characters, got ${shown(name)}.`)
  }
  const from = after === undefined ? undefined : checkCursor(after)
  const checked = checkFilter(filter)
  const ending = signal ?? new AbortController().signal
  const reader = new TailReader(db, checked, { signal: ending, onFailure, wake, onHole, name })
  return reader.read(from ?? fromSeq)
}

interface ReaderParts {
  readonly signal: AbortSignal
  readonly onFailure: (error: unknown) => void
  readonly wake: EventTarget | undefined
  readonly onHole: ((hole: Hole) => void) | undefined
  readonly name: string | undefined
}

class TailReader {
  readonly #db: AuditDatabase
  readonly #filter: CheckedFilter
  readonly #parts: ReaderParts
  readonly #named: NamedCursor | undefined
  #limit = BATCH_ENTRIES
  #isAmongLarge = false
  #isWoken = false
  #waiting: AbortController | undefined

  constructor(db: AuditDatabase, filter: CheckedFilter, parts: ReaderParts) {
    this.#db = db
    this.#filter = filter
    this.#parts = parts
    const { name, onFailure } = parts
    if (name !== undefined) this.#named = new NamedCursor(name, this.#ask, onFailure)
  }

  #ask = (query: SQL) => readRows(this.#db, query)

  async *read(from: number | Cursor | undefined): AsyncGenerator<TailedEntry, void, undefined> {
    const { signal, wake } = this.#parts
    const onLogged = () => {
      this.#isWoken = true
      this.#waiting?.abort()
    }
    wake?.addEventListener('logged', onLogged)
    try {
      // Before anything is read, so that an id that is none is refused at once.
      await this.#retrying(() => withFilter(this.#db, this.#filter, async () => {}))
      const first = from ?? (await this.#retrying(() => lastKnown(this.#db))) + 1
      let at = typeof first === 'object' ? first : undefined
      let next = typeof first === 'object' ? first.seq + 1 : first
      let lastNewsMs = performance.now()
      while (!signal.aborted) {
        const look = await this.#retrying(() =>
          withFilter(this.#db, this.#filter, (bound) => this.#look(next, at, bound)),
        )
        const { entries, throughSeq, throughId, history } = look
        if (at !== undefined && (look.isChanged || history !== at.history)) {
          const gone = at
          throw await this.#retrying(() => historyChanged(this.#db, gone))
        }
        const holes = await this.#holes(next, look)
        for (const entry of entries) {
          this.#tellOf(holes, entry.seq)
          yield entry
          if (signal.aborted) return
        }
        this.#tellOf(holes, Number.POSITIVE_INFINITY)
        if (throughSeq >= next) lastNewsMs = performance.now()
        if (throughId !== undefined) at = { history, seq: throughSeq, id: throughId }
        next = Math.max(next, throughSeq + 1)
        await this.#named?.reached({ history, seq: next - 1, id: at?.id })
        if (!look.isMore) await this.#idle(waitMsAfter(performance.now() - lastNewsMs))
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      wake?.removeEventListener('logged', onLogged)
      if (!signal.aborted) await this.#named?.say()
    }
  }

  /** What the log does not hold of what was looked at. */
  async #holes(next: number, { entries, throughSeq }: Look): Promise<Hole[]> {
    if (this.#parts.onHole === undefined) return []
    const seqs = entries.map(({ seq }) => seq)
    const stretch = { next, seqs, throughSeq, isFiltered: !this.#filter.isEmpty }
    return [...(await this.#retrying(() => holesIn(this.#ask, stretch)))]
  }

  /** Tells of the holes before a number. */
  #tellOf(holes: Hole[], seq: number): void {
    while (holes[0] !== undefined && holes[0].first < seq) {
      const hole = holes.shift()
      if (hole) this.#parts.onHole?.(hole)
    }
  }

  /** Asks for fewer entries where they are large, and for more again afterwards. */
  async #look(
    next: number,
    at: Cursor | undefined,
    { conditions, view }: BoundFilter,
  ): Promise<Look> {
    const limit = this.#limit
    const isAmongLarge = this.#isAmongLarge
    const look = await lookOn(this.#db, { next, at, conditions, view, limit, isAmongLarge })
    this.#isAmongLarge = look.hasLarge
    this.#limit = look.isCut
      ? Math.max(FEWEST_ENTRIES, look.entries.length * 2)
      : Math.min(BATCH_ENTRIES, limit * 2)
    return look
  }

  #retrying<T>(attempt: () => Promise<T>): Promise<T> {
    const { signal, onFailure } = this.#parts
    return withRetry(attempt, { signal, onFailure, isFinal: isFinalFault, tearsAttempt: true })
  }

  async #idle(waitMs: number): Promise<void> {
    if (!this.#isWoken) {
      this.#waiting = new AbortController()
      const signal = AbortSignal.any([this.#parts.signal, this.#waiting.signal])
      // An abort wakes the tail, so the rejection is an expected end of the wait.
      await sleep(waitMs, undefined, { signal }).catch(() => {})
    }
    this.#isWoken = false
  }
}

/** The log's last number. The answer brings the catalogue along, which the first look needs. */
async function lastKnown(db: AuditDatabase): Promise<number> {
  return (await partitionsNow(db)).lastSeq
}

function refuseUnknown(options: object, filter: object): void {
  const names = FILTER_NAMES.filter((name) => name !== 'from' && name !== 'to')
  try {
    refuseUnknownOptions(options, [
      ...['fromSeq', 'after', 'filter', 'signal', 'onFailure', 'wake', 'onHole', 'name'],
    ])
    refuseUnknownOptions(filter, names)
  } catch (error) {
    throw filterInvalid(error instanceof AuditError ? error.message : 'The options cannot be read.')
  }
}

/** How long a tail waits at the end of the log, in milliseconds, by how long no entry has come. */
export function waitMsAfter(quietMs: number): number {
  if (quietMs < BUSY.forMs) return BUSY.waitMs
  return quietMs < CALM.forMs ? CALM.waitMs : IDLE_WAIT_MS
}

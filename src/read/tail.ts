import { setTimeout as sleep } from 'node:timers/promises'
import type { SQL } from 'drizzle-orm'
import { AuditError, filterInvalid } from '../errors.ts'
import { checkFilter, FILTER_NAMES, type LogFilter, shown } from './filter.ts'
import { readBatch } from './batch.ts'
import { type LoggedEntry, toEntry } from './logged-entry.ts'
import { refuseUnknownOptions } from '../options.ts'
import { isFinalFault } from '../database/faults.ts'
import { type Cursor, checkCursor, historyChanged } from './history.ts'
import { isChangedSince, lastSeq, lookQuery } from './tail-query.ts'
import { withRetry } from '../database/retry.ts'
import type { AuditDatabase } from '../database/callers-database.ts'

export type { LogFilter } from './filter.ts'
export {
  type Cursor,
  cursorText,
  HistoryChangedError,
  parseCursor,
} from './history.ts'
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
  /** Any filter without a time range. `entityType` and `metadata` may also stand alone. */
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
}

/** Most entries in one answer. The next statement runs after the consumer has taken all of them. */
const BATCH_ENTRIES = 500
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
 * @throws {AuditError} `AUDIT_FILTER_INVALID` at the call; later `AUDIT_DATABASE_FAILED`, or
 * `AUDIT_HISTORY_CHANGED` with the number to read again from (`HistoryChangedError`)
 */
export function tail(
  db: AuditDatabase,
  options: TailOptions = {},
): AsyncGenerator<TailedEntry, void, undefined> {
  const { fromSeq, after, filter = {}, signal, onFailure = () => {}, wake } = options
  refuseUnknown(options, filter)
  if (fromSeq !== undefined && (!Number.isSafeInteger(fromSeq) || fromSeq < 0)) {
    throw filterInvalid(`fromSeq must be a whole number from 0 on, got ${shown(fromSeq)}.`)
  }
  if (fromSeq !== undefined && after !== undefined) {
    throw filterInvalid('A tail takes fromSeq or after, not both.')
  }
  const from = after === undefined ? undefined : checkCursor(after)
  const { conditions } = checkFilter(filter)
  const ending = signal ?? new AbortController().signal
  const reader = new TailReader(db, conditions, { signal: ending, onFailure, wake })
  return reader.read(from ?? fromSeq)
}

interface ReaderParts {
  readonly signal: AbortSignal
  readonly onFailure: (error: unknown) => void
  readonly wake: EventTarget | undefined
}

/** What one statement found in the log. */
interface Look {
  readonly entries: readonly TailedEntry[]
  /** Every entry up to this number is in `entries` or does not pass the filter. */
  readonly throughSeq: number
  /** The entry of that number. */
  readonly throughId: string | undefined
  readonly history: string
  /** Whether the log lacks the entry that was read last. */
  readonly isChanged: boolean
  /** Whether the log probably holds more entries already. */
  readonly isMore: boolean
}

class TailReader {
  readonly #db: AuditDatabase
  readonly #conditions: readonly SQL[]
  readonly #parts: ReaderParts
  #limit = BATCH_ENTRIES
  #isAmongLarge = false
  #isWoken = false
  #waiting: AbortController | undefined

  constructor(db: AuditDatabase, conditions: readonly SQL[], parts: ReaderParts) {
    this.#db = db
    this.#conditions = conditions
    this.#parts = parts
  }

  async *read(from: number | Cursor | undefined): AsyncGenerator<TailedEntry, void, undefined> {
    const { signal, wake } = this.#parts
    const onLogged = () => {
      this.#isWoken = true
      this.#waiting?.abort()
    }
    wake?.addEventListener('logged', onLogged)
    try {
      const first = from ?? (await this.#retrying(() => lastSeq(this.#db))) + 1
      let at = typeof first === 'object' ? first : undefined
      let next = typeof first === 'object' ? first.seq + 1 : first
      let lastNewsMs = performance.now()
      while (!signal.aborted) {
        const look = await this.#retrying(() => this.#look(next, at))
        const { entries, throughSeq, throughId, history } = look
        if (at !== undefined && (look.isChanged || history !== at.history)) {
          const gone = at
          throw await this.#retrying(() => historyChanged(this.#db, gone))
        }
        for (const entry of entries) {
          yield entry
          if (signal.aborted) return
        }
        if (throughSeq >= next) lastNewsMs = performance.now()
        if (throughId !== undefined) at = { history, seq: throughSeq, id: throughId }
        next = Math.max(next, throughSeq + 1)
        if (!look.isMore) await this.#idle(waitMsAfter(performance.now() - lastNewsMs))
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      wake?.removeEventListener('logged', onLogged)
    }
  }

  /**
   * Reads the entries from a number on, and the number up to which they are complete.
   *
   * One statement reads both from one snapshot. If there were two, a pool that spreads reads over
   * standbys could send the second to a server that knows less than the first.
   */
  async #look(next: number, at: Cursor | undefined): Promise<Look> {
    const limit = this.#limit
    const query = lookQuery(next, at, { conditions: this.#conditions, limit })
    const isAmongLarge = this.#isAmongLarge
    const { rows, isCut, hasLarge } = await readBatch(this.#db, { ...query, isAmongLarge })
    this.#isAmongLarge = hasLarge
    this.#limit = isCut
      ? Math.max(FEWEST_ENTRIES, rows.length * 2)
      : Math.min(BATCH_ENTRIES, limit * 2)
    const [{ history, isMissing, throughSeq, throughId } = {}] = rows
    if (at !== undefined && isMissing === true) {
      const isChanged = await isChangedSince(this.#db, at)
      // Where it is not changed, a server answered that is behind: nothing of its answer counts.
      const nothing = { entries: [], throughSeq: 0, throughId: undefined, isMore: false }
      return { ...nothing, history: String(history), isChanged }
    }
    const entries = rows
      .filter((row) => row['id'] !== null)
      .map((row) => ({ ...toEntry(row), history: String(history) }))
    const last = entries.at(-1)
    const found = { entries, history: String(history), isChanged: false }
    const isFull = isCut || entries.length === limit
    if (isFull || this.#conditions.length === 0) {
      return { ...found, throughSeq: last?.seq ?? 0, throughId: last?.id, isMore: isFull }
    }
    const through = Number(throughSeq ?? 0)
    return {
      ...found,
      throughSeq: through,
      throughId: throughId === null ? undefined : String(throughId),
      isMore: through - next + 1 >= BATCH_ENTRIES,
    }
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

function refuseUnknown(options: object, filter: object): void {
  const names = FILTER_NAMES.filter((name) => name !== 'from' && name !== 'to')
  try {
    refuseUnknownOptions(options, ['fromSeq', 'after', 'filter', 'signal', 'onFailure', 'wake'])
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

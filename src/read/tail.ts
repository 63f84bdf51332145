import { setTimeout as sleep } from 'node:timers/promises'
import { type SQL, sql } from 'drizzle-orm'
import { AuditError, filterInvalid } from '../errors.ts'
import { checkFilter, FILTER_NAMES, type LogFilter, shown } from './filter.ts'
import { entryColumns, type LoggedEntry, toEntry } from './logged-entry.ts'
import { refuseUnknownOptions } from '../options.ts'
import { isFinalFault } from '../database/faults.ts'
import { readRows } from './read-rows.ts'
import { withRetry } from '../database/retry.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { auditLog } from '../schema/tables.ts'

export type { LogFilter } from './filter.ts'
export type { LoggedEntry } from './logged-entry.ts'
export type { AuditDatabase } from '../database/callers-database.ts'

export interface TailOptions {
  /**
   * The first `seq` that is wanted; 1 is the whole log. To go on after an entry, its `seq` + 1.
   * Default: what is logged after the call.
   */
  readonly fromSeq?: number | undefined
  /** Any filter but a time range. It may also be `entityType` or `metadata` alone. */
  readonly filter?: Omit<LogFilter, 'from' | 'to'> | undefined
  /** Ends the iteration, at once, without an error. */
  readonly signal?: AbortSignal | undefined
  /** Told each time that the database could not be read; it is tried again until `signal` aborts. */
  readonly onFailure?: ((error: unknown) => void) | undefined
  /**
   * An event `logged` on it ends the wait for the next look. For a relay's own process, which knows
   * when it has moved something.
   */
  readonly wake?: EventTarget | undefined
}

/** Entries in one answer; the consumer gets through them before the next question is asked. */
const BATCH_ENTRIES = 500
/** Numbers looked through in one statement where a filter may leave out most of them. */
const WINDOW_SEQS = 20_000

/** How long to wait before the next look, by how long nothing has come. */
const BUSY = { forMs: 5_000, waitMs: 100 }
const CALM = { forMs: 30_000, waitMs: 400 }
const IDLE_WAIT_MS = 1_000

/**
 * The log from a number on, and then for as long as it grows: each entry once, in the order of
 * `seq`, with nothing left out. Whoever has seen `seq` n has seen all that the filter lets through
 * up to n, because the log gives numbers in commit order.
 *
 * ```ts
 * for await (const entry of tail(db, { fromSeq: lastSeen + 1, signal })) await handle(entry)
 * ```
 *
 * The consumer sets the pace: nothing is read ahead while it works. Behind a growing log it looks
 * again at once, at its end 10 times a second; after 5 s without an entry 5 times in 2 s, after
 * 30 s once a second. It holds no connection between two looks.
 *
 * It outlasts an outage of the database. What trying again cannot mend ends it: a login without
 * `audit_reader`, a database without the schema.
 *
 * @throws {AuditError} `AUDIT_FILTER_INVALID` at the call; later `AUDIT_DATABASE_FAILED`
 */
export function tail(
  db: AuditDatabase,
  options: TailOptions = {},
): AsyncGenerator<LoggedEntry, void, undefined> {
  const { fromSeq, filter = {}, signal, onFailure = () => {}, wake } = options
  refuseUnknown(options, filter)
  if (fromSeq !== undefined && (!Number.isSafeInteger(fromSeq) || fromSeq < 0)) {
    throw filterInvalid(`fromSeq must be a whole number from 0 on, got ${shown(fromSeq)}.`)
  }
  const { conditions } = checkFilter(filter)
  const ending = signal ?? new AbortController().signal
  const reader = new TailReader(db, conditions, { signal: ending, onFailure, wake })
  return reader.read(fromSeq)
}

interface ReaderParts {
  readonly signal: AbortSignal
  readonly onFailure: (error: unknown) => void
  readonly wake: EventTarget | undefined
}

class TailReader {
  readonly #db: AuditDatabase
  readonly #conditions: readonly SQL[]
  readonly #parts: ReaderParts
  #isWoken = false
  #waiting: AbortController | undefined

  constructor(db: AuditDatabase, conditions: readonly SQL[], parts: ReaderParts) {
    this.#db = db
    this.#conditions = conditions
    this.#parts = parts
  }

  async *read(fromSeq: number | undefined): AsyncGenerator<LoggedEntry, void, undefined> {
    const { signal, wake } = this.#parts
    const onLogged = () => {
      this.#isWoken = true
      this.#waiting?.abort()
    }
    wake?.addEventListener('logged', onLogged)
    try {
      let next = fromSeq ?? (await this.#retrying(() => lastSeq(this.#db))) + 1
      let lastNewsMs = performance.now()
      while (!signal.aborted) {
        const { entries, throughSeq } = await this.#retrying(() => this.#look(next))
        for (const entry of entries) {
          yield entry
          if (signal.aborted) return
        }
        if (throughSeq >= next) lastNewsMs = performance.now()
        const isBehind = throughSeq - next + 1 >= BATCH_ENTRIES
        next = Math.max(next, throughSeq + 1)
        if (!isBehind) await this.#idle(waitMsAfter(performance.now() - lastNewsMs))
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      wake?.removeEventListener('logged', onLogged)
    }
  }

  /**
   * What there is from a number on, and the number up to which that is everything.
   *
   * With a filter both come from one statement, so from one snapshot: asked one after the other,
   * of a pool that spreads reads over standbys, the second could know less than the first.
   */
  async #look(next: number): Promise<{ entries: readonly LoggedEntry[]; throughSeq: number }> {
    const isFiltered = this.#conditions.length > 0
    const query = isFiltered ? windowQuery(next, this.#conditions) : batchQuery(next)
    const rows = await readRows(this.#db, query)
    const entries = rows.filter((row) => row['id'] !== null).map(toEntry)
    const lastEntry = entries.at(-1)?.seq ?? 0
    if (!isFiltered || entries.length === BATCH_ENTRIES) return { entries, throughSeq: lastEntry }
    return { entries, throughSeq: Number(rows[0]?.['throughSeq'] ?? 0) }
  }

  #retrying<T>(attempt: () => Promise<T>): Promise<T> {
    const { signal, onFailure } = this.#parts
    return withRetry(attempt, { signal, onFailure, isFinal: isFinalFault, tearsAttempt: true })
  }

  async #idle(waitMs: number): Promise<void> {
    if (!this.#isWoken) {
      this.#waiting = new AbortController()
      const signal = AbortSignal.any([this.#parts.signal, this.#waiting.signal])
      // Aborting is how we are woken, so the rejection is the expected end of the wait.
      await sleep(waitMs, undefined, { signal }).catch(() => {})
    }
    this.#isWoken = false
  }
}

function refuseUnknown(options: object, filter: object): void {
  const names = FILTER_NAMES.filter((name) => name !== 'from' && name !== 'to')
  try {
    refuseUnknownOptions(options, ['fromSeq', 'filter', 'signal', 'onFailure', 'wake'])
    refuseUnknownOptions(filter, names)
  } catch (error) {
    throw filterInvalid(error instanceof AuditError ? error.message : 'The options cannot be read.')
  }
}

/** How long a tail that has come to the end waits, by how long nothing has come. */
export function waitMsAfter(quietMs: number): number {
  if (quietMs < BUSY.forMs) return BUSY.waitMs
  return quietMs < CALM.forMs ? CALM.waitMs : IDLE_WAIT_MS
}

function batchQuery(next: number): SQL {
  return sql`
    select ${entryColumns} from ${auditLog} where ${auditLog.seq} operator(pg_catalog.>=) ${next}::bigint
    order by ${auditLog.seq} limit ${sql.raw(String(BATCH_ENTRIES))}`
}

/**
 * One row at least: where the filter lets nothing through, one with nulls for an entry. The window
 * begins at the first number that is there, because the oldest partitions may have been dropped.
 */
function windowQuery(next: number, conditions: readonly SQL[]): SQL {
  const first = sql`(
    select pg_catalog.min(${auditLog.seq}) from ${auditLog}
    where ${auditLog.seq} operator(pg_catalog.>=) ${next}::bigint
  )`
  const inWindow = sql`${auditLog.seq} operator(pg_catalog.>=) ${first}
    and ${auditLog.seq} operator(pg_catalog.<)
      (${first} operator(pg_catalog.+) ${sql.raw(String(WINDOW_SEQS))}::bigint)`
  return sql`
    select reached."throughSeq", found.*
    from (select pg_catalog.max(${auditLog.seq})::pg_catalog.text as "throughSeq" from ${auditLog} where ${inWindow})
      as reached
    left join lateral (
      select ${entryColumns} from ${auditLog} where ${sql.join([inWindow, ...conditions], sql` and `)}
      order by ${auditLog.seq} limit ${sql.raw(String(BATCH_ENTRIES))}
    ) as found on true
    order by found."seq"::bigint`
}

/** The largest number in the log; 0 for an empty one. */
export async function lastSeq(db: AuditDatabase): Promise<number> {
  const [row] = await readRows(
    db,
    sql`select pg_catalog.max(${auditLog.seq})::pg_catalog.text as "last" from ${auditLog}`,
  )
  return Number(row?.['last'] ?? 0)
}

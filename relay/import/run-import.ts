import { setTimeout as sleep } from 'node:timers/promises'
import { faultKind } from '../../src/database/faults.ts'
import { withRetry } from '../../src/database/retry.ts'
import type { IdKind } from '../../src/entry.ts'
import { AuditError, databaseFault } from '../../src/errors.ts'
import type { EndedImport, ImportState, ImportStatements } from './import-statements.ts'
import { digestOf, type Mapping } from './mapping/mapping.ts'
import { RowMapper } from './mapping/map-row.ts'
import type { OldLog, ReadRow } from './reading/old-rows.ts'
import type { RefusedRow, RefusedRows } from './refused-rows.ts'
import { add, marksOf } from './mapping/row-marks.ts'
import type { Batch, Origin, Window } from './window.ts'

export interface ImportOptions {
  readonly name: string
  readonly mapping: Mapping
  readonly log: OldLog
  readonly statements: ImportStatements
  readonly refused: RefusedRows
  readonly maxEntryBytes: number
  readonly signal: AbortSignal
  readonly onProgress: (progress: ImportProgress) => void
  /** The most rows of a window. Default: about a second of a relay's work. */
  readonly windowRows?: number
  /** Called for each failure that is tried again. */
  readonly onFailure: (error: unknown) => void
}

export interface ImportProgress {
  readonly read: number
  /** How many of them are known to be in the log, or refused. */
  readonly settled: number
  readonly refused: number
  /** How long no row has left the lane, in milliseconds. */
  readonly waitingMs: number
}

export interface ImportResult extends EndedImport {
  /** Whether it went on with what was begun before. */
  readonly goesOn: boolean
  /** How many of the refused rows had each reason, in this run. */
  readonly reasons: ReadonlyMap<string, number>
  /** How many entries of this run differ from what was given, by the mark that says how. */
  readonly marks: ReadonlyMap<string, number>
}

/**
 * Rows that wait in the lane at once. Between two windows the lane
 * is empty, so that the relay can take the dead rows out of it.
 */
const WINDOW_ROWS = 20_000
const WINDOW_CHARACTERS = 32 * 1024 * 1024
const BATCH_ROWS = 1_000
const BATCH_CHARACTERS = 1024 * 1024
const POLL_MS = 100
/** lock_not_available: somebody reads the log while a partition is to be attached. */
const PASSING_CODES: ReadonlySet<string> = new Set(['55P03', '40P01', '40001', '53300', '53200'])

/** A crash has emptied the lane before the log had all of it. */
class LaneWasEmptied extends Error {}

/**
 * Brings an old log in: stages a window of rows, waits until the relay has moved all of them, notes the
 * key of the last one, and goes on. It may be killed at any moment and run again.
 *
 * @throws {AuditError} for what no retry can end; what was noted stays
 */
export async function runImport(options: ImportOptions): Promise<ImportResult> {
  return await new ImportRun(options).run()
}

class ImportRun {
  readonly #options: ImportOptions
  readonly #reasons = new Map<string, number>()
  readonly #marks = new Map<string, number>()
  readonly #months = new Set<string>()
  #countedThrough = 0

  constructor(options: ImportOptions) {
    this.#options = options
  }

  async run(): Promise<ImportResult> {
    const { statements, mapping, log } = this.#options
    // What cannot be read is found out before the log is told of an import.
    let rows = await opened(log.rows(await this.#ask(() => statements.state())))
    const goesOn = await this.#ask(() => statements.begin(log.name, digestOf(mapping)))
    for (;;) {
      const state = await this.#ask(() => statements.state())
      try {
        await this.#pass(state, rows)
        break
      } catch (error) {
        if (!(error instanceof LaneWasEmptied)) throw error
        this.#options.onFailure(error)
        rows = await opened(log.rows(await this.#ask(() => statements.state())))
      }
    }
    const ended = await this.#ask(() => statements.end())
    return { ...ended, goesOn, reasons: this.#reasons, marks: this.#marks }
  }

  /** Reads the old log from where the import is to its end. */
  async #pass(state: ImportState, rows: AsyncIterator<ReadRow>): Promise<void> {
    const { signal } = this.#options
    const mapper = this.#mapperFor(state)
    const { ids } = state
    let { read, refused } = state
    let next = this.#readWindow(rows, { mapper, ids }, read)
    try {
      for (let window = await next; window !== undefined; window = await next) {
        signal.throwIfAborted()
        const staged = await this.#stage(window)
        read = window.read
        // While the relay moves this window, the next one is read and mapped.
        next = this.#readWindow(rows, { mapper, ids }, read)
        next.catch(() => {})
        const refusedRows = [...window.refused, ...staged.refused]
        refused += refusedRows.length
        // First, so that a row is listed twice rather than never if this process dies here.
        this.#options.refused.add(refusedRows)
        await this.#settle(staged.epoch, { lastKey: window.lastKey, read, refused })
        this.#count(window, refusedRows)
      }
    } finally {
      await next.catch(() => {})
      await rows.return?.()
    }
  }

  #mapperFor({ ids, oldest, recorderId, begunAt }: ImportState): RowMapper {
    const { name, mapping, maxEntryBytes } = this.#options
    return new RowMapper({
      ...{ name, mapping, ids, oldest, maxEntryBytes },
      recorderId: recorderId ?? '',
      // The same each time, because a row that is read again must become the same entry.
      at: begunAt ?? '',
    })
  }

  /** @returns undefined at the end of the old log */
  async #readWindow(
    rows: AsyncIterator<ReadRow>,
    { mapper, ids }: { readonly mapper: RowMapper; readonly ids: IdKind },
    readBefore: number,
  ): Promise<Window | undefined> {
    const batches: Batch[] = []
    const refused: RefusedRow[] = []
    const origins = new Map<number, Origin>()
    const months = new Set<string>()
    const marks = new Map<string, number>()
    let open: { plain: string[]; odd: string[]; rows: number; characters: number } = newBatch()
    let [read, characters] = [readBefore, 0]
    let lastKey = ''
    const { windowRows = WINDOW_ROWS } = this.#options
    while (read - readBefore < windowRows && characters < WINDOW_CHARACTERS) {
      const { value: given, done } = await rows.next()
      if (done) break
      const { row, fault, key, text } = given as ReadRow
      read += 1
      lastKey = key
      const mapped =
        row === undefined ? { reason: fault ?? 'it is no row' } : mapper.map(row, key, read)
      if ('reason' in mapped) {
        refused.push({ number: read, key, text, reason: mapped.reason })
        continue
      }
      const { json, isOdd, ms } = mapped
      ;(isOdd ? open.odd : open.plain).push(json)
      open.rows += 1
      open.characters += json.length
      characters += json.length + text.length
      origins.set(read, { key, text })
      months.add(monthOf(ms))
      for (const mark of marksOf(mapped, ids)) add(marks, mark)
      if (open.rows >= BATCH_ROWS || open.characters >= BATCH_CHARACTERS) {
        batches.push(open)
        open = newBatch()
      }
    }
    if (read === readBefore) return undefined
    if (open.rows > 0) batches.push(open)
    return { batches, read, lastKey, refused, origins, months, marks, rows: read - readBefore }
  }

  async #stage(window: Window): Promise<{ epoch: string | undefined; refused: RefusedRow[] }> {
    const { statements } = this.#options
    const refused: RefusedRow[] = []
    let epoch: string | undefined
    await this.#makePartitions(window)
    for (const { plain, odd } of window.batches) {
      const staged = await this.#ask(() => statements.stage(plain, odd))
      if (epoch !== undefined && staged.epoch !== epoch) throw new LaneWasEmptied()
      epoch = staged.epoch
      for (const { number, reason } of staged.refused) {
        const { key = '', text = '' } = window.origins.get(number) ?? {}
        refused.push({ number, key, text, reason })
      }
    }
    return { epoch, refused }
  }

  /**
   * Of months that it has not seen yet, so that no old entry goes to the DEFAULT partition. Each month as
   * a whole, because its partitions may be narrower, and by itself, because there may be years without
   * an entry in between.
   */
  async #makePartitions({ months }: Window): Promise<void> {
    for (const month of months) {
      if (this.#months.has(month)) continue
      const from = new Date(`${month}-01T00:00:00Z`)
      const to = Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1) - 1
      await this.#ask(() => this.#options.statements.ensurePartitions(from.getTime(), to))
      this.#months.add(month)
    }
  }

  async #settle(
    epoch: string | undefined,
    to: { lastKey: string; read: number; refused: number },
  ): Promise<void> {
    const { statements, signal, onProgress } = this.#options
    const settled = { read: to.read, settled: to.read, refused: to.refused, waitingMs: 0 }
    const beganMs = performance.now()
    // Nothing was staged where the server refused all of it: any epoch will do.
    const known = epoch ?? (await this.#ask(() => statements.stage([], []))).epoch
    for (;;) {
      const state = await this.#ask(() => statements.settle(known, to))
      if (state === 'emptied') throw new LaneWasEmptied()
      if (state === 'settled') return onProgress(settled)
      onProgress({ ...settled, settled: 0, waitingMs: performance.now() - beganMs })
      signal.throwIfAborted()
      await sleep(POLL_MS)
    }
  }

  #count({ read, marks }: Window, refused: readonly RefusedRow[]): void {
    if (read <= this.#countedThrough) return
    this.#countedThrough = read
    for (const { reason } of refused) add(this.#reasons, reason)
    for (const [mark, count] of marks) add(this.#marks, mark, count)
  }

  /** Asks until the database answers; a lock, an outage and a full server pass. */
  #ask<Answer>(attempt: () => Promise<Answer>): Promise<Answer> {
    const { signal, onFailure } = this.#options
    return withRetry(attempt, {
      signal,
      onFailure,
      tearsAttempt: false,
      isFinal: (error) =>
        !(error instanceof AuditError) ||
        !(faultKind(error) === 'connection' || PASSING_CODES.has(databaseFault(error).code)),
    })
  }
}

/** Its rows, of which the first was read already. */
async function opened(rows: AsyncIterable<ReadRow>): Promise<AsyncIterator<ReadRow>> {
  const iterator = rows[Symbol.asyncIterator]()
  const first = await iterator.next()
  async function* all(): AsyncGenerator<ReadRow> {
    try {
      for (let next = first; !next.done; next = await iterator.next()) yield next.value
    } finally {
      await iterator.return?.()
    }
  }
  return all()
}

function newBatch() {
  return { plain: [] as string[], odd: [] as string[], rows: 0, characters: 0 }
}

function monthOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 7)
}

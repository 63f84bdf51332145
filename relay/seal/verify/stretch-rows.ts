import { type SQL, sql } from 'drizzle-orm'
import { logRecord } from '../../../src/export/ndjson.ts'
import { exportColumns, type ExportRow, isReadable, toExportRow } from '../../../src/export/rows.ts'
import { readBatch } from '../../../src/read/batch.ts'
import { type IdWindow, inWindow } from '../../../src/read/id-windows.ts'
import { entryJson, entryRow, logColumns } from '../../../src/read/logged-entry.ts'
import { type PartitionMap, partitionsNow } from '../../../src/read/partitions.ts'
import { EXPORT_DEADLINE_MS } from '../../../src/read/read-rows.ts'
import { wholePlan } from '../../../src/read/seq-plan.ts'
import { auditLog } from '../../../src/schema/tables.ts'
import type { Asked } from './ask.ts'

/** An entry as the log holds it. */
export interface StoredEntry {
  readonly seq: number
  readonly id: string
  readonly row: ExportRow
  /** The line of an export. Undefined where the entry is too large to be read. */
  readonly line: string | undefined
}

/** Room in an answer for entries that share a number. */
const SPARE_ROWS = 64
/** Entries beyond the numbers that the log gave: more of them need no name. */
const MOST_STRAY = 100

/**
 * Reads entries by their numbers, all that have them: two entries with one number are both seen.
 *
 * The catalogue of partitions says which numbers a partition holds. Before it is believed, each of its
 * partitions is asked for its least and its greatest one, so that no entry hides where none should be.
 */
export class StretchReader {
  readonly #asked: Asked
  #map: PartitionMap
  #isTrue: boolean
  #isAmongLarge = false

  private constructor(asked: Asked, map: PartitionMap, isTrue: boolean) {
    this.#asked = asked
    this.#map = map
    this.#isTrue = isTrue
  }

  static async open(asked: Asked): Promise<StretchReader> {
    const map = await asked.again(() => partitionsNow(asked.db))
    return new StretchReader(asked, map, await isCatalogueTrue(asked, map))
  }

  /** Partitions may have been made, closed or replaced since. */
  async look(): Promise<void> {
    this.#map = await this.#asked.again(() => partitionsNow(this.#asked.db))
    this.#isTrue = await isCatalogueTrue(this.#asked, this.#map)
  }

  /** The entries from one number to another, in the order of their numbers. */
  async read(first: number, last: number): Promise<readonly StoredEntry[]> {
    const plan = this.#isTrue
      ? wholePlan(this.#map, { nextSeq: first, lastSeq: last }, true)
      : wholePlan(this.#map, { nextSeq: first }, false)
    const found: StoredEntry[] = []
    for (const window of plan.windows) found.push(...(await this.#readWindow(window, first, last)))
    if (plan.windows.length > 1) found.sort((one, other) => one.seq - other.seq)
    return found
  }

  async #readWindow(window: IdWindow, first: number, last: number): Promise<StoredEntry[]> {
    const found: StoredEntry[] = []
    for (let next = first; next <= last; ) {
      const limit = last - next + 1 + SPARE_ROWS
      const batch = await this.#asked.again(() =>
        readBatch(
          this.#asked.db,
          {
            limit,
            isAmongLarge: this.#isAmongLarge,
            isDescending: false,
            key: sql`${entryRow.seq}`,
            ...entryJson,
            columns: exportColumns,
            from: (rows) => fromStretch(window, next, last, rows),
          },
          EXPORT_DEADLINE_MS,
        ),
      )
      this.#isAmongLarge = batch.hasLarge
      const entries = batch.rows.map(toStoredEntry)
      const isFull = batch.isCut || entries.length >= limit
      const end = entries.at(-1)?.seq ?? last
      // More entries may have the last number of an answer that is full.
      const through = !isFull ? last : Math.max(next, end - 1)
      found.push(...entries.filter(({ seq }) => seq <= through))
      next = through + 1
    }
    return found
  }

  /** Entries with a number below the first or above the last one that the log has given. */
  async strays(first: number, last: number): Promise<readonly { seq: number; id: string }[]> {
    const found: { seq: number; id: string }[] = []
    for (const window of wholePlan(this.#map, { nextSeq: 0 }, false).windows) {
      for (const [beyond, order] of [
        [sql`${auditLog.seq} operator(pg_catalog.<) ${first}::bigint`, 'asc'],
        [sql`${auditLog.seq} operator(pg_catalog.>) ${last}::bigint`, 'desc'],
      ] as const) {
        const all = [beyond, ...inWindow(window)]
        const rows = await this.#asked.rows(sql`
          select ${auditLog.seq}::pg_catalog.text as "seq", ${auditLog.id}::pg_catalog.text as "id"
          from ${auditLog} where ${sql.join(all, sql` and `)}
          order by ${auditLog.seq} ${sql.raw(order)} limit ${sql.raw(String(MOST_STRAY))}`)
        found.push(...rows.map(({ seq, id }) => ({ seq: Number(seq), id: String(id) })))
      }
    }
    return found
  }

  /** Entries of one action, in the order of their ids. */
  async *ofAction(action: string): AsyncGenerator<StoredEntry, void, undefined> {
    for (const window of wholePlan(this.#map, { nextSeq: 0 }, false).windows) {
      for (let beyond: string | undefined = FIRST_ID; beyond !== undefined; ) {
        const after: string = beyond
        const batch = await this.#asked.again(() =>
          readBatch(
            this.#asked.db,
            {
              limit: ACTIONS_AT_ONCE,
              isDescending: false,
              key: sql`${entryRow.id}`,
              ...entryJson,
              columns: exportColumns,
              from: (rows) => fromAction(window, { action, after }, rows),
            },
            EXPORT_DEADLINE_MS,
          ),
        )
        const entries = batch.rows.map(toStoredEntry)
        yield* entries
        const isLast = !batch.isCut && entries.length < ACTIONS_AT_ONCE
        beyond = isLast ? undefined : entries.at(-1)?.id
      }
    }
  }
}

const ACTIONS_AT_ONCE = 200
const FIRST_ID = '00000000-0000-0000-0000-000000000000'

function fromStretch(window: IdWindow, first: number, last: number, rows: number): SQL {
  const all = [
    sql`${auditLog.seq} operator(pg_catalog.>=) ${first}::bigint`,
    sql`${auditLog.seq} operator(pg_catalog.<=) ${last}::bigint`,
    ...inWindow(window),
  ]
  return sql`(
    select ${logColumns} from ${auditLog} where ${sql.join(all, sql` and `)}
    order by ${auditLog.seq} limit ${sql.raw(String(rows))}
  ) as entry`
}

function fromAction(
  window: IdWindow,
  { action, after }: { readonly action: string; readonly after: string },
  rows: number,
): SQL {
  const all = [
    sql`${auditLog.action} operator(pg_catalog.=) ${action}::pg_catalog.text`,
    sql`${auditLog.id} operator(pg_catalog.>) ${after}::pg_catalog.uuid`,
    ...inWindow(window),
  ]
  return sql`(
    select ${logColumns} from ${auditLog} where ${sql.join(all, sql` and `)}
    order by ${auditLog.id} limit ${sql.raw(String(rows))}
  ) as entry`
}

function toStoredEntry(given: Readonly<Record<string, unknown>>): StoredEntry {
  const isWhole = isReadable(given)
  const row = toExportRow(given)
  return { seq: row.seq, id: row.id, row, line: isWhole ? logRecord(row) : undefined }
}

/** Whether no partition holds a number that the catalogue does not count among its numbers. */
async function isCatalogueTrue(asked: Asked, { partitions }: PartitionMap): Promise<boolean> {
  for (const { fromId, toId, minSeq, maxSeq, isEmpty } of partitions) {
    if (minSeq === undefined && maxSeq === undefined && !isEmpty) continue
    const [row] = await asked.rows(sql`
      select pg_catalog.min(${auditLog.seq})::pg_catalog.text as "first",
        pg_catalog.max(${auditLog.seq})::pg_catalog.text as "last"
      from ${auditLog} where ${sql.join([...inWindow({ fromId, toId })], sql` and `)}`)
    const [first, last] = [row?.['first'], row?.['last']]
    if (typeof first !== 'string' || typeof last !== 'string') continue
    if (isEmpty) return false
    if (Number(first) < (minSeq ?? Number.NEGATIVE_INFINITY)) return false
    if (Number(last) > (maxSeq ?? Number.POSITIVE_INFINITY)) return false
  }
  return true
}

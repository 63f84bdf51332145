import type { IdKind } from '../../src/entry.ts'
import { columnsOf, type Mapping } from './mapping/mapping.ts'
import { RowMapper } from './mapping/map-row.ts'
import type { OldLog } from './reading/old-rows.ts'
import type { RefusedRows } from './refused-rows.ts'
import { add, entryOf, marksOf } from './mapping/row-marks.ts'

export interface PreviewOptions {
  readonly name: string
  readonly mapping: Mapping
  readonly log: OldLog
  readonly refused: RefusedRows
  readonly ids: IdKind
  readonly oldest: string
  readonly maxEntryBytes: number
  readonly signal: AbortSignal
  readonly onProgress: (read: number) => void
}

/** What an import would do. */
export interface Preview {
  /** The first entries, as the log would hold them. */
  readonly entries: readonly Readonly<Record<string, unknown>>[]
  readonly read: number
  readonly refused: number
  readonly reasons: ReadonlyMap<string, number>
  readonly marks: ReadonlyMap<string, number>
  /** When the first and the last of the entries happened, as ISO 8601; null where there is none. */
  readonly from: string | null
  readonly to: string | null
  /** How many entries there are in each month, as `2026-11`. */
  readonly months: ReadonlyMap<string, number>
  /** Columns that the mapping names and no row has. */
  readonly missingColumns: readonly string[]
}

const SHOWN_ENTRIES = 20

/** Reads the whole old log and writes nothing. */
export async function previewImport(options: PreviewOptions): Promise<Preview> {
  const { name, mapping, log, refused, ids, oldest, maxEntryBytes, signal, onProgress } = options
  const at = new Date().toISOString()
  const mapper = new RowMapper({ name, mapping, ids, oldest, maxEntryBytes, at, recorderId: '' })
  const entries: Readonly<Record<string, unknown>>[] = []
  const reasons = new Map<string, number>()
  const marks = new Map<string, number>()
  const months = new Map<string, number>()
  const missing = new Set(columnsOf(mapping))
  let [read, refusals] = [0, 0]
  let [fromMs, toMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for await (const { row, fault, key, text } of log.rows({ read: 0, lastKey: null })) {
    signal.throwIfAborted()
    read += 1
    if (row !== undefined) for (const column of missing) if (column in row) missing.delete(column)
    const mapped =
      row === undefined ? { reason: fault ?? 'it is no row' } : mapper.map(row, key, read)
    if ('reason' in mapped) {
      refusals += 1
      add(reasons, mapped.reason)
      refused.add([{ number: read, key, text, reason: mapped.reason }])
      continue
    }
    const { json, ms } = mapped
    add(months, new Date(ms).toISOString().slice(0, 7))
    fromMs = Math.min(fromMs, ms)
    toMs = Math.max(toMs, ms)
    for (const mark of marksOf(mapped, ids)) add(marks, mark)
    if (entries.length < SHOWN_ENTRIES) entries.push(entryOf(json, ids))
    if (read % 1_000 === 0) onProgress(read)
  }
  const isEmpty = read === refusals
  return {
    ...{ entries, read, refused: refusals },
    ...{ reasons, marks },
    months: new Map([...months].toSorted()),
    from: isEmpty ? null : new Date(fromMs).toISOString(),
    to: isEmpty ? null : new Date(toMs).toISOString(),
    missingColumns: read === 0 ? [] : [...missing],
  }
}

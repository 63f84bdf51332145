import { ROW_COLUMNS } from '../../../src/encode/row.ts'
import type { IdKind } from '../../../src/entry.ts'
import { isUuid } from '../../../src/ids/uuid.ts'
import type { MappedRow } from './map-row.ts'

export type Columns = Record<string, unknown>

const ID_COLUMNS = ['user_id', 'event_id', 'target_id', 'actor_id'] as const

/** A row of the lane by its columns' names. */
export function columnsIn(json: string): Columns {
  const values: unknown[] = JSON.parse(json)
  const columns = Object.fromEntries(ROW_COLUMNS.map((name, at) => [name, values[at]] as const))
  return { ...columns, ...((values[ROW_COLUMNS.length] ?? {}) as Columns) }
}

/** How an entry differs from what was given: by the recorder's code, and by the database's. */
export function marksOf({ json, isOdd }: MappedRow, ids: IdKind): readonly string[] {
  const isOddHere = isOdd && ids === 'uuid'
  if (!isOddHere && !json.includes('"degraded":[')) return []
  const columns = columnsIn(json)
  const { degraded } = columns['context'] as Columns
  const marks = Array.isArray(degraded) ? degraded.map(String) : []
  return isOddHere ? [...marks, ...misfitIds(columns).map(([name]) => `${name}.invalid`)] : marks
}

/** The entry as a log with such ids holds it: what is no UUID stands in the context. */
export function entryOf(json: string, ids: IdKind): Columns {
  const { recorder_seq: _, ...columns } = columnsIn(json)
  const misfits = ids === 'text' ? [] : misfitIds(columns)
  if (misfits.length === 0) return columns
  const context = columns['context'] as Columns
  const given = Array.isArray(context['degraded']) ? context['degraded'] : []
  for (const name of ID_COLUMNS) if (misfits.some(([, , own]) => own === name)) columns[name] = null
  columns['context'] = {
    ...context,
    invalid: {
      ...(context['invalid'] as Columns | undefined),
      ...Object.fromEntries(misfits.map(([name, id]) => [name, id] as const)),
    },
    degraded: [...given, ...misfits.map(([name]) => `${name}.invalid`)],
  }
  return columns
}

function misfitIds(columns: Columns): readonly (readonly [string, string, string])[] {
  return ID_COLUMNS.flatMap((column) => {
    const id = columns[column]
    if (typeof id !== 'string' || isUuid(id)) return []
    const name = column.replace(/_(\w)/, (_, letter: string) => letter.toUpperCase())
    return [[name, id, column] as const]
  })
}

export function add(counts: Map<string, number>, name: string, count = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + count)
}

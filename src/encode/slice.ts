import { ROW_COLUMNS } from './row.ts'

/** Rows as they are staged: one JSON array. */
export interface EncodedSlice {
  readonly json: string
  readonly entries: number
  /** The last entry's `recorder_seq`. */
  readonly lastSeq: number
  /** Whether each of its rows has an id that is no UUID. Otherwise none has. */
  readonly isOdd: boolean
}

type Column = (typeof ROW_COLUMNS)[number]
/** `rare`: the object of what few entries have. */
export type ReadRow = Readonly<Partial<Record<Column | 'rare', unknown>>>

/** A string, whose brackets do not count, or a bracket. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{}]/g

/**
 * The JSON of each row, cut out of the slice. Parsing it and writing it again could change a number
 * or a key such as `__proto__`.
 */
export function rowsIn({ json }: Pick<EncodedSlice, 'json'>): string[] {
  const rows: string[] = []
  let depth = 0
  let from = 0
  for (const { 0: token, index } of json.matchAll(TOKEN)) {
    if (token === '[' || token === '{') {
      depth += 1
      if (depth === 2) from = index
    } else if (token === ']' || token === '}') {
      if (depth === 2) rows.push(json.slice(from, index + 1))
      depth -= 1
    }
  }
  return rows
}

export function readRow(row: string): ReadRow {
  const values: readonly unknown[] = JSON.parse(row)
  const columns = ROW_COLUMNS.map((name, place) => [name, values[place]] as const)
  return { ...Object.fromEntries(columns), rare: values[ROW_COLUMNS.length] }
}

/** The same rows in two slices. */
export function halvesOf(slice: EncodedSlice): [EncodedSlice, EncodedSlice] {
  const rows = rowsIn(slice)
  const half = Math.ceil(rows.length / 2)
  const { isOdd } = slice
  return [sliceOf(rows.slice(0, half), isOdd), sliceOf(rows.slice(half), isOdd)]
}

function sliceOf(rows: readonly string[], isOdd: boolean): EncodedSlice {
  const lastSeq = Number(readRow(rows.at(-1) ?? '[]').recorder_seq)
  return { json: `[${rows.join(',')}]`, entries: rows.length, lastSeq, isOdd }
}

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { ROW_COLUMNS } from '../encode/row.ts'
import { isUuid } from '../ids/uuid.ts'
import { DUMP_FORMAT, type DumpHeader } from './dump-file.ts'

/** Longer lines are no rows: an entry is at most 1 MiB, and JSON may escape each of its characters. */
const MAX_LINE_CHARACTERS = 8 * 1024 * 1024

/** A line of a dump: its header, a row as it is staged, or one that is neither. */
export type DumpLine =
  | { readonly kind: 'header'; readonly header: DumpHeader }
  /** `isOdd`: one of its ids is no UUID. */
  | { readonly kind: 'row'; readonly row: string; readonly isOdd: boolean }
  | { readonly kind: 'damaged' }

/** Reads a dump line by line. Its first line is the header, or it is no dump. */
export async function* readDump(file: string): AsyncGenerator<DumpLine> {
  // A link in a shared folder could lead to a file of somebody else's, so links are not followed.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    let isFirst = true
    for await (const line of handle.readLines({ autoClose: false })) {
      const header = isFirst ? headerOf(line) : undefined
      const values = isFirst ? undefined : valuesOf(line)
      isFirst = false
      if (header !== undefined) yield { kind: 'header', header }
      else if (values !== undefined) yield { kind: 'row', row: line, isOdd: hasOddId(values) }
      else if (line !== '') yield { kind: 'damaged' }
    }
  } finally {
    await handle.close()
  }
}

function headerOf(line: string): DumpHeader | undefined {
  try {
    const header: Partial<DumpHeader> = JSON.parse(line)
    const isHeader =
      header.format === DUMP_FORMAT &&
      header.version === 1 &&
      isUuid(String(header.recorder)) &&
      typeof header.key === 'string' &&
      typeof header.startedAt === 'string' &&
      [header.accepted, header.staged, header.entries].every(Number.isSafeInteger)
    return isHeader ? (header as DumpHeader) : undefined
  } catch {
    return undefined
  }
}

/** The values of a row. Undefined for a line that is none. */
function valuesOf(line: string): readonly unknown[] | undefined {
  if (line.length > MAX_LINE_CHARACTERS || !line.startsWith('[')) return undefined
  try {
    const values: unknown = JSON.parse(line)
    if (!Array.isArray(values) || values.length - ROW_COLUMNS.length > 1) return undefined
    const objects = [values[METADATA], values[CONTEXT], ...values.slice(ROW_COLUMNS.length)]
    const isRow = isUuid(values[0]) && objects.every(isObject)
    return isRow ? values : undefined
  } catch {
    return undefined
  }
}

function hasOddId(values: readonly unknown[]): boolean {
  const { actor_id = null, more_targets = [] } = Object(values[ROW_COLUMNS.length])
  const ids = [...IDS.map((at) => values[at]), actor_id, ...more_targets]
  return ids.some((id) => id !== null && !isUuid(String(id)))
}

const IDS = (['user_id', 'event_id', 'target_id'] as const).map((name) => ROW_COLUMNS.indexOf(name))
const METADATA = ROW_COLUMNS.indexOf('metadata')
const CONTEXT = ROW_COLUMNS.indexOf('context')
const isObject = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

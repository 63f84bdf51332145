import type { SQL } from 'drizzle-orm'
import type { AuditDatabase, Row } from '../database/callers-database.ts'
import { jsonBytes, MAX_ANSWER_BYTES } from './batch.ts'
import type { BoundFilter } from './filter.ts'
import { type AskedPage, type PageRows, readWindows } from './page-windows.ts'
import { readSearched } from './searched.ts'

/** How long a page goes on looking for what no index leads to, in milliseconds. */
const SEARCH_MS = 2_000

/** So many entries that an index leads to are looked at before the search is asked: it takes longer for those. */
const MOST_LED = 500

/**
 * Reads the rows of a page. Where no index leads to what is asked for, it is read by the search, where that
 * is on. Else, and where the search does not go so far, it looks through one bound of entries after the
 * other, until the page is full or the time is up.
 */
export async function readThrough(
  db: AuditDatabase,
  asked: AskedPage,
  bound: BoundFilter,
): Promise<PageRows> {
  if (!asked.filter.isSearch) return await readWindows(db, asked, bound)
  const startMs = performance.now()
  const rows: Row[] = []
  let bytes = 0
  let { position } = asked
  const isLate = () => performance.now() - startMs > SEARCH_MS
  let [isSearched, isFirst] = [bound.needles.length > 0, true]
  for (;;) {
    const wanted = { ...asked, position, limit: asked.limit - rows.length }
    // What an index leads to is as a rule little.
    const isLed = isFirst && isSearched && bound.isLed
    const searched =
      isSearched && !isLed ? await readSearched(db, wanted, bound, isLate) : undefined
    isSearched &&= searched !== undefined || isLed
    isFirst = false
    const found =
      searched ??
      (await readAlternatives(db, isLed ? { ...wanted, mostLooked: MOST_LED } : wanted, bound))
    rows.push(...found.rows)
    bytes += found.rows.reduce((sum, row) => sum + jsonBytes(row), 0)
    const isFull = rows.length >= asked.limit || bytes > MAX_ANSWER_BYTES
    if (found.hasMore || found.endId === undefined || isFull || isLate()) return { ...found, rows }
    position = { direction: 'next', history: '', ...position, id: found.endId }
  }
}

/** Asks for each alternative alone, and puts what was found in one order. */
async function readAlternatives(
  db: AuditDatabase,
  asked: AskedPage,
  bound: BoundFilter,
): Promise<PageRows> {
  if (bound.either.length === 0) return await readWindows(db, asked, bound)
  const answers: PageRows[] = []
  for (const one of bound.either) answers.push(await readWindows(db, asked, only(bound, one)))
  return merged(answers, asked)
}

function only(bound: BoundFilter, one: SQL): BoundFilter {
  const { common, indexed } = bound
  return { ...bound, conditions: [...common, one], indexed: [...indexed, one], either: [] }
}

/**
 * The rows of several answers up to where the first of them ends, each once. What lies further may
 * lack the rows of that one.
 */
function merged(answers: readonly PageRows[], { isDescending, limit }: AskedPage): PageRows {
  const isBefore = (one: string, other: string) => (isDescending ? one > other : one < other)
  let end: { readonly id: string; readonly isRow: boolean } | undefined
  const rows = new Map<string, Row>()
  for (const { rows: own, hasMore, endId } of answers) {
    for (const row of own) rows.set(idOf(row), row)
    const lastRow = own.at(-1)
    const id = hasMore && lastRow ? idOf(lastRow) : endId
    if (id !== undefined && (end === undefined || isBefore(id, end.id))) {
      end = { id, isRow: hasMore }
    }
  }
  const complete = [...rows.values()]
    .filter((row) => end === undefined || !isBefore(end.id, idOf(row)))
    .sort((one, other) => (isBefore(idOf(one), idOf(other)) ? -1 : 1))
  if (complete.length > limit) {
    return { rows: complete.slice(0, limit + 1), hasMore: true, endId: undefined }
  }
  const isRow = end?.isRow === true && complete.length > 0
  return { rows: complete, hasMore: isRow, endId: isRow ? undefined : end?.id }
}

function idOf(row: Row): string {
  return String(row['id'])
}

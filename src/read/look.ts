import type { SQL } from 'drizzle-orm'
import { type AuditDatabase, isTrue, type Row } from '../database/callers-database.ts'
import { type Batch, readBatch } from './batch.ts'
import type { LogView } from '../projection/log-view.ts'
import type { Cursor } from './history.ts'
import { type LoggedEntry, toEntry } from './logged-entry.ts'
import { forgetPartitions, partitionsOf } from './partitions.ts'
import { type SeqPlan, seqPlan } from './seq-plan.ts'
import { isChangedSince, lastLooked, lookQuery, wasRemoved } from './tail-query.ts'

export interface AskedLook {
  /** The first number that is asked for. */
  readonly next: number
  /** The entry that was read last. */
  readonly at: Cursor | undefined
  /** The filter. */
  readonly conditions: readonly SQL[]
  /** What the reader sees of the log. */
  readonly view: LogView
  readonly limit: number
  readonly isAmongLarge: boolean
}

/** What a look found in the log. */
export interface Look extends Pick<Batch, 'isCut' | 'hasLarge'> {
  readonly entries: readonly (LoggedEntry & Cursor)[]
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

/** Most entries in one answer. The next statement runs after the consumer has taken all of them. */
export const BATCH_ENTRIES = 500
/** Reads of the catalogue in one look, before it goes without what the catalogue says of numbers. */
const MOST_MAPS = 3

/**
 * Reads the entries from a number on, and the number up to which they are complete.
 *
 * One statement reads both from one snapshot. If there were two, a pool that spreads reads over
 * standbys could send the second to a server that knows less than the first.
 *
 * The statement leaves out partitions by the catalogue of up to a minute ago, and proves by the
 * catalogue of its own snapshot that none of them holds anything new. Where that has changed, the
 * catalogue is read again.
 */
export async function lookOn(db: AuditDatabase, asked: AskedLook): Promise<Look> {
  let { next, at } = asked
  for (let maps = 0; ; ) {
    const plan = seqPlan(await partitionsOf(db), { nextSeq: next }, maps < MOST_MAPS)
    const isOne = plan.windows.length === 1
    const found = await (isOne ? lookOnce : lookThrough)(db, { ...asked, next, at }, plan)
    if (found === 'removed') {
      at = undefined
    } else if (found === 'stale') {
      forgetPartitions(db)
      maps += 1
    } else if (typeof found === 'number') {
      next = found
    } else {
      return found
    }
  }
}

/**
 * A look; `stale` where a partition that was left out may hold something; `removed` where a policy has
 * removed the entry that was read last, so that nobody can ask for it; or the number to go on from
 * where nothing was found up to the end of the plan.
 */
type Found = Look | 'stale' | 'removed' | number

async function lookOnce(db: AuditDatabase, asked: AskedLook, plan: SeqPlan): Promise<Found> {
  const { next, at, conditions, view, limit } = asked
  const [window = {}] = plan.windows
  const { lastSeq: last } = plan
  const query = lookQuery({
    ...{ next, at, conditions, view, limit, window, last },
    isOneOfSeveral: false,
  })
  const batch = await readBatch(db, { ...query, isAmongLarge: asked.isAmongLarge })
  const [{ history, isProven, isMissing, throughSeq, throughId } = {}] = batch.rows
  if (window.stepsOver !== undefined && !isTrue(isProven)) return 'stale'
  if (at !== undefined && isTrue(isMissing)) return await missed(db, at, history)
  const entries = entriesOf(batch.rows)
  const isFull = batch.isCut || entries.length === limit
  const found = { ...batch, entries, history: String(history), isChanged: false }
  if (isFull || conditions.length === 0) {
    const newest = entries.at(-1)
    if (newest === undefined && last !== undefined) return last + 1
    const isMore = isFull || last !== undefined
    return { ...found, throughSeq: newest?.seq ?? 0, throughId: newest?.id, isMore }
  }
  if (throughId === null && last !== undefined) return last + 1
  const through = Number(throughSeq ?? 0)
  return {
    ...found,
    throughSeq: through,
    throughId: throughId === null ? undefined : String(throughId),
    isMore: last !== undefined || through - next + 1 >= BATCH_ENTRIES,
  }
}

/**
 * The same for several windows. Each answer is complete up to the last number of the log in its own
 * snapshot, or up to its last entry where it is full. So all of them are up to the least of these.
 */
async function lookThrough(db: AuditDatabase, asked: AskedLook, plan: SeqPlan): Promise<Found> {
  const { next, at, conditions, view, limit, isAmongLarge } = asked
  const isFiltered = conditions.length > 0
  let last = isFiltered ? lastLooked(next, plan.lastSeq) : plan.lastSeq
  let head = Number.MAX_SAFE_INTEGER
  let [isCut, hasLarge] = [false, false]
  let history: unknown
  const entries: (LoggedEntry & Cursor)[] = []
  const reached: { seq: number; id: string }[] = []
  for (const window of plan.windows) {
    const query = lookQuery({
      ...{ next, at, conditions, view, limit, window, last },
      isOneOfSeveral: true,
    })
    const batch = await readBatch(db, { ...query, isAmongLarge })
    const [row = {}] = batch.rows
    if (window.stepsOver !== undefined && !isTrue(row['isProven'])) return 'stale'
    if (at !== undefined && isTrue(row['isMissing'])) return await missed(db, at, row['history'])
    const own = entriesOf(batch.rows)
    const isFull = batch.isCut || own.length === limit
    head = Math.min(head, Number(row['head'] ?? 0))
    last = Math.min(last ?? head, head, isFull ? (own.at(-1)?.seq ?? 0) : head)
    isCut ||= batch.isCut
    hasLarge ||= batch.hasLarge
    history = row['history']
    entries.push(...own)
    if (typeof row['throughId'] === 'string') {
      reached.push({ seq: Number(row['throughSeq']), id: row['throughId'] })
    }
  }
  const through = last ?? 0
  const complete = entries.filter(({ seq }) => seq <= through)
  complete.sort((one, other) => one.seq - other.seq)
  const [newest] = [...complete, ...reached]
    .filter(({ seq }) => seq <= through)
    .sort((one, other) => other.seq - one.seq)
  if (newest === undefined && through < head) return through + 1
  return {
    entries: complete,
    throughSeq: newest?.seq ?? 0,
    throughId: newest?.id,
    history: String(history),
    isChanged: false,
    isMore: newest !== undefined && newest.seq < head,
    isCut,
    hasLarge,
  }
}

/** Where the log is not changed, a server answered that is behind: nothing of its answer counts. */
async function missed(db: AuditDatabase, at: Cursor, history: unknown): Promise<Look | 'removed'> {
  const isChanged = await isChangedSince(db, at)
  if (isChanged && String(history) === at.history && (await wasRemoved(db, at))) return 'removed'
  const nothing = { entries: [], throughSeq: 0, throughId: undefined, isMore: false }
  return { ...nothing, history: String(history), isChanged, isCut: false, hasLarge: false }
}

function entriesOf(rows: readonly Row[]): (LoggedEntry & Cursor)[] {
  return rows
    .filter((row) => row['id'] !== null)
    .map((row) => ({ ...toEntry(row), history: String(row['history']) }))
}

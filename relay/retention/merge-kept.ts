import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { Blocked } from './blocked.ts'
import { listWaiting, type PlannedPartition, textArray } from './retention-plan.ts'
import { tryAgain } from './try-again.ts'

/** Neighbours that became one partition. */
export interface MergedPartitions {
  /** The name of the one: that of the first of them. */
  readonly into: string
  readonly partitions: readonly string[]
  readonly entries: number
}

/** Of fewer it is not worth it. */
const LEAST_MERGED = 8
/** As the database has it, which checks all of this itself. */
const MOST_MERGED = 14
const MAX_ROWS = 20_000
const MAX_DAYS = 366
/** A partition that holds more is large enough to stay as it is. */
const SMALL_ROWS = 5_000
const DAY_MS = 86_400_000

/** A merge is not urgent. */
const LONGEST_MS = 10_000

export interface MergeOptions {
  readonly lockTimeoutMs: number
  /** For how long a merge is tried again while a lock is held. At most 10 s. */
  readonly deadlineMs: number | undefined
  readonly onStep: (text: string) => void
  readonly onMerged: (merged: MergedPartitions) => void
  readonly signal: AbortSignal | undefined
}

/**
 * Makes one partition of small neighbours. One that is not had now is no failure: the next run has it.
 *
 * @param planned what the run found, the oldest first
 */
export async function mergeKept(
  database: Database,
  planned: readonly PlannedPartition[],
  { lockTimeoutMs, deadlineMs: mostMs = LONGEST_MS, onStep, onMerged, signal }: MergeOptions,
): Promise<void> {
  if (groupsToMerge(planned, new Set()).length === 0) return
  const deadlineMs = Math.min(mostMs, LONGEST_MS)
  const waiting = new Set((await listWaiting(database)).map(({ partition }) => partition))
  for (const partitions of groupsToMerge(planned, waiting)) {
    const [into = ''] = partitions
    onStep(`${into}: making one of ${partitions.length} small partitions ...`)
    const merge = () =>
      database.execute<{ rows: number | null; reason: string | null }>(sql`
        select m.rows::double precision as rows, m.reason
        from audit.merge_kept(${textArray(partitions)}, ${lockTimeoutMs}::integer) as m`)
    try {
      const [row] = await tryAgain(database, merge, { deadlineMs, signal })
      if (row?.reason === null) onMerged({ into, partitions, entries: row.rows ?? 0 })
      else onStep(`${into}: stays as it is, because ${row?.reason}.`)
    } catch (error) {
      if (!(error instanceof Blocked)) throw error
      onStep(`${into}: stays as it is, because ${error.message}.`)
    }
  }
}

/**
 * Which neighbours should become one: small partitions of which nothing is due and nothing waits.
 *
 * @param planned the oldest first, without a partition between two of them that is not in the list
 * @param waiting names of partitions of which something waits for its drop
 */
export function groupsToMerge(
  planned: readonly PlannedPartition[],
  waiting: ReadonlySet<string>,
): readonly (readonly string[])[] {
  const groups: string[][] = []
  let names: string[] = []
  let rows = 0
  let fromMs = 0
  let keepDays = Number.POSITIVE_INFINITY
  const end = () => {
    if (names.length >= LEAST_MERGED) groups.push(names)
    names = []
    rows = 0
    keepDays = Number.POSITIVE_INFINITY
  }
  for (const one of planned) {
    const { partition, from, to } = one
    const isSmall = one.rows <= SMALL_ROWS && one.due === 0 && !waiting.has(partition)
    if (from === null || to === null || !isSmall) {
      end()
      continue
    }
    const ownDays = Math.min(
      ...one.actions.map((action) => action.keepDays ?? Number.POSITIVE_INFINITY),
    )
    const days = (Date.parse(to) - (names.length === 0 ? Date.parse(from) : fromMs)) / DAY_MS
    const fits =
      names.length < MOST_MERGED &&
      rows + one.rows <= MAX_ROWS &&
      days <= Math.min(keepDays / 4, ownDays / 4, MAX_DAYS)
    if (!fits) end()
    if (names.length === 0) fromMs = Date.parse(from)
    names.push(partition)
    rows += one.rows
    keepDays = Math.min(keepDays, ownDays)
  }
  end()
  return groups
}

import type { Needle } from './needles.ts'
import { type Group, MAX_MS, openRuns, type SearchRun, type SearchSource } from './open-runs.ts'

/** What the walk asks the database for besides runs. */
export interface WalkSource extends SearchSource {
  /** The ids of all entries of these groups that are asked for. */
  matching(groups: readonly Group[]): Promise<readonly FoundId[]>
}

export interface FoundId {
  readonly id: string
  readonly ms: number
}

export interface WalkRequest {
  readonly runs: readonly SearchRun[]
  /** Entries that no run has. All of them are looked at. */
  readonly others: readonly Group[]
  readonly needles: readonly Needle[]
  readonly isDescending: boolean
  /** Entries of another time are not asked for. */
  readonly minMs: number
  readonly maxMs: number
  /** So many are enough. */
  readonly wanted: number
  /** Whether the time is up. */
  readonly isLate: () => boolean
}

export interface Walked {
  /** All that are asked for up to `endMs`, in the order that was asked for. */
  readonly ids: readonly string[]
  /** Entries of this moment, and those beyond, were not all looked at. Undefined: all were. */
  readonly endMs: number | undefined
}

/** Groups of which the entries are looked at in one statement, at first and at most. */
const FIRST_GROUPS = 16
const MOST_GROUPS = 64
/** Runs that are opened in one statement, at first and at most. */
const FIRST_RUNS = 2
const MOST_RUNS = 32
/** Where one statement has opened more groups than this, the next one opens no more runs than it did. */
const MANY_GROUPS = 512

/**
 * Finds the entries that are asked for in the order of their time, without looking at all of them. It opens
 * one run after the other, as far as its time goes, and looks at the entries of the groups that have the
 * bits. It ends where it has enough: what it has not looked at lies beyond.
 *
 * @returns undefined where the search has changed meanwhile
 */
export async function walk(source: WalkSource, asked: WalkRequest): Promise<Walked | undefined> {
  const { isDescending, needles, wanted, isLate } = asked
  const distance = ({ minMs, maxMs }: { minMs: number; maxMs: number }) =>
    isDescending ? -maxMs : minMs
  const inOrder = (one: Group | SearchRun, other: Group | SearchRun) =>
    distance(one) - distance(other)
  const isAsked = ({ minMs, maxMs }: { minMs: number; maxMs: number }) =>
    minMs <= asked.maxMs && maxMs >= asked.minMs
  const runs = asked.runs.filter(isAsked).sort(inOrder)
  let groups = asked.others.filter(isAsked).sort(inOrder)
  const found: FoundId[] = []
  let [runsAtOnce, groupsAtOnce] = [FIRST_RUNS, FIRST_GROUPS]
  const order = (one: FoundId, other: FoundId) =>
    (one.id < other.id ? -1 : one.id > other.id ? 1 : 0) * (isDescending ? -1 : 1)
  for (;;) {
    const [run, group] = [runs[0], groups[0]]
    const end = Math.min(
      ...[run, group].map((one) => (one ? distance(one) : Number.POSITIVE_INFINITY)),
    )
    const complete = found.filter(({ ms }) => (isDescending ? -ms : ms) < end)
    if (complete.length >= wanted || end === Number.POSITIVE_INFINITY || isLate()) {
      const ids = complete.sort(order).map(({ id }) => id)
      return { ids, endMs: end === Number.POSITIVE_INFINITY ? undefined : Math.abs(end) }
    }
    if (run !== undefined && (group === undefined || distance(run) <= distance(group))) {
      const opened = await openRuns(source, runs.splice(0, runsAtOnce), needles)
      if (opened === undefined) return undefined
      groups = [...groups, ...opened.filter(isAsked)].sort(inOrder)
      if (opened.length <= MANY_GROUPS) runsAtOnce = Math.min(MOST_RUNS, runsAtOnce * 4)
      continue
    }
    // Those of an unknown time come first, and all of them are needed.
    const isUnknown = group?.minMs === 0 && group.maxMs === MAX_MS
    const before = groups.findIndex((one) => run !== undefined && distance(one) > distance(run))
    const most = before === -1 ? groups.length : before
    const size = Math.min(most, isUnknown ? MOST_GROUPS : groupsAtOnce)
    found.push(...(await source.matching(groups.splice(0, size))))
    if (!isUnknown) groupsAtOnce = Math.min(MOST_GROUPS, groupsAtOnce * 2)
  }
}

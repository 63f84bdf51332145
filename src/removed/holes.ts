import { type Ask, type Run, removedIn } from './removed-seqs.ts'

/** Numbers that the log does not hold. */
export interface Hole {
  readonly first: number
  readonly last: number
  /** `removed`: by a policy, and the log says so. `missing`: nothing in the log accounts for it. */
  readonly why: 'removed' | 'missing'
}

/** More runs of removed numbers than lie between the entries of one answer. */
const MAX_RUNS = 10_000

export interface Stretch {
  /** The first number that was asked for. */
  readonly next: number
  /** The numbers of the entries that came, in their order. */
  readonly seqs: readonly number[]
  /** Everything up to this number was looked at. */
  readonly throughSeq: number
  /** Whether a filter may have left entries out: then only what was removed is known to be gone. */
  readonly isFiltered: boolean
}

/** The holes in a stretch of the log, in their order. */
export async function holesIn(ask: Ask, stretch: Stretch): Promise<readonly Hole[]> {
  const { seqs, isFiltered } = stretch
  const next = Math.max(1, stretch.next)
  const through = Math.max(stretch.throughSeq, seqs.at(-1) ?? 0)
  if (isFiltered) {
    if (through < next) return []
    const { runs } = await removedIn(ask, [next, through], MAX_RUNS)
    return runs.map(([first, last]) => ({ first, last, why: 'removed' }))
  }
  const gaps = gapsIn(next, seqs)
  const [from, to] = [gaps[0]?.[0], gaps.at(-1)?.[1]]
  if (from === undefined || to === undefined) return []
  const { runs } = await removedIn(ask, [from, to], MAX_RUNS)
  return gaps.flatMap((gap) => holesOf(gap, runs))
}

function gapsIn(next: number, seqs: readonly number[]): readonly Run[] {
  const gaps: Run[] = []
  let expected = next
  for (const seq of seqs) {
    if (seq > expected) gaps.push([expected, seq - 1])
    expected = seq + 1
  }
  return gaps
}

/** A gap, cut where numbers that were removed meet others. */
function holesOf([first, last]: Run, removed: readonly Run[]): readonly Hole[] {
  const holes: Hole[] = []
  let at = first
  for (const [from, to] of removed) {
    if (to < at || from > last) continue
    if (from > at) holes.push({ first: at, last: from - 1, why: 'missing' })
    holes.push({ first: Math.max(at, from), last: Math.min(last, to), why: 'removed' })
    at = Math.min(last, to) + 1
  }
  if (at <= last) holes.push({ first: at, last, why: 'missing' })
  return holes
}

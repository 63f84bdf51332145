import { BLOCK_GROUPS, firstSeqOf, GROUP_SEQS, SLICE_BYTES, TIMES_BYTES } from './layout.ts'
import type { Needle } from './needles.ts'

/** A run of blocks, as `audit_search_run` has it. */
export interface SearchRun {
  readonly firstBlock: number
  readonly blocks: number
  /** Null: its bits are not there. */
  readonly log2: number | null
  readonly minMs: number
  readonly maxMs: number
}

/** Numbers of the log whose entries were recorded in this time. */
export interface SeqRange {
  readonly fromSeq: number
  readonly toSeq: number
  readonly minMs: number
  readonly maxMs: number
}

/** What the walk asks the database for. Undefined: it is not as it was when the walk began. */
export interface SearchSource {
  /** The slices of these bits, in their order, of each run. */
  slices(runs: readonly SearchRun[], bits: readonly number[]): Promise<SlicesOf | undefined>
  /** The times of the groups of each block; of a block without them nothing is known. */
  times(blocks: readonly number[]): Promise<ReadonlyMap<number, Buffer>>
  /** The ids of all entries with these numbers that are asked for. */
  matching(ranges: readonly SeqRange[]): Promise<readonly FoundId[]>
}

/** By the first block of the run. */
export type SlicesOf = ReadonlyMap<number, readonly Buffer[]>

export interface FoundId {
  readonly id: string
  readonly ms: number
}

export interface WalkRequest {
  readonly runs: readonly SearchRun[]
  /** Numbers that no run has. All of their entries are looked at. */
  readonly others: readonly SeqRange[]
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

export const MAX_MS = 2 ** 48 - 1
/** Numbers of which the entries are looked at in one statement, at first and at most. */
const FIRST_GROUPS = 16
const MOST_GROUPS = 64
/** Runs that are opened in one statement, at first and at most. */
const FIRST_RUNS = 2
const MOST_RUNS = 64

/**
 * Finds the entries that are asked for in the order of their time, without looking at all of them. It opens
 * one run after the other, as far as its time goes, and looks at the entries of the groups that have the
 * bits. It ends where it has enough: what it has not looked at lies beyond.
 *
 * @returns undefined where the search has changed meanwhile
 */
export async function walk(source: SearchSource, asked: WalkRequest): Promise<Walked | undefined> {
  const { isDescending, needles, wanted, isLate } = asked
  const distance = ({ minMs, maxMs }: { minMs: number; maxMs: number }) =>
    isDescending ? -maxMs : minMs
  const inOrder = (one: SeqRange | SearchRun, other: SeqRange | SearchRun) =>
    distance(one) - distance(other)
  const isAsked = ({ minMs, maxMs }: { minMs: number; maxMs: number }) =>
    maxMs >= asked.minMs && minMs <= asked.maxMs
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
      const opened = await groupsOf(source, runs.splice(0, runsAtOnce), needles)
      if (opened === undefined) return undefined
      groups = [...groups, ...opened.filter(isAsked)].sort(inOrder)
      runsAtOnce = Math.min(MOST_RUNS, runsAtOnce * 4)
      continue
    }
    const before = groups.findIndex((one) => run !== undefined && distance(one) > distance(run))
    const most = before === -1 ? groups.length : before
    found.push(...(await source.matching(groups.splice(0, Math.min(most, groupsAtOnce)))))
    groupsAtOnce = Math.min(MOST_GROUPS, groupsAtOnce * 2)
  }
}

/** The groups of some runs that have the bits, with their times. */
async function groupsOf(
  source: SearchSource,
  runs: readonly SearchRun[],
  needles: readonly Needle[],
): Promise<readonly SeqRange[] | undefined> {
  const bits = needles.flatMap(({ alternatives }) => alternatives.flat())
  const slices = await source.slices(
    runs.filter(({ log2 }) => log2 !== null),
    bits,
  )
  if (slices === undefined) return undefined
  const marked = runs.map((run) => {
    const own = run.log2 === null ? undefined : slices.get(run.firstBlock)
    return { run, groups: own ? candidatesOf(needles, own, run.blocks) : everyGroup(run.blocks) }
  })
  const blocks = marked.flatMap(({ run, groups }) => [
    ...new Set(groups.map((group) => run.firstBlock + Math.floor(group / BLOCK_GROUPS))),
  ])
  const times = blocks.length === 0 ? new Map<number, Buffer>() : await source.times(blocks)
  return marked.flatMap(({ run, groups }) =>
    groups.flatMap((group) => rangeOf(run.firstBlock, group, times) ?? []),
  )
}

function everyGroup(blocks: number): readonly number[] {
  return Array.from({ length: blocks * BLOCK_GROUPS }, (_, group) => group)
}

/** The groups that have, of each needle, all bits of one alternative. */
function candidatesOf(
  needles: readonly Needle[],
  slices: readonly Buffer[],
  blocks: number,
): readonly number[] {
  const width = blocks * SLICE_BYTES
  const all = Buffer.alloc(width, 0xff)
  let next = 0
  for (const { alternatives } of needles) {
    const any = Buffer.alloc(width)
    for (const bits of alternatives) {
      const each = Buffer.alloc(width, 0xff)
      for (const slice of slices.slice(next, next + bits.length)) {
        for (let at = 0; at < width; at += 1) each[at] = (each[at] ?? 0) & (slice[at] ?? 0)
      }
      next += bits.length
      for (let at = 0; at < width; at += 1) any[at] = (any[at] ?? 0) | (each[at] ?? 0)
    }
    for (let at = 0; at < width; at += 1) all[at] = (all[at] ?? 0) & (any[at] ?? 0)
  }
  return everyGroup(blocks).filter((group) => ((all[group >> 3] ?? 0) >> (group & 7)) & 1)
}

/** Undefined: the group has no entry. */
function rangeOf(
  firstBlock: number,
  inRun: number,
  times: ReadonlyMap<number, Buffer>,
): SeqRange | undefined {
  const block = firstBlock + Math.floor(inRun / BLOCK_GROUPS)
  const group = inRun % BLOCK_GROUPS
  const own = times.get(block)
  const at = group * TIMES_BYTES
  const fromSeq = firstSeqOf(block, group)
  const range = { fromSeq, toSeq: fromSeq + GROUP_SEQS - 1 }
  if (own === undefined) return { ...range, minMs: 0, maxMs: MAX_MS }
  const [minMs, maxMs] = [own.readUIntBE(at, 6), own.readUIntBE(at + 6, 6)]
  return minMs > maxMs ? undefined : { ...range, minMs, maxMs }
}

/** A range of numbers of which no time is known, in pieces that one statement looks at. */
export function unknownRanges(fromSeq: number, toSeq: number): readonly SeqRange[] {
  const pieces = Math.max(0, Math.ceil((toSeq - fromSeq + 1) / GROUP_SEQS))
  return Array.from({ length: pieces }, (_, n) => ({
    fromSeq: fromSeq + n * GROUP_SEQS,
    toSeq: Math.min(toSeq, fromSeq + (n + 1) * GROUP_SEQS - 1),
    minMs: 0,
    maxMs: MAX_MS,
  }))
}

/** The numbers of some ranges, as few runs as there are. */
export function runsOfSeqs(
  ranges: readonly SeqRange[],
): readonly { readonly fromSeq: number; readonly toSeq: number }[] {
  const runs: { fromSeq: number; toSeq: number }[] = []
  for (const { fromSeq, toSeq } of ranges.toSorted((one, other) => one.fromSeq - other.fromSeq)) {
    const last = runs.at(-1)
    if (last !== undefined && fromSeq === last.toSeq + 1) last.toSeq = toSeq
    else runs.push({ fromSeq, toSeq })
  }
  return runs
}

import {
  BLOCK_GROUPS,
  BLOCK_SEQS,
  firstSeqOf,
  GROUP_ENTRIES,
  MEMBERS_BYTES,
  NO_MEMBER,
  SLICE_BYTES,
  TIMES_BYTES,
} from './layout.ts'
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

/** Entries that are looked at together, and when they were recorded. */
export interface Group {
  readonly seqs: readonly number[]
  readonly minMs: number
  readonly maxMs: number
}

/** What is asked of the database to open runs. Undefined: the search is not as it was. */
export interface SearchSource {
  /** The slices of these bits, in their order, of each run. */
  slices(runs: readonly SearchRun[], bits: readonly number[]): Promise<SlicesOf | undefined>
  /** The times of a group, and its members, of each one that is asked for. */
  groups(asked: readonly GroupPlace[]): Promise<readonly GroupBytes[] | undefined>
}

/** By the first block of the run. */
export type SlicesOf = ReadonlyMap<number, readonly Buffer[]>

export interface GroupPlace {
  readonly block: number
  readonly group: number
}

export interface GroupBytes extends GroupPlace {
  readonly times: Buffer
  readonly members: Buffer
}

export const MAX_MS = 2 ** 48 - 1

/** Of more runs than this some bits are read first: most runs have no group with a rare word. */
const MANY_RUNS = 4
/** So many of each alternative. */
const FIRST_BITS = 8

/**
 * The groups of some runs that have the bits. Of a run without bits all entries are in one of them.
 *
 * @returns undefined where the search has changed meanwhile
 */
export async function openRuns(
  source: SearchSource,
  runs: readonly SearchRun[],
  needles: readonly Needle[],
): Promise<readonly Group[] | undefined> {
  const unmade = runs.filter(({ log2 }) => log2 === null)
  const made = runs.filter(({ log2 }) => log2 !== null)
  const hopeful = made.length > MANY_RUNS ? await marked(source, made, needles.map(thinned)) : made
  const candidates = hopeful && (await marked(source, hopeful, needles))
  if (candidates === undefined) return undefined
  const places = candidates.flatMap(({ firstBlock, groups }) =>
    groups.map((group) => ({
      block: firstBlock + Math.floor(group / BLOCK_GROUPS),
      group: group % BLOCK_GROUPS,
    })),
  )
  const groups = places.length === 0 ? [] : await source.groups(places)
  if (groups === undefined) return undefined
  return [...groups.flatMap((group) => groupOf(group) ?? []), ...unmade.flatMap(everyGroupOf)]
}

interface MarkedRun extends SearchRun {
  readonly groups: readonly number[]
}

/** Those of some runs that have a group with the bits, and which groups those are. */
async function marked(
  source: SearchSource,
  runs: readonly SearchRun[],
  needles: readonly Needle[],
): Promise<readonly MarkedRun[] | undefined> {
  if (runs.length === 0) return []
  const bits = needles.flatMap(({ alternatives }) => alternatives.flat())
  const slices = await source.slices(runs, bits)
  return (
    slices &&
    runs
      .map((run) => ({
        ...run,
        groups: candidatesOf(needles, slices.get(run.firstBlock) ?? [], run.blocks),
      }))
      .filter(({ groups }) => groups.length > 0)
  )
}

/** Some of its bits, which lie apart. */
function thinned({ alternatives, isText }: Needle): Needle {
  return {
    isText,
    alternatives: alternatives.map((bits) => {
      const step = Math.ceil(bits.length / FIRST_BITS)
      return bits.filter((_, at) => at % step === 0)
    }),
  }
}

/** The groups of a run that have, of each needle, all bits of one alternative. */
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
  const candidates: number[] = []
  for (let group = 0; group < width * 8; group += 1) {
    if (((all[group >> 3] ?? 0) >> (group & 7)) & 1) candidates.push(group)
  }
  return candidates
}

/** Undefined: the group has no entry. */
function groupOf({ block, times, members }: GroupBytes): Group | undefined {
  const [minMs, maxMs] = [times.readUIntBE(0, 6), times.readUIntBE(TIMES_BYTES / 2, 6)]
  if (minMs > maxMs) return undefined
  const seqs: number[] = []
  for (let at = 0; at < MEMBERS_BYTES; at += 2) {
    const place = members.readUInt16BE(at)
    if (place !== NO_MEMBER) seqs.push(firstSeqOf(block) + place)
  }
  return { seqs, minMs, maxMs }
}

/** Of a run without bits. Nothing in it lies outside of its times. */
function everyGroupOf({ firstBlock, blocks, minMs, maxMs }: SearchRun): readonly Group[] {
  const fromSeq = firstSeqOf(firstBlock)
  return groupsBetween(fromSeq, fromSeq + blocks * BLOCK_SEQS - 1, { minMs, maxMs })
}

/** All entries from a number up to another one, in groups that one statement looks at. */
export function groupsBetween(
  fromSeq: number,
  toSeq: number,
  { minMs, maxMs } = { minMs: 0, maxMs: MAX_MS },
): readonly Group[] {
  const groups = Math.max(0, Math.ceil((toSeq - fromSeq + 1) / GROUP_ENTRIES))
  return Array.from({ length: groups }, (_, n) => {
    const first = fromSeq + n * GROUP_ENTRIES
    const length = Math.min(GROUP_ENTRIES, toSeq - first + 1)
    return { seqs: Array.from({ length }, (_, at) => first + at), minMs, maxMs }
  })
}

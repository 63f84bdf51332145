import { idFloor } from '../../ids/uuid7.ts'
import { BLOCK_SEQS, firstSeqOf } from '../../search/layout.ts'
import { type Group, groupsBetween, openRuns, type SearchRun } from '../../search/open-runs.ts'
import type { Needle } from '../../search/needles.ts'
import { sourceOf } from './search-source.ts'
import { type Ask, readSearch, type SearchState } from './search-state.ts'

/** Runs that are opened in one statement, at first and at most. */
const FIRST_RUNS = 2
const MOST_RUNS = 32
/** So many candidates are enough for one statement of a reader that goes on. */
const ENOUGH = 4_096
/** Where more than one of so many entries is a candidate, looking at all of them costs no more. */
const DENSE = 4

/** What the search says of some numbers of the log. */
export interface Stretch {
  readonly throughSeq: number
  /** No other entry up to `throughSeq` has what is asked for. Undefined: each of them may. */
  readonly seqs: readonly number[] | undefined
}

/**
 * Which entries from a number on may have what a filter asks for.
 *
 * @returns undefined where the search says nothing of the first one
 */
export async function candidatesFrom(
  ask: Ask,
  needles: readonly Needle[],
  fromSeq: number,
  toSeq: number,
): Promise<Stretch | undefined> {
  if (needles.length === 0) return undefined
  const search = await readSearch(ask)
  if (search === undefined || fromSeq > search.seq) return undefined
  if (fromSeq < search.sinceSeq) {
    return { throughSeq: Math.min(toSeq, search.sinceSeq - 1), seqs: undefined }
  }
  const source = sourceOf(ask, search.version)
  const runs = search.runs
    .filter((run) => lastSeqOf(run) >= fromSeq && firstSeqOf(run.firstBlock) <= toSeq)
    .sort((one, other) => one.firstBlock - other.firstBlock)
  const seqs: number[] = []
  let throughSeq = fromSeq - 1
  for (let [at, count] = [0, FIRST_RUNS]; at < runs.length; ) {
    const some = runs.slice(at, at + count)
    const groups = await openRuns(source, some, needles)
    if (groups === undefined) return undefined
    const found = groups.flatMap((group) => group.seqs).sort((one, other) => one - other)
    for (const run of some) {
      const last = Math.min(lastSeqOf(run), toSeq)
      seqs.push(...found.filter((seq) => seq > throughSeq && seq <= last))
      throughSeq = last
      if (seqs.length >= ENOUGH) break
    }
    if (seqs.length >= ENOUGH) break
    at += count
    count = Math.min(MOST_RUNS, count * 4)
  }
  const isDense = seqs.length * DENSE > throughSeq - fromSeq + 1
  return { throughSeq, seqs: isDense ? undefined : seqs }
}

/**
 * The groups in which all entries of a time are that may have what a filter asks for.
 *
 * @returns undefined where they hold more than `most` entries, or the search does not know all of that time
 */
export async function candidatesWithin(
  ask: Ask,
  needles: readonly Needle[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  most: number,
): Promise<readonly Group[] | undefined> {
  if (needles.length === 0) return undefined
  const search = await readSearch(ask)
  if (search === undefined || !hasAllSince(search, fromMs)) return undefined
  const source = sourceOf(ask, search.version)
  const isAsked = (one: Group | SearchRun) => one.minMs < toMs && one.maxMs >= fromMs
  const runs = search.runs.filter(isAsked)
  const groups = [...groupsBetween(search.seq + 1, search.head)]
  let entries = search.head - search.seq
  for (let [at, count] = [0, FIRST_RUNS]; at < runs.length; ) {
    if (entries > most) return undefined
    const opened = await openRuns(source, runs.slice(at, at + count), needles)
    if (opened === undefined) return undefined
    const own = opened.filter(isAsked)
    groups.push(...own)
    entries += own.reduce((sum, { seqs }) => sum + seqs.length, 0)
    at += count
    count = Math.min(MOST_RUNS, count * 4)
  }
  return entries > most ? undefined : groups
}

function hasAllSince({ beforeId }: SearchState, fromMs: number): boolean {
  return beforeId === null || beforeId < idFloor(fromMs)
}

function lastSeqOf({ firstBlock, blocks }: SearchRun): number {
  return firstSeqOf(firstBlock) + blocks * BLOCK_SEQS - 1
}

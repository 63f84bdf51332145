import { TILE_WIDTH } from '../../../src/seal/tiles.ts'
import { HASH_BYTES } from '../../../src/seal/tree.ts'
import type { Accounts } from './accounts.ts'
import type { Asked } from './ask.ts'
import { leafOf } from './entry-leaf.ts'
import type { Findings } from './finding.ts'
import type { Said } from './said.ts'
import { readErasures, readSalts, readTiles, SALTED_SEQS } from './seal-tables.ts'
import type { SealedOrigin } from './sealed-origin.ts'
import type { StoredEntry, StretchReader } from './stretch-rows.ts'

/** Entries behind the newest checkpoint, and between two trees. */
export interface Unsealed {
  readonly rows: number
  /** When the oldest of them was logged, in Unix milliseconds. */
  readonly oldestMs: number | undefined
}

export interface UnsealedLook {
  readonly asked: Asked
  readonly reader: StretchReader
  readonly said: Said
  readonly findings: Findings
  readonly accounts: Accounts | undefined
  readonly onRows: (rows: number) => void
}

const STRETCH_SEQS = 1_024

/** Numbers that no tree holds, up to the last one, in their order. */
export function unsealedRanges(
  origins: readonly SealedOrigin[],
  lastSeq: number,
): readonly (readonly [first: number, last: number])[] {
  const ranges: [number, number][] = []
  let next = 1
  for (const { firstSeq, size } of [...origins].sort(
    (one, other) => one.firstSeq - other.firstSeq,
  )) {
    if (firstSeq > next) ranges.push([next, firstSeq - 1])
    next = Math.max(next, firstSeq + size)
  }
  if (next <= lastSeq) ranges.push([next, lastSeq])
  return ranges
}

/** Goes through entries that no tree holds yet: each number has one, and only one. */
export async function judgeUnsealed(
  look: UnsealedLook,
  newest: SealedOrigin | undefined,
  [first, last]: readonly [number, number],
): Promise<Unsealed> {
  const { reader, said, findings, accounts, onRows } = look
  let rows = 0
  let oldestMs: number | undefined
  for (let from = first; from <= last; from += STRETCH_SEQS) {
    const to = Math.min(last, from + STRETCH_SEQS - 1)
    const entries = await reader.read(from, to)
    if (newest !== undefined) await compareGrowth(look, newest, entries)
    let expected = from
    for (const { seq, row } of entries) {
      if (seq < expected) findings.add('duplicate', seq, `seq ${seq} has more than one entry.`)
      for (; expected < seq; expected += 1) gone(expected, said, findings)
      expected = seq + 1
      rows += 1
      accounts?.saw(row, false)
      const loggedMs = Date.parse(row.loggedAt)
      if (Number.isFinite(loggedMs)) oldestMs = Math.min(oldestMs ?? loggedMs, loggedMs)
    }
    for (; expected <= to; expected += 1) gone(expected, said, findings)
    onRows(entries.length)
  }
  return { rows, oldestMs }
}

function gone(seq: number, said: Said, findings: Findings): void {
  if (said.isRemoved(seq)) return
  findings.add('missing-before-seal', seq, `seq ${seq} is gone, and it was not sealed yet.`)
}

/** A sealer that died may have stored hashes that no checkpoint covers. They must be those of entries. */
async function compareGrowth(
  { asked, findings }: UnsealedLook,
  origin: SealedOrigin,
  entries: readonly StoredEntry[],
): Promise<void> {
  const [first, last] = [entries[0]?.seq, entries.at(-1)?.seq]
  if (first === undefined || last === undefined || first < origin.firstSeq) return
  const [from, to] = [first - origin.firstSeq, last - origin.firstSeq]
  const tile = Math.floor(from / TILE_WIDTH)
  const tiles = await readTiles(
    asked,
    origin.origin,
    { level: 0, n: tile },
    Math.floor(to / TILE_WIDTH) - tile + 1,
  )
  const isGrown = (index: number) => {
    const bytes = tiles.get(Math.floor(index / TILE_WIDTH))?.length ?? 0
    return bytes >= ((index % TILE_WIDTH) + 1) * HASH_BYTES
  }
  if (!isGrown(from)) return
  const [salts, erasures] = await Promise.all([
    readSalts(asked, first, last),
    readErasures(asked, first, last),
  ])
  for (const entry of entries) {
    const { seq } = entry
    const index = seq - origin.firstSeq
    if (!isGrown(index)) return
    const found = leafOf(entry, salts.get(Math.floor(seq / SALTED_SEQS)), seq, erasures.get(seq))
    const place = (index % TILE_WIDTH) * HASH_BYTES
    const stored = tiles.get(Math.floor(index / TILE_WIDTH))?.subarray(place, place + HASH_BYTES)
    if ('leaf' in found && stored?.equals(found.leaf)) continue
    findings.add(
      'tree',
      seq,
      `seq ${seq}: its tile has another hash than the entry, which is not sealed yet.`,
    )
  }
}

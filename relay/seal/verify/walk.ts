import { TILE_WIDTH } from '../../../src/seal/tiles.ts'
import type { Accounts } from './accounts.ts'
import type { Asked } from './ask.ts'
import type { Findings } from './finding.ts'
import { judgeStretch, type Judged, loadStretch, type Stretch } from './judge-stretch.ts'
import { OtherNumbers } from './other-number.ts'
import type { Clock, Said } from './said.ts'
import type { SealedOrigin } from './sealed-origin.ts'
import type { StretchReader } from './stretch-rows.ts'

/** One part of many of the older leaves. */
export interface Sample {
  /** Which part, from 0. */
  readonly turn: number
  readonly of: number
}

export interface WalkTotals {
  /** Leaves that were to be compared. */
  leaves: number
  rows: number
  expired: number
  erased: number
  pending: number
}

export interface WalkOptions {
  readonly asked: Asked
  readonly reader: StretchReader
  readonly findings: Findings
  readonly accounts: Accounts | undefined
  /** Reads again what the log says of removals and erasures, and the clock. */
  readonly refresh: () => Promise<{ readonly said: Said; readonly clock: Clock }>
  readonly onRows: (rows: number) => void
}

type Run = readonly [from: number, to: number]

/** Leaves that are read at once: four tiles. */
const STRETCH_LEAVES = 4 * TILE_WIDTH
/** Where so many stretches did not fit at the second look either, the further ones get none. */
const MOST_CONFIRMED = 100

/**
 * The leaves of a tree that are compared, as runs.
 *
 * @param since everything from this leaf on, to the beginning of its tile
 * @param sample of the leaves before that: one tile in so many, by turns
 */
export function* runsToCompare(
  size: number,
  since: number,
  sample: Sample | undefined,
): Generator<Run, void, undefined> {
  const begin = Math.floor(Math.min(since, size) / TILE_WIDTH) * TILE_WIDTH
  if (sample !== undefined) {
    for (let n = sample.turn; n < begin / TILE_WIDTH; n += sample.of) {
      yield [n * TILE_WIDTH, (n + 1) * TILE_WIDTH]
    }
  }
  for (let from = begin; from < size; from += STRETCH_LEAVES) {
    yield [from, Math.min(size, from + STRETCH_LEAVES)]
  }
}

/** Compares the entries of a log with their leaves, one stretch after another, in bounded memory. */
export class Walk {
  readonly totals: WalkTotals = { leaves: 0, rows: 0, expired: 0, erased: 0, pending: 0 }
  readonly #options: WalkOptions
  readonly #others: OtherNumbers
  #said: Said
  #clock: Clock
  #confirmed = 0

  constructor(options: WalkOptions, said: Said, clock: Clock) {
    this.#options = options
    this.#others = new OtherNumbers(options.asked, options.findings)
    this.#said = said
    this.#clock = clock
  }

  /** While one stretch is compared, the next one is on its way. */
  async along(origin: SealedOrigin, runs: Iterable<Run>): Promise<void> {
    const { asked, reader } = this.#options
    const iterator = runs[Symbol.iterator]()
    const load = (run: Run) => {
      const loading = loadStretch(asked, reader, origin, run)
      loading.catch(() => {}) // handled where it is awaited
      return loading
    }
    let { value, done } = iterator.next()
    let loading = value && load(value)
    while (!done && loading !== undefined) {
      const stretch = await loading
      asked.signal.throwIfAborted()
      ;({ value, done } = iterator.next())
      loading = value && load(value)
      await this.#compare(stretch)
    }
  }

  /** Says what is left to say of entries that were changed. */
  async settle(): Promise<void> {
    await this.#others.settle()
  }

  async #compare(first: Stretch): Promise<void> {
    const { findings, accounts, onRows } = this.#options
    const { origin, from, to } = first
    for (const [n, hashes] of first.tiles) origin.tree.keep({ level: 0, n }, hashes)
    let [stretch, judged] = [first, judgeStretch(first, this.#said, this.#clock)]
    // A removal or an erasure may have come between two reads. What stays is a finding.
    if (judged.findings.length > 0 && this.#confirmed < MOST_CONFIRMED) {
      ;({ stretch, judged } = await this.#lookAgain(first))
      if (judged.findings.length > 0) this.#confirmed += 1
    }
    for (let n = Math.floor(from / TILE_WIDTH); n * TILE_WIDTH < to; n += 1) {
      await origin.tree.check({ level: 0, n })
    }
    for (const { row } of stretch.entries) accounts?.saw(row, true)
    this.#add(to - from, judged)
    const changed = [...judged.changed]
    for (const { kind, seq, text } of judged.findings) {
      const entry = kind === 'changed' ? changed.shift() : undefined
      if (entry === undefined) findings.add(kind, seq, text)
      else await this.#others.explain(origin, entry, text)
    }
    onRows(stretch.entries.length)
  }

  async #lookAgain({ origin, from, to }: Stretch): Promise<{ stretch: Stretch; judged: Judged }> {
    const { asked, reader, refresh } = this.#options
    await reader.look()
    const stretch = await loadStretch(asked, reader, origin, [from, to])
    const { said, clock } = await refresh()
    this.#said = said
    this.#clock = clock
    return { stretch, judged: judgeStretch(stretch, said, clock) }
  }

  #add(leaves: number, { rows, expired, erased, pending }: Judged): void {
    this.totals.leaves += leaves
    this.totals.rows += rows
    this.totals.expired += expired
    this.totals.erased += erased
    this.totals.pending += pending
  }
}

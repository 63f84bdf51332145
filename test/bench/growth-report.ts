import type { Chart } from './chart.ts'
import type { Result, Table } from './part.ts'
import { type Rounds, showNumber, showSpread } from './rounds.ts'
import { REQUEST_IDS } from './staged.ts'

/** Figures of one large log, `large`, next to a small one, `small`, on the same server. */
export interface GrowthOfLog {
  readonly months: number
  readonly drained: Rounds
  readonly behindCheckpoint: Rounds
  readonly bytes: number
}

export interface GrowthMeasured {
  readonly smallRows: number
  readonly largeRows: number
  readonly drainRows: number
  readonly warmUpRows: number
  readonly logs: readonly GrowthOfLog[]
}

type When = 'drained' | 'behindCheckpoint'

const GOAL = 0.8
const SIZES = ['small', 'large'] as const

export function growthResult(measured: GrowthMeasured): Result {
  const { logs, largeRows } = measured
  return {
    tables: [
      drainTable(measured, 'drained', 'between checkpoints'),
      drainTable(measured, 'behindCheckpoint', 'right behind a checkpoint'),
    ],
    goals: logs.map(({ months, drained }) => ({
      name: `drain into ${showRows(largeRows)} entries, ${showMonths(months)}: of a small log’s`,
      value: drained.ratio('large', 'small', 'entriesPerSecond').median,
      atLeast: GOAL,
    })),
    charts: [drainChart(measured)],
    measured,
  }
}

function drainTable(measured: GrowthMeasured, when: When, words: string): Table {
  const { drainRows, smallRows, warmUpRows, logs } = measured
  const sizes = logs.map(
    ({ months, bytes }) => `${showNumber(bytes / 1e9)} GB (${showMonths(months)})`,
  )
  return {
    title: `One relay draining ${showRows(drainRows)} entries, ${words}`,
    columns: [
      'entries in the log',
      'entries/s',
      'of the small log',
      'CPU s/million',
      'WAL B/entry',
    ],
    rows: logs.flatMap(({ months, [when]: rounds }) =>
      SIZES.map((log) => [
        labelOf(measured, log, months),
        showSpread(rounds.spread(log, 'entriesPerSecond')),
        log === 'small' ? '1' : showSpread(rounds.ratio(log, 'small', 'entriesPerSecond')),
        showSpread(rounds.spread(log, 'cpuSecondsPerMillion')),
        showSpread(rounds.spread(log, 'walBytesPerEntry')),
      ]),
    ),
    note:
      `Median of the rounds (smallest–largest); ratios and round by round, each large log next to ` +
      `a small one on the same server. CPU is that of Postgres, all its processes. Behind a ` +
      `checkpoint the first touch of each page writes the whole of it to the WAL, and a short ` +
      `drain into a large log touches nearly as many pages as it has entries; between checkpoints ` +
      `is after ${showRows(warmUpRows)} entries more. Request ids are ${REQUEST_IDS}. ` +
      `The small log begins at ${showRows(smallRows)} and grows with each turn. On disk: ` +
      `${sizes.join(', ')}.`,
  }
}

function drainChart(measured: GrowthMeasured): Chart {
  return {
    name: 'growth',
    title: 'One relay, by how much is in the log already',
    subtitle: 'Entries a second into audit_log with all its indexes; more is better',
    unit: '/s',
    bars: measured.logs.flatMap(({ months, drained }) =>
      SIZES.map((log) => {
        const { median: value, ...range } = drained.spread(log, 'entriesPerSecond')
        return { label: labelOf(measured, log, months), value, ...range, isOurs: log === 'large' }
      }),
    ),
  }
}

function labelOf(
  { smallRows, largeRows }: GrowthMeasured,
  log: (typeof SIZES)[number],
  months: number,
): string {
  return log === 'small' ? showRows(smallRows) : `${showRows(largeRows)}, ${showMonths(months)}`
}

function showMonths(months: number): string {
  return months === 1 ? 'one month' : `${months} months`
}

function showRows(rows: number): string {
  return rows >= 1e6 ? `${rows / 1e6} million` : rows.toLocaleString('en-US')
}

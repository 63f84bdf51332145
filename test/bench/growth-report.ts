import type { Chart } from './chart.ts'
import type { Result, Table } from './part.ts'
import { type Rounds, showNumber, showSpread } from './rounds.ts'

export interface GrowthMeasured {
  readonly smallRows: number
  readonly largeRows: number
  readonly drainRows: number
  readonly drained: Rounds
  readonly behindCheckpoint: Rounds
  readonly bytes: Readonly<Record<string, number>>
}

const GOAL = 0.8

export function growthResult(measured: GrowthMeasured): Result {
  const { drained, largeRows } = measured
  const ratio = (log: string) => drained.ratio(log, 'small', 'entriesPerSecond').median
  const of = `${showRows(largeRows)} entries`
  return {
    tables: [
      drainTable(measured, drained, 'between checkpoints'),
      drainTable(measured, measured.behindCheckpoint, 'right behind a checkpoint'),
    ],
    goals: [
      { name: `drain into ${of}, over a small log`, value: ratio('large'), atLeast: GOAL },
      { name: `the same over 24 months of them`, value: ratio('months'), atLeast: GOAL },
    ],
    charts: [drainChart(measured)],
    measured: {
      ...measured,
      drained: drained.toJSON(),
      behindCheckpoint: measured.behindCheckpoint.toJSON(),
    },
  }
}

function labelsOf({ smallRows, largeRows }: GrowthMeasured): [string, string][] {
  return [
    ['small', `${showRows(smallRows)}, one month`],
    ['large', `${showRows(largeRows)}, one month`],
    ['months', `${showRows(largeRows)}, 24 months`],
  ]
}

function drainTable(measured: GrowthMeasured, drained: Rounds, when: string): Table {
  const { drainRows, smallRows, bytes } = measured
  const gigabytes = (log: string) => `${showNumber((bytes[log] ?? 0) / 1e9)} GB`
  return {
    title: `One relay draining ${showRows(drainRows)} entries, ${when}`,
    columns: [
      'entries in the log',
      'entries/s',
      'of the small log',
      'CPU s/million',
      'WAL B/entry',
    ],
    rows: labelsOf(measured).map(([log, label]) => [
      label,
      showSpread(drained.spread(log, 'entriesPerSecond')),
      log === 'small' ? '1' : showSpread(drained.ratio(log, 'small', 'entriesPerSecond')),
      showSpread(drained.spread(log, 'cpuSecondsPerMillion')),
      showSpread(drained.spread(log, 'walBytesPerEntry')),
    ]),
    note:
      `Median of the rounds (smallest–largest); ratios and round by round. ` +
      `CPU is that of Postgres, all its processes. Behind a checkpoint the first touch of each page ` +
      `writes the whole of it to the WAL, and a short drain into a large log touches nearly as many ` +
      `pages as it has entries. The small log begins at ` +
      `${showRows(smallRows)} and grows with each turn. On disk: ${gigabytes('large')} in one ` +
      `month, ${gigabytes('months')} in 24.`,
  }
}

function drainChart(measured: GrowthMeasured): Chart {
  return {
    name: 'growth',
    title: 'One relay, by how much is in the log already',
    subtitle: 'Entries a second into audit_log with all its indexes; more is better',
    unit: '/s',
    bars: labelsOf(measured).map(([log, label]) => {
      const { median, min, max } = measured.drained.spread(log, 'entriesPerSecond')
      return { label, value: median, min, max, isOurs: log !== 'small' }
    }),
  }
}

function showRows(rows: number): string {
  return rows >= 1e6 ? `${rows / 1e6} million` : rows.toLocaleString('en-US')
}

import { type FixedRate, VARIANTS, type Variant, type VariantName } from './http-variants.ts'
import type { Goal, Result, Table } from './part.ts'
import { type Rounds, type Spread, showNumber, showSpread, spreadOf } from './rounds.ts'

const ALONE = 'record() alone, not encoded'
const SHARED = 'record(), Postgres and relay on the same cores'
const APART = 'record(), Postgres and relay on another core'
const DRIZZLE = 'one INSERT, Drizzle'
const POSTGRES = 'one INSERT, postgres.js'

/** What a variant is measured against: the same server without a word of audit. */
function anchorOf(name: string): VariantName {
  const variant: Variant | undefined = VARIANTS[name as VariantName]
  return variant?.isPinned ? 'un-audited, on one core' : 'un-audited'
}

/** What a variant adds to the main thread's time for a request, round by round. */
function addedUs(rounds: Rounds, name: string): number[] {
  const anchors = rounds.values(anchorOf(name), 'mainUs')
  return rounds.values(name, 'mainUs').map((value, at) => value - (anchors[at] ?? Number.NaN))
}

function addedRatio(rounds: Rounds, name: string, other: string): Spread {
  const others = addedUs(rounds, other)
  return spreadOf(addedUs(rounds, name).map((value, at) => value / (others[at] ?? Number.NaN)))
}

function throughputTable(rounds: Rounds): Table {
  const rows = rounds.names.map((name) => {
    const anchor = anchorOf(name)
    const isAnchor = name === anchor
    const ratio = rounds.ratio(name, anchor, 'perSecond')
    return [
      name,
      showSpread(rounds.spread(name, 'perSecond')),
      isAnchor ? '1' : showSpread(ratio),
      showSpread(rounds.spread(name, 'mainUs')),
      isAnchor ? '–' : showSpread(spreadOf(addedUs(rounds, name))),
      showNumber(rounds.spread(name, 'processUs').median),
      showNumber(rounds.spread(name, 'utilization').median),
    ]
  })
  return {
    title: 'Fastify, hello world, saturated over 64 connections',
    columns: [
      'in each request',
      'requests/s',
      'of un-audited',
      'main thread, µs a request',
      'added, µs',
      'process, µs',
      'loop busy',
    ],
    rows,
    note:
      'Medians of the rounds (min–max), each a fresh process; ratios within a round. Main thread: ' +
      'its time on the processor. Process: with the threads of the garbage collector. On one core: ' +
      'the server and the load share it, and are compared with a server that shares it too. The ' +
      'INSERTs are not awaited, as in the design that this replaces; what they leave undone is in ' +
      'the next table, and its cost is in none. How long a slice of flushing takes: flush.md.',
  }
}

function harmTable(rounds: Rounds): Table {
  const rows = rounds.names.map((name) => {
    const anchor = anchorOf(name)
    const median = (metric: string) => showNumber(rounds.spread(name, metric).median)
    return [
      name,
      showSpread(rounds.spread(name, 'delayP99Ms')),
      name === anchor ? '1' : showSpread(rounds.ratio(name, anchor, 'delayP99Ms')),
      median('delayMaxMs'),
      showNumber(rounds.spread(name, 'latencyP99Us').median / 1_000),
      showNumber(rounds.spread(name, 'dropped').max),
      median('waiting'),
      median('inLanes'),
      median('drainSeconds'),
      median('rssGrowthMib'),
    ]
  })
  return {
    title: 'What else it does to the server',
    columns: [
      'in each request',
      'loop delay p99, ms',
      'of un-audited',
      'max, ms',
      'response p99, ms',
      'dropped, most',
      'waiting',
      'in the lanes',
      'drained, s',
      'RSS grew, MiB',
    ],
    rows,
    note:
      'Waiting: in the process, when the load ended; in the lanes: staged by then, and not logged ' +
      'yet. Drained: from then until all is in the log. The INSERTs are killed with what they ' +
      'still hold.',
  }
}

function fixedTable({ anchor, audited, seconds, requestsPerSecond }: FixedRate): Table {
  const show = (name: string, sample: FixedRate['audited']) => [
    name,
    ...[sample.perSecond, sample.mainUs, sample.utilization],
    ...[sample.delayP99Ms, sample.latencyP50Us / 1_000, sample.latencyP99Us / 1_000],
    ...[sample.dropped, sample.waiting, sample.inLanes, sample.drainSeconds, sample.rssGrowthMib],
  ]
  const rows = [show('un-audited', anchor), show(`record(), ${seconds} s`, audited)]
  return {
    title: `At ${showNumber(requestsPerSecond)} requests/s, Postgres and relay on the same cores`,
    columns: [
      'in each request',
      'requests/s',
      'main thread, µs a request',
      'loop busy',
      'loop delay p99, ms',
      'response p50, ms',
      'p99, ms',
      'dropped',
      'waiting',
      'in the lanes',
      'drained, s',
      'RSS grew, MiB',
    ],
    rows: rows.map((cells) =>
      cells.map((cell) => (typeof cell === 'number' ? showNumber(cell) : cell)),
    ),
    note: 'A response is timed from when its request was due.',
  }
}

function goalsOf(rounds: Rounds, { audited, requestsPerSecond }: FixedRate): Goal[] {
  const throughput = (name: string, other: string = anchorOf(name)) =>
    rounds.ratio(name, other, 'perSecond').median
  const delay = (name: string) => rounds.ratio(name, anchorOf(name), 'delayP99Ms').median
  const apart: Goal[] = rounds.names.includes(APART)
    ? [
        {
          name: 'main-thread time added, database on another core: of a Drizzle INSERT’s',
          value: addedRatio(rounds, APART, DRIZZLE).median,
          atMost: 0.06,
        },
        {
          name: 'requests/s, database on another core: of un-audited',
          value: throughput(APART),
          atLeast: 0.93,
        },
        {
          name: 'loop delay p99, database on another core: of un-audited',
          value: delay(APART),
          atMost: 1.1,
        },
      ]
    : []
  return [
    {
      name: 'main-thread time added, all on the same cores: of a Drizzle INSERT’s',
      value: addedRatio(rounds, SHARED, DRIZZLE).median,
      atMost: 0.06,
    },
    {
      name: 'main-thread time added, all on the same cores: of a postgres.js INSERT’s',
      value: addedRatio(rounds, SHARED, POSTGRES).median,
      atMost: 0.1,
    },
    { name: 'requests/s, record() alone: of un-audited', value: throughput(ALONE), atLeast: 0.97 },
    {
      name: 'requests/s, all on the same cores: of un-audited',
      value: throughput(SHARED),
      atLeast: 0.75,
    },
    {
      name: 'requests/s, all on the same cores: of a Drizzle INSERT’s',
      value: throughput(SHARED, DRIZZLE),
      atLeast: 4,
    },
    { name: 'loop delay p99, record() alone: of un-audited', value: delay(ALONE), atMost: 1.1 },
    {
      name: 'loop delay p99, all on the same cores: of un-audited',
      value: delay(SHARED),
      atMost: 1.1,
    },
    ...apart,
    {
      name: `requests/s reached of ${showNumber(requestsPerSecond)}`,
      value: audited.perSecond,
      atLeast: requestsPerSecond * 0.99,
    },
    { name: 'entries dropped at that rate', value: audited.dropped, atMost: 0 },
    { name: 'drained after it', value: audited.drainSeconds, atMost: 5, unit: 's' },
  ]
}

export function reportHttp(rounds: Rounds, fixed: FixedRate): Result {
  const bars = rounds.names.map((name) => {
    const { median, min, max } = rounds.ratio(name, anchorOf(name), 'perSecond')
    const scaled = { value: median * 100, min: min * 100, max: max * 100 }
    return { label: name, ...scaled, isOurs: name.startsWith('record()') }
  })
  return {
    tables: [throughputTable(rounds), harmTable(rounds), fixedTable(fixed)],
    goals: goalsOf(rounds, fixed),
    charts: [
      {
        name: 'http',
        title: 'Throughput of a saturated Fastify server',
        subtitle: 'requests/s, % of un-audited in the same round; more is better',
        unit: '%',
        bars: bars.filter(({ label }) => label !== anchorOf(label)),
      },
    ],
    measured: { saturated: rounds, fixed },
  }
}

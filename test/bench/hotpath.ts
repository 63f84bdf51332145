import { Child } from './child.ts'
import { runLive } from './live.ts'
import type { Goal, Part, PartOptions, Result, Table } from './part.ts'
import { interleave, type Rounds, type RoundsOptions, showNumber, showSpread } from './rounds.ts'
import { benchDatabase } from './scene.ts'
import type { LoopHeap, LoopOrder, LoopTime } from './tight-loop.ts'

/** Names of WORKS, and what they are called in the tables. */
const LABELS: Readonly<Record<string, string>> = {
  none: 'nothing (the clock, the literal)',
  record: 'audit.record()',
  'record-unredacted': 'audit.record(), redact: false',
  'pino-async': 'pino.info, async, /dev/null',
  'pino-sync': 'pino.info, sync, /dev/null',
  'pino-serialise': 'pino.info, serialising only',
  'pino-redact': 'the same, 20 redaction paths',
  otel: 'OpenTelemetry emit, batched',
  posthog: 'PostHog capture',
  segment: 'Segment track',
  'insert-postgres': 'postgres.js INSERT, its call alone',
}
const LIVE = Object.keys(LABELS).filter((name) => name !== 'pino-sync')
const LOOP = Object.keys(LABELS).filter((name) => name !== 'insert-postgres')

/** All that is measured of the heap fits in, so that nothing of it is collected meanwhile. */
const ROOM = '--min-semi-space-size=16'

/** In a tight loop, in processes of their own: the time as Node is, and the heap with `ROOM`. */
interface LoopRounds {
  readonly time: Rounds
  readonly heap: Rounds
}

async function runLoop({ isQuick, say }: PartOptions): Promise<LoopRounds> {
  say('tight loop: time')
  const time = await loopRounds({ what: 'time' }, [], {
    rounds: isQuick ? 1 : 9,
    warmUpRounds: isQuick ? 0 : 2,
  })
  say('tight loop: heap')
  const heap = await loopRounds({ what: 'heap' }, [ROOM], { rounds: isQuick ? 1 : 3 })
  return { time, heap }
}

async function loopRounds(
  order: LoopOrder,
  flags: readonly string[],
  options: RoundsOptions,
): Promise<Rounds> {
  const children = new Map<string, Child>()
  try {
    for (const name of LOOP) {
      children.set(name, await Child.start('tight-loop.ts', [name], undefined, flags))
    }
    const turns = [...children].map(
      ([name, child]) => [name, () => child.ask<LoopTime | LoopHeap>(order)] as const,
    )
    return await interleave(Object.fromEntries(turns), options)
  } finally {
    for (const child of children.values()) await child.stop()
  }
}

async function run(options: PartOptions): Promise<Result> {
  const { isQuick, say } = options
  const database = await benchDatabase()
  let live: Rounds
  try {
    live = await runLive({
      works: LIVE,
      rounds: isQuick ? 1 : 9,
      durationMs: isQuick ? 300 : 1_000,
      connections: 32,
      databaseUrl: database.url,
      isTimed: true,
      settle: database.empty,
      say,
    })
  } finally {
    await database.stop()
  }
  const loop = await runLoop(options)
  return {
    tables: [liveTable(live), loopTable(loop)],
    goals: goalsOf(live, loop),
    charts: [
      {
        name: 'hotpath',
        title: 'What one entry costs the handler',
        subtitle:
          'The call inside a live Fastify handler under load, median of the rounds’ medians; less is better',
        unit: 'µs',
        bars: LIVE.filter((name) => name !== 'none').map((name) => {
          const { median: value, ...range } = live.spread(name, 'callP50Us')
          return { label: LABELS[name] ?? name, value, ...range, isOurs: name.startsWith('record') }
        }),
      },
    ],
    measured: { live, loop },
  }
}

function liveTable(live: Rounds): Table {
  return {
    title: 'The call, inside a live Fastify handler under load',
    columns: ['', 'p50 µs', 'p99 µs', 'p50 of pino async', 'p99 of pino async'],
    rows: LIVE.map((name) => [
      LABELS[name] ?? name,
      showSpread(live.spread(name, 'callP50Us')),
      showSpread(live.spread(name, 'callP99Us')),
      showNumber(live.ratio(name, 'pino-async', 'callP50Us').median),
      showNumber(live.ratio(name, 'pino-async', 'callP99Us').median),
    ]),
    note: 'Median of the rounds (smallest–largest). The clock’s own cost is in every figure.',
  }
}

function loopTable({ time, heap }: LoopRounds): Table {
  return {
    title: 'In a tight loop: the call, and the call with all that follows from it',
    columns: ['', 'call ns', 'CPU ns in all', 'CPU of pino sync', 'heap bytes a call'],
    rows: LOOP.map((name) => [
      LABELS[name] ?? name,
      showSpread(time.spread(name, 'callNs')),
      showSpread(time.spread(name, 'cpuNs')),
      showNumber(time.ratio(name, 'pino-sync', 'cpuNs').median),
      showNumber(heap.spread(name, 'heapBytes').median),
    ]),
    note: 'In all: every thread, the flush included, until nothing is under way. Ours ends where the driver would take the batch’s text. The heap is measured in other processes, with room for all of it.',
  }
}

function goalsOf(live: Rounds, { time, heap }: LoopRounds): Goal[] {
  const ratio = (anchor: string, metric: string) => live.ratio('record', anchor, metric).median
  const redacting = time.ratio('record', 'record-unredacted', 'cpuNs').median
  return [
    { name: 'record(), p50 of pino async', value: ratio('pino-async', 'callP50Us'), atMost: 0.12 },
    { name: 'record(), p50 of OTel emit', value: ratio('otel', 'callP50Us'), atMost: 0.25 },
    { name: 'record(), p99 of pino async', value: ratio('pino-async', 'callP99Us'), atMost: 0.2 },
    {
      name: 'record(), heap bytes a call',
      value: heap.spread('record', 'heapBytes').median,
      atMost: 400,
    },
    { name: 'redaction, in all, of none', value: redacting, atMost: 1.2 },
    {
      name: 'record and encode, CPU of pino sync',
      value: time.ratio('record', 'pino-sync', 'cpuNs').median,
      atMost: 0.3,
    },
  ]
}

export const part: Part = {
  name: 'hotpath',
  summary: 'one call of record() next to loggers, telemetry and analytics',
  run,
}

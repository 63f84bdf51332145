import { BenchServer } from './bench-server.ts'
import { Child } from './child.ts'
import type { FlushOrder, FlushSeen } from './flush-slices.ts'
import type { Part, PartOptions, Result } from './part.ts'
import { interleave, percentileOf, type Rounds, type Sample, showSpread } from './rounds.ts'

const FULL_BATCH = 1_000
/** What comes in within one interval of 50 ms at 1,000 a second. */
const SMALL_BATCH = 50

/** What is measured of each, and how it is called in the table. */
const FIGURES: Readonly<Record<string, string>> = {
  p50Us: 'a slice, µs: p50',
  p99Us: 'p99',
  maxUs: 'longest',
  ownP99Us: 'without collections: p99',
  ownMaxUs: 'longest',
}

async function flushed(child: Child, order: FlushOrder): Promise<Sample> {
  const { tookUs, collectingUs } = await child.ask<FlushSeen>(order)
  const all = Float64Array.from(tookUs).sort()
  const own = Float64Array.from(tookUs, (us, at) => us - (collectingUs[at] ?? 0)).sort()
  return {
    p50Us: percentileOf(all, 0.5),
    p99Us: percentileOf(all, 0.99),
    maxUs: percentileOf(all, 1),
    ownP99Us: percentileOf(own, 0.99),
    ownMaxUs: percentileOf(own, 1),
  }
}

async function play(url: string, { isQuick, say }: PartOptions): Promise<Rounds> {
  const sending = await Child.start('flush-slices.ts', [url])
  const unsent = await Child.start('flush-slices.ts', [''])
  const flushes = isQuick ? 5 : 100
  const turns = {
    'staged, 1,000 entries at once': () => flushed(sending, { flushes, entriesAFlush: FULL_BATCH }),
    'staged, 50 entries at once': () => flushed(sending, { flushes, entriesAFlush: SMALL_BATCH }),
    'encoded only, 1,000 entries at once': () =>
      flushed(unsent, { flushes, entriesAFlush: FULL_BATCH }),
  }
  const rounds = isQuick ? 1 : 9
  try {
    return await interleave(turns, {
      rounds,
      warmUpRounds: 1,
      onTurn: (name, round) => say(round < 0 ? 'warming up' : `round ${round + 1}: ${name}`),
    })
  } finally {
    await sending.stop()
    await unsent.stop()
  }
}

async function run(options: PartOptions): Promise<Result> {
  const bench = await BenchServer.start()
  try {
    const rounds = await play(await bench.make('flush'), options)
    const staged = rounds.names[0] ?? ''
    const median = (figure: string) => rounds.spread(staged, figure).median
    return {
      tables: [
        {
          title: 'A slice of flushing: one turn of the event loop, in a process that only flushes',
          columns: ['', ...Object.values(FIGURES)],
          rows: rounds.names.map((name) => [
            name,
            ...Object.keys(FIGURES).map((figure) => showSpread(rounds.spread(name, figure))),
          ]),
          note:
            'Median of the rounds (smallest–largest), on the clock: where the server has the ' +
            'processor for a moment, that counts too. Turns of less than 30 µs did nothing.',
        },
      ],
      goals: [
        {
          name: 'a slice of flushing, p99',
          value: median('p99Us') / 1_000,
          atMost: 0.5,
          unit: 'ms',
        },
        {
          name: 'the same without garbage collections',
          value: median('ownP99Us') / 1_000,
          atMost: 0.5,
          unit: 'ms',
        },
        {
          name: 'the longest, without garbage collections',
          value: median('ownMaxUs') / 1_000,
          atMost: 0.5,
          unit: 'ms',
        },
      ],
      charts: [],
      measured: rounds,
    }
  } finally {
    await bench.remove()
  }
}

export const part: Part = {
  name: 'flush',
  summary: 'how long flushing holds up the event loop, slice by slice',
  run,
}

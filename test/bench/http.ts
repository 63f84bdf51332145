import os from 'node:os'
import { runLive } from './live.ts'
import type { Goal, Part, PartOptions, Result, Table } from './part.ts'
import { type Rounds, showNumber, showSpread } from './rounds.ts'
import { benchDatabase } from './scene.ts'

/** Names of WORKS, and what they are called in the tables. */
const LABELS: Readonly<Record<string, string>> = {
  none: 'un-audited',
  record: 'record(), flushed to a sink',
  'record-staged': 'record(), flushed to Postgres',
  'insert-postgres': 'un-awaited INSERT, postgres.js',
  'insert-drizzle': 'un-awaited INSERT, Drizzle',
  'pino-async': 'pino, one line',
}
const WORKS = Object.keys(LABELS)

/** Nothing is pinned: server, load and Postgres share what cores there are. */
async function run({ isQuick, say }: PartOptions): Promise<Result> {
  const database = await benchDatabase()
  let rounds: Rounds
  try {
    rounds = await runLive({
      works: WORKS,
      rounds: isQuick ? 1 : 3,
      durationMs: isQuick ? 400 : 2_000,
      connections: 64,
      databaseUrl: database.url,
      isTimed: false,
      settle: database.empty,
      say,
    })
  } finally {
    await database.stop()
  }
  return {
    tables: [table(rounds)],
    goals: goalsOf(rounds),
    charts: [
      {
        name: 'http',
        title: 'CPU time that auditing adds to a request',
        subtitle: `Fastify hello world, saturated, everything on ${os.availableParallelism()} cores; less is better`,
        unit: 'µs',
        bars: WORKS.filter((name) => name !== 'none').map((name) => ({
          label: LABELS[name] ?? name,
          value: Math.max(0, added(rounds, name)),
          isOurs: name.startsWith('record'),
        })),
      },
    ],
    measured: { rounds },
  }
}

/** Of the server's whole process, over what the un-audited server takes for a request. */
function added(rounds: Rounds, name: string): number {
  return rounds.spread(name, 'cpuUs').median - rounds.spread('none', 'cpuUs').median
}

function table(rounds: Rounds): Table {
  return {
    title: 'Fastify hello world, saturated; server, load and Postgres share the cores',
    columns: [
      ...['', 'requests/s', 'of un-audited', 'CPU µs added', 'loop delay p99'],
      ...['backlog', 'dropped', 'RSS MiB'],
    ],
    rows: WORKS.map((name) => [
      LABELS[name] ?? name,
      showSpread(rounds.spread(name, 'perSecond')),
      showNumber(rounds.ratio(name, 'none', 'perSecond').median),
      showNumber(added(rounds, name)),
      `${showNumber(rounds.spread(name, 'loopDelayP99Ms').median)} ms`,
      showNumber(rounds.spread(name, 'backlog').max),
      showNumber(rounds.spread(name, 'dropped').max),
      showNumber(rounds.spread(name, 'rssMib').max),
    ]),
    note: 'CPU of the server’s process, all threads. Backlog, drops and memory are the worst round’s, at the moment the load ends.',
  }
}

function goalsOf(rounds: Rounds): Goal[] {
  const ours = added(rounds, 'record-staged')
  const throughput = (name: string, anchor: string) =>
    rounds.ratio(name, anchor, 'perSecond').median
  return [
    {
      name: 'time added, of a Drizzle INSERT',
      value: ours / added(rounds, 'insert-drizzle'),
      atMost: 0.06,
    },
    {
      name: 'time added, of a postgres.js INSERT',
      value: ours / added(rounds, 'insert-postgres'),
      atMost: 0.1,
    },
    {
      name: 'throughput, record() alone, of un-audited',
      value: throughput('record', 'none'),
      atLeast: 0.97,
    },
    {
      name: 'throughput, with Postgres on the same cores',
      value: throughput('record-staged', 'none'),
      atLeast: 0.75,
    },
    {
      name: 'the same, of a Drizzle INSERT',
      value: throughput('record-staged', 'insert-drizzle'),
      atLeast: 4,
    },
    {
      name: 'loop delay p99, of un-audited',
      value: rounds.ratio('record-staged', 'none', 'loopDelayP99Ms').median,
      atMost: 1.1,
    },
    { name: 'entries dropped', value: rounds.spread('record-staged', 'dropped').max, atMost: 0 },
  ]
}

export const part: Part = {
  name: 'http',
  summary: 'a saturated Fastify server with auditing and without',
  run,
}

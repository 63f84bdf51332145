import { BenchServer } from './bench-server.ts'
import { Child } from './child.ts'
import { countLog, drained } from './drain.ts'
import type { Part, PartOptions, Result } from './part.ts'
import { cpuOfTreeMs } from './process-cpu.ts'
import { interleave, type Sample, showSpread } from './rounds.ts'
import type { RecorderSeen } from './scale-recorder.ts'
import { fillStaging } from './staged.ts'

const RELAYS = [1, 2, 4] as const
const RECORDERS = [1, 4, 16] as const

async function run({ isQuick, say }: PartOptions): Promise<Result> {
  const rows = isQuick ? 4_000 : 200_000
  const recordMs = isQuick ? 500 : 4_000
  const bench = await BenchServer.start()
  try {
    await bench.make('staged', (sql) => fillStaging(sql, rows))
    await bench.make('empty')
    const relays = RELAYS.map((count) => {
      const turn = () =>
        bench.onCopy('staged', async (url, sql) => {
          const sample = await drained({ url, relays: count, serverPid: bench.server.pid })
          if ((await countLog(sql)) !== rows) throw new Error('not every entry is in the log')
          return sample
        })
      return [relaysOf(count), turn] as const
    })
    const recorders = RECORDERS.filter((count) => !isQuick || count === 1).map((count) => {
      const turn = () =>
        bench.onCopy('empty', (url) => staged(url, count, recordMs, bench.server.pid))
      return [recordersOf(count), turn] as const
    })
    const rounds = await interleave(Object.fromEntries([...relays, ...recorders]), {
      rounds: isQuick ? 1 : 3,
      onTurn: (name, round) => say(`round ${round + 1}: ${name}`),
    })
    const figures = ['entriesPerSecond', 'serverSecondsPerMillion', 'ownSecondsPerMillion']
    const tableOf = (title: string, names: readonly string[], first: string) => ({
      title,
      columns: ['', 'entries/s', `of ${first}`, 'server, CPU s a million', 'ours, CPU s a million'],
      rows: names.map((name) => {
        const [rate = '', ...costs] = figures.map((figure) =>
          showSpread(rounds.spread(name, figure)),
        )
        return [name, rate, showSpread(rounds.ratio(name, first, 'entriesPerSecond')), ...costs]
      }),
    })
    const names = (made: readonly (readonly [string, unknown])[]) => made.map(([name]) => name)
    return {
      tables: [
        tableOf(`Draining ${rows} staged entries into the log`, names(relays), relaysOf(1)),
        {
          ...tableOf('Staging, as fast as it goes, no relay', names(recorders), recordersOf(1)),
          note: 'Recorders are processes of their own. Relays are here in one process: theirs is little.',
        },
      ],
      goals: [],
      charts: [],
      measured: { rows, recordMs, rounds },
    }
  } finally {
    await bench.remove()
  }
}

const relaysOf = (count: number) => (count === 1 ? '1 relay' : `${count} relays`)
const recordersOf = (count: number) => (count === 1 ? '1 recorder' : `${count} recorders`)

/** What so many applications get into the fast lane together. */
async function staged(
  url: string,
  recorders: number,
  recordMs: number,
  serverPid: number,
): Promise<Sample> {
  const children = await Promise.all(
    Array.from({ length: recorders }, () =>
      Child.start('scale-recorder.ts', [url, String(recordMs)]),
    ),
  )
  try {
    const beforeMs = cpuOfTreeMs(serverPid)
    const seen = await Promise.all(children.map((child) => child.ask<RecorderSeen>({ go: true })))
    const serverMs = cpuOfTreeMs(serverPid) - beforeMs
    const entries = seen.reduce((sum, one) => sum + one.staged, 0)
    const ownMs = seen.reduce((sum, one) => sum + one.cpuMs, 0)
    return {
      entriesPerSecond: (entries / recordMs) * 1_000,
      serverSecondsPerMillion: (serverMs / entries) * 1_000,
      ownSecondsPerMillion: (ownMs / entries) * 1_000,
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()))
  }
}

export const part: Part = {
  name: 'scale',
  summary: '1, 2 and 4 relays, 1, 4 and 16 recorders: entries a second, and what a million costs',
  run,
}

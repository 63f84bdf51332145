import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Database } from '../../src/database/connection.ts'
import { recoverFolder } from '../../src/exit-dump/recover.ts'
import { BenchServer } from './bench-server.ts'
import type { DumpSeen } from './exit-dump-process.ts'
import type { Part, PartOptions, Result } from './part.ts'
import { interleave, type Rounds, type Sample, showNumber, showSpread, spreadOf } from './rounds.ts'

const SIZES = [250, 1_000, 10_000, 100_000]
/** How many entries a process has flushed before, so that the engine has compiled what does it. */
const WARM = 20_000
const nameOf = (entries: number) => `${showNumber(entries)} entries`
/** How long the dump of so many entries may hold up the end of a process, in ms. */
const GOALS_MS: Readonly<Record<number, number>> = { 250: 1.9, 100000: 80 }
const RECOVERED = 100_000
const PROCESS = fileURLToPath(new URL('exit-dump-process.ts', import.meta.url))

function leave(entries: number, folder: string, flushedBefore = WARM): DumpSeen {
  const node = ['--import', 'tsx', PROCESS, String(entries), folder, String(flushedBefore)]
  return JSON.parse(execFileSync(process.execPath, node, { encoding: 'utf8' })) as DumpSeen
}

/** Each dump is written by a process of its own, which has written none before. */
async function dumps(scratch: string, { isQuick, say }: PartOptions): Promise<Rounds> {
  const turn = (name: string, entries: number, flushedBefore: number) => [
    name,
    (): Sample => {
      const folder = fs.mkdtempSync(path.join(scratch, 'dump-'))
      return { ...leave(entries, folder, flushedBefore) }
    },
  ]
  const turns = [
    ...SIZES.map((entries) => turn(nameOf(entries), entries, WARM)),
    turn(`${nameOf(250)}, and it has flushed none before`, 250, 0),
  ]
  return await interleave(Object.fromEntries(turns), {
    rounds: isQuick ? 1 : 9,
    onTurn: (name, round) => say(`round ${round + 1}: ${name}`),
  })
}

/** @returns how many entries a second are staged from a file, in each run */
async function recoveries(scratch: string, { isQuick, say }: PartOptions): Promise<number[]> {
  const entries = isQuick ? 10_000 : RECOVERED
  const bench = await BenchServer.start()
  try {
    const url = await bench.make('recover')
    const rates: number[] = []
    for (let run = 0; run < (isQuick ? 1 : 3); run += 1) {
      say(`recovery ${run + 1}`)
      const folder = fs.mkdtempSync(path.join(scratch, 'recover-'))
      leave(entries, folder)
      const options = { applicationName: 'bench', statementTimeoutMs: 60_000 }
      const database = new Database({ url, ...options })
      let staged = 0
      const fromMs = performance.now()
      await recoverFolder({
        ...{ folder, database, isOurTarget: () => true },
        onFile: (found) => {
          staged += found.entries
        },
      })
      rates.push((staged * 1_000) / (performance.now() - fromMs))
      await database.close()
      if (staged !== entries) throw new Error(`${staged} of ${entries} entries were recovered.`)
    }
    return rates
  } finally {
    await bench.remove()
  }
}

async function run(options: PartOptions): Promise<Result> {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-dumps-'))
  try {
    const rounds = await dumps(scratch, options)
    const rates = await recoveries(scratch, options)
    const show = (name: string, metric: string) => showSpread(rounds.spread(name, metric))
    return {
      tables: [
        {
          title: 'What an exit dump takes, at the end of a process of its own',
          columns: [
            '',
            'ms',
            'CPU, ms',
            'JSON.stringify of as many, CPU, ms',
            'bytes',
            'the same bytes written once more, ms',
            'fsync, which the dump leaves out, ms',
          ],
          rows: rounds.names.map((name) => [
            name,
            ...['dumpMs', 'cpuMs', 'stringifyMs', 'bytes', 'writeMs', 'fsyncMs'].map((metric) =>
              show(name, metric),
            ),
          ]),
          note:
            'Median of the rounds (smallest–largest). The file survives the process, not the ' +
            'machine: nothing is synced.',
        },
        {
          title: `Recovery: a file of ${options.isQuick ? 10_000 : RECOVERED} entries into staging`,
          columns: ['', 'entries a second'],
          rows: [['recoverFolder', showSpread(spreadOf(rates))]],
        },
      ],
      goals: SIZES.flatMap((entries, at) => {
        const atMost = GOALS_MS[entries]
        // Not on the clock, where whatever else the machine does counts too.
        const value = rounds.spread(rounds.names[at] ?? '', 'cpuMs').median
        return atMost === undefined
          ? []
          : [{ name: `the dump of ${nameOf(entries)}, CPU`, value, atMost, unit: 'ms' }]
      }),
      charts: [],
      measured: { rounds, rates },
    }
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

export const part: Part = {
  name: 'exit-dump',
  summary: 'how long the end of a process waits for its exit dump, and what recovery stages',
  run,
}

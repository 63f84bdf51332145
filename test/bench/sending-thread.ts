import fs from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MessageChannel, Worker } from 'node:worker_threads'
import {
  openRecorderStatements,
  type RecorderStatements,
  type ReporterIdentity,
} from '../../src/lanes/recorder-statements.ts'
import { RECORDER_LIMITS, resolveLimits } from '../../src/options.ts'
import { BenchServer } from './bench-server.ts'
import { demoEntry } from './demo-entry.ts'
import { describeMachine, showMachine } from './machine.ts'
import { interleave, type Sample, showSpread } from './rounds.ts'
import { recorderOver, unsentStatements } from './unsent-recorder.ts'

/**
 * Whether a thread of its own for the connection would help: the same recorder on a real Postgres,
 * with its statements on the main thread, in a worker, and on nothing. Keeps what it found in
 * `results`.
 *
 * `npx tsx test/bench/sending-thread.ts`
 */
const ENTRIES = 60_000
const ENTRIES_A_TURN = 50
const MAX_AHEAD = 5_000
const ROUNDS = 9

const FIGURES = ['mainUs', 'processUs', 'entriesPerSecond']

const limits = resolveLimits<keyof typeof RECORDER_LIMITS>(RECORDER_LIMITS, {}, process.env)

type Open = (identity: ReporterIdentity) => RecorderStatements

function onMainThread(url: string): Open {
  return (identity) =>
    openRecorderStatements({ ...identity, url, statementTimeoutMs: limits.statementTimeoutMs })
}

/** A thread of Node 20 does not take over what the process was told to import first. */
const IN_TYPESCRIPT = `
  const { workerData } = require('node:worker_threads')
  import('tsx/esm/api').then(({ register }) => {
    register()
    return import(workerData.file)
  })`

/** Each call is a message, and so is its answer. Strings are copied from one thread to the other. */
function inWorker(url: string): Open {
  return (identity) => {
    const { port1, port2 } = new MessageChannel()
    const settings = { ...identity, url, statementTimeoutMs: limits.statementTimeoutMs }
    const worker = new Worker(IN_TYPESCRIPT, {
      eval: true,
      workerData: {
        ...{ port: port2, settings },
        file: new URL('sending-worker.ts', import.meta.url).href,
      },
      transferList: [port2],
    })
    const answers = new Map<number, (value: never) => void>()
    let asked = 0
    port1.on('message', ({ id, value }: { id: number; value: never }) => {
      answers.get(id)?.(value)
      answers.delete(id)
    })
    const ask = <T>(name: string, ...given: readonly unknown[]): Promise<T> =>
      new Promise<T>((resolve) => {
        asked += 1
        answers.set(asked, resolve)
        port1.postMessage({ id: asked, name, given })
      })
    return {
      stage: (slices) => ask('stage', slices),
      laneState: () => ask('laneState'),
      report: (report) => ask('report', report),
      identity: () => ask('identity'),
      async close() {
        await ask('close')
        port1.close()
        await worker.terminate()
      },
    }
  }
}

function mainThreadUs(): number {
  return Number(fs.readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1_000
}

async function measure(open: Open): Promise<Sample> {
  const recorder = recorderOver(open)
  const record = async (entries: number) => {
    for (let n = 0; n < entries; ) {
      if (recorder.stats().bufferedEntries < MAX_AHEAD) {
        for (const end = n + ENTRIES_A_TURN; n < end; n += 1) recorder.record(demoEntry(n))
        await nextTurn()
      } else await sleep(1) // not busy with waiting: that would count as work
    }
    await recorder.flush()
  }
  await record(ENTRIES / 4)
  const [main, cpu, clock] = [mainThreadUs(), process.cpuUsage(), performance.now()]
  await record(ENTRIES)
  const mainUs = (mainThreadUs() - main) / ENTRIES
  const { user, system } = process.cpuUsage(cpu)
  const entriesPerSecond = (ENTRIES / (performance.now() - clock)) * 1_000
  await recorder.close()
  return {
    mainUs,
    processUs: (user + system) / ENTRIES,
    entriesPerSecond,
  }
}

const server = await BenchServer.start()
try {
  await server.make('empty')
  const on = (open: (url: string) => Open) => () =>
    server.onCopy('empty', (url) => measure(open(url)))
  const rounds = await interleave(
    {
      'on the main thread (ours)': on(onMainThread),
      'in a worker': on(inWorker),
      'nothing is sent': on(() => unsentStatements),
    },
    { rounds: ROUNDS, warmUpRounds: 1, onTurn: (name, round) => console.log(round, name) },
  )
  const lines = rounds.names.map((name) => {
    const cells = FIGURES.map((figure) => showSpread(rounds.spread(name, figure)))
    return `| ${name} | ${cells.join(' | ')} |`
  })
  const markdown = [
    '# A thread of its own for the connection',
    `${showMachine(describeMachine())}; \`npx tsx test/bench/sending-thread.ts\`.`,
    [
      '| statements | main thread, µs an entry | all threads, µs an entry | entries/s |',
      '|---|---:|---:|---:|',
      ...lines,
    ].join('\n'),
    `Recorded, encoded and staged, ${ENTRIES} entries of the demo a round, the server on the same two ` +
      `cores; median of ${ROUNDS} rounds by turns (smallest–largest). Between two turns of the event ` +
      `loop ${ENTRIES_A_TURN} entries are recorded.`,
  ].join('\n\n')
  console.log(markdown)
  const file = fileURLToPath(new URL('results/sending-thread.md', import.meta.url))
  fs.writeFileSync(file, `${markdown}\n`)
} finally {
  await server.remove()
}

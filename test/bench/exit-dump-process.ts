import fs from 'node:fs'
import path from 'node:path'
import { createRecorder } from '../../src/index.ts'
import { demoEntry } from './demo-entry.ts'
import { quietLogger } from './quiet-logger.ts'
import { recorderOver } from './unsent-recorder.ts'

// A process that ends with entries that are not staged, and says what the exit dump took. Its
// arguments: how many entries, the folder, and how many entries it has flushed before.

export interface DumpSeen {
  readonly dumpMs: number
  readonly cpuMs: number
  readonly bytes: number
  /** How long the disk takes to have the file, which the dump does not wait for. */
  readonly fsyncMs: number
  /** `JSON.stringify` of as many entries, one by one, which no dump can do without: CPU time. */
  readonly stringifyMs: number
  /** Writing the same bytes, which are made already, to another file. */
  readonly writeMs: number
}

const [entries = '0', folder = '', flushedBefore = '0'] = process.argv.slice(2)

const earlier = recorderOver()
for (let n = 0; n < Number(flushedBefore); n += 1) earlier.record(demoEntry(n))
await earlier.flush()

let beganMs = 0
let began = process.cpuUsage()
// Before the recorder's own listener, which is there from the first entry on.
process.on('exit', () => {
  began = process.cpuUsage()
  beganMs = performance.now()
})
const recorder = createRecorder({
  // Nobody listens there, and nothing is sent before the process ends.
  databaseUrl: 'postgres://app@127.0.0.1:1/shop',
  flushIntervalMs: 60_000,
  maxBatchEntries: 10_000,
  journalDir: folder,
  logger: quietLogger,
})
for (let n = 0; n < Number(entries); n += 1) recorder.record(demoEntry(n))
process.on('exit', () => {
  const dumpMs = performance.now() - beganMs
  const { user, system } = process.cpuUsage(began)
  const [name = ''] = fs.readdirSync(folder)
  const dump = path.join(folder, name)
  const fd = fs.openSync(dump, 'r')
  const fsyncMs = tookMs(() => fs.fsyncSync(fd))
  const text = fs.readFileSync(dump)
  const writeMs = tookMs(() => fs.writeFileSync(`${folder}.copy`, text))
  const given = Array.from({ length: Number(entries) }, (_, n) => demoEntry(n))
  const before = process.cpuUsage()
  for (const entry of given) JSON.stringify(entry)
  const stringify = process.cpuUsage(before)
  const stringifyMs = (stringify.user + stringify.system) / 1_000
  const cpuMs = (user + system) / 1_000
  const seen: DumpSeen = { dumpMs, cpuMs, bytes: text.length, fsyncMs, stringifyMs, writeMs }
  fs.writeSync(1, JSON.stringify(seen))
})
process.exit()

function tookMs(work: () => void): number {
  const fromMs = performance.now()
  work()
  return performance.now() - fromMs
}

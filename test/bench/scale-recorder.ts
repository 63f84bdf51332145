import { createRecorder } from '../../src/index.ts'
import { quietLogger } from './quiet-logger.ts'
import { demoEntry } from './demo-entry.ts'

// One application that records as fast as the database takes it, for a while. Arguments: the URL of
// a database, and for how long, in milliseconds. It answers one message with what came of it.

export interface RecorderSeen {
  readonly staged: number
  readonly cpuMs: number
}

const [databaseUrl = '', durationMs = '0'] = process.argv.slice(2)
/** Some full batches ahead of the database, and never so many that one is dropped. */
const MAX_AHEAD = 20_000
const ENTRIES_A_TURN = 50

const recorder = createRecorder({ databaseUrl, logger: quietLogger })

async function record(): Promise<RecorderSeen> {
  const before = process.cpuUsage()
  const endMs = performance.now() + Number(durationMs)
  for (let n = 0; performance.now() < endMs; ) {
    if (recorder.stats().bufferedEntries < MAX_AHEAD) {
      for (const end = n + ENTRIES_A_TURN; n < end; n += 1) recorder.record(demoEntry(n))
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { user, system } = process.cpuUsage(before)
  return { staged: recorder.stats().staged, cpuMs: (user + system) / 1_000 }
}

process.on('message', async () => process.send?.(await record()))
process.on('disconnect', () => process.exit())

import { createRelay } from '../../relay/index.ts'
import { quietLogger } from './quiet-logger.ts'

// One relay in a process of its own. Argument: the URL of a database. It answers each message, once
// the lanes are empty, with what the process holds in memory.

export interface RelayMemorySeen {
  /** Moved since it began. */
  readonly logged: number
  readonly rssMib: number
}

const relay = createRelay({ databaseUrl: process.argv[2], logger: quietLogger })

process.on('message', async () => {
  const { logged } = await relay.drain({ deadlineMs: 600_000 })
  process.send?.({ logged, rssMib: process.memoryUsage.rss() / 2 ** 20 })
})
process.on('disconnect', () => process.exit())

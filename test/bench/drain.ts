import type postgres from 'postgres'
import { createRelay } from '../../relay/index.ts'
import { quietLogger } from './quiet-logger.ts'
import { cpuOfTreeMs } from './process-cpu.ts'
import type { Sample } from './rounds.ts'

export interface DrainedOptions {
  readonly url: string
  readonly relays?: number
  /** Default: a relay's own. */
  readonly parallelMoves?: number
  /** The server's process, to see what it computes. */
  readonly serverPid: number
}

/** Drains the lanes with relays as a user creates them. */
export async function drained(options: DrainedOptions): Promise<Sample> {
  const { url, relays = 1, parallelMoves, serverPid } = options
  const drains = Array.from({ length: relays }, () =>
    createRelay({
      databaseUrl: url,
      logger: quietLogger,
      ...(parallelMoves !== undefined && { parallelMoves }),
    }),
  )
  const cpuBefore = [cpuOfTreeMs(serverPid), ownCpuMs()] as const
  const beganMs = performance.now()
  const results = await Promise.all(drains.map((relay) => relay.drain({ deadlineMs: 900_000 })))
  const ms = performance.now() - beganMs
  const serverMs = cpuOfTreeMs(serverPid) - cpuBefore[0]
  const relayMs = ownCpuMs() - cpuBefore[1]
  await Promise.all(drains.map((relay) => relay.stop()))
  const logged = results.reduce((sum, result) => sum + result.logged, 0)
  if (!results.every(({ isDrained }) => isDrained)) throw new Error('a lane was not drained')
  return {
    entries: logged,
    entriesPerSecond: (logged / ms) * 1_000,
    serverSecondsPerMillion: (serverMs / logged) * 1_000,
    ownSecondsPerMillion: (relayMs / logged) * 1_000,
  }
}

/** How many entries are in the log; and that `seq` has no gap in it. */
export async function countLog(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ entries: number; isWhole: boolean }[]>`
    select count(*)::float8 as entries,
      count(*) = (select seq from audit.audit_head) and count(distinct seq) = count(*) as "isWhole"
    from audit.audit_log`
  if (row?.isWhole !== true) throw new Error('the numbers of the log have a gap')
  return row.entries
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

import { Child, STEADY_TICKS } from './child.ts'
import type { LoadOrder, LoadSeen } from './load.ts'
import type { ServerSeen } from './live-server.ts'
import { interleave, type Rounds } from './rounds.ts'

export interface LiveOptions {
  /** Names of WORKS. */
  readonly works: readonly string[]
  readonly rounds: number
  readonly durationMs: number
  readonly connections: number
  readonly databaseUrl: string
  readonly isTimed: boolean
  /** Cores to pin the servers and the load to; undefined: any. */
  readonly serverCore?: number | undefined
  readonly loadCore?: number | undefined
  /** Called after each turn, with the load gone. */
  readonly settle?: () => Promise<void>
  readonly say: (progress: string) => void
}

/** A server for each, all in their own processes; by turns each of them gets the whole load. */
export async function runLive(options: LiveOptions): Promise<Rounds> {
  const { works, rounds, durationMs, connections, databaseUrl, isTimed, settle, say } = options
  const load = await Child.start('load.ts', [], options.loadCore, STEADY_TICKS)
  const children = new Map<string, Child>()
  try {
    const turns = works.map((work) => {
      const turn = async () => {
        const args = [work, databaseUrl, isTimed ? 'time' : '']
        const child =
          children.get(work) ??
          (await Child.start('live-server.ts', args, options.serverCore, STEADY_TICKS))
        children.set(work, child)
        const { port } = await child.ask<{ port: number }>({ begin: true })
        const order: LoadOrder = { port, connections, durationMs }
        const seen = await load.ask<LoadSeen>(order)
        const server = await child.ask<ServerSeen>({ end: true })
        await settle?.()
        const { requests, cpuUs, activeUs, ...rest } = server
        return {
          ...rest,
          perSecond: seen.perSecond,
          latencyP99Ms: seen.p99Ms,
          cpuUs: cpuUs / requests,
          activeUs: activeUs / requests,
        }
      }
      return [work, turn] as const
    })
    return await interleave(Object.fromEntries(turns), {
      rounds,
      warmUpRounds: 1,
      onTurn: (_, round) => {
        if (said !== round)
          say(round < 0 ? 'servers, warming up' : `round ${round + 1} of ${rounds}`)
        said = round
      },
    })
  } finally {
    for (const child of [load, ...children.values()]) await child.stop()
  }
}

let said = Number.NaN

import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import fastify from 'fastify'
import { percentileOf } from './rounds.ts'
import { demoEntry } from './demo-entry.ts'
import { WORKS } from './work.ts'

// A Fastify application whose one handler says hello and does one thing with one entry.
// Arguments: what it does (a name of WORKS), the database's URL, `time` to time each call.

export type ServerOrder = { readonly begin: true } | { readonly end: true }

export interface ServerSeen {
  readonly requests: number
  /** Of the whole process, all threads, from begin to end. */
  readonly cpuUs: number
  /** Of the event loop: it was doing something. */
  readonly activeUs: number
  readonly loopDelayP99Ms: number
  readonly rssMib: number
  readonly backlog: number
  readonly dropped: number
  /** Of the calls, where they are timed. */
  readonly callP50Us: number
  readonly callP99Us: number
}

const MAX_TIMED = 1_000_000
const [name = '', databaseUrl = '', mode = ''] = process.argv.slice(2)
const work = WORKS[name]?.(databaseUrl)
if (work === undefined) throw new Error(`nothing is called ${name}`)

const times = new Float64Array(MAX_TIMED)
let requests = 0
const app = fastify()
if (mode === 'time') {
  app.get('/', async () => {
    const began = performance.now()
    work.run(demoEntry(requests))
    times[requests % MAX_TIMED] = performance.now() - began
    requests += 1
    return { hello: 'world' }
  })
} else {
  app.get('/', async () => {
    work.run(demoEntry(requests))
    requests += 1
    return { hello: 'world' }
  })
}
await app.listen({ port: 0, host: '127.0.0.1' })

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
let cpu = process.cpuUsage()
let loop = performance.eventLoopUtilization()

function begin(): object {
  globalThis.gc?.()
  requests = 0
  delay.reset()
  cpu = process.cpuUsage()
  loop = performance.eventLoopUtilization()
  const address = app.server.address()
  return { port: typeof address === 'object' ? address?.port : undefined }
}

function end(): ServerSeen {
  const { user, system } = process.cpuUsage(cpu)
  const { active } = performance.eventLoopUtilization(loop)
  const timed = times.slice(0, Math.min(requests, MAX_TIMED)).sort()
  return {
    requests,
    cpuUs: user + system,
    activeUs: active * 1_000,
    loopDelayP99Ms: delay.percentile(99) / 1e6,
    rssMib: process.memoryUsage.rss() / 2 ** 20,
    backlog: work?.backlog() ?? 0,
    dropped: work?.dropped() ?? 0,
    callP50Us: percentileOf(timed, 0.5) * 1_000,
    callP99Us: percentileOf(timed, 0.99) * 1_000,
  }
}

process.on('message', (order: ServerOrder) => process.send?.('begin' in order ? begin() : end()))
process.on('disconnect', () => process.exit())

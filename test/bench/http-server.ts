import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { fastify } from 'fastify'
import { type Taking, WAYS, type WayName } from './http-ways.ts'

/** Fastify's own hello world, which does one thing with an entry in each request. */

export interface ServerSettings {
  readonly way: WayName
  readonly databaseUrl: string
}

/** `begin` and `end` stand around what is measured; `close` lets the entries out. */
export type ServerOrder = 'begin' | 'end' | 'counts' | 'close'

export interface ServerCounts {
  readonly dropped: number
  readonly waiting: number
}

export interface ServerSample extends ServerCounts {
  readonly perSecond: number
  /** On the processor, per request: of the main thread alone, and with the collector's threads. */
  readonly mainUs: number
  readonly processUs: number
  /** The share of the time in which the event loop had work. */
  readonly utilization: number
  readonly delayP50Ms: number
  readonly delayP99Ms: number
  readonly delayMaxMs: number
  readonly rssGrowthMib: number
}

const { way, databaseUrl } = JSON.parse(process.env['BENCH_HTTP'] ?? '') as ServerSettings
const taking: Taking | undefined = WAYS[way]?.(databaseUrl)
const delay = monitorEventLoopDelay({ resolution: 1 })
let requests = 0

const app = fastify()
const schema = {
  response: { 200: { type: 'object', properties: { hello: { type: 'string' } } } },
}
app.get('/', { schema }, (_request, reply) => {
  requests += 1
  if (taking !== undefined) taking.take(requests)
  reply.send({ hello: 'world' })
})

function now() {
  const { user, system } = process.cpuUsage()
  const processUs = user + system
  return {
    requests,
    processUs,
    mainUs: mainThreadUs() ?? processUs,
    atMs: performance.now(),
    loop: performance.eventLoopUtilization(),
    rssBytes: process.memoryUsage.rss(),
  }
}

/** Where the system tells it. A process's main thread has the process's own number. */
function mainThreadUs(): number | undefined {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1_000
  } catch {
    return undefined
  }
}

const counts = (): ServerCounts => taking?.counts() ?? { dropped: 0, waiting: 0 }

function sampleSince(began: ReturnType<typeof now>): ServerSample {
  const ended = now()
  const answered = ended.requests - began.requests
  return {
    perSecond: (answered * 1_000) / (ended.atMs - began.atMs),
    mainUs: (ended.mainUs - began.mainUs) / answered,
    processUs: (ended.processUs - began.processUs) / answered,
    utilization: performance.eventLoopUtilization(ended.loop, began.loop).utilization,
    delayP50Ms: delay.percentile(50) / 1e6,
    delayP99Ms: delay.percentile(99) / 1e6,
    delayMaxMs: delay.max / 1e6,
    rssGrowthMib: (ended.rssBytes - began.rssBytes) / 2 ** 20,
    ...counts(),
  }
}

let began = now()
process.on('message', (order: ServerOrder) => {
  if (order === 'begin') {
    delay.enable()
    delay.reset()
    began = now()
    process.send?.({})
  } else if (order === 'end') process.send?.(sampleSince(began))
  else if (order === 'counts') process.send?.(counts())
  else void taking?.close().then(() => process.send?.(counts()))
})
process.on('disconnect', () => process.exit(9)) // the harness is gone

await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
process.send?.({ port: typeof address === 'object' ? address?.port : 0 })

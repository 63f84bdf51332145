import net from 'node:net'
import { percentileOf } from './rounds.ts'

// A process that asks a server for the same page over and over, as cheaply as can be: it shares
// the machine with what is measured. Told over IPC what to do; says what it saw.

export interface LoadOrder {
  readonly port: number
  readonly connections: number
  readonly durationMs: number
  /** Requests per second, whether or not answers come. Undefined: the next one with each answer. */
  readonly rate?: number
}

export interface LoadSeen {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
const TICK_MS = 2

async function run({ port, connections, durationMs, rate }: LoadOrder): Promise<LoadSeen> {
  const latencies: number[] = []
  const sockets = await Promise.all(Array.from({ length: connections }, () => connect(port)))
  const idle: (() => void)[] = []
  const beganMs = performance.now()
  let isOver = false
  for (const socket of sockets) {
    let askedMs = 0
    const ask = () => {
      askedMs = performance.now()
      socket.write(REQUEST)
    }
    // Answers are small: one comes in one piece, and none is asked for before the last has come.
    socket.on('data', () => {
      latencies.push(performance.now() - askedMs)
      if (isOver) return
      if (rate === undefined) ask()
      else idle.push(ask)
    })
    if (rate === undefined) ask()
    else idle.push(ask)
  }
  if (rate !== undefined) {
    let asked = 0
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - beganMs) * rate) / 1_000)
      for (; asked < due; asked += 1) {
        const ask = idle.shift()
        if (ask === undefined) break // the server is behind: caught up with later
        ask()
      }
    }, TICK_MS)
    setTimeout(() => clearInterval(timer), durationMs)
  }
  await new Promise((resolve) => setTimeout(resolve, durationMs))
  isOver = true
  const requests = latencies.length
  const perSecond = (requests * 1_000) / (performance.now() - beganMs)
  for (const socket of sockets) socket.destroy()
  latencies.sort((one, other) => one - other)
  const [p50Ms, p99Ms] = [percentileOf(latencies, 0.5), percentileOf(latencies, 0.99)]
  return { requests, perSecond, p50Ms, p99Ms }
}

function connect(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(socket))
    socket.setNoDelay(true)
    socket.once('error', reject)
  })
}

process.on('message', async (order: LoadOrder) => process.send?.(await run(order)))
process.on('disconnect', () => process.exit())

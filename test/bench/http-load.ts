import net from 'node:net'
import { createHistogram } from 'node:perf_hooks'

/**
 * Asks a server, over connections that stay open and without pipelining: each connection asks again
 * when it has its answer, or when the next request is due. On bare sockets, because a client that
 * computes less leaves more of the machine to what is measured.
 */

export interface LoadOrder {
  readonly port: number
  readonly connections: number
  /** Default: as many as are answered. */
  readonly requestsPerSecond?: number
}

export interface LoadAccount {
  readonly answered: number
  /** From when the request was due, so that those which had to wait count in full. */
  readonly latencyP50Us: number
  readonly latencyP99Us: number
}

interface Connection {
  readonly socket: net.Socket
  askedAtMs: number
  received: number
}

const TICK_MS = 1

class Load {
  readonly #request: string
  readonly #perMs: number
  readonly #beganMs = performance.now()
  readonly #idle: Connection[] = []
  readonly #all: Connection[] = []
  readonly #latencies = createHistogram()
  readonly #timer: NodeJS.Timeout | undefined
  #responseBytes = 0
  #asked = 0
  #answered = 0
  #isOver = false

  constructor({ port, connections, requestsPerSecond }: LoadOrder) {
    this.#request = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: keep-alive\r\n\r\n`
    this.#perMs = (requestsPerSecond ?? Number.POSITIVE_INFINITY) / 1_000
    for (let n = 0; n < connections; n += 1) {
      const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
      const connection = { socket, askedAtMs: 0, received: 0 }
      socket.on('connect', () => this.#next(connection))
      socket.on('data', (chunk) => this.#take(connection, chunk))
      socket.on('error', (error) => this.#isOver || fail(error))
      this.#all.push(connection)
    }
    if (requestsPerSecond !== undefined) this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  #tick(): void {
    while (this.#idle.length > 0 && this.#isDue()) this.#ask(this.#idle.shift() as Connection)
  }

  #dueAtMs(): number {
    return this.#beganMs + this.#asked / this.#perMs
  }

  #isDue(): boolean {
    return this.#dueAtMs() <= performance.now()
  }

  #next(connection: Connection): void {
    if (this.#isOver) return
    if (this.#timer === undefined || this.#isDue()) this.#ask(connection)
    else this.#idle.push(connection)
  }

  #ask(connection: Connection): void {
    connection.askedAtMs = this.#timer === undefined ? performance.now() : this.#dueAtMs()
    this.#asked += 1
    connection.socket.write(this.#request)
  }

  #take(connection: Connection, chunk: Buffer): void {
    if (connection.received === 0 && chunk.toString('latin1', 9, 12) !== '200') {
      fail(new Error(`The server answered: ${chunk.toString('latin1', 0, 200)}`))
    }
    connection.received += chunk.length
    // All answers are of the same length, which the first one tells.
    this.#responseBytes ||= lengthOf(chunk)
    if (connection.received < this.#responseBytes) return
    connection.received = 0
    this.#answered += 1
    const tookUs = (performance.now() - connection.askedAtMs) * 1_000
    this.#latencies.record(Math.max(1, Math.round(tookUs)))
    this.#next(connection)
  }

  end(): LoadAccount {
    this.#isOver = true
    clearInterval(this.#timer)
    for (const { socket } of this.#all) socket.destroy()
    return {
      answered: this.#answered,
      latencyP50Us: this.#latencies.percentile(50),
      latencyP99Us: this.#latencies.percentile(99),
    }
  }
}

function lengthOf(response: Buffer): number {
  const text = response.toString('latin1')
  const head = text.indexOf('\r\n\r\n')
  const body = /\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1]
  if (head === -1 || body === undefined) fail(new Error(`No length is in: ${text}`))
  return head + 4 + Number(body)
}

function fail(error: Error): never {
  console.error('load:', error.message)
  process.exit(1)
}

let load: Load | undefined
process.on('message', (order: LoadOrder | 'end') => {
  if (order === 'end') process.send?.(load?.end() ?? {})
  else {
    load = new Load(order)
    process.send?.({})
  }
})
process.on('disconnect', () => process.exit(9)) // the harness is gone
process.send?.({})

import { once } from 'node:events'
import net from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultLink, type FaultMode, type RequestWatch } from './fault-link.ts'

const HOST = '127.0.0.1'
const LISTEN_ATTEMPTS = 50

/** A TCP proxy that imitates network faults. Its mode can change at any time. */
export class FaultProxy {
  readonly port: number
  readonly #target: number
  readonly #links = new Set<FaultLink>()
  #listener: net.Server
  #mode: FaultMode = { kind: 'pass' }
  #accepted = 0
  #swallowedBytes = 0

  private constructor(target: number, listener: net.Server) {
    this.#target = target
    this.#listener = listener
    this.port = (listener.address() as net.AddressInfo).port
    listener.on('connection', (socket) => this.#accept(socket))
  }

  /** @param target the port behind it, on this machine */
  static async start(target: number): Promise<FaultProxy> {
    return new FaultProxy(target, await listen(0))
  }

  get mode(): FaultMode {
    return this.#mode
  }

  /** The number of open connections. */
  get open(): number {
    return this.#links.size
  }

  /** The number of connections since the start. */
  get accepted(): number {
    return this.#accepted
  }

  /** Bytes that were read and not passed on since the start, in both directions. */
  get swallowedBytes(): number {
    return this.#swallowedBytes
  }

  /** The URL of the same database through the proxy. */
  through(url: string): string {
    return Object.assign(new URL(url), { hostname: HOST, port: String(this.port) }).href
  }

  /** Sets the mode for open and for new connections. */
  async set(mode: FaultMode): Promise<void> {
    const before = this.#mode
    this.#mode = mode
    if (mode.kind === 'reset') for (const link of this.#links) link.reset()
    if (mode.kind === 'finish') for (const link of this.#links) link.finish()
    if (before.kind === 'black-hole' || before.kind === 'drop') {
      for (const link of this.#links) link.heal()
    }
    if (mode.kind === 'refuse') {
      this.#listener.close()
      return
    }
    if (this.#listener.listening) return
    this.#listener = await listen(this.port)
    this.#listener.on('connection', (socket) => this.#accept(socket))
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.reset()
    if (!this.#listener.listening) return
    this.#listener.close()
    await once(this.#listener, 'close')
  }

  #accept(client: net.Socket): void {
    this.#accepted += 1
    client.on('error', () => {})
    const { kind } = this.#mode
    if (kind === 'reset') {
      client.resetAndDestroy()
      return
    }
    if (kind === 'finish') {
      client.end()
      client.resume()
      return
    }
    const isAnswered = kind !== 'black-hole' && kind !== 'say-nothing'
    const server = isAnswered
      ? net.connect({ port: this.#target, host: HOST, allowHalfOpen: true })
      : undefined
    const link = new FaultLink(client, server, {
      mode: () => this.#mode,
      onSwallow: (bytes) => {
        this.#swallowedBytes += bytes
      },
    })
    this.#links.add(link)
    const forget = () => {
      if (client.destroyed && server?.destroyed !== false) this.#links.delete(link)
    }
    client.on('close', forget)
    server?.on('close', forget)
  }
}

/** Starts a proxy between a test and a server. Closed after the test. */
export async function faultProxy(t: TestContext, url: string): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(Number(new URL(url).port || 5432))
  t.after(() => proxy.close())
  return proxy
}

// The message that ends a request: type, and a length that counts itself.
const SYNC = Buffer.from([0x53, 0, 0, 0, 4])

/** Watches for a complete statement that contains this text. Its reply means that it committed. */
export function statementWith(text: string): RequestWatch {
  let isOurs = false
  let tail = Buffer.alloc(0)
  return (chunk) => {
    const seen = Buffer.concat([tail, chunk])
    tail = seen.subarray(-text.length)
    if (seen.includes(text)) isOurs = true
    if (!isOurs || !seen.subarray(-SYNC.length).equals(SYNC)) return false
    isOurs = false
    tail = Buffer.alloc(0)
    return true
  }
}

async function listen(port: number): Promise<net.Server> {
  for (let attempt = 1; ; attempt += 1) {
    const listener = net.createServer({ allowHalfOpen: true })
    try {
      await new Promise<void>((resolve, reject) => {
        listener.once('error', reject)
        listener.listen(port, HOST, resolve)
      })
      return listener
    } catch (error) {
      // An outgoing connection of this machine may use the port for a moment.
      if (attempt === LISTEN_ATTEMPTS) throw error
      await sleep(20)
    }
  }
}

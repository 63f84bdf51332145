import { once } from 'node:events'
import net from 'node:net'
import type { SQL } from 'drizzle-orm'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { within } from '../within.ts'

/** Where the driver wants to connect; with several hosts, the first one that answers. */
interface Target {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path?: string | false | undefined
}

/** `end()` of the driver can hang past its own timeout. */
const END_TIMEOUT_MS = 1_000

/**
 * The driver over a socket of ours, so that letting go of it lets go of everything.
 *
 * Left to itself the driver connects again and again behind a query that was given up, keeps the
 * process alive while it has nothing to do, and cannot be told to stop. With the socket in our hands
 * a discarded client is dead at once, and an idle one does not hold the process.
 */
export class Client {
  readonly #db: PostgresJsDatabase
  readonly #sql: postgres.Sql
  readonly #sockets = new Set<net.Socket>()
  readonly #waiting = new Set<(reason: Error) => void>()
  #opened = 0
  #isDiscarded = false
  #isBusy = false

  /** @param settings what the server is asked for at the start of the connection */
  constructor(url: string, settings: Readonly<Record<string, string>>, connectTimeoutMs: number) {
    const options = {
      max: 1,
      prepare: false, // PgBouncer in transaction mode
      fetch_types: false,
      onnotice: () => {},
      connect_timeout: Math.max(1, Math.ceil(connectTimeoutMs / 1_000)),
      // Its timers would keep the process alive; ours close an idle client.
      idle_timeout: 0,
      max_lifetime: null,
      backoff: () => 0.25, // its own reconnecting, between our deadline's start and end
      connection: settings,
      socket: (target: Target) => this.#open(target), // not in the driver's types
    }
    this.#sql = postgres(url, options)
    this.#db = drizzle(this.#sql)
  }

  /** While busy, the connection keeps the process alive. Set before each statement. */
  set isBusy(isBusy: boolean) {
    this.#isBusy = isBusy
    this.#opened = 0
    for (const socket of this.#sockets) this.#hold(socket)
  }

  /**
   * Runs one statement. Rejects also when the server hangs up before the connection is ready: the
   * driver by itself would connect again and again behind the statement and say nothing.
   */
  async execute(query: SQL): Promise<readonly unknown[]> {
    let hangUp: (reason: Error) => void = () => {}
    const hungUp = new Promise<never>((_, reject) => {
      hangUp = reject
      this.#waiting.add(hangUp)
    })
    try {
      return await Promise.race([this.#db.execute(query), hungUp])
    } finally {
      this.#waiting.delete(hangUp)
    }
  }

  /** Says goodbye to the server, in bounded time. */
  async end(): Promise<void> {
    const ended = this.#sql.end({ timeout: END_TIMEOUT_MS / 1_000 }).catch(() => {})
    await within(END_TIMEOUT_MS, ended, () => {})
    this.discard()
  }

  /** Lets go at once. What was under way may or may not have run. */
  discard(): void {
    if (this.#isDiscarded) return
    this.#isDiscarded = true
    for (const socket of this.#sockets) socket.destroy()
    this.#sql.end({ timeout: 0 }).catch(() => {})
  }

  async #open({ host, port, path }: Target): Promise<net.Socket> {
    // The driver tries to connect again, also after its end: it waits here for ever, for nothing.
    if (this.#isDiscarded) return new Promise<never>(() => {})
    // A server, or what stands before it, that accepts and hangs up: left to itself the driver
    // connects hundreds of times a second. Once for each host is enough; then others decide.
    if (this.#opened >= host.length) {
      const error = new Error('The server ended the connection before it was ready.')
      const reason = Object.assign(error, { code: 'CONNECTION_CLOSED' })
      for (const reject of this.#waiting) reject(reason)
      return new Promise<never>(() => {})
    }
    const first = this.#opened
    this.#opened += 1
    if (path) return await this.#connected(net.connect(path), undefined)
    let failure: unknown
    for (let tried = 0; tried < host.length; tried += 1) {
      const at = (first + tried) % host.length // a host that is not wanted is hung up on: the next
      const name = host[at]
      try {
        return await this.#connected(net.connect(port[at] ?? 5432, name), name)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  async #connected(socket: net.Socket, host: string | undefined): Promise<net.Socket> {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    this.#hold(socket)
    await once(socket, 'connect')
    socket.setNoDelay(true)
    // Where the driver reads the name that a TLS certificate is checked against.
    return Object.assign(socket, { host })
  }

  #hold(socket: net.Socket): void {
    if (this.#isBusy) socket.ref()
    else socket.unref()
  }
}

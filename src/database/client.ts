import { once } from 'node:events'
import net from 'node:net'
import type { SQL } from 'drizzle-orm'
import postgres from 'postgres'
import { within } from '../within.ts'
import { queryText } from './callers-database.ts'

/** Where the driver connects. Of several hosts, the client uses the first one that answers. */
interface Target {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path?: string | false | undefined
}

/**
 * The driver neither reads nor writes times and JSON: a `Date` has no microseconds, and our
 * statements carry JSON as text.
 */
const asItIs = (value: unknown) => value
const TYPES = {
  instant: { to: 1184, from: [1082, 1083, 1114, 1184], serialize: asItIs, parse: asItIs },
  json: { to: 114, from: [114, 3802], serialize: asItIs, parse: JSON.parse },
}

/** Our own limit, because the driver's `end()` can hang longer than its own timeout. */
const END_TIMEOUT_MS = 1_000

/**
 * The driver on sockets that this class opens, so that `discard()` closes everything.
 *
 * On its own the driver keeps reconnecting after its query was given up, keeps the process alive
 * while it is idle, and cannot be stopped. Because this class holds the sockets, a discarded client
 * ends at once, and an idle client does not keep the process alive.
 */
export class Client {
  readonly #sql: postgres.Sql
  readonly #sockets = new Set<net.Socket>()
  readonly #waiting = new Set<(reason: Error) => void>()
  /** Resolves when the last statement was answered. */
  #turn: Promise<void> = Promise.resolve()
  #opened = 0
  #isDiscarded = false
  #isBusy = false

  /**
   * @param settings server settings that are sent at the start of the connection
   * @param connectTimeoutMs rounded up to whole seconds
   */
  constructor(url: string, settings: Readonly<Record<string, string>>, connectTimeoutMs: number) {
    const options = {
      max: 1,
      prepare: false, // PgBouncer in transaction mode
      fetch_types: false,
      types: TYPES,
      onnotice: () => {},
      connect_timeout: Math.max(1, Math.ceil(connectTimeoutMs / 1_000)),
      // The driver's timers would keep the process alive. `Database` closes an idle client.
      idle_timeout: 0,
      max_lifetime: null,
      backoff: () => 0.25, // seconds between the driver's attempts, until our deadline ends them
      connection: settings,
      socket: (target: Target) => this.#open(target), // not in the driver's types
    }
    this.#sql = postgres(url, options)
  }

  /** While busy, the connection keeps the process alive. Set before each statement. */
  set isBusy(isBusy: boolean) {
    this.#isBusy = isBusy
    this.#opened = 0
    for (const socket of this.#sockets) this.#hold(socket)
  }

  /**
   * Runs one statement. It also rejects if the server closes the connection before it is ready. The
   * driver alone would keep reconnecting and report nothing.
   */
  async execute(query: SQL): Promise<readonly unknown[]> {
    let hangUp: (reason: Error) => void = () => {}
    const hungUp = new Promise<never>((_, reject) => {
      hangUp = reject
      this.#waiting.add(hangUp)
    })
    try {
      const { text, params } = queryText(query)
      return await Promise.race([this.#inTurn(text, params), hungUp])
    } finally {
      this.#waiting.delete(hangUp)
    }
  }

  /**
   * Sends a statement when the one before it was answered. The driver alone would send several at
   * once, and PgBouncer in transaction mode can lose the answer to the second one.
   */
  async #inTurn(text: string, params: readonly unknown[]): Promise<readonly unknown[]> {
    const before = this.#turn
    let end: () => void = () => {}
    this.#turn = new Promise((resolve) => {
      end = resolve
    })
    try {
      await before
      if (this.#isDiscarded) throw closed('The connection was given up.')
      return await this.#sql.unsafe(text, params as never[])
    } finally {
      end()
    }
  }

  /** Says goodbye to the server, in bounded time. */
  async end(): Promise<void> {
    const ended = this.#sql.end({ timeout: END_TIMEOUT_MS / 1_000 }).catch(() => {})
    await within(END_TIMEOUT_MS, ended, () => {})
    this.discard()
  }

  /** Closes the connection at once. A statement that was running may or may not take effect. */
  discard(): void {
    if (this.#isDiscarded) return
    this.#isDiscarded = true
    for (const socket of this.#sockets) socket.destroy()
    // The driver forgets the statements that wait for a connection, and they would wait without end.
    this.#hangUp('The connection was given up.')
    this.#sql.end({ timeout: 0 }).catch(() => {})
  }

  async #open({ host, port, path }: Target): Promise<net.Socket> {
    // The driver reconnects even after `end()`. A promise that never resolves stops it.
    if (this.#isDiscarded) return new Promise<never>(() => {})
    // If a server or a proxy accepts connections and closes them, the driver alone would reconnect
    // hundreds of times a second. It gets one attempt for each host. Then the statement fails, and
    // the caller decides what to do.
    if (this.#opened >= host.length) {
      this.#hangUp('The server closed the connection before it was ready.')
      return new Promise<never>(() => {})
    }
    const first = this.#opened
    this.#opened += 1
    if (path) return await this.#connected(net.connect(path), undefined)
    let failure: unknown
    for (let tried = 0; tried < host.length; tried += 1) {
      // The driver closes its connection to an unwanted host. Then the next host comes first.
      const at = (first + tried) % host.length
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
    // The driver checks the TLS certificate against this host name.
    return Object.assign(socket, { host })
  }

  #hangUp(message: string): void {
    for (const reject of this.#waiting) reject(closed(message))
  }

  #hold(socket: net.Socket): void {
    if (this.#isBusy) socket.ref()
    else socket.unref()
  }
}

function closed(message: string): Error {
  return Object.assign(new Error(message), { code: 'CONNECTION_CLOSED' })
}

import type net from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

export type Toward = 'server' | 'client'

/**
 * Called with what a client sends. Returns true when a request is complete that a fault waits for.
 */
export type RequestWatch = (chunk: Buffer) => boolean

/** What a proxy does to the bytes that pass through it. */
export type FaultMode =
  | { readonly kind: 'pass' }
  /** Accepts connections, and swallows both directions. */
  | { readonly kind: 'black-hole' }
  /** Swallows one direction: requests or replies. */
  | { readonly kind: 'drop'; readonly toward: Toward }
  /** Ends open and new connections with RST. */
  | { readonly kind: 'reset' }
  /** Ends open and new connections with FIN. */
  | { readonly kind: 'finish' }
  /** Nothing listens. Open connections go on. */
  | { readonly kind: 'refuse' }
  /** Accepts new connections and sends nothing. Open connections go on. */
  | { readonly kind: 'say-nothing' }
  /** Passes one byte at a time, in both directions. */
  | { readonly kind: 'drip' }
  | { readonly kind: 'latency'; readonly ms: number }
  /** Ends the connection with RST when the reply begins, so the request was carried out. */
  | { readonly kind: 'cut-reply'; readonly watch: () => RequestWatch; readonly onCut?: () => void }
  /** No fault. Reports the time from a request to the first byte of its reply, in milliseconds. */
  | {
      readonly kind: 'time-replies'
      readonly watch: () => RequestWatch
      readonly onReply: (ms: number) => void
    }

export interface FaultLinkParts {
  readonly mode: () => FaultMode
  readonly onSwallow: (bytes: number) => void
}

/** A slow direction stops reading when more than this is queued. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024

/**
 * One connection through the proxy: a socket at each end.
 *
 * TCP would never deliver bytes after bytes that were lost. So a direction that swallowed some
 * stays silent from then on, in every later mode. The client is left with a half-open socket, as
 * after a firewall that forgot the connection.
 */
export class FaultLink {
  readonly #sockets: { readonly client: net.Socket; readonly server: net.Socket | undefined }
  readonly #parts: FaultLinkParts
  readonly #lost = { server: false, client: false }
  readonly #untold = { server: false, client: false }
  readonly #tails: Record<Toward, Promise<void> | undefined> = {
    server: undefined,
    client: undefined,
  }
  readonly #queuedBytes = { server: 0, client: 0 }
  #watched: { readonly mode: FaultMode; readonly watch: RequestWatch } | undefined
  #requestEndedMs: number | undefined

  /** @param server undefined if nobody will ever answer */
  constructor(client: net.Socket, server: net.Socket | undefined, parts: FaultLinkParts) {
    this.#sockets = { client, server }
    this.#parts = parts
    if (server === undefined) this.#lost.client = this.#lost.server = true
    this.#join(client, 'server')
    if (server) this.#join(server, 'client')
  }

  /** Ends both ends with RST. */
  reset(): void {
    const { client, server } = this.#sockets
    client.resetAndDestroy()
    server?.resetAndDestroy()
  }

  /** Ends both ends with FIN. What they still send is swallowed. */
  finish(): void {
    this.#lost.client = this.#lost.server = true
    const { client, server } = this.#sockets
    client.end()
    server?.end()
  }

  /** Call this when the network works again. It resets the link if one end is gone already. */
  heal(): void {
    if (this.#untold.server || this.#untold.client) this.reset()
  }

  #join(from: net.Socket, toward: Toward): void {
    from.setNoDelay(true)
    from.on('data', (chunk) => this.#take(from, toward, chunk))
    from.on('end', () => this.#tell(toward, (to) => to.end()))
    from.on('error', () => {}) // 'close' follows
    from.on('close', (hadError) => {
      this.#tell(toward, (to) => (hadError ? to.resetAndDestroy() : to.destroy()))
    })
  }

  #take(from: net.Socket, toward: Toward, chunk: Buffer): void {
    const mode = this.#parts.mode()
    if (mode.kind === 'cut-reply' || mode.kind === 'time-replies') {
      const replyMs = this.#replyTime(mode, toward, chunk)
      if (replyMs !== undefined && mode.kind === 'time-replies') mode.onReply(replyMs)
      if (replyMs !== undefined && mode.kind === 'cut-reply') {
        mode.onCut?.()
        this.reset()
        return
      }
    }
    if (this.#lost[toward] || this.#isSwallowing(toward)) {
      this.#lost[toward] = true
      this.#parts.onSwallow(chunk.length)
      return
    }
    const to = toward === 'server' ? this.#sockets.server : this.#sockets.client
    if (to === undefined || to.destroyed) return
    const isSlow = mode.kind === 'latency' || mode.kind === 'drip'
    if (isSlow || this.#tails[toward]) this.#queue(from, toward, to, chunk, mode)
    else if (!to.write(chunk)) {
      from.pause()
      to.once('drain', () => from.resume())
    }
  }

  #isSwallowing(toward: Toward): boolean {
    const mode = this.#parts.mode()
    return mode.kind === 'black-hole' || (mode.kind === 'drop' && mode.toward === toward)
  }

  /** @returns the time of the reply that begins with this chunk, if its request was watched */
  #replyTime(
    mode: Extract<FaultMode, { watch: () => RequestWatch }>,
    toward: Toward,
    chunk: Buffer,
  ): number | undefined {
    if (this.#watched?.mode !== mode) {
      this.#watched = { mode, watch: mode.watch() }
      this.#requestEndedMs = undefined
    }
    const endedMs = this.#requestEndedMs
    if (toward === 'server') {
      if (this.#watched.watch(chunk)) this.#requestEndedMs = performance.now()
      return undefined
    }
    this.#requestEndedMs = undefined
    return endedMs === undefined ? undefined : performance.now() - endedMs
  }

  /** Delivers chunks in the order of arrival, also if the mode changes. */
  #queue(from: net.Socket, toward: Toward, to: net.Socket, chunk: Buffer, mode: FaultMode): void {
    this.#queuedBytes[toward] += chunk.length
    if (this.#queuedBytes[toward] > MAX_QUEUED_BYTES) from.pause()
    const dueMs = performance.now() + (mode.kind === 'latency' ? mode.ms : 0)
    const deliver = async () => {
      await sleep(Math.max(0, dueMs - performance.now()))
      if (mode.kind === 'drip') await drip(to, chunk)
      else if (!to.destroyed) to.write(chunk)
      this.#queuedBytes[toward] -= chunk.length
      from.resume()
    }
    const tail = (this.#tails[toward] ?? Promise.resolve()).then(deliver)
    this.#tails[toward] = tail
    void tail.then(() => {
      if (this.#tails[toward] === tail) this.#tails[toward] = undefined
    })
  }

  /** Passes on that the other end is gone, after the bytes that it sent before. */
  #tell(toward: Toward, act: (to: net.Socket) => void): void {
    const to = toward === 'server' ? this.#sockets.server : this.#sockets.client
    const tail = this.#tails[toward]
    if (to === undefined) this.#sockets.client.destroy()
    else if (this.#isSwallowing(toward)) this.#untold[toward] = true
    else if (tail) void tail.then(() => act(to))
    else act(to)
  }
}

async function drip(to: net.Socket, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length && !to.destroyed; at += 1) {
    to.write(chunk.subarray(at, at + 1))
    await nextTurn() // otherwise the kernel would join the bytes again
  }
}

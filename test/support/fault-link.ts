import type net from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

export type Toward = 'server' | 'client'

/** Told of what a client sends; true once a request is complete whose reply is to be cut off. */
export type RequestWatch = (chunk: Buffer) => boolean

/** What a proxy does to what passes through it. */
export type FaultMode =
  | { readonly kind: 'pass' }
  /** Accepts, and swallows both ways. */
  | { readonly kind: 'black-hole' }
  /** Swallows one way: requests, or replies. */
  | { readonly kind: 'drop'; readonly toward: Toward }
  /** Ends what is open, and what comes, with RST. */
  | { readonly kind: 'reset' }
  /** The same with FIN. */
  | { readonly kind: 'finish' }
  /** Nothing listens. What is open goes on. */
  | { readonly kind: 'refuse' }
  /** Accepts and says nothing. What is open goes on. */
  | { readonly kind: 'say-nothing' }
  /** One byte at a time, both ways. */
  | { readonly kind: 'drip' }
  | { readonly kind: 'latency'; readonly ms: number }
  /** Ends the connection with RST when the reply begins: the request was carried out. */
  | { readonly kind: 'cut-reply'; readonly watch: () => RequestWatch; readonly onCut?: () => void }
  /** No fault: tells how long the reply to a request took, in milliseconds, up to its first byte. */
  | {
      readonly kind: 'time-replies'
      readonly watch: () => RequestWatch
      readonly onReply: (ms: number) => void
    }

export interface FaultLinkParts {
  readonly mode: () => FaultMode
  readonly onSwallow: (bytes: number) => void
}

/** Beyond it a slow direction stops reading. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024

/**
 * One connection through the proxy: a socket at each end.
 *
 * Bytes that were swallowed are gone, and TCP would never deliver what came after them. So a
 * direction that lost some stays silent for good, whatever the proxy does next: what a client is
 * left with is a half-open socket, as after a firewall that forgot it.
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

  /** @param server absent where nobody will ever answer */
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

  /** Ends both ends with FIN; what they still send is swallowed. */
  finish(): void {
    this.#lost.client = this.#lost.server = true
    const { client, server } = this.#sockets
    client.end()
    server?.end()
  }

  /** The network is whole again: an end whose other end is gone is told now. */
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

  /** @returns how long the reply took that begins with this chunk, where it is a watched one's */
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

  /** In the order of arrival, also over a change of the mode. */
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

  /** Passes on that the other end is gone, behind what it said before. */
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
    await nextTurn() // else the kernel would put them together again
  }
}

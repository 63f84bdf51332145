import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Most connections at once. With the relay's other files they stay below 256, which some systems
 * allow a process: without a file the relay could not connect to its database.
 */
const MAX_CONNECTIONS = 200

/**
 * Bounds a server's connections. Where all places are taken, a new connection takes the place of
 * the oldest one that has no request under way. So a client that opens connections and asks nothing,
 * or asks slowly, keeps out no probe and no reader.
 */
export class BoundedConnections {
  readonly #max: number
  /** In the order in which they came, each with the number of its requests under way. */
  readonly #sockets = new Map<Socket, number>()

  /** @param max default: 200 */
  constructor(server: Server, max = MAX_CONNECTIONS) {
    this.#max = max
    server.on('connection', (socket) => this.#came(socket))
    server.on('request', ({ socket }, response: ServerResponse) => {
      this.#count(socket, 1)
      response.once('close', () => this.#count(socket, -1))
    })
  }

  #came(socket: Socket): void {
    if (this.#sockets.size >= this.#max) {
      const idle = [...this.#sockets].find(([, requests]) => requests === 0)
      const [unlucky] = idle ?? [socket]
      this.#sockets.delete(unlucky)
      unlucky.destroy()
      if (unlucky === socket) return
    }
    this.#sockets.set(socket, 0)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #count(socket: Socket, change: number): void {
    const requests = this.#sockets.get(socket)
    if (requests !== undefined) this.#sockets.set(socket, requests + change)
  }
}

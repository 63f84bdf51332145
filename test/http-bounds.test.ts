import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as ask } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type TestContext, test } from 'node:test'
import { BoundedConnections } from '../relay/http/bounded-connections.ts'
import { serveHttp } from '../relay/http/server.ts'
import { silentLogger } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

async function health(t: TestContext) {
  const config = { host: '127.0.0.1', port: 0, page: undefined }
  const alive = async () => Response.json({ alive: true })
  const server = await serveHttp(config, silentLogger(), { '/livez': alive })
  t.after(() => server.stop())
  return { href: server.url, port: Number(new URL(server.url).port) }
}

async function opened(t: TestContext, port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}) // it is let go in its time
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(text)
  return socket
}

// Goal: a client that opens connections and never ends a request takes no place of a probe, and no
// more files of the process than a bound.
// Method: 400 connections that stop in the middle of a header; a probe after each 50.
test('connections that ask nothing keep out nobody', async (t) => {
  const { href, port } = await health(t)
  const sockets: Socket[] = []
  for (let n = 1; n <= 400; n += 1) {
    sockets.push(await opened(t, port, 'GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: '))
    if (n % 50 !== 0) continue
    const response = await fetch(`${href}livez`, { headers: { connection: 'close' } })
    assert.equal(response.status, 200, `a probe next to ${n} connections`)
  }
  const open = () => sockets.filter(({ closed, readyState }) => !closed && readyState === 'open')
  await waitFor(() => open().length <= 200, { what: 'the oldest to be let go' })
  assert.ok(open().length > 100, 'only as many as stand in the way')
})

test('a client that is slow to ask is let go within seconds', async (t) => {
  const { port } = await health(t)
  const sinceMs = performance.now()
  const silent = await opened(t, port, '')
  const slow = await opened(t, port, 'GET /livez HTTP/1.1\r\nHost: x\r\n')
  const drip = setInterval(() => slow.write('X-Drip: 1\r\n'), 300)
  t.after(() => clearInterval(drip))
  silent.resume()
  slow.resume()
  await Promise.all([once(silent, 'close'), once(slow, 'close')])
  assert.ok(performance.now() - sinceMs < 15_000)
})

test('a connection with a request under way keeps its place', async (t) => {
  const server = createServer((_, response) => response.write('on'))
  new BoundedConnections(server, 2)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const busy = await Promise.all(
    [1, 2].map(async () => {
      const [response] = await once(
        ask({ port, host: '127.0.0.1', agent: false }).end(),
        'response',
      )
      return response
    }),
  )
  const third = await opened(t, port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  third.resume()
  await once(third, 'close')
  await sleep(20)
  for (const response of busy) {
    assert.equal(response.destroyed, false)
    response.destroy()
  }
  await waitFor(
    async () => {
      const fourth = ask({ port, host: '127.0.0.1', agent: false }).end()
      const [response] = await once(fourth, 'response').catch(() => [undefined])
      response?.destroy()
      return response !== undefined
    },
    { what: 'a place to be free again' },
  )
})

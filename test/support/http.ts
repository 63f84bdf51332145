import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/**
 * Listens on loopback until the test ends. @returns the server's URL, without a slash at its end
 */
export async function listen(t: TestContext, server: http.Server): Promise<string> {
  t.after(async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

/** Sends requests that `fetch` refuses, with a header sent twice or with any text in it. */
export async function send(
  url: string,
  headers: http.OutgoingHttpHeaders = {},
  { method = 'GET', body = '' } = {},
): Promise<Answer> {
  const request = http.request(url, { method, headers, agent: false })
  request.end(body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { status: response.statusCode ?? 0, headers: response.headers, body: text }
}

/** Sends a request and closes the connection when `ready` has resolved. */
export async function sendAndHangUp(url: string, ready: Promise<unknown>): Promise<void> {
  const request = http.get(url, { agent: false })
  const ended = once(request, 'close').catch(() => {})
  request.on('error', () => {})
  await ready
  request.destroy()
  await ended
}

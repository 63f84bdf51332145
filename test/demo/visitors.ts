import { once } from 'node:events'
import http from 'node:http'
import type { Visit } from './visits.ts'

export interface Answers {
  /** The number of answers with each status. */
  readonly byStatus: ReadonlyMap<number, number>
  /** The ids of the requests whose transaction was rolled back. */
  readonly rolledBack: readonly string[]
  /** The number of answers with an unexpected status, and of failed connections. */
  readonly unexpected: number
}

const EXPECTED = new Set([200, 201, 202])
const ROLLED_BACK = 409
/** An entry that record() refused. */
const REFUSED = 422

/** Makes the visits over real HTTP, `atOnce` at a time, each with its own request id. */
export async function makeVisits(
  origin: string,
  visits: readonly Visit[],
  { atOnce, requestIdPrefix }: { readonly atOnce: number; readonly requestIdPrefix: string },
): Promise<Answers> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: atOnce })
  const byStatus = new Map<number, number>()
  const rolledBack: string[] = []
  let unexpected = 0
  const waiting = [...visits.entries()].reverse()

  const visitor = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [at, visit] = next
      const requestId = `${requestIdPrefix}${at + 1}`
      const status = await send(agent, origin, visit, requestId)
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1)
      if (status === ROLLED_BACK) rolledBack.push(requestId)
      else if (status !== REFUSED && !EXPECTED.has(status)) unexpected += 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, visitor))
  agent.destroy()
  return { byStatus, rolledBack, unexpected }
}

/** @returns the status, or 0 if there was no answer */
async function send(
  agent: http.Agent,
  origin: string,
  { method, path, user, body }: Visit,
  requestId: string,
): Promise<number> {
  const request = http.request(origin + path, {
    agent,
    method,
    headers: {
      'content-type': 'application/json',
      'x-request-id': requestId,
      ...(user === undefined ? {} : { 'x-user': user }),
    },
    timeout: 10_000,
  })
  request.on('timeout', () => request.destroy(new Error('no answer')))
  try {
    request.end(JSON.stringify(body))
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    response.resume()
    await once(response, 'end')
    return response.statusCode ?? 0
  } catch {
    return 0
  }
}

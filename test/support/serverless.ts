import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRecorder } from '../../src/recorder/create-recorder.ts'
import { lambdaAudit } from '../../src/frameworks/lambda.ts'
import { nextAudit } from '../../src/frameworks/next.ts'

// A process that answers requests as a platform would have it do, and prints its port. Its arguments:
// the platform, and the recorder's URL. The database is slow to answer where a fault link is between.

const [platform = '', databaseUrl = ''] = process.argv.slice(2)
// Nothing is written on its own in the time that a test takes, and nothing is reported.
const options = { databaseUrl, flushIntervalMs: 60_000, reportIntervalMs: 600_000 }

type Handle = (request: Request) => Promise<Response>

/** A Lambda's runtime: it asks for an event, calls the handler, and sends what it answered. */
function lambda(): Handle {
  const recorder = createRecorder(options)
  const handler = lambdaAudit({ recorder }, async (event: { readonly note: string }) => {
    recorder.record({ action: 'function.call', metadata: { note: event.note } })
    return { statusCode: 200, body: 'done' }
  })
  return async (request) => new Response((await handler({ note: request.url })).body)
}

/** Without the wrapper, to show what a test would find. */
function bare(): Handle {
  const recorder = createRecorder(options)
  return async () => {
    recorder.record({ action: 'function.call' })
    return new Response('done')
  }
}

/** Next's server: at a signal it finishes its requests, waits for what `after` took, and exits. */
function next({ withAfter }: { withAfter: boolean }): Handle {
  const tasks: Promise<unknown>[] = []
  const { audit, auditRoute } = nextAudit({
    recorder: () => createRecorder(options),
    headers: () => ({}),
    after: withAfter ? (task) => void tasks.push(sleep(1).then(task)) : undefined,
  })
  const handler = auditRoute('/api/slow', async (request) => {
    audit.record({ action: 'function.call' })
    if (request.url.includes('slow')) await sleep(300)
    audit.record({ action: 'function.end' })
    return new Response('done')
  })
  process.on('SIGTERM', async () => {
    server.close()
    await once(server, 'close')
    await Promise.all(tasks)
    process.exit(143)
  })
  return handler
}

const PLATFORMS: Readonly<Record<string, () => Handle>> = {
  lambda,
  bare,
  next: () => next({ withAfter: false }),
  after: () => next({ withAfter: true }),
}

const handle = PLATFORMS[platform]?.()
const server = http.createServer(async (req, res) => {
  const answer = await handle?.(new Request(`http://127.0.0.1${req.url}`))
  res.setHeader('connection', 'close')
  res.end(await answer?.text())
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

import { expressAudit } from 'audit-outbox/express'
import express from 'express'

/** An application on Express 4, with a router that is mounted under a parameter. */
export function createApp(recorder) {
  const app = express()
  app.use(expressAudit({ recorder }))
  const event = express.Router()
  event.put('/branding', (req, res) => {
    req.audit.record({ action: 'branding.update', metadata: { color: 'red' } })
    res.sendStatus(204)
  })
  event.post('/refunds', async (req, res) => {
    await req.audit.recordIn({ execute: async () => [] }, [
      { action: 'refund.issue', metadata: { cents: 1 } },
    ])
    res.sendStatus(204)
  })
  event.delete('/', (_req, res) => res.sendStatus(204)) // nobody thought of the audit log
  app.use('/events/:eventId', event)
  return app
}

/** Sends one request to an application that listens for it alone. */
export async function send(app, method, path) {
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${server.address().port}${path}`
  const { status } = await fetch(url, { method, headers: { connection: 'close' } })
  await new Promise((resolve) => server.close(resolve))
  return status
}

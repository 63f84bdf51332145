// What a stranger's application does first, with something of each part of the package.
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { AuditError, createRecorder } from 'audit-outbox'
import { exportToStream } from 'audit-outbox/export'
import { expressAudit } from 'audit-outbox/express'
import { fastifyAudit } from 'audit-outbox/fastify'
import { honoAudit } from 'audit-outbox/hono'
import { createTimelinePage } from 'audit-outbox/page'
import { createRelay } from 'audit-outbox/relay'
import { auditLog } from 'audit-outbox/schema'
import { tail } from 'audit-outbox/tail'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { entry, timeline } from 'audit-outbox/timeline'
import { drizzle } from 'drizzle-orm/postgres-js'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import postgres from 'postgres'

const databaseUrl = process.env['DATABASE_URL'] ?? ''
const client = postgres(databaseUrl, { max: 2, onnotice: () => {} })
const db = drizzle({ client })
const audit = createRecorder({ databaseUrl })

assert.equal(audit.record({ action: 'package.record', metadata: { password: 'hunter2' } }), true)
await db.transaction((tx) => audit.recordIn(tx, { action: 'package.record_in' }))

const hono = new Hono()
hono.use(honoAudit({ recorder: audit }))
hono.get('/', (c) => c.json(c.var.audit.record({ action: 'package.hono' })))
assert.equal(await (await hono.request('/')).text(), 'true')

const fast = fastify()
await fast.register(fastifyAudit, { recorder: audit })
fast.get('/', async (request) => request.audit.record({ action: 'package.fastify' }))
assert.equal((await fast.inject('/')).body, 'true')
await fast.close()

const app = express()
app.use(expressAudit({ recorder: audit }))
app.get('/', (request, response) => {
  response.json(request.audit.record({ action: 'package.express' }))
})
const server = app.listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const address = server.address()
assert.ok(typeof address === 'object' && address !== null)
assert.equal(await (await fetch(`http://127.0.0.1:${address.port}/`)).text(), 'true')
await new Promise((resolve) => server.close(resolve))

assert.equal((await audit.close()).dropped, 0)
const ACTIONS = ['express', 'fastify', 'hono', 'record', 'record_in'].map((one) => `package.${one}`)

const relay = createRelay({ databaseUrl })
await relay.drain({ deadlineMs: 20_000 })
await relay.stop()

const { entries } = await timeline(db)
assert.deepEqual(entries.map(({ action }) => action).sort(), ACTIONS)
const [first] = entries
assert.ok(first)
assert.equal((await entry(db, first.id))?.action, first.action)
assert.equal((await db.select().from(auditLog)).length, ACTIONS.length)
for await (const { seq } of tail(db, { fromSeq: 0 })) {
  assert.ok(seq > 0)
  break
}

const stream = new PassThrough()
const written = text(stream)
const { rows } = await exportToStream(db, stream)
stream.end()
assert.equal(rows, ACTIONS.length)
const lines = (await written).trimEnd()
assert.ok(lines.includes('[Redacted]') && !lines.includes('hunter2'))

const page = createTimelinePage({
  db,
  authorize: async () => ({ name: 'ada', sees: 'everything' as const }),
})
const shown = await page.fetch(new Request('http://localhost/audit'))
assert.equal(shown.status, 200)
const html = await shown.text()
assert.ok(html.includes('package.record_in'))
// The page reads its files from the package when a browser first asks for them.
const assets = Array.from(html.matchAll(/(?:href|src)="(\?asset=[^"]+)"/g), ([, href = '']) => href)
assert.ok(assets.length > 0)
for (const href of new Set(assets)) {
  const answer = await page.fetch(
    new Request(`http://localhost/audit${href.replaceAll('&amp;', '&')}`),
  )
  assert.equal(answer.status, 200, href)
  assert.ok((await answer.text()).length > 0, href)
}

await page.close()

const memory = createMemoryRecorder()
memory.record({ action: 'package.memory' })
assert.equal(memory.entries.length, 1)
assert.throws(() => createRelay({ databaseUrl, batchEntries: 0 }), AuditError)
await client.end()
console.log(
  `${ACTIONS.length} entries recorded, moved, read, exported and shown with ${assets.length} files`,
)

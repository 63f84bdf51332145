import { createMemoryRecorder, watchRoutes } from 'audit-outbox/testing'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { makeParty } from '../../demo/party.ts'
import { createSite } from '../../demo/site.ts'

/** The demo's site, as its own tests would make it, on a database with its tables. */
export async function coveredSite() {
  const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 2 })
  const db = drizzle(pool)
  const party = await makeParty(db)
  const audit = createMemoryRecorder()
  const site = createSite({ audit, db, timeline: async () => '' })
  // What somebody adds and forgets to audit.
  if (process.env['FORGOTTEN_ROUTE']) {
    site.post('/events/:eventId/tables', (c) => c.body(null, 201))
  }
  if (process.env['RECORDING_READ']) {
    site.get('/events/:eventId/guests', (c) => {
      c.var.audit.record({ action: 'guest.list' })
      return c.json([])
    })
  }
  watchRoutes(site)
  const send = async (method: string, path: string, body?: object) => {
    const init = { method, headers: { 'content-type': 'application/json' } }
    const text = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await site.request(path.replace('EVENT', `/events/${party.id}`), {
      ...init,
      ...text,
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`)
  }
  return { party, audit, send, close: () => pool.end() }
}

// What an application does with its own Drizzle, in any version that we work with.
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { createRecorder, migrateDatabase } from 'audit-outbox'
import { exportToStream } from 'audit-outbox/export'
import { createTimelinePage } from 'audit-outbox/page'
import { createRelay, readStatus } from 'audit-outbox/relay'
import { tail } from 'audit-outbox/tail'
import { timeline } from 'audit-outbox/timeline'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'

const databaseUrl = process.env['DATABASE_URL'] ?? ''
const client = postgres(databaseUrl, { max: 2, onnotice: () => {} })
const db = drizzle({ client })
await db.execute(sql`create table public.guest (name text primary key)`)
assert.deepEqual((await migrateDatabase({ databaseUrl })).applied, [], 'the command has migrated')
const audit = createRecorder({ databaseUrl })
assert.equal(audit.record({ action: 'guest.record', metadata: { password: 'hunter2' } }), true)
assert.equal(await audit.flush(), true)

await db.transaction(async (tx) => {
  await tx.execute(sql`insert into public.guest values ('ada')`)
  const taken = await audit.recordIn(tx, { action: 'guest.commit' })
  assert.equal(taken, 1)
})
await assert.rejects(
  db.transaction(async (tx) => {
    await tx.execute(sql`insert into public.guest values ('bob')`)
    await audit.recordIn(tx, { action: 'guest.roll_back' })
    tx.rollback()
  }),
)
await db.transaction(async (tx) => {
  const mode = 'best-effort' as const
  assert.equal(await audit.recordIn(tx, { action: 'guest.best_effort' }, { mode }), 1)
})
// A handle that is no transaction type-checks, and is refused.
await assert.rejects(audit.recordIn(db, { action: 'guest.alone' }), {
  code: 'AUDIT_NOT_IN_TRANSACTION',
})
await audit.close()

const relay = createRelay({ databaseUrl })
await relay.drain({ deadlineMs: 20_000 })
await relay.stop()

const ACTIONS = ['guest.best_effort', 'guest.commit', 'guest.record']
const { entries } = await timeline(db, { action: 'guest.*', from: new Date(0) })
assert.deepEqual(entries.map(({ action }) => action).sort(), ACTIONS)
assert.ok(!JSON.stringify(entries).includes('hunter2'))
const seen: string[] = []
for await (const { action } of tail(db, { fromSeq: 0, filter: { action: 'guest.*' } })) {
  if (seen.push(action) === ACTIONS.length) break
}
assert.deepEqual(seen.sort(), ACTIONS)
assert.equal((await readStatus(db)).lastSeq, ACTIONS.length)
const stream = new PassThrough()
const written = text(stream)
assert.equal((await exportToStream(db, stream)).rows, ACTIONS.length)
stream.end()
assert.ok((await written).includes('guest.commit'))
const page = createTimelinePage({ db, authorize: () => ({ name: 'ada', sees: 'everything' }) })
const shown = await page.fetch(new Request('http://localhost/audit'))
assert.equal(shown.status, 200)
assert.ok((await shown.text()).includes('guest.commit'))
await page.close()
await client.end()
console.log('recorder, relay, recordIn, timeline, tail, readStatus, export and the page')

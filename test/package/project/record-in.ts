// What an application does with its own Drizzle, in any version that is installed next to us.
import assert from 'node:assert/strict'
import { createRecorder } from 'audit-outbox'
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
const audit = createRecorder({ databaseUrl })

await db.transaction(async (tx) => {
  await tx.execute(sql`insert into public.guest values ('ada')`)
  const taken = await audit.recordIn(tx, { action: 'guest.commit' }, { mode: 'atomic' })
  assert.equal(taken, 1)
})
await assert.rejects(
  db.transaction(async (tx) => {
    await tx.execute(sql`insert into public.guest values ('bob')`)
    await audit.recordIn(tx, { action: 'guest.roll_back' })
    tx.rollback()
  }),
)
// A handle that is no transaction type-checks, and is refused.
await assert.rejects(audit.recordIn(db, { action: 'guest.alone' }, { mode: 'atomic' }), {
  code: 'AUDIT_NOT_IN_TRANSACTION',
})
await audit.close()

const relay = createRelay({ databaseUrl })
await relay.drain({ deadlineMs: 20_000 })
await relay.stop()

const { entries } = await timeline(db)
assert.deepEqual(
  entries.map(({ action }) => action),
  ['guest.commit'],
)
for await (const { action } of tail(db, { fromSeq: 0 })) {
  assert.equal(action, 'guest.commit')
  break
}
assert.equal((await readStatus(db)).lastSeq, entries[0]?.seq)
await client.end()
console.log('recordIn, timeline, tail and readStatus')

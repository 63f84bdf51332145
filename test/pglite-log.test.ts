import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { defineActions, record } from 'audit-outbox'
import {
  assertNotRecorded,
  assertRecorded,
  createMemoryRecorder,
  createPgliteLog,
} from 'audit-outbox/testing'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/pglite'
import { silentLogger } from './support/lanes.ts'
import { fieldsSchema } from './support/standard-schemas.ts'

test('a log in this process: recorded, committed, rolled back, read', async (t) => {
  const client = new PGlite()
  t.after(() => client.close())
  await using log = await createPgliteLog(client, { logger: silentLogger() })
  const db = drizzle(client)
  await db.execute(sql`create table guest (id uuid primary key)`)
  const [kept, undone] = [randomUUID(), randomUUID()]
  const invite = (id: string, fails: boolean) =>
    db.transaction(async (tx) => {
      await tx.execute(sql`insert into guest (id) values (${id})`)
      await log.recorder.recordIn(tx, { action: 'guest.invite', targetId: id }, { mode: 'atomic' })
      if (fails) throw new Error('rolled back')
    })
  log.recorder.record({ action: 'mail.send', metadata: { password: 'hunter2' } })
  await invite(kept, false)
  await assert.rejects(invite(undone, true), /rolled back/)

  await assertRecorded(log, 'guest.invite', { targetId: kept })
  await assertNotRecorded(log, 'guest.invite', { targetId: undone })
  await assertRecorded(log, 'mail.send', { metadata: { password: '[Redacted]' } })
  assert.equal((await log.entries()).length, 2)
  const { entries } = await log.timeline({ targetId: kept })
  assert.deepEqual(
    entries.map(({ action }) => action),
    ['guest.invite'],
  )

  await log.clear()
  assert.deepEqual(await log.entries(), [])
  log.recorder.withContext({ requestId: 'one' }, () => record({ action: 'guest.leave' }))
  const [left, ...others] = await log.entries()
  assert.equal(left?.requestId, 'one')
  assert.deepEqual(others, [])

  // Drizzle's own transactions, followed by a recorder without a database.
  const memory = createMemoryRecorder()
  const followed = memory.follow(db)
  const recordIn = (fails: boolean) =>
    followed.transaction(async (tx) => {
      await tx.execute(sql`insert into guest (id) values (${randomUUID()})`)
      await memory.recordIn(tx, { action: 'guest.invite' })
      if (fails) tx.rollback()
    })
  await assert.rejects(recordIn(true))
  assert.deepEqual(memory.entries, [])
  await recordIn(false)
  assertRecorded(memory, 'guest.invite', { lane: 'outbox' })

  // The schema is there already, and the log goes on.
  const actions = defineActions({ 'guest.leave': { metadata: fieldsSchema({ at: 'number' }) } })
  await using again = await createPgliteLog(client, { actions, logger: silentLogger() })
  again.recorder.record({ action: 'guest.leave', metadata: { at: 'noon' as never } })
  await assertRecorded(again, 'guest.leave', {
    context: { degraded: ['metadata.invalid'], invalid: { metadata: 'at' } },
  })
  assert.equal((await again.entries()).length, 4)
})

test('ids of any text, where they are asked for', async (t) => {
  const client = new PGlite()
  t.after(() => client.close())
  await using log = await createPgliteLog(client, { ids: 'text', logger: silentLogger() })
  log.recorder.record({ action: 'guest.invite', userId: 'auth0|5f7c', targetId: 42 })
  await assertRecorded(log, 'guest.invite', { userId: 'auth0|5f7c', targetId: '42' })
  const { entries } = await log.timeline({ targetId: 42 })
  assert.equal(entries.length, 1)
})

test('what is no PGlite, and an unknown option, are refused', async () => {
  await assert.rejects(createPgliteLog({} as never), /needs a PGlite/)
  await assert.rejects(createPgliteLog({} as never, { databaseUrl: 'x' } as never), {
    code: 'AUDIT_OPTION_INVALID',
  })
})

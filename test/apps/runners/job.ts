// What an application does with the package, from the first entry to reading it back.
import assert from 'node:assert/strict'
import { createRecorder } from 'audit-outbox'
import { createRelay } from 'audit-outbox/relay'
import { timeline } from 'audit-outbox/timeline'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'

/** @returns what it did, for the one who started it */
export async function job(runner: string): Promise<string> {
  const databaseUrl = process.env['DATABASE_URL']
  if (databaseUrl === undefined) throw new Error('DATABASE_URL is missing.')
  const client = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  const db = drizzle(client)
  const targetId = crypto.randomUUID()
  const audit = createRecorder()
  const isRecorded = audit.record({
    action: 'runner.record',
    targetId,
    metadata: { runner, password: 'hunter2' },
  })
  assert.equal(isRecorded, true)
  await db.transaction((tx) => audit.recordIn(tx, { action: 'runner.record_in', targetId }))
  await audit.flush()
  assert.equal((await audit.close()).dropped, 0)

  const relay = createRelay()
  await relay.drain({ deadlineMs: 20_000 })
  await relay.stop()
  const { entries } = await timeline(db, { targetId })
  await client.end()
  assert.deepEqual(entries.map(({ action }) => action).sort(), [
    'runner.record',
    'runner.record_in',
  ])
  const recorded = entries.find(({ action }) => action === 'runner.record')
  assert.deepEqual(recorded?.metadata, { runner, password: '[Redacted]' })
  return `${runner}: ${entries.length} entries logged`
}

import { PGlite } from '@electric-sql/pglite'
import { createMemoryRecorder, createPgliteLog, watchRoutes } from 'audit-outbox/testing'
import { expect, test } from 'vitest'
import { actions } from '../actions.js'
import { createApp, send } from '../app.js'

test('a refund', async () => {
  const audit = createMemoryRecorder({ actions })
  expect(await send(watchRoutes(createApp(audit)), 'POST', '/events/0b6d/refunds')).toBe(204)
  expect(audit).toHaveRecorded('refund.issue', { lane: 'outbox', metadata: { cents: 1 } })
})

test('a log in the process of the test', async () => {
  const client = new PGlite()
  const log = await createPgliteLog(client, { actions })
  log.recorder.record({ action: 'guest.check_in' })
  await expect(log).toHaveRecorded('guest.check_in')
  await expect(log).not.toHaveRecorded('refund.issue')
  await expect(expect(log).toHaveRecorded('refund.issue')).rejects.toThrow(/Expected an entry/)
  await log.close()
  await client.close()
}, 60_000)

import { expect, test } from '@jest/globals'
import { auditMatchers, createMemoryRecorder, watchRoutes } from 'audit-outbox/testing'
import { actions } from '../actions.js'
import { createApp, send } from '../app.js'

expect.extend(auditMatchers)

test('a refund', async () => {
  const audit = createMemoryRecorder({ actions })
  expect(await send(watchRoutes(createApp(audit)), 'POST', '/events/0b6d/refunds')).toBe(204)
  expect(audit).toHaveRecorded('refund.issue', { metadata: expect.objectContaining({ cents: 1 }) })
})

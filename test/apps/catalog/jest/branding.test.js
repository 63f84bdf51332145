import { expect, test } from '@jest/globals'
import { auditMatchers, createMemoryRecorder, watchRoutes } from 'audit-outbox/testing'
import { actions } from '../actions.js'
import { createApp, send } from '../app.js'

expect.extend(auditMatchers)

test('the branding', async () => {
  const audit = createMemoryRecorder({ actions })
  expect(await send(watchRoutes(createApp(audit)), 'PUT', '/events/0b6d/branding')).toBe(204)
  expect(audit).toHaveRecorded('branding.update', { metadata: { color: expect.any(String) } })
  expect(audit).not.toHaveRecorded('branding.update', { metadata: { color: 'blue' } })
})

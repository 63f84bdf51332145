import { createMemoryRecorder, watchRoutes } from 'audit-outbox/testing'
import { expect, test } from 'vitest'
import { actions } from '../actions.js'
import { createApp, send } from '../app.js'

test('the branding', async () => {
  const audit = createMemoryRecorder({ actions })
  const app = watchRoutes(createApp(audit))
  expect(await send(app, 'PUT', '/events/0b6d/branding')).toBe(204)
  expect(audit).toHaveRecorded('branding.update', { metadata: { color: expect.any(String) } })
  expect(audit).toHaveRecorded('branding.update', {
    context: expect.objectContaining({ method: 'PUT' }),
  })
  expect(audit).not.toHaveRecorded('branding.update', { metadata: { color: 'blue' } })
  expect(() => expect(audit).toHaveRecorded('branding.delete')).toThrow(
    /Nearest: branding\.update, another action/,
  )
  expect(await send(app, 'DELETE', '/events/0b6d')).toBe(204)
})

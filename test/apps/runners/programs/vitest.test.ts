import { createMemoryRecorder } from 'audit-outbox/testing'
import { expect, test } from 'vitest'
import { job } from '../job.ts'

test('records into a database', async () => {
  expect(await job('vitest')).toBe('vitest: 2 entries logged')
})

test('records into memory', () => {
  const memory = createMemoryRecorder()
  memory.record({ action: 'runner.memory', metadata: { token: 'hunter2' } })
  expect(memory.entries[0]?.metadata['token']).toBe('[Redacted]')
})

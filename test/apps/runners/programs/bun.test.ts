import { expect, test } from 'bun:test'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { job } from '../job.ts'

test('records into a database', async () => {
  expect(await job('bun test')).toBe('bun test: 2 entries logged')
})

test('records into memory', () => {
  const memory = createMemoryRecorder()
  memory.record({ action: 'runner.memory', metadata: { token: 'hunter2' } })
  expect(memory.entries[0]?.metadata['token']).toBe('[Redacted]')
})

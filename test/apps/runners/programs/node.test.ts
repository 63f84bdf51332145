import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { job } from '../job.ts'

test('records into a database', async () => {
  assert.equal(await job('node:test'), 'node:test: 2 entries logged')
})

test('records into memory', () => {
  const memory = createMemoryRecorder()
  memory.record({ action: 'runner.memory', metadata: { token: 'hunter2' } })
  assert.equal(memory.entries[0]?.metadata['token'], '[Redacted]')
})

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { AuditError, type Recorder, record } from 'audit-outbox'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { recorderOver } from './bench/unsent-recorder.ts'

const tx = { execute: () => Promise.reject(new Error('the memory recorder asks no database')) }

test('a memory recorder keeps entries as they would be stored', () => {
  const recorder = createMemoryRecorder()
  const userId = randomUUID()
  const eventId = randomUUID()
  const metadata = { colour: '#fff' }
  const occurredAt = new Date('2026-01-02T03:04:05.678Z')

  const audit = recorder.child({ userId, requestId: 'one', ip: '192.0.2.7' })
  const accepted = audit.record({
    action: 'branding.update',
    eventId,
    entityType: '',
    metadata,
    context: { step: 1 },
    occurredAt,
  })
  metadata.colour = '#000'

  assert.equal(accepted, true)
  const [entry, ...others] = recorder.entries
  assert.deepEqual(others, [])
  assert.match(String(entry?.id), /^[\da-f]{8}-[\da-f]{4}-7/)
  assert.deepEqual(entry, {
    id: entry?.id,
    occurredAt,
    userId,
    eventId,
    targetId: null,
    action: 'branding.update',
    entityType: null,
    requestId: 'one',
    metadata: { colour: '#fff' },
    context: { ip: '192.0.2.7', step: 1 },
    lane: 'staging',
  })
  recorder.clear()
  assert.deepEqual(recorder.entries, [])
})

test('it censors and marks as the real one does', () => {
  const recorder = createMemoryRecorder({ redact: ['metadata.note'] })
  recorder.record({
    action: 'user.login',
    userId: 'nobody',
    metadata: { password: 'hunter2', note: 'private', count: 1n },
  })
  const [entry] = recorder.entries
  assert.equal(entry?.userId, null)
  assert.ok(entry?.context['degraded'])
  assert.equal(JSON.stringify(entry).includes('hunter2'), false)
  assert.equal(JSON.stringify(entry).includes('private'), false)
  assert.equal(recorder.stats().degraded, 1)
})

test('scopes, and the option context, reach it', () => {
  const recorder = createMemoryRecorder({ context: () => ({ region: 'eu' }) })
  recorder.withContext({ requestId: 'one' }, () => record({ action: 'a.b' }))
  assert.equal(recorder.entries[0]?.requestId, 'one')
  assert.deepEqual(recorder.entries[0]?.context, { region: 'eu' })
})

test('what the real one drops, it drops', async () => {
  const recorder = createMemoryRecorder()
  const drop = (entry: unknown) => recorder.record(entry as { action: 'a.b' })
  assert.equal(drop(null), false)
  assert.equal(drop({ metadata: {} }), false)
  await recorder.close()
  assert.equal(recorder.record({ action: 'a.b' }), false)
  assert.deepEqual(recorder.entries, [])
  assert.deepEqual(recorder.stats().dropped, { unshapable: 2, closed: 1 })
})

// Goal: a test that passes with this recorder means that the application works with the real one.
// Method: the same odd calls to both; the real one's statements go nowhere.
test('it answers and counts as the real one for any input', async () => {
  const answers = async (recorder: Recorder) => {
    const child = recorder.child({ requestId: 'one' })
    const given: unknown[] = []
    const entryThatRecords = {
      get action() {
        given.push(child.record({ action: 'a.inner' }))
        return 'a.outer'
      },
    }
    given.push(recorder.record(entryThatRecords as never), recorder.record(undefined as never))
    given.push(await recorder.recordIn(tx, []))
    const refused = recorder.recordIn(tx, [{} as never], { mode: 'atomic' })
    given.push(await refused.catch((error: AuditError) => error.code))
    given.push(await recorder.recordIn(tx, [{} as never]), await recorder.flush())
    given.push(recorder.record({ action: 'audit.gap' }))
    for (const mode of ['best-effort', 'atomic'] as const) {
      const reserved = recorder.recordIn(tx, { action: 'audit.gap' }, { mode })
      given.push(await reserved.catch((error: AuditError) => error.code))
    }
    await child.close()
    given.push(recorder.record({ action: 'a.late' }))
    const { recorded, dropped, degraded } = recorder.stats()
    return { given, recorded, dropped, degraded }
  }
  const ofMemory = await answers(createMemoryRecorder())
  assert.deepEqual(ofMemory.given, [
    false,
    true,
    false,
    0,
    'AUDIT_ENTRY_UNSHAPABLE',
    0,
    true,
    false,
    'AUDIT_ACTION_RESERVED',
    'AUDIT_ACTION_RESERVED',
    false,
  ])
  assert.deepEqual(ofMemory.dropped, { reentrant: 1, unshapable: 1, reserved: 1, closed: 1 })
  const ofReal = await answers(recorderOver())
  assert.deepEqual(ofReal, ofMemory)
})

test('recordIn keeps entries, or fails as it is told to', async () => {
  const recorder = createMemoryRecorder()
  const entry = { action: 'a.b' } as const
  const atomic = { mode: 'atomic' } as const

  assert.equal(await recorder.recordIn(tx, [entry, entry], atomic), 2)
  assert.deepEqual(
    recorder.entries.map(({ lane }) => lane),
    ['outbox', 'outbox'],
  )

  recorder.failRecordIn()
  assert.equal(await recorder.recordIn(tx, entry), 0)
  await assert.rejects(recorder.recordIn(tx, entry, atomic), { code: 'AUDIT_DATABASE_FAILED' })

  recorder.failRecordIn('AUDIT_NOT_IN_TRANSACTION')
  await assert.rejects(recorder.recordIn(tx, entry), AuditError)

  recorder.failRecordIn(null)
  assert.equal(await recorder.recordIn(tx, entry), 1)
  assert.equal(recorder.entries.length, 3)
})

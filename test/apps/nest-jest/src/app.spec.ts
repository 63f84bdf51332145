import type { INestApplication } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import { createRecorder, record, setDefaultRecorder } from 'audit-outbox'
import { createRelay } from 'audit-outbox/relay'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { timeline } from 'audit-outbox/timeline'
import { randomUUID } from 'node:crypto'
import request from 'supertest'
import type { App } from 'supertest/types'
import { AppModule } from './app.module'
import { Audit } from './audit'

describe('the application', () => {
  let app: INestApplication<App>

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile()
    app = module.createNestApplication()
    await app.init()
  })

  it('records a request, and reads it back', async () => {
    const id = randomUUID()
    await request(app.getHttpServer()).post('/guests').send({ id }).expect(201)
    const { db, recorder } = app.get(Audit)
    await recorder.flush()
    const relay = createRelay()
    await relay.drain({ deadlineMs: 20_000 })
    await relay.stop()
    const { entries } = await timeline(db, { targetId: id })
    expect(entries.map(({ action }) => action).sort()).toEqual(['nest.record', 'nest.record_in'])
    const recorded = entries.find(({ action }) => action === 'nest.record')
    expect(recorded?.metadata).toEqual({ password: '[Redacted]' })
    expect(recorded?.context).toMatchObject({ method: 'POST' })
    await app.close()
  }, 30_000)
})

describe('the package', () => {
  it('records into memory', () => {
    const memory = createMemoryRecorder()
    memory.record({ action: 'nest.memory', metadata: { token: 'hunter2' } })
    expect(memory.entries[0]?.metadata.token).toBe('[Redacted]')
  })

  it('has one default recorder, for the memory recorder too', () => {
    const memory = createMemoryRecorder()
    setDefaultRecorder(memory)
    record({ action: 'nest.default' })
    setDefaultRecorder(undefined)
    expect(memory.entries.map(({ action }) => action)).toEqual(['nest.default'])
  })

  it('says what is wrong with an option', () => {
    expect(() => createRecorder({ databaseUrl: 'mysql://nowhere' })).toThrow(/postgres/)
  })
})

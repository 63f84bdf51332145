import assert from 'node:assert/strict'
import { AsyncResource } from 'node:async_hooks'
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
    ...{ moreTargets: null, outcome: null, actorId: null, actorKind: null },
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
    const refused = recorder.recordIn(tx, [{} as never])
    given.push(await refused.catch((error: AuditError) => error.code))
    const bestEffort = { mode: 'best-effort' } as const
    given.push(await recorder.recordIn(tx, [{} as never], bestEffort), await recorder.flush())
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
  const bestEffort = { mode: 'best-effort' } as const

  assert.equal(await recorder.recordIn(tx, [entry, entry]), 2)
  assert.deepEqual(
    recorder.entries.map(({ lane }) => lane),
    ['outbox', 'outbox'],
  )

  recorder.failRecordIn()
  assert.equal(await recorder.recordIn(tx, entry, bestEffort), 0)
  await assert.rejects(recorder.recordIn(tx, entry), { code: 'AUDIT_DATABASE_FAILED' })

  recorder.failRecordIn('AUDIT_NOT_IN_TRANSACTION')
  await assert.rejects(recorder.recordIn(tx, entry, bestEffort), AuditError)

  recorder.failRecordIn(null)
  assert.equal(await recorder.recordIn(tx, entry), 1)
  assert.equal(recorder.entries.length, 3)
})

test('what recordIn wrote in a transaction that was rolled back is gone', async () => {
  const audit = createMemoryRecorder()
  const action = (name: string) => ({ action: `a.${name}` }) as const
  const names = () => audit.entries.map((entry) => entry.action.slice(2))
  await audit.transaction(async (outer) => {
    await audit.recordIn(outer, action('kept'))
    assert.deepEqual(names(), [], 'nobody sees it before the commit')
    const inner = outer.transaction(async (savepoint) => {
      await audit.recordIn(savepoint, action('undone'))
      throw new Error('rolled back')
    })
    await assert.rejects(inner, /rolled back/)
    await outer.transaction((savepoint) => audit.recordIn(savepoint, action('released')))
    audit.record(action('alone'))
  })
  assert.deepEqual(names(), ['alone', 'kept', 'released'])
  audit.clear()
  const failed = audit.transaction(async (tx) => {
    await tx.transaction((savepoint) => audit.recordIn(savepoint, action('inner')))
    await audit.recordIn(tx, action('outer'))
    throw new Error('rolled back')
  })
  await assert.rejects(failed, /rolled back/)
  assert.deepEqual(names(), [])
})

test('an entry that comes after the end of its transaction is refused, as the real one does', async () => {
  const audit = createMemoryRecorder()
  let late: (() => Promise<number>) | undefined
  await audit.transaction(async (open) => {
    late = AsyncResource.bind(() => audit.recordIn(open, { action: 'a.b' }, { mode: 'atomic' }))
  })
  await assert.rejects(late ?? assert.fail(), { code: 'AUDIT_NOT_IN_TRANSACTION' })
  assert.deepEqual(audit.entries, [])
})

// Goal: the memory recorder knows of a rollback, whatever the data layer is.
// Method: stand-ins with the shape and the private fields of each, and drizzle's own on PGlite below.
test('it follows the transactions of a database of any data layer', async () => {
  class Layer {
    readonly #name = 'private'
    readonly savepoint = () => this.#name
    name() {
      return this.#name
    }
    async transaction<T>(work: (tx: Layer) => Promise<T>): Promise<T> {
      return await work(this)
    }
    async $transaction<T>(work: (tx: Layer) => Promise<T>, _options: object): Promise<T> {
      return await work(this)
    }
    async begin<T>(_mode: string, work: (tx: Layer) => Promise<T>): Promise<T> {
      return await work(this)
    }
  }
  class Kysely {
    readonly #layer = new Layer()
    transaction() {
      const layer = this.#layer
      const builder = {
        setIsolationLevel: () => builder,
        execute: <T>(work: (tx: Layer) => Promise<T>) => layer.transaction(work),
      }
      return builder
    }
  }
  const audit = createMemoryRecorder()
  const db = audit.follow(new Layer())
  assert.equal(db.name() + db.savepoint(), 'privateprivate')
  const work = (fails: boolean) => async (open: Layer) => {
    await audit.recordIn(open as never, { action: 'a.b' })
    await open.transaction(async (inner) => audit.recordIn(inner as never, { action: 'a.c' }))
    if (fails) throw new Error('rolled back')
  }
  const ways: readonly ((fails: boolean) => Promise<unknown>)[] = [
    (fails) => db.transaction(work(fails)),
    (fails) => db.$transaction(work(fails), {}),
    (fails) => db.begin('read write', work(fails)),
    (fails) => audit.follow(new Kysely()).transaction().execute(work(fails)),
  ]
  for (const way of ways) {
    await assert.rejects(way(true), /rolled back/)
    assert.deepEqual(audit.entries, [])
    await way(false)
    assert.equal(audit.entries.length, 2)
    audit.clear()
  }
})

test('of a transaction that is tried again, the last attempt counts', async () => {
  const audit = createMemoryRecorder()
  const db = audit.follow({
    async transaction(work: (open: object) => Promise<unknown>) {
      await work({}).catch(() => {})
      return await work({})
    },
  })
  let attempt = 0
  await db.transaction(async (open) => {
    attempt += 1
    await audit.recordIn(open as never, { action: 'a.b', metadata: { attempt } })
    if (attempt === 1) throw new Error('could not serialize access')
  })
  assert.deepEqual(
    audit.entries.map(({ metadata }) => metadata),
    [{ attempt: 2 }],
  )
})

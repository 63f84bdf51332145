import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import {
  assertNotRecorded,
  assertRecorded,
  auditMatchers,
  createMemoryRecorder,
} from 'audit-outbox/testing'
import { matches } from '../src/testing/matching.ts'

const targetId = '0b6d9a52-6c1f-4f0e-9a53-3f6d1c1f0a01'

function recorded() {
  const audit = createMemoryRecorder()
  audit.record({ action: 'guest.invite', targetId })
  audit.record({ action: 'guest.check_in', targetId, metadata: { gate: 'A', seats: [1, 2] } })
  audit.record({ action: 'guest.check_in', metadata: { gate: 'B', password: 'hunter2' } })
  return audit
}

const messageOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  return assert.fail('it was accepted')
}

test('an entry is found by its action and by any of its fields', () => {
  const audit = recorded()
  assert.equal(assertRecorded(audit, 'guest.check_in', { targetId }).metadata['gate'], 'A')
  const any = { asymmetricMatch: (value: unknown) => typeof value === 'string' }
  const fits: readonly object[] = [
    {},
    { targetId: any },
    { metadata: { gate: 'B' } },
    { metadata: { gate: any, seats: [1, any.asymmetricMatch('x') ? 2 : 3] } },
    { metadata: { gate: /^[AB]$/, password: '[Redacted]' } },
    { metadata: (given: object) => 'seats' in given },
    { userId: null, lane: 'staging' },
    { occurredAt: (at: Date) => at.getTime() <= Date.now() },
  ]
  for (const expected of fits) assertRecorded(audit, 'guest.check_in', expected)
  const misfits: readonly object[] = [
    { targetId: randomUUID() },
    { metadata: { gate: 'C' } },
    { metadata: { seats: [1] } },
    { metadata: { gate: 'A', password: any } },
    { lane: 'outbox' },
    { userId: any },
  ]
  for (const expected of misfits) assertNotRecorded(audit, 'guest.check_in', expected)
  assertRecorded(audit.entries, 'guest.invite')
})

test('a failure shows what was recorded nearest to it', () => {
  const audit = recorded()
  const wanted = { targetId, metadata: { gate: 'B' } }
  assert.deepEqual(messageOf(() => assertRecorded(audit, 'guest.check_in', wanted)).split('\n'), [
    `Expected an entry guest.check_in with { targetId: '${targetId}', metadata: { gate: 'B' } }.`,
    'Nearest: guest.check_in',
    "  metadata: expected { gate: 'B' }, recorded { gate: 'A', seats: [ 1, 2 ] }",
    'Recorded: guest.invite, guest.check_in, guest.check_in',
  ])
  assert.deepEqual(messageOf(() => assertRecorded(audit, 'guest.chek_in')).split('\n'), [
    'Expected an entry guest.chek_in.',
    'Nearest: guest.check_in, another action',
    'Recorded: guest.invite, guest.check_in, guest.check_in',
  ])
  assert.deepEqual(messageOf(() => assertRecorded(createMemoryRecorder(), 'a.b')).split('\n'), [
    'Expected an entry a.b.',
    'Nothing was recorded.',
  ])
  const unwanted = messageOf(() => assertNotRecorded(audit, 'guest.invite', { targetId }))
  assert.match(unwanted, /^Expected no entry guest\.invite with .* This one was recorded:\n/)
  assert.match(unwanted, new RegExp(`targetId: '${targetId}'`))
})

test('a field that no entry has is a mistake of the test', () => {
  const misspelt = { target: targetId } as object
  assert.match(
    messageOf(() => assertNotRecorded(recorded(), 'guest.invite', misspelt)),
    /no field "target"\. Did you mean "targetId"\?/,
  )
  const real = { record: () => true } as never
  assert.match(
    messageOf(() => assertRecorded(real, 'a.b')),
    /Give the recorder of createMemoryRecorder\(\)/,
  )
})

test('what has to be read first is awaited', async () => {
  const later = { entries: async () => recorded().entries }
  assert.equal((await assertRecorded(later, 'guest.invite')).targetId, targetId)
  await assertNotRecorded(later, 'guest.leave')
  await assert.rejects(assertRecorded(later, 'guest.leave'), /Expected an entry guest\.leave/)
  await assert.rejects(assertNotRecorded(later, 'guest.invite'), /Expected no entry/)
  const found = await auditMatchers.toHaveRecorded(later, 'guest.invite')
  assert.equal(found.pass, true)
})

test('the matcher says both what it missed and what it did not want', () => {
  const missed = auditMatchers.toHaveRecorded(recorded(), 'a.b')
  assert.ok(!('then' in missed))
  assert.equal(missed.pass, false)
  assert.match(missed.message(), /^Expected an entry a\.b\./)
  const found = auditMatchers.toHaveRecorded(recorded(), 'guest.invite')
  assert.ok(!('then' in found))
  assert.equal(found.pass, true)
  assert.match(found.message(), /^Expected no entry guest\.invite\./)
})

test('a value is compared as the log holds it', () => {
  const at = new Date(5)
  const cases: readonly (readonly [unknown, unknown, boolean])[] = [
    ['1970-01-01T00:00:00.005Z', at, true],
    [new Date(5), at, true],
    [new Date(6), at, false],
    ['12', 12n, true],
    [12, '12', false],
    [Number.NaN, Number.NaN, true],
    [undefined, null, true],
    [null, undefined, true],
    [0, null, false],
    [{ a: 1, b: 2 }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [[1, 2], [1], false],
    [[{ a: 1, b: 2 }], [{ a: 1 }], true],
    [{ 0: 1, length: 1 }, [1], false],
    ['text', { length: 4 }, false],
  ]
  for (const [value, expected, fits] of cases) assert.equal(matches(value, expected), fits)
  const byId = [{ ...recorded().entries[0], userId: '42' }] as never
  assertRecorded(byId, 'guest.invite', { userId: 42 })
})

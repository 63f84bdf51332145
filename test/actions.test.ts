import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { AuditError, defineActions } from 'audit-outbox'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { silentLogger } from './support/lanes.ts'
import { fieldsSchema, schemaThat } from './support/standard-schemas.ts'
import { CatalogCheck } from '../src/actions/catalog-check.ts'
import { pathsOf } from '../src/actions/issue-paths.ts'

const COLOR = '#0000ff'
const actions = defineActions({
  'branding.update': { entityType: 'event', metadata: fieldsSchema({ color: 'string' }) },
  'refund.issue': { metadata: fieldsSchema({ cents: 'number' }), lane: 'outbox' },
  'guest.check_in': {},
})
const tx = { execute: () => Promise.reject(new Error('not asked')) }

/** Records what the compiler would refuse. */
function recordAnyway(...entries: readonly object[]) {
  const recorder = createMemoryRecorder({ actions })
  for (const entry of entries) assert.equal(recorder.record(entry as never), true)
  return recorder.entries.map(({ metadata, context, entityType }) => ({
    ...{ metadata, entityType, degraded: context['degraded'], invalid: context['invalid'] },
  }))
}

test('an entry that fits is stored as it would be without a catalogue', () => {
  const entry = { action: 'branding.update', metadata: { color: COLOR } } as const
  const [fits] = recordAnyway(entry)
  assert.deepEqual(fits, {
    ...{ metadata: { color: COLOR }, entityType: 'event', degraded: undefined, invalid: undefined },
  })
  const [own] = recordAnyway({ ...entry, entityType: 'event' }, { action: 'guest.check_in' })
  assert.deepEqual(own, fits)
})

test('what does not fit is stored as it was given, and marked', () => {
  const marked = recordAnyway(
    { action: 'branding.updte', metadata: { color: 1 } },
    { action: 'branding.update', metadata: { color: 1, password: 'hunter2' } },
    { action: 'branding.update' },
    { action: 'branding.update', metadata: { color: COLOR }, entityType: 'venue' },
    { action: 'refund.issue', metadata: { cents: 1 } },
    { action: 'guest.check_in', metadata: { gate: 'A' } },
  )
  assert.deepEqual(
    marked.map(({ degraded, invalid }) => [degraded, invalid]),
    [
      [['action.unknown'], undefined],
      [['metadata.invalid'], { metadata: 'color' }],
      [['metadata.invalid'], { metadata: 'color' }],
      [['entityType.unexpected'], undefined],
      [['action.withoutTransaction'], undefined],
      [['metadata.invalid'], undefined],
    ],
  )
  assert.deepEqual(marked[1]?.metadata, { color: 1, password: '[Redacted]' })
  assert.deepEqual(marked[3]?.entityType, 'venue')
  assert.deepEqual(marked[5]?.metadata, { gate: 'A' })
})

test('recordIn takes actions of both lanes, and compares their metadata', async () => {
  const recorder = createMemoryRecorder({ actions })
  await recorder.recordIn(tx, [
    { action: 'refund.issue', metadata: { cents: 1 } },
    { action: 'guest.check_in' },
    { action: 'refund.issue', metadata: { cents: 'one' } as never },
  ])
  assert.deepEqual(
    recorder.entries.map(({ context }) => context['degraded']),
    [undefined, undefined, ['metadata.invalid']],
  )
})

// Goal: a schema of any kind costs no entry, and changes none.
// Method: one schema for each kind of misbehaviour, all with the same entry.
test('no schema can throw into the caller, change an entry or lose it', async () => {
  const calls: unknown[] = []
  const kinds = {
    'a.throws': schemaThat(() => {
      throw new Error('of the schema')
    }),
    'a.throws_nothing': schemaThat(() => {
      throw undefined
    }),
    'a.promise': schemaThat(async () => {
      calls.push('promise')
      throw new Error('later')
    }),
    'a.mutates': schemaThat((value) => {
      Object.assign(value as object, { color: 'changed', more: true })
      return { value }
    }),
    'a.transforms': schemaThat(() => ({ value: { color: 'transformed' } })),
    'a.no_result': schemaThat(() => undefined),
    'a.odd_issues': schemaThat(() => ({ issues: [null, { path: 7 }, { path: [{}] }] })),
    'a.records': schemaThat((value) => {
      calls.push(recorder.record({ action: 'a.records' }))
      return { value }
    }),
    'a.issues_throw': schemaThat(() => ({
      get issues() {
        throw new Error('of the issues')
      },
    })),
  }
  const odd = defineActions(
    Object.fromEntries(Object.entries(kinds).map(([name, metadata]) => [name, { metadata }])) as {
      readonly 'a.records': { readonly metadata: (typeof kinds)['a.records'] }
    },
  )
  const recorder = createMemoryRecorder({ actions: odd })
  for (const action of [...Object.keys(kinds), 'a.promise']) {
    assert.equal(recorder.record({ action, metadata: { color: COLOR } } as never), true, action)
  }
  await turn()
  for (const { action, metadata } of recorder.entries) {
    assert.deepEqual(metadata, { color: COLOR }, action)
  }
  const marks = recorder.entries.map(({ action, context }) => [action, context['degraded']])
  const unchecked = ['metadata.unchecked']
  assert.deepEqual(Object.fromEntries(marks), {
    'a.throws': unchecked,
    'a.throws_nothing': unchecked,
    'a.promise': unchecked,
    'a.mutates': undefined,
    'a.transforms': undefined,
    'a.no_result': unchecked,
    'a.odd_issues': ['metadata.invalid'],
    'a.records': undefined,
    'a.issues_throw': unchecked,
  })
  assert.deepEqual(calls, ['promise', false], 'the asynchronous one was called once')
  assert.deepEqual(recorder.stats().dropped, { reentrant: 1 })
})

test('a schema is called before record() returns, with the object that was given', () => {
  const seen: unknown[] = []
  const watched = defineActions({
    'a.b': { metadata: schemaThat<object>((value) => ({ value: seen.push(value) })) },
  })
  const recorder = createMemoryRecorder({ actions: watched })
  const metadata = { at: new Date(0) }
  recorder.record({ action: 'a.b', metadata })
  assert.equal(seen.length, 1)
  assert.equal(seen[0], metadata)
})

test('a schema that throws, waits or is slow is named once in the log', async () => {
  const lines: string[] = []
  const logger = { ...silentLogger(), warn: (_: object, line: string) => void lines.push(line) }
  const check = new CatalogCheck(
    defineActions({
      'a.throws': {
        metadata: schemaThat(() => {
          throw new TypeError('quotes a secret')
        }),
      },
      'a.waits': { metadata: schemaThat(() => Promise.resolve({ value: 1 })) },
      'a.slow': {
        metadata: schemaThat((value) => {
          for (const endMs = performance.now() + 15; performance.now() < endMs; );
          return { value }
        }),
      },
    }),
    logger,
  )
  for (const action of ['a.throws', 'a.waits', 'a.slow', 'a.throws', 'a.slow']) {
    check.compare(action, undefined, {}, false)
  }
  assert.equal(lines.length, 0, 'nothing is written during the call')
  await turn()
  assert.deepEqual(
    lines.map((line) => line.replace(/took \d+/, 'took 15')),
    [
      'the schema of a.throws threw (TypeError), so that metadata was not checked',
      'the schema of a.waits is asynchronous, so that metadata is not checked',
      'the schema of a.slow took 15 ms, for which record() waited',
    ],
  )
})

test('paths are named, at most ten, and no message of a schema is kept', () => {
  assert.equal(
    pathsOf([{ path: ['guests', 2, { key: 'name' }] }, { path: [] }, {}]),
    'guests[2].name',
  )
  const many = Array.from({ length: 12 }, (_, at) => ({ path: [`f${at}`], message: 'secret' }))
  assert.equal(pathsOf(many), 'f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, …')
  assert.equal(pathsOf([{ message: 'secret' }]), undefined)
  assert.equal(pathsOf('no list'), undefined)
  const [entry] = recordAnyway({ action: 'branding.update', metadata: { color: 5 } })
  assert.ok(!JSON.stringify(entry?.invalid).includes('quotes'))
})

test('a definition that is wrong is refused by its name', () => {
  const refusal = (definitions: unknown) => {
    try {
      defineActions(definitions as never)
    } catch (error) {
      assert.ok(error instanceof AuditError)
      assert.equal(error.code, 'AUDIT_OPTION_INVALID')
      return error.message
    }
    return 'taken'
  }
  assert.match(refusal({}), /at least one action/)
  assert.match(refusal(undefined), /at least one action/)
  const found = refusal({
    branding: {},
    'audit.read': {},
    'a.null': null,
    'a.key': { entitytype: 'event' },
    'a.type': { entityType: '' },
    'a.schema': { metadata: { color: 'string' } },
    'a.lane': { lane: 'slow' },
    'a.describe': { describe: 'text' },
  }).split('\n')
  assert.deepEqual(found, [
    'Action "branding" must be named entity.verb, in up to 128 characters.',
    'Action "audit.read" has the entity "audit", which is the product\'s own. Use another entity.',
    'Action "a.null" must be an object, got null.',
    'Action "a.key" has an unknown "entitytype". Did you mean "entityType"?',
    'Action "a.type" needs an entityType of 1 to 256 characters.',
    'Action "a.schema" needs a metadata schema of a library with Standard Schema, such as Zod.',
    'Action "a.lane" must have the lane "fast" or "outbox".',
    'Action "a.describe" needs a function describe, or one for each language, got string.',
  ])
  assert.throws(() => createMemoryRecorder({ actions: { 'a.b': {} } as never }), {
    message: 'actions must be what defineActions() returned.',
  })
})

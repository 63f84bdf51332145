import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { loadCatalog } from '../relay/actions/load-catalog.ts'
import { printedAction } from '../relay/cli/actions/print-actions.ts'
import { typeOf } from '../relay/cli/actions/json-schema-type.ts'
import { actions } from './support/sample-actions.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MODULE = 'test/support/sample-actions.ts'

const auditRelay = (...args: readonly string[]) =>
  run(process.execPath, ['--import', 'tsx', 'relay/main.ts', ...args], { cwd: ROOT })

test('the catalogue is a Markdown table for auditors', async () => {
  const { stdout } = await auditRelay('actions', '--md', MODULE)
  assert.deepEqual(stdout.split('\n'), [
    '| action | what it says | entity type | lane | metadata |',
    '| --- | --- | --- | --- | --- |',
    '| `branding.update` | {user} changed the colour to {color} | event | fast | `color: string` |',
    '| `refund.issue` | Refund of {cents} \\| by \\*card\\* |  | outbox | `cents: number` |',
    '| `guest.check_in` |  |  | fast |  |',
    '| `note.write` |  |  | fast | a schema of test, which does not tell its fields |',
    '',
  ])
})

test('it is JSON for machines', async () => {
  const { stdout } = await auditRelay('actions', '--json', MODULE)
  const [first, ...others] = JSON.parse(stdout)
  assert.deepEqual(first, {
    ...{ action: 'branding.update', says: '{user} changed the colour to {color}' },
    ...{ entityType: 'event', lane: 'fast', vendor: 'test' },
    metadata: [{ name: 'color', type: 'string', isRequired: true }],
  })
  assert.deepEqual(
    others.map(({ metadata, vendor }: Record<string, unknown>) => [metadata, vendor]),
    [
      [[{ name: 'cents', type: 'number', isRequired: true }], 'test'],
      [[], null],
      [null, 'test'],
    ],
  )
})

test('a module that has no catalogue says what to do', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'audit-actions-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const refusal = async (text: string, name = 'actions.mjs') => {
    const file = path.join(folder, name)
    writeFileSync(file, text)
    const failed = await loadCatalog(file).catch((error: Error) => error)
    assert.ok(failed instanceof Error)
    return failed.message.replaceAll(folder, '')
  }
  assert.equal(
    await refusal('export const one = 1, two = {}'),
    '/actions.mjs exports no catalogue. Export what defineActions() returned. It exports one, two.',
  )
  assert.match(await refusal('throw new Error("no database")', 'b.mjs'), /loaded: no database$/)
  assert.match(await refusal('export const {', 'c.mjs'), /^\/c\.mjs cannot be loaded: /)
  assert.match(await refusal('', 'd.unknown'), /^This Node cannot load .*Give the compiled file/)
  await assert.rejects(
    loadCatalog(path.join(folder, 'nowhere.js')),
    /There is no file .*nowhere\.js/,
  )
  await assert.rejects(loadCatalog(folder), /There is no file/)

  const fake =
    "const c = (n) => Object.defineProperty({ definitions: new Map([[n, {}]]) }, Symbol.for('audit-outbox.actions'), { value: true })\n"
  const several = await refusal(`${fake}export const a = c('a.b'), b = c('b.c')`, 'e.mjs')
  assert.match(several, /exports several catalogues: a, b\. Export one of them as "actions"\.$/)
  const file = path.join(folder, 'f.mjs')
  writeFileSync(file, `${fake}export const a = c('a.b'), actions = c('b.c')`)
  assert.deepEqual([...(await loadCatalog(file)).definitions.keys()], ['b.c'])
  writeFileSync(path.join(folder, 'g.cjs'), `${fake}module.exports = c('c.d')`)
  assert.deepEqual([...(await loadCatalog(path.join(folder, 'g.cjs'))).definitions.keys()], ['c.d'])
})

test('a describe function that needs real values leaves its sentence out', () => {
  const says = (describe: unknown) => printedAction('a.b', { describe } as never).says
  assert.equal(
    says(() => 'Fixed'),
    'Fixed',
  )
  assert.equal(
    says((entry: never) => `By ${entry['context']['ip']}`),
    'By {context.ip}',
  )
  assert.equal(
    says(({ metadata }: never) => `Is ${metadata['list'][0]['name']}`),
    'Is {list.0.name}',
  )
  assert.equal(
    says((entry: { metadata: { list: string[] } }) => entry.metadata.list.join(', ')),
    '{list}',
  )
  assert.equal(
    says(() => ''),
    null,
  )
  assert.equal(
    says(() => 5),
    null,
  )
  assert.equal(
    says(() => {
      throw new Error()
    }),
    null,
  )
  assert.equal(
    says(({ metadata }: never) => new Date(metadata['at']).toISOString()),
    null,
  )
  assert.equal(
    printedAction('guest.check_in', actions.definitions.get('guest.check_in') ?? {}).says,
    null,
  )
})

test('a JSON Schema is written as TypeScript would write the type', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [{ type: 'integer' }, 'integer'],
    [{ type: ['string', 'null'] }, 'string | null'],
    [{ enum: ['a', 2] }, '"a" | 2'],
    [{ const: 'a' }, '"a"'],
    [{ anyOf: [{ type: 'string' }, { type: 'string' }, { type: 'null' }] }, 'string | null'],
    [{ type: 'array', items: { enum: ['a', 'b'] } }, '("a" | "b")[]'],
    [{ type: 'string', format: 'date-time' }, 'string (date-time)'],
    [{ type: 'object' }, 'object'],
    [{ type: 'object', additionalProperties: { type: 'number' } }, '{ [key]: number }'],
    [
      { type: 'object', properties: { a: { type: 'string' }, b: {} }, required: ['a'] },
      '{ a: string; b?: unknown }',
    ],
    [null, 'unknown'],
    [{}, 'unknown'],
  ]
  for (const [schema, type] of cases) assert.equal(typeOf(schema), type)
  const endless: Record<string, unknown> = { type: 'array' }
  endless['items'] = endless
  assert.equal(typeOf(endless), 'unknown[][][][][]')
})

// A team that uses the package with Zod, Valibot, ArkType, Vitest, Jest and Express 4.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createRecorder } from 'audit-outbox'
import { assertRecorded, createMemoryRecorder } from 'audit-outbox/testing'
import { timeline } from 'audit-outbox/timeline'
import { actions } from './actions.js'

const { NODE_TEST_CONTEXT: _, ...outer } = process.env

/** Runs a program of this folder. */
async function run(program, args, environment = {}) {
  const child = spawn(`node_modules/.bin/${program}`, args, {
    env: { ...outer, NO_COLOR: '1', CI: '1', ...environment },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { code, output }
}

test('what does not fit is marked, by the schemas of each library', async () => {
  const audit = createMemoryRecorder({ actions })
  const marked = (entry) => {
    assert.equal(audit.record(entry), true)
    const { metadata, context } = audit.entries.at(-1)
    return [context.degraded, context.invalid?.metadata, metadata]
  }
  const invalid = ['metadata.invalid']
  const wrong = { color: 1, theme: 'blue' }
  assert.deepEqual(marked({ action: 'branding.update', metadata: wrong }), [
    invalid,
    'color, theme',
    wrong,
  ])
  const own = marked({ action: 'refund.issue', metadata: { cents: 'one' } })
  assert.deepEqual(own, [
    ['action.withoutTransaction', 'metadata.invalid'],
    'cents',
    { cents: 'one' },
  ])
  const tags = { reason: null, tags: ['a', 7] }
  assert.deepEqual(marked({ action: 'project.archive', metadata: tags }), [
    invalid,
    'tags[1]',
    tags,
  ])
  const fits = { color: 'red', until: new Date(0) }
  const stored = { color: 'red', until: '1970-01-01T00:00:00.000Z' }
  assert.deepEqual(marked({ action: 'branding.update', metadata: fits }), [
    undefined,
    undefined,
    stored,
  ])
  // What was given is stored, and not what the schema makes of it.
  const name = { name: ' Ada ' }
  assert.deepEqual(marked({ action: 'name.trim', metadata: name }), [undefined, undefined, name])
  assert.deepEqual(marked({ action: 'name.trim' }), [undefined, undefined, {}])
  const unchecked = [['metadata.unchecked'], undefined, { id: 'a' }]
  for (let at = 0; at < 2; at += 1) {
    assert.deepEqual(marked({ action: 'slow.check', metadata: { id: 'a' } }), unchecked)
  }
  await turn()
  assertRecorded(audit, 'name.trim', { metadata: {} })
})

test('the types of each library make the compile errors', async () => {
  assert.deepEqual(await run('tsc', ['-p', '.']), { code: 0, output: '' })
})

test('the catalogue is printed with the fields of each library', async () => {
  const { code, output } = await run('audit-relay', ['actions', '--md', 'actions.js'])
  assert.equal(code, 0, output)
  const cell = '`color: string`<br>`theme?: "light" \\| "dark"`<br>`until?: date`'
  assert.deepEqual(output.trim().split('\n').slice(2), [
    `| \`branding.update\` | The colour was changed to {color} | event | fast | ${cell} |`,
    '| `refund.issue` | {cents} were paid back |  | outbox | `cents: number`<br>`reason?: string \\| null` |',
    '| `project.archive` |  |  | fast | `reason: string \\| null`<br>`tags?: string[]` |',
    '| `name.trim` |  |  | fast | `name?: string` |',
    '| `slow.check` |  |  | fast | `id: string` |',
    '| `guest.check_in` |  |  | fast |  |',
  ])
})

const MISSING = /Nothing was recorded in:\s+DELETE \/events\/:eventId\n/
const relayed = (...args) => ['coverage', ...args]

for (const pool of ['forks', 'threads']) {
  test(`Vitest, ${pool}: matchers, and the route that nobody audited`, async () => {
    const vitest = ['--', 'node_modules/.bin/vitest', 'run', '--root', 'vitest']
    const { code, output } = await run('audit-relay', relayed(...vitest), { POOL: pool })
    assert.match(output, /Tests +3 passed/)
    assert.match(output, /3 routes that change something, 1 without an entry/)
    assert.match(output, MISSING)
    assert.equal(code, 1)
  })
}

test('Vitest with the check in its own tear-down', async () => {
  const args = ['run', '--root', 'vitest']
  const red = await run('vitest', args, { OWN_COVERAGE: '1' })
  assert.match(red.output, MISSING)
  assert.notEqual(red.code, 0)
  const green = await run('vitest', args, { OWN_COVERAGE: '1', EXEMPT: 'a trigger writes it' })
  assert.match(green.output, /Tests +3 passed/)
  assert.equal(green.code, 0, green.output)
})

test('Jest, two workers: matchers, and the route that nobody audited', async () => {
  const jest = ['--', 'node_modules/.bin/jest', '--config', 'jest/jest.config.js']
  const options = { NODE_OPTIONS: '--experimental-vm-modules' }
  const red = await run('audit-relay', relayed(...jest), options)
  assert.match(red.output, /Tests: +2 passed/)
  assert.match(red.output, MISSING)
  assert.equal(red.code, 1)
  writeFileSync('exempt.json', JSON.stringify({ 'DELETE /events/:eventId': 'a trigger writes it' }))
  const green = await run('audit-relay', relayed('--exempt', 'exempt.json', ...jest), options)
  assert.equal(green.code, 0, green.output)
  assert.match(green.output, /✔ Audit coverage: 3 routes that change something, 0 without an entry/)
})

test('the real recorder marks in the database what the catalogue does not have', async () => {
  const audit = createRecorder({ actions })
  audit.record({ action: 'branding.update', metadata: { color: 1 } })
  audit.record({ action: 'branding.updated' })
  await audit.close()
  const { code, output } = await run('audit-relay', ['--once'])
  assert.equal(code, 0, output)
  const rows = await run('audit-relay', ['export', '--out', '-', '--quiet'])
  const marks = rows.output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ action }) => action.startsWith('branding'))
    .map(({ context, entity_type }) => [context.degraded, context.invalid, entity_type])
  assert.deepEqual(marks, [
    [['metadata.invalid'], { metadata: 'color' }, 'event'],
    [['action.unknown'], undefined, null],
  ])
  assert.equal(typeof timeline, 'function')
})

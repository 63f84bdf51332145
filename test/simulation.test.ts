import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { simulate } from './simulation/world.ts'

const SEEDS = 1_000
const MAIN = fileURLToPath(new URL('simulation/main.ts', import.meta.url))

// Goal: no order of events loses an entry, logs one twice, or leaves one lying.
// Method: recorders and relays as they are, on a model of the database, in virtual time, with every
// fault that a statement can meet; then without. In a process of its own, because the test runner's
// hooks make promises slow. `npm run test:simulation` tells more stories.
test(`in ${SEEDS} stories with faults each entry is accounted for, and arrives in the end`, async () => {
  const args = ['--import', 'tsx', MAIN, '--alone', '--seeds', String(SEEDS)]
  const told = await promisify(execFile)(process.execPath, args, {
    timeout: 400_000,
    maxBuffer: 16 * 1024 * 1024,
  }).catch((error: { stdout: string }) => error)
  assert.match(told.stdout, /^\{"entries":\d{4,},"faults":\d{4,},"failures":0,/, told.stdout)
})

test('the same seed tells the same story', async () => {
  for (const seed of [7, 77, 777]) {
    const { trace } = await simulate(seed)
    assert.ok(trace.length > 10)
    assert.deepEqual((await simulate(seed)).trace, trace)
  }
})

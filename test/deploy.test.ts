import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { RelayMetrics } from '../relay/telemetry/metrics.ts'
import { Health } from '../relay/move/health.ts'
import { VARIABLES } from '../relay/cli/command/variables.ts'
import { RELAY_LIMITS } from '../src/options.ts'

const FOLDER = fileURLToPath(new URL('../relay/deploy', import.meta.url))
const ROOT = path.join(FOLDER, '../..')

const samples = readdirSync(FOLDER).map((name) => ({
  name,
  text: readFileSync(path.join(FOLDER, name), 'utf8'),
}))

test('the deployment samples set nothing that audit-relay does not know', () => {
  assert.equal(samples.length, 4)
  for (const { name, text } of samples) {
    for (const [variable] of text.matchAll(/\bAUDIT_[A-Z_]+\b/g)) {
      assert.ok(variable in VARIABLES, `${name}: ${variable}`)
    }
  }
})

test('they start the file that the package has', () => {
  const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const program = path.posix.join('node_modules', manifest.name, manifest.bin['audit-relay'])
  for (const { name, text } of samples) {
    if (name !== 'README.md') assert.ok(text.includes(program), name)
  }
})

test('they leave longer for the end than the relay takes', () => {
  const stopSeconds = RELAY_LIMITS.stopTimeoutMs.default / 1_000
  const graces = samples.flatMap(({ text }) =>
    Array.from(text.matchAll(/(?:TimeoutStopSec=|stop_grace_period: |GracePeriodSeconds: )(\d+)/g)),
  )
  assert.equal(graces.length, 4)
  for (const [line, seconds] of graces) assert.ok(Number(seconds) > stopSeconds, line)
})

test('the page for operators names every metric, and no other', async () => {
  const notes = readFileSync(path.join(ROOT, 'relay/README.md'), 'utf8')
  const health = new Health({ pollMaxMs: 1_000, statementTimeoutMs: 1_000 }).read()
  const text = await new RelayMetrics().expose(health, undefined)
  const known = new Set(
    Array.from(text.matchAll(/^# TYPE (audit_relay_\w+)/gm), ([, name]) => name),
  )
  const named = new Set(Array.from(notes.matchAll(/\baudit_relay_\w+/g), ([name]) => name))
  assert.deepEqual([...named].sort(), [...known].sort())
})

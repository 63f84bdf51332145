import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const { NODE_TEST_CONTEXT: _, ...environment } = process.env

/** Runs a command. @returns what it printed, both streams together */
async function printed(command, ...args) {
  const options = { env: { ...environment, NO_COLOR: '1', CI: '1' } }
  const { stdout, stderr } = await run(command, args, options).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`)
  })
  return stdout + stderr
}

/** The job prints this when all of its assertions held. */
async function did(runner, command, ...args) {
  assert.match(await printed(command, ...args), new RegExp(`${runner}: 2 entries logged`))
}

const bin = (name) => `node_modules/.bin/${name}`

// ts-node compiles to CommonJS, so the package is loaded by require().
fs.copyFileSync('job.ts', 'programs/commonjs/job.ts')

test('type stripping', () => did('node', process.execPath, 'programs/esm.ts', 'node'))
test('tsx', () => did('tsx', bin('tsx'), 'programs/esm.ts', 'tsx'))
test('bun', () => did('bun', bin('bun'), 'programs/esm.ts', 'bun'))
test('ts-node', () => did('ts-node', bin('ts-node'), 'programs/commonjs/main.ts', 'ts-node'))
test('node:test', async () => {
  const output = await printed(process.execPath, '--test', 'programs/node.test.ts')
  assert.match(output, /pass 2\n/)
})
test('bun test', async () => {
  const output = await printed(bin('bun'), 'test', './programs/bun.test.ts')
  assert.match(output, /2 pass\n/)
})
test('vitest', async () => {
  const output = await printed(bin('vitest'), 'run', 'programs/vitest.test.ts')
  assert.match(output, /Tests +2 passed/)
})
test('TypeScript, as a bundler, as Node and as Node 10 find types', async () => {
  await printed(bin('tsc'), '-p', 'programs')
  await printed(bin('tsc'), '-p', 'programs/commonjs')
  await printed(bin('tsc'), '-p', 'programs/commonjs/tsconfig.node10.json')
})

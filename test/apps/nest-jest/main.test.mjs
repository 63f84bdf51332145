import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { test } from 'node:test'
import { promisify } from 'node:util'
import postgres from 'postgres'

const run = promisify(execFile)
const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
const environment = { ...inherited, NO_COLOR: '1', CI: '1' }

/** Runs one of the installed commands. @returns what it printed, both streams together */
async function printed(command, ...args) {
  const { stdout, stderr } = await run(`node_modules/.bin/${command}`, args, {
    env: environment,
  }).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`)
  })
  return stdout + stderr
}

/** The configuration that the package's page shows under its heading "Jest". */
function documentedConfig() {
  const page = fs.readFileSync('node_modules/audit-outbox/src/README.md', 'utf8')
  const [, block] = page.match(/^#+ Jest\n(?:(?!^#)[\s\S])*?^```json\n([\s\S]*?)^```$/m) ?? []
  assert.ok(block, 'the page has no block of JSON under "Jest"')
  return JSON.parse(block).jest
}

test('Jest as Nest scaffolds it, with the documented configuration', async () => {
  const scaffolded = JSON.parse(fs.readFileSync('package.json', 'utf8')).jest
  const { transform, transformIgnorePatterns, ...same } = documentedConfig()
  assert.deepEqual({ ...same, transform: scaffolded.transform }, scaffolded)
  fs.writeFileSync(
    'jest.config.json',
    JSON.stringify({ transform, transformIgnorePatterns, ...same }),
  )
  const output = await printed('jest', '--config', 'jest.config.json')
  assert.match(output, /Tests: +4 passed, 4 total/)
})

test('the application, compiled to CommonJS', async (t) => {
  await printed('tsc', '-p', 'tsconfig.build.json')
  const application = spawn(process.execPath, ['dist/main.js'], {
    env: { ...environment, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => application.kill('SIGKILL'))
  const [said] = await once(application.stdout.setEncoding('utf8'), 'data')
  const id = crypto.randomUUID()
  const response = await fetch(`${said.trim()}/guests`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id }),
  })
  assert.equal(response.status, 201, await response.text())
  application.kill('SIGTERM')
  await once(application, 'exit')

  // The shutdown hook has closed the recorder, so both entries wait in the lanes.
  await printed('audit-relay', '--once')
  const sql = postgres(process.env['DATABASE_URL'] ?? '', { max: 1 })
  const rows = await sql`select action from audit.audit_log where target_id = ${id} order by action`
  await sql.end()
  assert.deepEqual(
    rows.map(({ action }) => action),
    ['nest.record', 'nest.record_in'],
  )
})

// Runs one application of test/apps in a temporary folder: its own packages from its lockfile, the
// packed package, a migrated database, and its `npm test`. The matrix calls it.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { packInto } from '../package/tarball.ts'
import { startPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/run-program.ts'
import { appNames, copyApp } from './apps.ts'

const FLAGS = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline']

const app = process.argv[2] ?? ''
if (!appNames().includes(app)) throw new Error(`There is no application test/apps/${app}.`)

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-app-'))
fs.chmodSync(folder, 0o711) // as root the server runs as another user, who has to get in
const cwd = path.join(folder, 'app')
const server = await startPostgres({
  dataDir: path.join(folder, 'data'),
  settings: { fsync: 'off', full_page_writes: 'off' },
  say: console.log,
})
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => process.exit(code)) // the server ends with this process
}
process.on('exit', (code) => {
  const isKept = code !== 0 && Boolean(process.env['AUDIT_TEST_KEEP'])
  if (isKept) console.log(`Kept: ${cwd}`)
  else fs.rmSync(folder, { recursive: true, force: true })
})
try {
  await main()
} catch (error) {
  console.log(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await server.stop('immediate')
}

async function main(): Promise<void> {
  copyApp(app, cwd)
  const { path: tarball } = await step('npm pack', () => packInto(folder))
  await step('npm ci', () => runProgram('npm', ['ci', ...FLAGS], { cwd }))
  // It changes neither the lockfile nor what the lockfile installed.
  const install = ['install', '--no-save', '--no-package-lock', ...FLAGS, tarball]
  await step('npm install audit-outbox', () => runProgram('npm', install, { cwd }))
  const environment = { DATABASE_URL: await newDatabase() }
  const auditRelay = path.join(cwd, 'node_modules', '.bin', 'audit-relay')
  await step('audit-relay migrate', () => runProgram(auditRelay, ['migrate'], { cwd, environment }))
  const output = await step('npm test', () => runProgram('npm', ['test'], { cwd, environment }))
  console.log(output.trim().replaceAll(/^/gm, '      '))
}

async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const beganMs = performance.now()
  const result = await work()
  console.log(`  ✔ ${what} (${((performance.now() - beganMs) / 1_000).toFixed(1)} s)`)
  return result
}

async function newDatabase(): Promise<string> {
  const sql = postgres(server.url, { max: 1 })
  await sql`create database application`
  await sql.end()
  const url = new URL(server.url)
  url.pathname = '/application'
  return url.href
}

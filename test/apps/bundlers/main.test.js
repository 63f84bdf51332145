import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { BUNDLES, viteWithPackagesOutside } from './bundles.js'

const run = promisify(execFile)
const { NODE_TEST_CONTEXT: _, ...environment } = process.env

async function emptyDatabase() {
  const sql = postgres(process.env['DATABASE_URL'] ?? '', { max: 1 })
  const name = `bundle_${crypto.randomUUID().replaceAll('-', '')}`
  await sql`create database ${sql(name)}`
  await sql.end()
  const url = new URL(process.env['DATABASE_URL'] ?? '')
  url.pathname = `/${name}`
  return url.href
}

/** Bundles into the folder, runs the bundle there, and looks at what it did. */
async function bundleAndRun(t, folder, bundle) {
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const warnings = await bundle(folder)
  assert.deepEqual(
    warnings.filter((warning) => /audit-outbox/.test(warning)),
    [],
  )
  const file = fs.readdirSync(folder).find((name) => name.startsWith('function.'))
  const event = JSON.stringify({ databaseUrl: await emptyDatabase(), folder })
  // As the runtime of a cloud does: it loads the file and calls the handler.
  const program = `import('./${file}').then(({ handler, default: all }) =>
    (handler ?? all.handler)(${event})).then((did) => console.log(JSON.stringify({ did })))`
  const { stdout } = await run(process.execPath, ['--eval', program], {
    cwd: folder,
    env: environment,
  }).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`)
  })
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const { did } = lines.find((line) => line.did)
  assert.equal(did.entries, 2)
  assert.ok(did.migrations > 0)
  const warned = lines.find((line) => line.name === 'audit-outbox' && line.level === 40)
  assert.match(warned?.msg ?? '', /audit/)
  const bytes = fs.statSync(path.join(folder, file)).size
  t.diagnostic(`${Math.round(bytes / 1_000)} kB`)
}

for (const [name, bundle] of Object.entries(BUNDLES)) {
  test(`${name}, in a folder without node_modules`, async (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-bundle-'))
    await bundleAndRun(t, folder, bundle)
  })
}

test('vite, with the packages outside', async (t) => {
  const folder = path.resolve('dist')
  fs.mkdirSync(folder)
  await bundleAndRun(t, folder, viteWithPackagesOutside)
})

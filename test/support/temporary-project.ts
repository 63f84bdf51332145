import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { ROOT } from './commands.ts'

/** Makes a folder that resolves packages as this project does. Removed after the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-kit-'))
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Copies everything that the schema and its migrations are made from, so that a test can change it.
 */
export function temporaryProject(t: TestContext): string {
  const folder = temporaryFolder(t)
  const parts = [
    'drizzle.config.ts',
    'package.json',
    'src/schema',
    'src/redact',
    '.ci/make-schema.ts',
    '.ci/secret-functions.ts',
  ]
  for (const name of parts) {
    fs.cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true })
  }
  return folder
}

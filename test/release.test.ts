import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from './support/documents.ts'

const run = promisify(execFile)

// What `npm version` does needs git. CI has it.
const skip = hasGit() ? false : 'there is no git'

function hasGit(): boolean {
  try {
    execFileSync('git', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const HEAD = '# Changelog\n\n## Unreleased\n'
const RELEASED = '\n## 0.2.0 - 2026-12-01\n\n- Something new.\n'

interface Outcome {
  readonly code: number
  readonly said: string
}

/** A repository with our release script, the hooks of our package.json, and this changelog. */
async function repository(t: TestContext, changelog: string) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-release-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const { preversion, prepublishOnly } = manifest.scripts
  const own = { name: 'tried', version: '0.1.0', scripts: { preversion, prepublishOnly } }
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(own))
  fs.writeFileSync(path.join(folder, 'CHANGELOG.md'), changelog)
  fs.mkdirSync(path.join(folder, '.ci'))
  fs.copyFileSync(path.join(ROOT, '.ci/release'), path.join(folder, '.ci/release'))
  const environment = {
    PATH: process.env['PATH'],
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@example.org',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@example.org',
    npm_config_update_notifier: 'false',
    npm_config_cache: path.join(folder, '.git', 'npm-cache'),
  }
  const call = async (file: string, ...args: string[]): Promise<Outcome> => {
    const options = { cwd: folder, env: environment }
    return await run(file, args, options).then(
      ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
      (error) => ({ code: error.code, said: `${error.stdout}${error.stderr}` }),
    )
  }
  for (const args of [
    ['init', '--quiet'],
    ['add', '--all'],
    ['commit', '--quiet', '-m', 'first'],
  ]) {
    assert.equal((await call('git', ...args)).code, 0)
  }
  return { folder, call }
}

for (const { name, changelog, says } of [
  { name: 'without a heading for the version', changelog: HEAD, says: /no heading "## 0\.2\.0 - / },
  {
    name: 'with a heading that has no date',
    changelog: `${HEAD}\n## 0.2.0\n\n- Something new.\n`,
    says: /no heading "## 0\.2\.0 - /,
  },
  {
    name: 'with a heading for a longer version alone',
    changelog: `${HEAD}\n## 0.2.0-rc.1 - 2026-12-01\n\n- Something new.\n`,
    says: /no heading "## 0\.2\.0 - /,
  },
  {
    name: 'with nothing under the heading',
    changelog: `${HEAD}\n## 0.2.0 - 2026-12-01\n\n## 0.1.0 - 2026-11-01\n\n- Old.\n`,
    says: /says nothing under "## 0\.2\.0"/,
  },
  {
    name: 'with entries that are still unreleased',
    changelog: `${HEAD}\n- Not moved.\n${RELEASED}`,
    says: /entries under "## Unreleased"/,
  },
]) {
  test(`npm version refuses a changelog ${name}`, { skip }, async (t) => {
    const { call } = await repository(t, changelog)
    const { code, said } = await call('npm', 'version', '0.2.0')
    assert.equal(code, 1, said)
    assert.match(said, says)
    assert.equal((await call('git', 'tag')).said, '')
  })
}

test('npm version makes the version where the changelog names it', { skip }, async (t) => {
  const { call } = await repository(t, HEAD + RELEASED)
  const { code, said } = await call('npm', 'version', '0.2.0')
  assert.equal(code, 0, said)
  assert.equal((await call('git', 'tag')).said, 'v0.2.0\n')
})

// npm itself overlooks files that git does not know.
test('a tree with changes is not released, new files among them', { skip }, async (t) => {
  const { folder, call } = await repository(t, HEAD + RELEASED)
  fs.writeFileSync(path.join(folder, 'new.txt'), '')
  const { code, said } = await call('npm', 'version', '0.2.0')
  assert.equal(code, 1, said)
  assert.match(said, /uncommitted changes/)
})

test('npm publish asks the same of the version that is published', { skip }, async (t) => {
  const { call } = await repository(t, HEAD + RELEASED)
  const { code, said } = await call('npm', 'publish', '--dry-run')
  assert.equal(code, 1, said)
  assert.match(said, /no heading "## 0\.1\.0 - /)
})

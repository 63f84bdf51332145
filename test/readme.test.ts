import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { environmentName, RECORDER_LIMITS, RELAY_LIMITS } from '../src/options.ts'
import { scratchDatabase } from './support/database.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const README = readFileSync(path.join(ROOT, 'README.md'), 'utf8')

/** The blocks between fences, in order, with what stands behind the first one's opening. */
function blocks(): { readonly language: string; readonly text: string }[] {
  return Array.from(README.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm), ([, language, text]) => ({
    language: language ?? '',
    text: text ?? '',
  }))
}

test("the README's first block runs, and prints what the second one says", async (t) => {
  const [program, printed] = blocks()
  assert.equal(program?.language, 'ts')
  assert.ok(program && printed)
  const scratch = await scratchDatabase(t)
  // Beside the sources, so that the package's own name is found as in an application.
  const file = path.join(ROOT, 'test', `readme-${process.pid}.tmp.ts`)
  writeFileSync(file, program.text)
  t.after(() => rmSync(file))
  const output = execFileSync(process.execPath, ['--import', 'tsx', file], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], DATABASE_URL: scratch.urlAs('audit_app') },
    encoding: 'utf8',
    timeout: 30_000,
  })
  assert.equal(output, printed.text)
  const [row] = await scratch.sql`select action, metadata from audit.audit_staging`
  assert.deepEqual(
    { ...row },
    {
      action: 'branding.update',
      metadata: { color: { from: '#ff0000', to: '#0000ff' }, password: '[Redacted]' },
    },
  )
})

test("the README's table of options is the one that the options are checked by", () => {
  const rows = [
    ...Object.entries(RECORDER_LIMITS).map((entry) => ['recorder', ...entry] as const),
    ...Object.entries(RELAY_LIMITS).map((entry) => ['relay', ...entry] as const),
  ].map(
    ([whose, name, { default: fallback, min, max, says }]) =>
      `| ${whose} | \`${name}\` | \`${environmentName(name)}\` | ${fallback} | ${min} to ${max} | ${says} |`,
  )
  const table = [
    '| of | option | variable | default | bounds | |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
  const [, found = ''] = /<!-- options -->\n([\s\S]*?)\n<!-- \/options -->/.exec(README) ?? []
  if (process.env['AUDIT_TEST_UPDATE'] === '1') {
    writeFileSync(
      path.join(ROOT, 'README.md'),
      README.replace(found, () => table),
    )
    return
  }
  assert.equal(found, table, 'update it: AUDIT_TEST_UPDATE=1 npm test -- readme')
})

test('what the README links to and shows is there', () => {
  const links = README.matchAll(/\]\((?!https?:|#)([^)#]+)|<img src="([^"]+)"/g)
  const targets = Array.from(links, ([, link, image]) => link ?? image ?? '')
  assert.ok(targets.some((target) => target.endsWith('.svg')))
  for (const target of targets) statSync(path.join(ROOT, target))
})

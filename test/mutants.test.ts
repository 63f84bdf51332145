import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MUTANTS } from './mutants/list.ts'
import { applyEdit } from './mutants/mutant.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

// Goal: `npm run test:mutants`, which runs for minutes, is never found broken.
// Method: every mutant is made in memory, as it would be in a copy.
test('each mutant finds its place in the code, changes it, and has a test to notice it', () => {
  assert.ok(MUTANTS.length >= 20)
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
  for (const { name, edits, tests } of MUTANTS) {
    const texts = new Map<string, string>()
    for (const edit of edits) {
      const before = texts.get(edit.file) ?? fs.readFileSync(path.join(ROOT, edit.file), 'utf8')
      const after = applyEdit(before, edit)
      assert.notEqual(after, before, name)
      texts.set(edit.file, after)
    }
    assert.ok(tests.length > 0, name)
    for (const file of tests) assert.ok(fs.existsSync(path.join(ROOT, 'test', file)), file)
  }
})

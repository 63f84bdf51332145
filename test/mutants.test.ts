import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AREAS, MUTANTS } from './mutants/list.ts'
import { applyEdit } from './mutants/mutant.ts'
import { inTurn } from './mutants/rotation.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** The title of a test, in whichever quotes. */
const TITLE = /\btest\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g

const read = (file: string) => fs.readFileSync(path.join(ROOT, file), 'utf8')

/** The titles of a file's tests, as patterns: in a template anything may stand for a value. */
function titlesOf(file: string): readonly RegExp[] {
  return Array.from(read(path.join('test', file)).matchAll(TITLE), ([, , title = '']) => {
    const parts = title.split(/\$\{[^}]*\}/)
    const escaped = parts.map((part) =>
      part.replaceAll(/\\(.)/g, '$1').replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
    return new RegExp(`^${escaped.join('.*')}$`)
  })
}

// Goal: `npm run test:mutants`, which runs for minutes, is never found broken.
// Method: every mutant is made in memory, as it would be in a copy.
test('each mutant finds its place in the code, changes it, and names a test that there is', () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
  for (const { name, edits, file, test: title } of MUTANTS) {
    assert.ok(edits.length > 0, name)
    const texts = new Map<string, string>()
    for (const edit of edits) {
      const before = texts.get(edit.file) ?? read(edit.file)
      const after = applyEdit(before, edit)
      assert.notEqual(after, before, name)
      texts.set(edit.file, after)
    }
    const isThere = titlesOf(file).some((pattern) => pattern.test(title))
    assert.ok(isThere, `${name}: there is no test "${title}" in ${file}`)
  }
})

test('each area of the code has five mutants or more', () => {
  for (const [area, mutants] of Object.entries(AREAS)) assert.ok(mutants.length >= 5, area)
})

test('runs that try some of them get round to each in successive turns', () => {
  const all = MUTANTS.map(({ name }) => name)
  assert.deepEqual(inTurn(all, 12).toSorted(), all.toSorted())
  const tried = new Set<string>()
  const turns = Math.ceil(all.length / 17)
  for (let turn = 100; turn < 100 + turns; turn += 1) {
    for (const name of inTurn(all, turn).slice(0, 17)) tried.add(name)
  }
  assert.equal(tried.size, all.length)
})

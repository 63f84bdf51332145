import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { TRICKS, withoutTrick } from './bench/tricks.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string) => fs.readFileSync(path.join(ROOT, file), 'utf8')

/** How a comment at a trick refers to what was measured. */
const REFERENCE = /hotpath-parts\.md, "([^"]+)"/g

// Goal: `npm run bench -- hotpath-parts` can be run whenever somebody doubts a trick.
// Method: every trick is taken out in memory, as it would be in a copy.
test('each trick for speed can be taken out of the code', () => {
  assert.equal(new Set(TRICKS.map(({ name }) => name)).size, TRICKS.length)
  for (const trick of TRICKS) {
    const texts = withoutTrick(trick, read)
    assert.ok(texts.size > 0, trick.name)
    for (const [file, text] of texts) assert.notEqual(text, read(file), trick.name)
  }
})

test('a comment at each trick names its row in the table of what was measured', () => {
  const rows = read('test/bench/results/hotpath-parts.md')
  const files = new Set(TRICKS.flatMap((trick) => [...withoutTrick(trick, read).keys()]))
  const named = [...files].flatMap((file) =>
    Array.from(read(file).matchAll(REFERENCE), ([, name = '']) => name),
  )
  assert.deepEqual(named.toSorted(), TRICKS.map(({ name }) => name).toSorted())
  for (const { name } of TRICKS) assert.ok(rows.includes(`| ${name} |`), name)
})

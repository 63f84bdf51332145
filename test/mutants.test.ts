import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AREAS, MUTANTS } from './mutants/list.ts'
import { applyEdit } from './mutants/mutant.ts'
import { runGroup } from './mutants/process-group.ts'
import { inTurn } from './mutants/rotation.ts'
import { waitFor } from './support/wait-for.ts'

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

/** A process that hears no SIGTERM, holds its parent's pipes, and does not end by itself. */
const STUBBORN = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"
const starting = (then: string) => `
  const { pid } = require('node:child_process').spawn(
    process.execPath, ['-e', ${JSON.stringify(STUBBORN)}], { stdio: 'inherit' })
  console.log('started', pid, process.pid)
  ${then}`

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // Of one that has ended and that nobody has asked about yet, the command is empty.
    const command = `/proc/${pid}/cmdline`
    return !fs.existsSync(command) || fs.readFileSync(command, 'utf8') !== ''
  } catch {
    return false
  }
}

// Goal: a mutant costs no more than its time, even if it stops the tests.
// Method: an orphan that keeps the pipes of a run that has ended; a run that hears no SIGTERM.
for (const [what, then, isEnough] of [
  ['ends', 'setTimeout(() => process.exit(), 100)', () => false],
  ['is stopped and does not listen', STUBBORN, (output: string) => output.includes('\n')],
] as const) {
  test(`a run that ${what}: all that it started ends with it`, { timeout: 120_000 }, async () => {
    const { output, isOverdue } = await runGroup(['-e', starting(then)], {
      ...{ deadlineMs: 600_000, isEnough },
    })
    assert.equal(isOverdue, false)
    const pids = /started (\d+) (\d+)/.exec(output)?.slice(1).map(Number) ?? []
    assert.equal(pids.length, 2, output)
    for (const pid of pids) {
      await waitFor(() => !isAlive(pid), { what: `the end of process ${pid}` })
    }
  })
}

test('a run that does not end by itself ends at its deadline', { timeout: 120_000 }, async () => {
  const forEver = 'setInterval(() => {}, 1000)'
  const { isOverdue } = await runGroup(['-e', forEver], { deadlineMs: 200 })
  assert.equal(isOverdue, true)
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { createRelay } from 'audit-outbox/relay'
import { environmentName, type Limit, RECORDER_LIMITS, RELAY_LIMITS } from '../src/options.ts'
import { scratchDatabase } from './support/database.ts'
import { blocksOf, ROOT, readDocument, sectionOf, tableOf } from './support/documents.ts'

const IS_UPDATE = process.env['AUDIT_TEST_UPDATE'] === '1'
const ADVICE = 'update it: AUDIT_TEST_UPDATE=1 npm test -- readme'

/** Puts `made` in the place of `found`, where it is asked for; else they must be the same. */
function assertUpToDate(file: string, found: string, made: string): void {
  if (IS_UPDATE) {
    const text = readDocument(file)
    writeFileSync(
      path.join(ROOT, file),
      text.replace(found, () => made),
    )
  } else assert.equal(found, made, ADVICE)
}

test("the README's first block runs, prints the second one and makes the row of the third", async (t) => {
  const [program, printed, row] = blocksOf('README.md')
  assert.ok(program && printed && row)
  assert.equal(program.language, 'ts')
  const scratch = await scratchDatabase(t)
  // Within the sources, so that the package's own name is found as in an application.
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

  const relay = createRelay({ databaseUrl: scratch.urlAs('audit_relay') })
  await relay.drain({ deadlineMs: 30_000 })
  await relay.stop()
  const rows = await scratch.sql`
    select seq::text as seq, id::text as id, occurred_at::text as occurred_at,
      logged_at::text as logged_at, user_id::text as user_id, event_id::text as event_id, action,
      metadata::text as metadata
    from audit.audit_log where action not like 'audit.%'`
  assert.equal(rows.length, 1)
  const made = Object.entries(rows[0] ?? {}).map(([name, value]) => `${name.padEnd(13)}${value}\n`)
  if (IS_UPDATE) assertUpToDate('README.md', row.text, made.join(''))
  else assert.equal(masked(row.text), masked(made.join('')), ADVICE)
})

/** Without what is another one each time: the entry's own id, and the times. */
function masked(row: string): string {
  return row.replaceAll(/^(id|\w+_at) +\S.*$/gm, '$1')
}

// Goal: a default or a bound has one source, and the pages say what it says.
for (const { file, name, limits } of [
  { file: 'src/README.md', name: 'options of a recorder', limits: RECORDER_LIMITS },
  { file: 'relay/deploy/README.md', name: 'options of a relay', limits: RELAY_LIMITS },
]) {
  test(`the ${name} in ${file} are those that values are checked by`, () => {
    const rows = Object.entries<Limit>(limits).map(
      ([option, { default: fallback, min, max, says }]) =>
        `| \`${option}\` | \`${environmentName(option)}\` | ${fallback} | ${min} to ${max} | ${says} |`,
    )
    const head = ['| option | variable | default | bounds | |', '|---|---|---|---|---|']
    const made = `${[...head, ...rows].join('\n')}\n`
    const [opening, ending] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
    const found = `${opening}${sectionOf(file, name)}${ending}`
    assertUpToDate(file, found, `${opening}${made}${ending}`)
  })
}

/** The members of a union of string literals, as its declaration lists them. */
function membersOf(file: string, type: string): readonly string[] {
  const [, body = ''] =
    readDocument(file).match(`export type ${type} =\n([\\s\\S]*?)\n(?:\n|$)`) ?? []
  return Array.from(body.matchAll(/^ {2}\| '(\w+)'/gm), ([, member]) => member ?? '')
}

for (const { section, source, type, columns } of [
  { section: 'errors', source: 'src/errors.ts', type: 'AuditErrorCode', columns: 3 },
  { section: 'drops', source: 'src/entry.ts', type: 'DropReason', columns: 2 },
]) {
  test(`src/README.md explains each ${type}, and no other`, () => {
    const members = membersOf(source, type)
    assert.ok(members.length >= 7)
    const rows = tableOf('src/README.md', section)
    assert.deepEqual(
      rows.map(([member]) => member),
      members.map((member) => `\`${member}\``),
    )
    for (const row of rows) {
      assert.equal(row.length, columns)
      for (const cell of row) assert.notEqual(cell, '')
    }
  })
}

test('the README fits into 180 lines', () => {
  assert.ok(readDocument('README.md').trimEnd().split('\n').length <= 180)
})

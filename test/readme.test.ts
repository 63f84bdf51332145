import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { createRelay } from 'audit-outbox/relay'
import { environmentName, type Limit, RECORDER_LIMITS, RELAY_LIMITS } from '../src/options.ts'
import { pathOf, treeOf } from '../relay/cli/command/misuse.ts'
import { createProgram } from '../relay/cli/program.ts'
import { KINDS } from '../relay/doctor/visit/kinds.ts'
import { faultHint, faultKind } from '../src/database/faults.ts'
import { scratchDatabase } from './support/database.ts'
import { blocksOf, membersOf, ROOT, readDocument, sectionOf, tableOf } from './support/documents.ts'

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

/** A section between `<!-- name -->` and `<!-- /name -->` holds these lines and no other. */
function assertSection(file: string, name: string, lines: readonly string[]): void {
  const [opening, ending] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const found = `${opening}${sectionOf(file, name)}${ending}`
  assertUpToDate(file, found, `${opening}${lines.join('\n')}\n${ending}`)
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
    timeout: 60_000,
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
    assertSection(file, name, [...head, ...rows])
  })
}

for (const { page, section, source, type, columns } of [
  {
    page: 'src/errors.md',
    section: 'errors',
    source: 'src/errors.ts',
    type: 'AuditErrorCode',
    columns: 3,
  },
  {
    page: 'src/README.md',
    section: 'drops',
    source: 'src/entry.ts',
    type: 'DropReason',
    columns: 2,
  },
]) {
  test(`${page} explains each ${type}, and no other`, () => {
    const members = membersOf(source, type)
    assert.ok(members.length >= 7)
    const rows = tableOf(page, section)
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

// Goal: who has a code finds what to do about it, in the words of the log.
test('src/errors.md has the hint of each code that has one', () => {
  const [, body = ''] =
    readDocument('src/database/faults.ts').match(/^const HINTS\b[^{]*{\n([\s\S]*?)^}/m) ?? []
  const codes = Array.from(body.matchAll(/^ {2}'?([0-9A-Z_]+)'?:/gm), ([, code = '']) => code)
  assert.ok(codes.length >= 15)
  const rows = codes.map((code) => `| \`${code}\` | ${faultHint({ code }) ?? assert.fail(code)} |`)
  assertSection('src/errors.md', 'sqlstates', ['| code | hint |', '|---|---|', ...rows.sort()])
})

test('src/errors.md says of each class of SQLSTATE what happens to the entries', () => {
  const source = readDocument('src/database/faults.ts')
  const classesOf = (set: string) => {
    const [, body = ''] = source.match(`const ${set} = new Set\\(\\[([\\s\\S]*?)\\]\\)`) ?? []
    return Array.from(body.matchAll(/'(\w{2})'/g), ([, name]) => name)
  }
  const known = [...classesOf('ENTRY_CLASSES'), ...classesOf('SERVER_CLASSES')]
  assert.ok(known.length >= 12)
  const rows = tableOf('src/errors.md', 'classes')
  assert.deepEqual(
    rows.map(([name]) => name),
    known.map((name) => `\`${name}\``),
  )
  for (const [name = '', , happens] of rows) {
    const kind = faultKind({ code: `${name.replaceAll('`', '')}000` })
    assert.equal(happens, kind === 'entry' ? 'refused' : 'waits', name)
  }
})

test('src/errors.md has each exit code of each command', () => {
  const program = createProgram({ environment: {}, end() {} })
  const rows = treeOf(program).flatMap((command) => {
    const texts: unknown = Reflect.get(command, 'texts')
    const codes: Readonly<Record<string, string>> = Reflect.get(Object(texts), 'exitCodes') ?? {}
    return Object.entries(codes).map(
      ([code, says]) => `| \`${pathOf(command)}\` | ${code} | ${says} |`,
    )
  })
  assert.ok(rows.length >= 10)
  const head = ['| command | code | |', '|---|--:|---|']
  assertSection('src/errors.md', 'exit codes', [...head, ...rows])
})

test('the README fits into 180 lines', () => {
  assert.ok(readDocument('README.md').trimEnd().split('\n').length <= 180)
})

test('the findings in relay/doctor.md are those of the command', () => {
  assertSection('relay/doctor.md', 'findings', [
    '| finding | it means |',
    '|---|---|',
    ...Object.entries(KINDS).map(([kind, means]) => `| \`${kind}\` | ${means} |`),
  ])
})

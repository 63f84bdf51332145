import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { readSample } from './demo/sample.ts'
import { scratchDatabase } from './support/database.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MAX_LIFE_MS = 180_000

/**
 * `npm start -- --once` on this database, with its logs in a folder of its own.
 *
 * @param hear is given each piece of its output
 */
async function runDemo(t: TestContext, url: string, hear: (text: string) => void = () => {}) {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-demo-'))
  t.after(() => fs.rmSync(dataDir, { recursive: true, force: true }))
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'test/demo/main.ts', '--once', '--data', dataDir],
    { cwd: ROOT, env: { PATH: process.env['PATH'], DATABASE_URL: url } },
  )
  t.after(() => child.kill('SIGKILL'))
  const overdue = setTimeout(() => child.kill('SIGKILL'), MAX_LIFE_MS)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      hear(text)
    })
  }
  const [code] = await once(child, 'close')
  clearTimeout(overdue)
  return { code, output }
}

/** The figures of a line of the account, by its name: `logged` stands there twice. */
function figures(output: string, name: string): number[] {
  const lines = output.matchAll(new RegExp(`^ {4}.{16}${name} +([\\d,]+) `, 'gm'))
  return [...lines].map(([, figure = '']) => Number(figure.replaceAll(',', '')))
}

// Goal: what a stranger runs first works, and its figures are those of the database.
// Method: the demo as a process, on a database of the test's own; then look at the log itself.
test('the demo accounts for every entry and ends with 0', async (t) => {
  const { url, sql } = await scratchDatabase(t)
  const { code, output } = await runDemo(t, url)
  assert.equal(code, 0, output)
  assert.match(output, /The account balances: .*, difference 0\n/)

  const [count] = await sql`
    select
      count(*) filter (where recorder_id is not null)::integer as fast,
      count(*) filter (where recorder_id is null and action <> 'audit.drop')::integer as outbox,
      count(*) filter (where metadata::text like '%[Redacted]%')::integer as redacted
    from audit.audit_log`
  const [recorded = 0] = figures(output, 'recorded')
  const [committed = 0] = figures(output, 'committed')
  assert.ok(recorded > 100, output)
  assert.ok(committed > 50, output)
  assert.deepEqual(figures(output, 'staged'), [recorded])
  assert.deepEqual(figures(output, 'logged'), [recorded, committed, 0])
  assert.equal(count?.['outbox'], committed)
  assert.equal(count['fast'], recorded)
  assert.deepEqual(figures(output, 'dropped'), [1])
  assert.ok((figures(output, 'rolled back')[0] ?? 0) > 10, output)
  assert.ok(count['redacted'] > 10)

  // Nobody looks at a terminal.
  assert.ok(!output.includes('\x1b'), output)
  assert.deepEqual(
    output.split('\n').filter((line) => [...line].length > 100),
    [],
  )
})

// Goal: the verdict is a check and no decoration.
// Method: a trigger, which migrate takes for ours, drops one row of staging and reports no error.
test('one entry that is lost on the way is missed, and the demo fails', async (t) => {
  const { url, sql } = await scratchDatabase(t)
  await sql.unsafe(`
    create function audit.lose_one() returns trigger language plpgsql as $$
    begin
      return case when new.recorder_seq = 42 then null else new end;
    end $$;
    alter function audit.lose_one owner to audit_owner;
    create trigger lose_one before insert on audit.audit_staging
    for each row execute function audit.lose_one()`)
  const { code, output } = await runDemo(t, url)
  assert.equal(code, 1, output)
  assert.match(output, /does not balance: difference 1\n/)
  assert.match(output, /1 entry accepted, but neither logged nor declared lost/)
})

test('a relay that dies is said with the end of its log, and the demo fails', async (t) => {
  const { url } = await scratchDatabase(t)
  const { code, output } = await runDemo(t, url, (text) => {
    const [, pid] = /Relay, a process of its own \((\d+)\)/.exec(text) ?? []
    if (pid !== undefined) process.kill(Number(pid), 'SIGKILL')
  })
  assert.equal(code, 1, output)
  assert.match(output, /The relay ended by SIGKILL\. The end of .*relay\.log:\n {2}\{"level":30/)
})

test('a database that cannot be reached is said in a sentence', async (t) => {
  const { code, output } = await runDemo(t, 'postgres://nobody@127.0.0.1:1/none')
  assert.equal(code, 1)
  assert.match(output, /The database of DATABASE_URL cannot be used: .*ECONNREFUSED/)
  assert.doesNotMatch(output, /\n {4}at /)
})

test('audit events of another system are read, and lines that are none are left out', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-demo-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const event = {
    eventTime: '2023-07-10T11:42:18Z',
    eventSource: 'rds.amazonaws.com',
    eventName: 'DescribeDBInstances',
    userIdentity: { type: 'IAMUser', arn: 'arn:aws:iam::123:user/kim' },
    requestParameters: { maxRecords: 20 },
    errorCode: 'AccessDenied',
  }
  const file = path.join(folder, 'events.ndjson.gz')
  fs.writeFileSync(file, gzipSync(`${JSON.stringify(event)}\n{"half":\n\n{"eventName":"X"}\n`))

  const { entries, brokenLines, isCut } = await readSample(file)
  assert.deepEqual(brokenLines, [2, 4])
  assert.equal(isCut, false)
  assert.equal(entries.length, 1)
  const [entry] = entries
  assert.equal(entry?.action, 'rds.describe_db_instances')
  assert.equal(entry.userId, 'arn:aws:iam::123:user/kim')
  assert.deepEqual(entry.metadata, {
    maxRecords: 20,
    failure: { code: 'AccessDenied', message: undefined },
  })

  fs.writeFileSync(file, 'not gzipped')
  await assert.rejects(readSample(file), /incorrect header/)
  await assert.rejects(readSample(path.join(folder, 'none.ndjson')), /ENOENT/)
})
